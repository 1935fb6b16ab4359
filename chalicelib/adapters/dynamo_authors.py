"""Copies of users, which stand in what they make, and in their tokens."""

from collections.abc import Mapping

from chalicelib.adapters.dynamo_table import KeyOfId, MetadataTable
from chalicelib.adapters.dynamo_transaction import Write, check
from chalicelib.domain.ids import UserId
from chalicelib.domain.people import Author

user_key = KeyOfId("USER", "USER")


def author_item(author: Author) -> dict[str, str]:
    return {"name": author.name, "email": author.email, "timezone": author.timezone}


def author_from(item: Mapping[str, str]) -> Author:
    return Author(name=item["name"], email=item["email"], timezone=item["timezone"])


def is_still(table: MetadataTable, user_id: UserId, author: Author) -> Write:
    """For the transaction that writes a copy: its condition holds unless the user is called otherwise by now."""
    condition = "attribute_not_exists(pk) OR (#name = :name AND #timezone = :timezone)"
    names = {"#name": "name", "#timezone": "timezone"}
    return check(table, user_key(user_id), condition, names, name=author.name, timezone=author.timezone)
