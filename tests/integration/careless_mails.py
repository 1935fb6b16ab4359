"""The mails' adapter as one should not write it: read, decide, write."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.adapters.dynamo_downloads import download_key
from chalicelib.adapters.dynamo_inbox import entry_item, inbox_key
from chalicelib.adapters.dynamo_mails import DynamoMails, _body_item, to_item
from chalicelib.adapters.dynamo_table import to_dynamo
from chalicelib.bootstrap import World
from chalicelib.domain.mail import InboxEntry, Mail, MailBody, MailStatus
from chalicelib.ports import IdentifiersTaken, StaleRecord


def mails(world: World) -> None:
    world.mails = CarelessMails(world._table, world._postings, world._creations)


class CarelessMails(DynamoMails):
    """Transactions of puts without conditions, so that a rival before them finds what it finds with the adapter."""

    def add(self, mails: Sequence[Mail], body: MailBody) -> list[Mail]:
        if taken := [mail.identifier for mail in mails if self.find(mail.id)]:
            raise IdentifiersTaken(taken)
        stored = [replace(mail, revision=1) for mail in mails]
        self._write(*(self._put(item) for item in [*map(to_item, stored), _body_item(body)]))
        return stored

    def save(self, mail: Mail, entry: InboxEntry | None = None) -> Mail:
        stored = self._next(mail)
        if entry:
            self._write(self._put(to_item(stored)), self._put(entry_item(entry)))
        else:
            self._table.client.put_item(TableName=self._table.name, Item=to_dynamo(to_item(stored)))
        return stored

    def withdraw(self, mail: Mail, now: datetime) -> Mail:
        stored = self._next(mail)
        self._write(self._put(to_item(stored)))
        self._table.update(
            download_key(mail.download_id), "SET revoked_at = :now", "attribute_exists(pk)", {}, now=now.isoformat()
        )
        if mail.status is MailStatus.FAILED:
            self._table.try_delete(inbox_key(mail.id), "attribute_exists(pk) AND :x = :x", x="x")
        return stored

    def _next(self, mail: Mail) -> Mail:
        standing = self.find(mail.id)
        if standing is None or standing.revision != mail.revision:
            raise StaleRecord
        return replace(mail, revision=mail.revision + 1)

    def _put(self, item: dict[str, Any]) -> Any:
        return {"Put": {"TableName": self._table.name, "Item": to_dynamo(item)}}

    def _write(self, *writes: Any) -> None:
        self._table.client.transact_write_items(TransactItems=list(writes))
