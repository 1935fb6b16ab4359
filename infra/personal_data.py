"""What the metadata table holds about a person: who they are is an e-mail address, with an account here or without.

Records name a person by their user's id, or by a copy of name and address. No index leads from an address to the
records that hold it, so one pass over the table finds them; DynamoDB leaves out what cannot be meant.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chalicelib.adapters.dynamo_authors import user_key
from chalicelib.adapters.dynamo_people import address_key
from chalicelib.adapters.dynamo_table import Item, MetadataTable, values, whole_item
from chalicelib.adapters.dynamo_token_tree import tree_key
from chalicelib.adapters.dynamo_touch import TOUCHED
from chalicelib.bootstrap import World
from chalicelib.domain.folding import fold
from chalicelib.domain.people import Account, User, email_key
from chalicelib.domain.search import MAX_TEXT_LENGTH
from chalicelib.wire.people import StoredEmail


class Role(StrEnum):
    """What a record is to the person. The order is that of the commands' tables."""

    TOKEN = "token"  # noqa: S105 - no secret
    KEY = "temporary key"
    FILE = "file that they made"
    DOWNLOAD = "download that they made"
    SENT = "mail that they sent"
    RECEIVED = "mail that they received"
    INBOX = "entry of their inbox"
    SHOWN = "entry of another's inbox that names them"
    NOTE = "note for the audit log"
    TOUCHED = "record that they wrote last"  # and that is nothing else to them: it has their ids and network address


@dataclass(frozen=True, slots=True)
class Person:
    address: str
    user: User | None = None  # None: somebody who was only sent something
    account: Account | None = None

    @property
    def key(self) -> str:
        return email_key(self.address)

    @property
    def spellings(self) -> set[str]:
        """Of the address, in copies of the user: they are all made from one record."""
        return {self.address, self.user.email} if self.user else {self.address}

    def is_named_by(self, copy: Mapping[str, Any] | None) -> bool:
        """Whether this copy of a name and an address is of them."""
        return copy is not None and email_key(copy["email"]) == self.key

    def has_id(self, user_id: str | None) -> bool:
        return self.user is not None and user_id == self.user.id


def address(text: str) -> str:
    """From the command line: of a slip nothing is held, which would look like an answer."""
    try:
        return TypeAdapter(StoredEmail).validate_python(text)
    except ValidationError:
        raise argparse.ArgumentTypeError(f"not an e-mail address: {text!r}") from None


def find_person(address: str, table: MetadataTable, world: World) -> Person:
    item = table.get(address_key(email_key(address)))
    user = world.users.find(item["user_id"]) if item else None
    return Person(address, user, world.users.find_account(user.account_id) if user else None)


def records_of(person: Person, table: MetadataTable) -> Iterator[tuple[Item, frozenset[Role]]]:
    """Every record that is something to them, as it is stored, with the mark of who wrote it last.

    Reads the whole table, a megabyte at a time. What comes while it reads may be missed. The user's own record, their
    address and the tree of their tokens are not among them: they go last.
    """
    pages = table.client.get_paginator("scan").paginate(
        TableName=table.name, ConsistentRead=True, **_worth_reading(person)
    )
    for page in pages:
        for item in map(whole_item, page["Items"]):
            if roles := roles_of(person, item):
                yield item, roles


def has_colleagues(person: Person, table: MetadataTable) -> bool:
    """Whether their account has another user. Reads the whole table."""
    if person.user is None:
        return False
    pages = table.client.get_paginator("scan").paginate(
        TableName=table.name,
        ConsistentRead=True,
        FilterExpression="begins_with(pk, :users) AND account_id = :account AND pk <> :own",
        ExpressionAttributeValues=values(
            users=user_key("")[0], account=person.user.account_id, own=user_key(person.user.id)[0]
        ),
        ProjectionExpression="pk",
    )
    return any(page["Items"] for page in pages)


def roles_of(person: Person, item: Item) -> frozenset[Role]:
    """Empty for another's record, whatever it was found by."""
    found = {role for role, (kind, is_theirs) in _TESTS.items() if item["sk"] == kind and is_theirs(person, item)}
    if not found and _is_touched(person, item) and not _goes_last(person, item):
        found = {Role.TOUCHED}
    return frozenset(found)


Test = Callable[[Person, Item], bool]


def _by_id(person: Person, item: Item) -> bool:
    return person.has_id(item.get("user_id"))


def _named_as(attribute: str) -> Test:
    return lambda person, item: person.is_named_by(item.get(attribute))


def _is_touched(person: Person, item: Item) -> bool:
    return person.has_id(item.get(TOUCHED, {}).get("user_id"))


_TESTS: Mapping[Role, tuple[str, Test]] = {
    Role.TOKEN: ("TOKEN", _by_id),
    Role.KEY: ("TEMPORARYKEY", _by_id),
    Role.FILE: ("FILE", _named_as("created_by")),
    Role.DOWNLOAD: ("DOWNLOAD", _named_as("sender")),
    Role.SENT: ("MAIL", _named_as("author")),
    Role.RECEIVED: ("MAIL", _named_as("recipient")),
    Role.INBOX: ("INBOX", _by_id),
    Role.SHOWN: ("INBOX", _named_as("sender")),
    Role.NOTE: ("NOTE", _is_touched),
}


def _goes_last(person: Person, item: Item) -> bool:
    user_id = person.user.id if person.user else ""
    return (item["pk"], item["sk"]) in {user_key(user_id), address_key(person.key), tree_key(user_id)}


def _worth_reading(person: Person) -> dict[str, Any]:
    """What DynamoDB looks for: more than is theirs, and never less. It cannot compare addresses without case, so those
    of recipients, which senders spell as they like, are looked for in what keywords are.
    """
    given = {f"spelling{number}": spelling for number, spelling in enumerate(sorted(person.spellings))}
    spelt = ", ".join(f":{name}" for name in given)
    tests = [f"{copy}.email IN ({spelt})" for copy in ("created_by", "author", "sender")]
    tests.append("contains(search_text, :folded)")
    given["folded"] = fold(person.key)[:MAX_TEXT_LENGTH]
    if person.user:
        tests += ["user_id = :user", f"{TOUCHED}.user_id = :user"]
        given["user"] = person.user.id
    return {"FilterExpression": " OR ".join(tests), "ExpressionAttributeValues": values(**given)}
