"""The tables of docs/second-emulator.md: `python -m infra.emulator.page` prints them."""

from infra.emulator.fitting import CHANGES
from infra.emulator.gaps import SEEN, UNSEEN


def tables() -> str:
    changes = [f"| {change.what} | {change.why} |" for change in CHANGES]
    seen = [f"| {gap.what} | {gap.instead} | `test_{name}` |" for name, gap in SEEN.items()]
    unseen = [f"| {gap.what} | {gap.instead} | not looked at |" for gap in UNSEEN]
    return "\n".join(
        [
            "| changed in the template | why |",
            "|---|---|",
            *changes,
            "",
            "| MiniStack does not do | instead | seen by |",
            "|---|---|---|",
            *seen,
            *unseen,
        ]
    )


if __name__ == "__main__":
    print(tables())
