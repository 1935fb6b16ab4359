"""`python -m infra.erase EMAIL`: a person's data, out of everything that is kept; without --yes it shows what would go.

For whoever asks to be forgotten (GDPR, article 17), with an account or without. Ends their tokens, keys and sessions,
takes name and address out of what stays, and leaves a receipt that does not name them. Decision 0076 says what stays.
"""

import argparse
import sys
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from chalicelib.domain.act import Act, Actor
from chalicelib.domain.errors import Busy
from chalicelib.domain.people import email_key
from infra import operating
from infra.deployed import Deployed, deployed
from infra.erasure import Erasure, NotErased
from infra.personal_data import Person, Role, address, find_person, has_colleagues, records_of
from infra.private import create_privately
from infra.receipt import Signer, Tally, begin, finish

DONE, FAILED = 0, 1
EXAMPLES = f"""examples:
  python -m infra.erase carol@example.com --stage prod              what there is, and what would become of it
  python -m infra.erase carol@example.com --stage prod --yes        does it
  python -m infra.erase carol@example.com --stage prod --yes --with-files     and purges the files that she made

Files belong to the account, and stay without --with-files. It takes a minute at least where the person is a user, and
may be broken off: run it again, and it goes on. Each run that changed something leaves a receipt; the one that says
"complete": true is the last. Backups of the tables keep what they have for 35 days.

{operating.CREDENTIALS} On AWS they are those of the role
that is made while PrivacyPrincipal names somebody: docs/operations.md, "Erase a person's data".
"""
FATES = {
    Role.TOKEN: "ends, and is removed",
    Role.KEY: "ends, and is removed",
    Role.FILE: "stays the account's, without their name",
    Role.DOWNLOAD: "one made by hand ends; without their name",
    Role.SENT: "stays, without their name",
    Role.RECEIVED: "is revoked; stays its sender's, without their name",
    Role.INBOX: "is removed",
    Role.SHOWN: "stays, without their name",
    Role.NOTE: "is removed",
    Role.TOUCHED: "stays, and does not say that it was them",
}
PURGED = "is purged"


def preview(person: Person, here: Deployed, *, with_files: bool) -> str:
    """Reads the whole table, and changes nothing."""
    table = here.world.table
    counts = Counter(role for _, roles in records_of(person, table) for role in roles)
    lines = [_who(person, alone=not has_colleagues(person, table))]
    fates = FATES | ({Role.FILE: PURGED} if with_files else {})
    lines += [f"{counts[role]:>8,}  {role:<40}  {fates[role]}" for role in Role if counts[role]]
    return "\n".join(lines if person.user or counts else [f"{person.address}: nothing is held"])


def _who(person: Person, *, alone: bool) -> str:
    if person.user is None:
        return f"{person.address}: no user"
    others = "has no other user, and stays without one: its webhooks end" if alone else "has other users"
    return f"{person.address}: the user {person.user.id} of the account {person.user.account_id}, which {others}"


def erase(person: Person, receipt: Path, ids: Path | None, here: Deployed, *, with_files: bool) -> Tally:
    """Leaves a receipt, also where it is broken off. Raises NotErased, Busy, ClientError, OSError."""
    signer = Signer(here.world.client("kms"), here.receipt_key)
    told = {**begin("erase", person.address, signer, here, with_files=with_files), "complete": False}
    world = here.acting(Act(actor=Actor.OPERATOR, at=datetime.now(UTC), request_id=told["run"]))
    with ExitStack() as stack:
        tally = Tally(_reserved(receipt, ids, stack))
        try:
            Erasure(person, world, tally, with_files=with_files).run()
            tally.flush()
            told["complete"] = True
        finally:
            with operating.uninterrupted():
                finish(receipt, told, tally, signer)
    return tally


def _reserved(receipt: Path, ids: Path | None, stack: ExitStack) -> TextIO | None:
    """Both files are there before anything is changed, or neither. Answers that of the ids, open until `stack` ends."""
    create_privately(receipt).close()
    try:
        return stack.enter_context(create_privately(ids)) if ids else None
    except BaseException:
        receipt.unlink()
        raise


def confirmed(person: Person) -> bool:
    try:
        typed = input("This cannot be undone. Type the address to do it: ")
    except EOFError:
        return False
    return email_key(typed) == person.key


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.erase",
        description="Erase a person's data. Without --yes it shows what would go, and asks for the address.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("email", type=address, help="who: a user's address, or one that mails were sent to")
    parser.add_argument("--stage", type=operating.stage, required=True, help="the deployment")
    parser.add_argument("--yes", action="store_true", help="do it, and ask nothing")
    parser.add_argument("--with-files", action="store_true", help="purge the files that they made")
    parser.add_argument("--receipt", type=Path, metavar="FILE", help="where it is written (erased-TIME.json)")
    parser.add_argument(
        "--ids", type=Path, metavar="FILE", help="write which records were erased, for the receipt's digest"
    )
    options = parser.parse_args(arguments)
    options.receipt = options.receipt or Path(f"erased-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json")
    if options.ids and options.ids.resolve() == options.receipt.resolve():
        parser.error("--ids and --receipt are two files")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        here = deployed(options.stage)
        person = find_person(options.email, here.world.table, here.world)
        if not options.yes:
            print(preview(person, here, with_files=options.with_files))
            if not sys.stdin.isatty() or not confirmed(person):
                print("Nothing was changed. --yes does it.")
                return DONE
        tally = erase(person, options.receipt, options.ids, here, with_files=options.with_files)
    except FileExistsError as error:  # of the receipt or the ids: both are made before anything is changed
        print(f"nothing was changed: {error.filename} is there already, so name another file", file=sys.stderr)
        return FAILED
    except (NotErased, Busy, *operating.REFUSALS, OSError) as error:
        reason = getattr(error, "reason", None) or operating.explained(error)
        print(f"not erased, or not all: {reason}\nRun it again: it goes on.", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("broken off. Run it again: it goes on.", file=sys.stderr)
        return FAILED
    print("\n".join(f"{count:>8,}  {kind}" for kind, count in sorted(tally.counts.items())) or "nothing was held")
    print(f"The receipt is in {options.receipt}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
