"""`python -m infra.verify_events ACCOUNT_ID`: whether an account's audit log is whole and unaltered.

Reads every event that is kept, follows the chain of hashes from the oldest to the end, and has KMS verify the signature
of the end. Whoever can write the table but not sign cannot make a chain that passes; what they could do is put an
earlier end back and take what came after it. That shows by an end seen before: in the log of on_change
("events_recorded"), or in what this command printed. Name it with --known.
"""

import argparse
import os
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from chalicelib.adapters.dynamo_events import CHAIN_INDEX, entry_of, head_from, head_id, item_of
from chalicelib.adapters.dynamo_table import to_dynamo
from chalicelib.domain.chain import Entry, Head, breaks
from chalicelib.domain.ids import AccountId
from infra import operating

SOUND, BROKEN, NOT_CHECKED = 0, 1, 2
EXAMPLES = f"""examples:
  export EVENTS_TABLE=sealdrop-prod-events EVENTS_KEY_ARN=alias/sealdrop-prod-events
  python -m infra.verify_events 7c9e6679-7425-40de-944b-e07fc1f90ae7
  python -m infra.verify_events 7c9e6679-7425-40de-944b-e07fc1f90ae7 --known 412:9f2b…   must still hold event 412

Keep the end that is printed, and name it the next time: what was taken off the end since then shows.

{operating.CREDENTIALS} They need to read the table, and kms:VerifyMac.
"""
_INDEX_LAG_SECONDS = 2  # what was appended a moment ago may not be in the index yet


@dataclass(frozen=True)
class Checked:
    count: int  # of events that are there
    head: Head
    problems: list[str]


class Log:
    """One account's part of the events table."""

    def __init__(self, account_id: AccountId, table: str, key_arn: str, *, dynamodb: Any, kms: Any) -> None:
        self._account_id, self._table, self._key_arn = account_id, table, key_arn
        self._dynamodb, self._kms = dynamodb, kms

    def check(self, known: list[tuple[int, str]], today: date) -> Checked:
        head, signature = self._head()
        entries, problems = self._entries(head)
        problems += breaks(entries, head, today)
        if head.sequence and not self._is_signed(head, signature):
            problems.append("The end of the chain is not signed by the service.")
        problems += _against(known, entries, head)
        return Checked(len(entries), head, problems)

    def _head(self) -> tuple[Head, bytes]:
        key = {"id": {"S": head_id(self._account_id)}}
        answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return head_from(answer["Item"]) if "Item" in answer else (Head(self._account_id), b"")

    def _is_signed(self, head: Head, signature: bytes) -> bool:
        request = {"KeyId": self._key_arn, "MacAlgorithm": "HMAC_SHA_256", "Message": head.message, "Mac": signature}
        try:
            return bool(self._kms.verify_mac(**request)["MacValid"])
        except self._kms.exceptions.KMSInvalidMacException:
            return False

    def _entries(self, head: Head) -> tuple[list[Entry], list[str]]:
        """Those up to this head: what is appended meanwhile is for the next time."""
        entries, problems = self._read_up_to(head)
        if head.sequence and (not entries or entries[-1].sequence < head.sequence):
            time.sleep(_INDEX_LAG_SECONDS)
            entries, problems = self._read_up_to(head)
        return entries, problems

    def _read_up_to(self, head: Head) -> tuple[list[Entry], list[str]]:
        entries, problems = [], []
        for item in self._items():
            try:
                entry = entry_of(item)
            except (ValueError, KeyError, TypeError):
                problems.append(f"The event under the id {item['id'].get('S')} cannot be read.")
                continue
            if to_dynamo(item_of(entry)) != item:
                problems.append(f"Event {entry.sequence} stands under keys that are not its own.")
            if entry.sequence <= head.sequence or not self._has_grown_past(entry):
                entries.append(entry)
        return entries, problems

    def _has_grown_past(self, entry: Entry) -> bool:
        """Whether the chain has come to hold this entry since its head was read."""
        return self._head()[0].sequence >= entry.sequence

    def _items(self) -> Iterator[Any]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=CHAIN_INDEX,
            KeyConditionExpression="account_id = :of",
            ExpressionAttributeValues={":of": {"S": self._account_id}},
        )
        for page in pages:
            yield from page["Items"]


def _against(known: list[tuple[int, str]], entries: list[Entry], head: Head) -> Iterator[str]:
    hashes = {entry.sequence: entry.hash for entry in entries}
    for sequence, seen in known:
        if sequence > head.sequence:
            yield f"Event {sequence} was there once, and the chain ends before it."
        elif hashes.get(sequence, seen) != seen:
            yield f"Event {sequence} is not the one that was there once."


def _known(text: str) -> tuple[int, str]:
    sequence, _, seen = text.partition(":")
    if not sequence.isdecimal() or len(seen) != 64:
        raise argparse.ArgumentTypeError("as SEQUENCE:HASH, both from an end seen before")
    return int(sequence), seen


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.verify_events",
        description="Verify an account's audit log. Ends with 0 when it is sound, 1 when not, 2 when not checked.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("account_id", type=uuid.UUID, help="the account's id")
    parser.add_argument("--table", default=os.environ.get("EVENTS_TABLE"), help="the events table (EVENTS_TABLE)")
    parser.add_argument(
        "--key", default=os.environ.get("EVENTS_KEY_ARN"), help="the KMS key that signs (EVENTS_KEY_ARN)"
    )
    parser.add_argument(
        "--known",
        type=_known,
        action="append",
        default=[],
        metavar="SEQUENCE:HASH",
        help="an end that this command printed before; may be repeated",
    )
    options = parser.parse_args(arguments)
    if not options.table or not options.key:
        parser.error("name the table and the key: --table and --key, or EVENTS_TABLE and EVENTS_KEY_ARN")
    account_id = AccountId(str(options.account_id))
    try:
        aws = operating.session()
        log = Log(account_id, options.table, options.key, dynamodb=aws.client("dynamodb"), kms=aws.client("kms"))
        checked = log.check(options.known, datetime.now(UTC).date())
    except operating.REFUSALS as error:
        print(f"not checked: {operating.explained(error)}", file=sys.stderr)
        return NOT_CHECKED
    if not (checked.head.sequence or checked.problems):  # an account has one from the moment that it is made
        print("not checked: there are no events of this account: check the id and the table", file=sys.stderr)
        return NOT_CHECKED
    for problem in checked.problems:
        print(problem, file=sys.stderr)
    end = f"{checked.head.sequence}:{checked.head.hash}"
    print(f"{checked.count} events {'are not as they were written' if checked.problems else 'are sound'}; end {end}")
    return BROKEN if checked.problems else SOUND


if __name__ == "__main__":
    sys.exit(main())
