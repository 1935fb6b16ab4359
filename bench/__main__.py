"""`python -m bench [TABLE …]`: print the tables named, all by default. They are the keys of TABLES."""

import sys

from bench import cold_start, contention, handling, imports, limiting, lists, load, sealing, transfer

TABLES = {
    "sealing": sealing.report,
    "handling": handling.report,
    "imports": imports.report,
    "cold_start": cold_start.report,
    "limiting": limiting.report,
    "contention": contention.report,
    "transfer": transfer.report,
    "lists": lists.report,
    "load": load.report,
}


def main() -> int:
    wanted = sys.argv[1:] or list(TABLES)
    if unknown := [name for name in wanted if name not in TABLES]:
        print(f"no such table: {', '.join(unknown)}. There are: {', '.join(TABLES)}.", file=sys.stderr)
        return 2
    for name in wanted:
        print(TABLES[name](), end="\n\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
