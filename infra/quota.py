"""`python -m infra.quota ACCOUNT_ID`: see an account's quota, give it limits of its own, count its usage anew.

Usage is counted in one transaction with every record that counts, so it should never be wrong; this is for the day on
which a table was restored in part, or changed by hand.
"""

import argparse
import os
import re
import sys
import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

from chalicelib.adapters.dynamo_files import PREFIX as FILE
from chalicelib.adapters.dynamo_files import file_key
from chalicelib.adapters.dynamo_people import account_key
from chalicelib.adapters.dynamo_purses import PURSES, OwnLimits, purse_of, settle
from chalicelib.adapters.dynamo_quotas import DynamoQuotas
from chalicelib.adapters.dynamo_table import MetadataTable, from_dynamo, values
from chalicelib.adapters.dynamo_transaction import Cancelled, transact
from chalicelib.domain.errors import Busy
from chalicelib.domain.ids import AccountId
from chalicelib.domain.quota import Quota, Usage
from chalicelib.settings import MissingSetting, read_quota
from infra import operating

SUCCESS, FAILED = 0, 1
ATTEMPTS = 5
EXAMPLES = f"""examples:
  export METADATA_TABLE=sealdrop-prod-metadata
  python -m infra.quota 7c9e6679-7425-40de-944b-e07fc1f90ae7                              what it may use, and uses
  python -m infra.quota 7c9e6679-7425-40de-944b-e07fc1f90ae7 --bytes 20T --files 5000000  other limits for it alone
  python -m infra.quota 7c9e6679-7425-40de-944b-e07fc1f90ae7 --default                    as everybody has them again

{operating.CREDENTIALS} They need to read and write the table.
"""
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def sum_of_records(table: MetadataTable, account_id: AccountId) -> list[Usage]:
    """What each purse should count, from the files themselves. Reads the whole table, whoever's the records are."""
    sums = [Usage() for _ in PURSES]
    pages = table.client.get_paginator("scan").paginate(
        TableName=table.name,
        ConsistentRead=True,
        FilterExpression="begins_with(pk, :file) AND account_id = :account AND is_charged = :yes",
        ExpressionAttributeValues=values(file=f"{FILE}#", account=account_id, yes=True),
        ProjectionExpression="pk, stored_bytes",
    )
    for page in pages:
        for item in map(from_dynamo, page["Items"]):
            sums[purse_of(file_key.id_of(item))] += Usage(stored_bytes=item["stored_bytes"], files=1)
    return sums


def change(
    table: MetadataTable,
    account_id: AccountId,
    default: Quota,
    now: datetime,
    *,
    own_limits: OwnLimits | None = None,
    recount: bool = False,
) -> None:
    """Set limits (none are the default's), usage, or both, if the account stands still meanwhile. Raises Busy."""
    quotas = DynamoQuotas(table, default)
    for _ in range(ATTEMPTS):
        standing = quotas.read(account_id, now)
        used = sum_of_records(table, account_id) if recount else [purse.used for purse in standing.purses]
        own = standing.own_limits if own_limits is None else own_limits
        try:
            return transact(table, settle(table, account_id, standing.purses, used, replace(default, **own), own))
        except Cancelled:
            continue
    raise Busy(reason="the account kept changing")


def report(table: MetadataTable, account_id: AccountId, default: Quota, now: datetime) -> str:
    quotas = DynamoQuotas(table, default)
    own = quotas.read(account_id, now).own_limits
    quota, used = quotas.find(account_id, now)
    summed = sum(sum_of_records(table, account_id), Usage())
    rows = (
        ("bytes", "stored_bytes", used.stored_bytes, quota.stored_bytes, f"{summed.stored_bytes:,}"),
        ("files", "files", used.files, quota.files, f"{summed.files:,}"),
        ("mails today", "mails_a_day", used.mails, quota.mails_a_day, "-"),
    )
    lines = [f"{'':12} {'used':>20} {'limit':>20}  whose    {'sum of records':>20}"]
    lines += [
        f"{title:12} {count:>20,} {limit:>20,}  {'its own' if name in own else 'default'}  {total:>20}"
        for title, name, count, limit, total in rows
    ]
    return "\n".join(lines)


def size(text: str) -> int:
    """A number, or one with K, M, G or T (of 1024)."""
    found = re.fullmatch(r"(\d{1,18})([KMGT]?)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"not a number, nor one with K, M, G or T: {text!r}")
    return int(found[1]) * UNITS[found[2]]


def _own_limits(options: argparse.Namespace, standing: OwnLimits) -> OwnLimits | None:
    """None: leave them as they are."""
    given = {"stored_bytes": options.bytes, "files": options.files, "mails_a_day": options.mails_a_day}
    named = {name: limit for name, limit in given.items() if limit is not None}
    if options.default:
        return named
    return {**standing, **named} if named else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.quota",
        description="Show an account's quota and usage, beside the sum of its records. Options change them first.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("account_id", type=uuid.UUID, help="the account's id, as `sealdrop whoami --json` shows it")
    parser.add_argument("--bytes", type=size, metavar="N", help="most bytes stored, for this account alone (10T)")
    parser.add_argument("--files", type=size, metavar="N", help="most files")
    parser.add_argument("--mails-a-day", type=size, metavar="N", help="most mails on a day in UTC")
    parser.add_argument("--default", action="store_true", help="drop limits of its own, but those named here")
    parser.add_argument("--recount", action="store_true", help="set the usage to the sum of the records")
    parser.add_argument(
        "--table",
        default=os.environ.get("METADATA_TABLE"),
        help="the metadata table (METADATA_TABLE); default limits "
        "are QUOTA_BYTES, QUOTA_FILES and QUOTA_MAILS_A_DAY of the environment",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.table:
        parser.error("name the table: --table, or the environment variable METADATA_TABLE")
    account_id, now = AccountId(str(options.account_id)), datetime.now(UTC)
    try:
        default = read_quota()
        with closing(operating.session().client("dynamodb")) as client:
            table = MetadataTable(client, options.table)
            if table.get(account_key(account_id)) is None:
                print(f"failed: there is no account {account_id}", file=sys.stderr)
                return FAILED
            own = _own_limits(options, DynamoQuotas(table, default).read(account_id, now).own_limits)
            if own is not None or options.recount:
                change(table, account_id, default, now, own_limits=own, recount=options.recount)
            print(report(table, account_id, default, now))
    except (Busy, *operating.REFUSALS, MissingSetting) as error:
        print(f"failed: {getattr(error, 'reason', None) or operating.explained(error)}", file=sys.stderr)
        return FAILED
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
