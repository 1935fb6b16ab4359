"""`python -m infra.openapi [--check]`: write chalicelib/openapi.json, or say whether it is what would be written."""

import argparse
import json
import sys
from pathlib import Path

from infra.openapi.document import build

SHIPPED = Path(__file__).parents[2] / "chalicelib" / "openapi.json"  # docs/openapi.json is a link to it


def text_of_document() -> str:
    """One line for each thing, so that a change shows as what it is."""
    return json.dumps(build(), indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.openapi", description=(__doc__ or "").partition(": ")[2])
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 when the file is out of date")
    options = parser.parse_args(arguments)
    text = text_of_document()
    if not options.check:
        SHIPPED.write_text(text, encoding="utf-8")
        return 0
    if SHIPPED.exists() and SHIPPED.read_text(encoding="utf-8") == text:
        return 0
    print(f"{SHIPPED.name} does not say what the code says: run `make openapi` and commit it.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
