"""Mails in the metadata table: one item each, and one for the sealed body of those that were sent together.

Bodies stand apart because lists are read from indexes that hold whole items.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from chalicelib.adapters.dynamo_authors import author_from, author_item
from chalicelib.adapters.dynamo_creations import AlreadyThere, Creations
from chalicelib.adapters.dynamo_downloads import download_key
from chalicelib.adapters.dynamo_due import due_attributes, due_ids
from chalicelib.adapters.dynamo_inbox import entry_item, inbox_key
from chalicelib.adapters.dynamo_lists import LISTING, LISTING_A, LISTING_B, LISTING_C, Lists
from chalicelib.adapters.dynamo_postings import SearchTable
from chalicelib.adapters.dynamo_search import Sought, search
from chalicelib.adapters.dynamo_table import (
    AS_READ,
    Item,
    KeyOfId,
    MetadataTable,
    moment,
    optional_moment,
    optional_timestamp,
    timestamp,
)
from chalicelib.adapters.dynamo_transaction import Cancelled, Transaction
from chalicelib.domain.claim import Claim
from chalicelib.domain.ids import AccountId, BodyId, DownloadId, MailId
from chalicelib.domain.mail import (
    MAIL_SORTS,
    InboxEntry,
    Mail,
    MailBody,
    MailStatus,
    Recipient,
    searched_mail_texts,
)
from chalicelib.domain.page import Order, Page, Position
from chalicelib.domain.quota import Usage
from chalicelib.ports import IdentifiersTaken, StaleRecord

PREFIX = "MAIL"
mail_key = KeyOfId(PREFIX, "MAIL")
body_key = KeyOfId("MAILBODY", "MAILBODY")


class DynamoMails:
    def __init__(self, table: MetadataTable, postings: SearchTable, creations: Creations) -> None:
        self._table, self._postings, self._creations = table, postings, creations

    def add(self, mails: Sequence[Mail], body: MailBody, claim: Claim | None = None) -> list[Mail]:
        stored = [_next(mail) for mail in mails]
        items = [*map(to_item, stored), _body_item(body)]
        charge = Usage(mails=len(mails))
        try:
            self._creations.add(
                body.account_id, items, [mail.id for mail in mails], mails[0].created_at, claim=claim, charge=charge
            )
        except AlreadyThere as error:
            taken = [mails[at].identifier for at in error.places if at < len(mails)]
            raise IdentifiersTaken(taken) from error
        return stored

    def find(self, mail_id: MailId) -> Mail | None:
        item = self._table.get(mail_key(mail_id))
        return from_item(item) if item else None

    def find_many(self, mail_ids: Sequence[MailId]) -> list[Mail]:
        found = self._table.get_many([mail_key(mail_id) for mail_id in mail_ids])
        return [from_item(found[mail_key(mail_id)]) for mail_id in mail_ids if mail_key(mail_id) in found]

    def find_body(self, body_id: BodyId) -> MailBody | None:
        item = self._table.get(body_key(body_id))
        if not item:
            return None
        return MailBody(body_id, AccountId(item["account_id"]), item["sealed"], moment(item["forgotten_at"]))

    def list_of(self, account_id: AccountId, order: Order, limit: int, after: Position | None) -> Page[Mail]:
        return mail_lists.page(self._table, _list_pk(account_id), order, limit, after)

    def search(
        self, account_id: AccountId, keyword: str, order: Order, limit: int, after: Position | None
    ) -> Page[Mail]:
        list_pk = _list_pk(account_id)
        sought = Sought(list_pk=list_pk, search_pk=list_pk, keyword=keyword, order=order, limit=limit, after=after)
        return search(mail_lists, self._table, self._postings, sought)

    def save(self, mail: Mail, entry: InboxEntry | None = None) -> Mail:
        if entry:
            return _written(mail, self._saving(mail).put(entry_item(entry)))
        stored = _next(mail)
        # Two who claim a mail at one instant would write the same item, and each take the other's for its own.
        item = {**to_item(stored), "written_by": secrets.token_hex(8)}
        if not self._table.try_put(item, AS_READ, read=mail.revision):
            raise StaleRecord
        return stored

    def withdraw(self, mail: Mail, now: datetime) -> Mail:
        change, there = "SET revoked_at = if_not_exists(revoked_at, :now)", "attribute_exists(pk)"
        transaction = self._saving(mail).update(download_key(mail.download_id), change, there, now=timestamp(now))
        if mail.status is MailStatus.FAILED:
            transaction.delete(inbox_key(mail.id))
        return _written(mail, transaction)

    def _saving(self, mail: Mail) -> Transaction:
        return Transaction(self._table).put(to_item(_next(mail)), AS_READ, read=mail.revision)

    def due(self, now: datetime, limit: int) -> Sequence[MailId]:
        return [MailId(mail_id) for mail_id in islice(due_ids(self._table, PREFIX, now), limit)]


def _next(mail: Mail) -> Mail:
    return replace(mail, revision=mail.revision + 1)


def _written(read: Mail, transaction: Transaction) -> Mail:
    try:
        transaction.write()
    except Cancelled as cancelled:
        if 0 in cancelled.met:
            raise StaleRecord from cancelled
        raise
    return _next(read)


def to_item(mail: Mail) -> Item:
    pk, sk = mail_key(mail.id)
    return {
        "pk": pk,
        "sk": sk,
        "ttl": int(mail.forgotten_at.timestamp()),  # tidying only: expiry is checked at use
        **mail_lists.attributes(_list_pk(mail.account_id), mail, _list_pk(mail.account_id)),
        **due_attributes(PREFIX, mail.id, mail.due_at),
        "identifier": mail.identifier,
        "account_id": mail.account_id,
        "author": author_item(mail.author),
        "recipient": {"email": mail.recipient.email, "name": mail.recipient.name},
        "subject": mail.subject,
        "body_id": mail.body_id,
        "download_id": mail.download_id,
        "file_count": mail.file_count,
        "max_downloads": mail.max_downloads,
        "pin_required": mail.pin_required,
        "created_at": timestamp(mail.created_at),
        "expires_at": timestamp(mail.expires_at),
        "status": str(mail.status),
        "failed_reason": mail.failed_reason,
        "tried_at": optional_timestamp(mail.tried_at),
        "sent_at": optional_timestamp(mail.sent_at),
        "message_id": mail.message_id,
        "opened_at": optional_timestamp(mail.opened_at),
        "reminded_at": optional_timestamp(mail.reminded_at),
        "revoked_at": optional_timestamp(mail.revoked_at),
        "revision": mail.revision,
    }


def from_item(item: Item) -> Mail:
    return Mail(
        id=MailId(mail_key.id_of(item)),
        identifier=item["identifier"],
        account_id=AccountId(item["account_id"]),
        author=author_from(item["author"]),
        recipient=Recipient(**item["recipient"]),
        subject=item["subject"],
        body_id=BodyId(item["body_id"]),
        download_id=DownloadId(item["download_id"]),
        file_count=item["file_count"],
        max_downloads=item["max_downloads"],
        pin_required=item["pin_required"],
        created_at=moment(item["created_at"]),
        expires_at=moment(item["expires_at"]),
        status=MailStatus(item["status"]),
        failed_reason=item.get("failed_reason"),
        tried_at=optional_moment(item.get("tried_at")),
        sent_at=optional_moment(item.get("sent_at")),
        message_id=item.get("message_id"),
        opened_at=optional_moment(item.get("opened_at")),
        reminded_at=optional_moment(item.get("reminded_at")),
        revoked_at=optional_moment(item.get("revoked_at")),
        revision=item["revision"],
    )


mail_lists = Lists(
    MAIL_SORTS,
    {"created_at": LISTING, "sent_at": LISTING_A, "subject": LISTING_B, "recipient_email": LISTING_C},
    mail_key,
    from_item,
    searched_mail_texts,
)


def _body_item(body: MailBody) -> Item:
    pk, sk = body_key(body.id)
    return {
        "pk": pk,
        "sk": sk,
        "ttl": int(body.forgotten_at.timestamp()),
        "account_id": body.account_id,
        "sealed": body.sealed,
        "forgotten_at": timestamp(body.forgotten_at),
    }


def _list_pk(account_id: AccountId) -> str:
    return f"ACCOUNT#{account_id}#MAILS"
