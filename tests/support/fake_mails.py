"""The ports of mails in memory, with their exact semantics."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.domain.claim import Claim
from chalicelib.domain.ids import AccountId, BodyId, MailId, UserId
from chalicelib.domain.mail import (
    INBOX_SORTS,
    MAIL_SORTS,
    InboxEntry,
    Mail,
    MailBody,
    MailStatus,
    searched_inbox_texts,
    searched_mail_texts,
)
from chalicelib.domain.notification import Notification
from chalicelib.domain.page import Order, Page, Position
from chalicelib.domain.quota import Usage
from chalicelib.domain.search import search_text
from chalicelib.ports import IdentifiersTaken, StaleRecord, WrongContext
from tests.support.fake_aws import canonical
from tests.support.fake_counts import FakeClaims, FakeQuotas
from tests.support.fake_pages import page_of
from tests.support.faults import Fake, port

MAIL_FROM = "sealdrop@example.com"
CONFIGURATION_SET = "sealdrop-test-mail"
WEB_URL = "https://sealdrop.test/"


class FakeInbox(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.records: dict[MailId, InboxEntry] = {}

    @port
    def find(self, mail_id: MailId) -> InboxEntry | None:
        return self.records.get(mail_id)

    @port
    def list_of(self, user_id: UserId, order: Order, limit: int, after: Position | None) -> Page[InboxEntry]:
        mine = [entry for entry in self.records.values() if entry.user_id == user_id]
        return page_of(mine, INBOX_SORTS, order, limit, after)

    @port
    def search(
        self, user_id: UserId, keyword: str, order: Order, limit: int, after: Position | None
    ) -> Page[InboxEntry]:
        mine = [entry for entry in self.records.values() if entry.user_id == user_id]
        found = [entry for entry in mine if keyword in search_text(searched_inbox_texts(entry))]
        return page_of(found, INBOX_SORTS, order, limit, after)

    @port
    def remove(self, mail_id: MailId, user_id: UserId) -> bool:
        standing = self.records.get(mail_id)
        if standing is None or standing.user_id != user_id:
            return False
        del self.records[mail_id]
        return True


class FakeMails(Fake):
    """Its writes go to downloads and inboxes too, where they are one write with the mail's."""

    def __init__(
        self,
        downloads: Any,
        inbox: FakeInbox | None = None,
        claims: FakeClaims | None = None,
        quotas: FakeQuotas | None = None,
    ) -> None:
        super().__init__()
        self.claims, self.quotas = claims or FakeClaims(), quotas or FakeQuotas()
        self.downloads, self.inbox = downloads, inbox or FakeInbox()
        self.records: dict[MailId, Mail] = {}
        self.bodies: dict[BodyId, MailBody] = {}

    @port
    def add(self, mails: Sequence[Mail], body: MailBody, claim: Claim | None = None) -> list[Mail]:
        with self.claims.keeping(claim, *[mail.id for mail in mails]):
            if taken := [mail.identifier for mail in mails if mail.id in self.records]:
                raise IdentifiersTaken(taken)
            if body.id in self.bodies:
                raise RuntimeError(f"{body.id} is there already: ids are random")
            self.quotas.charge(body.account_id, Usage(mails=len(mails)), mails[0].created_at)
            self.bodies[body.id] = body
            return [self._put(mail) for mail in mails]

    @port
    def find(self, mail_id: MailId) -> Mail | None:
        return self.records.get(mail_id)

    @port
    def find_many(self, mail_ids: Sequence[MailId]) -> list[Mail]:
        return [self.records[mail_id] for mail_id in mail_ids if mail_id in self.records]

    @port
    def find_body(self, body_id: BodyId) -> MailBody | None:
        return self.bodies.get(body_id)

    @port
    def list_of(self, account_id: AccountId, order: Order, limit: int, after: Position | None) -> Page[Mail]:
        ours = [mail for mail in self.records.values() if mail.account_id == account_id]
        return page_of(ours, MAIL_SORTS, order, limit, after)

    @port
    def search(
        self, account_id: AccountId, keyword: str, order: Order, limit: int, after: Position | None
    ) -> Page[Mail]:
        ours = [mail for mail in self.records.values() if mail.account_id == account_id]
        found = [mail for mail in ours if keyword in search_text(searched_mail_texts(mail))]
        return page_of(found, MAIL_SORTS, order, limit, after)

    @port
    def save(self, mail: Mail, entry: InboxEntry | None = None) -> Mail:
        self._must_be_as_read(mail)
        if entry:
            self.inbox.records[entry.mail_id] = entry
        return self._put(mail)

    @port
    def withdraw(self, mail: Mail, now: datetime) -> Mail:
        self._must_be_as_read(mail)
        download = self.downloads.records[mail.download_id]
        self.downloads.records[download.id] = replace(download, revoked_at=download.revoked_at or now)
        if mail.status is MailStatus.FAILED:
            self.inbox.records.pop(mail.id, None)
        return self._put(mail)

    @port
    def due(self, now: datetime, limit: int) -> Sequence[MailId]:
        """In whole seconds and by shards, as the index has it."""
        due = [
            (mail.id[0], int(mail.due_at.timestamp()), mail.id)
            for mail in self.records.values()
            if mail.due_at and int(mail.due_at.timestamp()) <= int(now.timestamp())
        ]
        return [mail_id for _, _, mail_id in sorted(due)][:limit]

    def _must_be_as_read(self, mail: Mail) -> None:
        standing = self.records.get(mail.id)
        if standing is None or standing.revision != mail.revision:
            raise StaleRecord

    def _put(self, mail: Mail) -> Mail:
        self.records[mail.id] = replace(mail, revision=mail.revision + 1)
        return self.records[mail.id]


class FakeBodies(Fake):
    """Real AES-GCM under one key, the encryption context as additional data."""

    def __init__(self) -> None:
        super().__init__()
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self._sealed = 0

    @port
    def seal(self, text: str, context: Mapping[str, str]) -> bytes:
        self._sealed += 1
        nonce = self._sealed.to_bytes(12)
        return nonce + self._cipher.encrypt(nonce, text.encode(), canonical(context))

    @port
    def open(self, sealed: bytes, context: Mapping[str, str]) -> str:
        try:
            return self._cipher.decrypt(sealed[:12], sealed[12:], canonical(context)).decode()
        except (InvalidTag, ValueError) as error:
            raise WrongContext from error


class FakeMailQueue(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.to_deliver: list[MailId] = []
        self.to_remind: list[MailId] = []

    @port
    def deliver(self, mail_ids: Sequence[MailId]) -> None:
        self.to_deliver += mail_ids

    @port
    def remind(self, mail_ids: Sequence[MailId]) -> None:
        self.to_remind += mail_ids


class FakeMailer(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Notification] = []

    @port
    def send(self, notification: Notification) -> str:
        self.sent.append(notification)
        return f"message-{len(self.sent)}"
