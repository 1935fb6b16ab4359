"""The records of mails and inboxes, the sealing of their bodies, and the way out: a queue, and the mail service."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.claim import Claim
from chalicelib.domain.ids import AccountId, BodyId, MailId, UserId
from chalicelib.domain.mail import InboxEntry, Mail, MailBody
from chalicelib.domain.notification import Notification
from chalicelib.domain.page import Order, Page, Position


class IdentifiersTaken(Exception):
    """Nothing was stored, since the account has mails with some of these identifiers already."""

    def __init__(self, taken: Sequence[str]) -> None:
        super().__init__(*taken)
        self.taken = frozenset(taken)


class MailStore(Protocol):
    def add(self, mails: Sequence[Mail], body: MailBody, claim: Claim | None = None) -> list[Mail]:
        """At most 50 mails and their body, counted against the account's day, with the claim: all of it, or nothing.

        Raises Claimed, IdentifiersTaken, else QuotaExceeded.
        """

    def find(self, mail_id: MailId) -> Mail | None:
        """The record as of now, whoever asks: callers check whose it is."""

    def find_many(self, mail_ids: Sequence[MailId]) -> list[Mail]:
        """Those of at most 100 mails that have a record, in the order asked for; one round trip."""

    def find_body(self, body_id: BodyId) -> MailBody | None: ...

    def list_of(self, account_id: AccountId, order: Order, limit: int, after: Position | None) -> Page[Mail]:
        """In one of the orders of MAIL_SORTS; reads the page and no more. May lag behind `find` by moments."""

    def search(
        self, account_id: AccountId, keyword: str, order: Order, limit: int, after: Position | None
    ) -> Page[Mail]:
        """The same, of the mails whose `searched_mail_texts` hold the folded keyword; bounded work, whatever their
        number. So a page may be short, or empty, with more to come.
        """

    def save(self, mail: Mail, entry: InboxEntry | None = None) -> Mail:
        """Store a changed record, if nobody has changed it since it was read; with it, in the same write, its place
        in an inbox. Answers the record with its new revision. Raises StaleRecord.
        """

    def withdraw(self, mail: Mail, now: datetime) -> Mail:
        """Store a changed record, as `save` does, and in the same write revoke its download: no key and no session of
        it opens anything from then on. A mail that failed leaves its inbox, too. Raises StaleRecord.
        """

    def due(self, now: datetime, limit: int) -> Sequence[MailId]:
        """Mails whose `due_at` has come, oldest first within a shard. May lag, so `find` decides."""


class InboxStore(Protocol):
    def find(self, mail_id: MailId) -> InboxEntry | None:
        """Whoever asks: callers check the user."""

    def list_of(self, user_id: UserId, order: Order, limit: int, after: Position | None) -> Page[InboxEntry]:
        """In one of the orders of INBOX_SORTS; reads the page and no more."""

    def search(
        self, user_id: UserId, keyword: str, order: Order, limit: int, after: Position | None
    ) -> Page[InboxEntry]:
        """The same, of those whose `searched_inbox_texts` hold the folded keyword, as MailStore.search."""

    def remove(self, mail_id: MailId, user_id: UserId) -> bool:
        """Atomic: False when this user's inbox has no such mail."""


class BodySealer(Protocol):
    """The AWS Encryption SDK message format under the data key; one call of KMS each."""

    def seal(self, text: str, context: Mapping[str, str]) -> bytes: ...

    def open(self, sealed: bytes, context: Mapping[str, str]) -> str:
        """Raises WrongContext for what was not sealed under this context, or was altered."""


class MailQueue(Protocol):
    """Orders to the delivery function. Each comes at least once, in any order."""

    def deliver(self, mail_ids: Sequence[MailId]) -> None: ...

    def remind(self, mail_ids: Sequence[MailId]) -> None: ...


class Mailer(Protocol):
    def send(self, notification: Notification) -> str:
        """Hand it to the mail service, and answer that one's id for it.

        Raises NeverSendable, NotSentNow; Busy when nothing is known: it may have been sent.
        """


class NeverSendable(Exception):
    """The mail service refuses this message for good. The text says why, in words for the mail's sender."""


class NotSentNow(Exception):
    """The mail service did not take it, but may take it later: it throttles us, or sending is paused."""
