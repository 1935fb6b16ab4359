"""`python -m infra.reindex`: write the search table anew, from the metadata table.

For the day on which the search table was lost, or on_change gave up on a change (its dead letters say so). The service
may run meanwhile. What a lost change should have removed stays until then: it leads to no record, so nothing shows it.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters.dynamo_lists import SEARCH_PK
from chalicelib.adapters.dynamo_postings import SearchTable
from chalicelib.adapters.dynamo_table import from_dynamo
from chalicelib.domain.errors import Busy
from chalicelib.ports import Change
from infra import operating

PAGE = 100
SUCCESS, FAILED = 0, 1
EXAMPLES = f"""example:
  python -m infra.reindex --metadata-table sealdrop-prod-metadata --search-table sealdrop-prod-search

It reads the whole metadata table, and is harmless to repeat.

{operating.CREDENTIALS} They need to read the one table and write
the other.
"""


def reindex(client: Any, metadata_table: str, search_table: str) -> int:
    """Answers how many records were indexed. Harmless to repeat, and to break off. Raises Busy, ClientError."""
    postings, count = SearchTable(client, search_table), 0
    for page in _searched(client, metadata_table):
        postings.follow([_as_if_new(item) for item in page])
        count += len(page)
    return count


def _searched(client: Any, table: str) -> Iterator[list[Any]]:
    """Page by page, so that a record is written soon after it was read: what changes meanwhile, on_change follows."""
    paginator = client.get_paginator("scan")
    pages = paginator.paginate(
        TableName=table,
        ConsistentRead=True,
        FilterExpression=f"attribute_exists({SEARCH_PK})",
        PaginationConfig={"PageSize": PAGE},
    )
    for page in pages:
        yield [from_dynamo(item) for item in page["Items"]]


def _as_if_new(item: Any) -> Change:
    return Change("", "", datetime.now(UTC), item["pk"], item["sk"], None, item, expired=False)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.reindex",
        description="Write the search table anew from the metadata table. The service may run meanwhile.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in ("metadata-table", "search-table"):
        variable = name.upper().replace("-", "_")
        given = os.environ.get(variable)
        parser.add_argument(f"--{name}", metavar="NAME", default=given, required=not given, help=f"({variable})")
    options = parser.parse_args(arguments)
    try:
        count = reindex(operating.session().client("dynamodb"), options.metadata_table, options.search_table)
    except (Busy, *operating.REFUSALS) as error:
        print(f"broken off: {operating.explained(error)}\nTo run it again is harmless.", file=sys.stderr)
        return FAILED
    print(f"{count:,} records in the search table")
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
