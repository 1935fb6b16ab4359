"""`python -m bench [sealing|handling|imports|limiting|transfer …]`: print the tables named, all by default."""

import sys

from bench import handling, imports, limiting, sealing, transfer

TABLES = {
    "sealing": sealing.report,
    "handling": handling.report,
    "imports": imports.report,
    "limiting": limiting.report,
    "transfer": transfer.report,
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
