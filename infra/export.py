"""`python -m infra.export EMAIL -o FOLDER`: everything that is held about a person, as JSON Lines with an index.

For whoever asks for their data (GDPR, articles 15 and 20), with an account or without: somebody who was sent a mail has
that and what became of it. What is read is written at once, so memory does not grow with what there is.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from chalicelib.adapters.dynamo_mails import from_item as mail_from
from chalicelib.adapters.dynamo_table import Item
from chalicelib.domain.act import Actor
from chalicelib.domain.chain import Entry, fields_of
from chalicelib.domain.errors import Busy
from chalicelib.domain.event import About
from chalicelib.domain.ids import AccountId, BodyId, CategoryId, FileId
from chalicelib.domain.mail import Mail, body_context
from chalicelib.domain.page import Position
from infra import operating
from infra.deployed import Deployed, OperatorsWorld, deployed
from infra.exported import CATEGORIES, EVENTS, FILES, USER, Line, line_of, may_be_read, use_line, user_line
from infra.personal_data import Person, Role, address, find_person, records_of
from infra.private import create_privately, write_privately
from infra.receipt import Signer, Tally, begin, finish
from infra.recover import NotRecovered, recover

EXPORTED, FAILED = 0, 1
PAGE = 100
INDEX, RECEIPT, CONTENTS = "index.json", "receipt.json", "files"
EXAMPLES = f"""examples:
  python -m infra.export carol@example.com -o carol --stage prod
  python -m infra.export carol@example.com -o carol --stage prod --with-files     and what is in the files she made

The folder is made, or is empty; index.json is written last, so a folder without it is not whole.

{operating.CREDENTIALS} On AWS they are those of the role
that is made while PrivacyPrincipal names somebody: docs/operations.md, "Erase a person's data".
"""


class NotExported(Exception):
    """The text says why."""


class Folder:
    """JSON Lines files, each made when its first line comes. Readable by their owner alone."""

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise NotExported(f"{path} is not empty")
        self.path = path
        self._open: dict[str, Any] = {}
        self._lines: dict[str, int] = {}

    def write(self, name: str, line: Line) -> None:
        if name not in self._open:
            self._open[name] = create_privately(self.path / name)
        self._open[name].write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")
        self._lines[name] = self._lines.get(name, 0) + 1

    def close(self) -> None:
        for file in self._open.values():
            file.close()

    def index(self) -> list[Line]:
        """Of what was written and closed."""
        return [
            {"name": name, "lines": lines, "sha256": _sha256(self.path / name)}
            for name, lines in sorted(self._lines.items())
        ]


class Export:
    def __init__(
        self, person: Person, world: OperatorsWorld, folder: Folder, tally: Tally, *, with_files: bool
    ) -> None:
        self._person, self._world, self._folder, self._tally = person, world, folder, tally
        self._with_files, self._began_at = with_files, datetime.now(UTC)
        self._categories: set[CategoryId] = set()  # 500 at most
        self._body = lru_cache(maxsize=64)(self._opened)  # mails that were sent together share one
        self.problems: list[str] = []

    def run(self) -> None:
        """Raises Busy, ClientError, OSError."""
        if user := self._person.user:
            self._write("user", user.id, USER, user_line(user, self._person.account))
        for item, roles in records_of(self._person, self._world.table):
            for role in sorted(roles & FILES.keys()):
                self._record(role, item)
        for category in self._world.categories.find_many(sorted(self._categories)):
            line = {"id": category.id, "name": category.name, "color": category.color}
            self._write("category of such a file", category.id, CATEGORIES, line)
        if user:
            for entry in self._events(user.account_id):
                if self._is_about_them(entry):
                    self._event(entry, {**fields_of(entry), "hash": entry.hash})

    def _record(self, role: Role, item: Item) -> None:
        line = line_of(role, item)
        if role is Role.SENT or (role is Role.RECEIVED and may_be_read(mail_from(item), self._began_at)):
            line["body"] = self._body(BodyId(item["body_id"]), AccountId(item["account_id"]))
        if role is Role.FILE:
            self._categories |= {CategoryId(item["category_id"])} if "category_id" in item else set()
            line["content"] = self._content(item) if self._with_files else None
        self._write(role, item["pk"], FILES[role], line)
        if role is Role.RECEIVED:
            self._uses_of(mail_from(item))

    def _uses_of(self, mail: Mail) -> None:
        """What its recipient did with it, which is in its sender's log; what else is there is the sender's."""
        for entry in self._events(mail.account_id, About("mail", mail.id)):
            if entry.event.act.actor is Actor.PERFORMER:
                self._event(entry, use_line(entry))

    def _opened(self, body_id: BodyId, account_id: AccountId) -> str | None:
        body = self._world.mails.find_body(body_id)
        return self._world.bodies.open(body.sealed, body_context(body_id, account_id)) if body else None

    def _content(self, item: Item) -> str | None:
        """Where it was written to, under the id: a name is whatever somebody chose."""
        file_id = FileId(item["pk"].partition("#")[2])
        if item["status"] != "ready" or "purging_at" in item:
            return None
        (self._folder.path / CONTENTS).mkdir(mode=0o700, exist_ok=True)
        settings = self._world.settings
        try:
            recover(
                settings.files_bucket,
                file_id,
                self._folder.path / CONTENTS / file_id,
                s3=self._world.client("s3"),
                key_arn=settings.data_key_arn,
                sealed=item["encryption_mode"] == "client",
                version=item["object_version"],
            )
        except NotRecovered as error:
            self.problems.append(f"file {file_id}: {error}")
            return None
        return f"{CONTENTS}/{file_id}"

    def _events(self, account_id: AccountId, about: About | None = None) -> Iterator[Entry]:
        after: Position | None = None
        while True:
            page = self._world.events.page(account_id, about, PAGE, after)
            yield from page.rows
            if page.next is None:
                return
            after = page.next

    def _is_about_them(self, entry: Entry) -> bool:
        event = entry.event
        return self._person.has_id(event.act.user_id) or self._person.has_id(event.subject.get("user"))

    def _event(self, entry: Entry, line: Line) -> None:
        self._write("event", entry.event.id, EVENTS, line)

    def _write(self, kind: str, record_id: str, name: str, line: Line) -> None:
        self._folder.write(name, line)
        self._tally.note(kind, record_id)


def export(person: Person, where: Path, here: Deployed, *, with_files: bool) -> tuple[Tally, list[str]]:
    """Answers what was exported, and what could not be. Raises NotExported, Busy, ClientError, OSError."""
    signer, tally = Signer(here.world.client("kms"), here.receipt_key), Tally()
    told = begin("export", person.address, signer, here, with_files=with_files)
    folder = Folder(where)
    export = Export(person, here.world, folder, tally, with_files=with_files)
    try:
        export.run()
    finally:
        folder.close()
    finish(where / RECEIPT, told, tally, signer)
    index = {"address": person.address, "exported_at": told["began_at"], "files": folder.index()}
    _write_json(where / INDEX, index | {"problems": export.problems})
    return tally, export.problems


def _write_json(path: Path, told: Line) -> None:
    write_privately(path, json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.export",
        description="Write everything that is held about a person into a folder.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("email", type=address, help="who: a user's address, or one that mails were sent to")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="new, or empty")
    parser.add_argument("--stage", type=operating.stage, default="dev", help="the deployment (dev)")
    parser.add_argument("--with-files", action="store_true", help="also what is in the files that they made")
    options = parser.parse_args(arguments)
    try:
        here = deployed(options.stage)
        person = find_person(options.email, here.world.table, here.world)
        tally, problems = export(person, options.output, here, with_files=options.with_files)
    except (NotExported, Busy, *operating.REFUSALS, OSError) as error:
        print(f"not exported: {operating.explained(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"broken off: {options.output} is not whole. Run it again into another folder.", file=sys.stderr)
        return FAILED
    print("\n".join(f"{count:>8,}  {kind}" for kind, count in sorted(tally.counts.items())) or "nothing is held")
    for problem in problems:
        print(problem, file=sys.stderr)
    return FAILED if problems else EXPORTED


if __name__ == "__main__":
    sys.exit(main())
