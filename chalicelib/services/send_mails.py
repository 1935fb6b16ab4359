"""POST /mails: one mail for each recipient, all of them or none. Sending them is the delivery function's work.

Whether a recipient has an account is not looked up here: the request does the same for everybody.
"""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.claim import Claim
from chalicelib.domain.download import Download
from chalicelib.domain.errors import Conflict, Invalid, NotFound
from chalicelib.domain.expiry import end_of_grant
from chalicelib.domain.ids import AccountId, BodyId, DownloadId, FileId, MailId
from chalicelib.domain.mail import (
    DEFAULT_LIFETIME,
    Mail,
    MailBody,
    Recipient,
    body_context,
    identifier_of,
    mail_id,
)
from chalicelib.domain.people import Owner, email_key
from chalicelib.domain.pin import Pin
from chalicelib.domain.quota import Usage, refusal
from chalicelib.ports import (
    BodySealer,
    Claimed,
    ClaimStore,
    DownloadStore,
    FileStore,
    IdentifiersTaken,
    MailQueue,
    MailStore,
    PinHasher,
    QuotaStore,
)
from chalicelib.services.create_download import check_files

_ATTEMPTS = 5  # one suffices unless a random identifier is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMails:
    recipients: Sequence[Recipient]
    subject: str
    body: str  # sanitised HTML
    file_ids: Sequence[str]
    max_downloads: int  # of each recipient
    expires_at: datetime | None  # None: after DEFAULT_LIFETIME
    pin: Pin | None  # asked of whoever performs a download of theirs


@dataclass(frozen=True, slots=True)
class SentMails:
    mails: Sequence[Mail]
    not_queued: Exception | None  # the mails stand, and the sweep queues them


def send_mails(
    new: NewMails,
    sender: Owner,
    now: datetime,
    claim: Claim | None = None,
    *,
    files: FileStore,
    downloads: DownloadStore,
    mails: MailStore,
    bodies: BodySealer,
    pin_hasher: PinHasher,
    queue: MailQueue,
    claims: ClaimStore,
    quotas: QuotaStore,
) -> SentMails:
    """Raises Claimed, QuotaExceeded, and Invalid for recipients that are named twice, files that cannot be sent, an
    expiry out of bounds.
    """
    expires_at = end_of_grant(new.expires_at, DEFAULT_LIFETIME, now)
    _check_recipients(new.recipients)
    check_files(sender.account_id, new.file_ids, now, files=files)
    _look_ahead(sender.account_id, len(new.recipients), now, claim, claims=claims, quotas=quotas)
    body_id = BodyId(str(uuid.uuid4()))
    sealed = bodies.seal(new.body, body_context(body_id, sender.account_id))
    for _ in range(_ATTEMPTS):
        drafts = [_draft(new, recipient, sender, body_id, now, expires_at) for recipient in new.recipients]
        downloads.add_many(_grants(new, drafts, pin_hasher))  # nothing leads to them before the mails
        try:
            stored = mails.add(drafts, MailBody(body_id, sender.account_id, sealed, drafts[0].forgotten_at), claim)
        except IdentifiersTaken:
            continue
        return SentMails(stored, _queue(stored, queue))
    raise Conflict


def _look_ahead(
    account_id: AccountId, count: int, now: datetime, claim: Claim | None, *, claims: ClaimStore, quotas: QuotaStore
) -> None:
    """Raise what the write of the mails would, as far as can be seen: Claimed, QuotaExceeded.

    The downloads are written before the mails, and each is told in the audit log: thousands of events a request, which
    whoever is refused could have written as often as they ask.
    """
    if claim and (kept := claims.find(claim)):
        raise Claimed(kept)
    quota, used = quotas.find_mails(account_id, now)
    if refused := refusal(quota, used, Usage(mails=count)):
        raise refused


def find_sent(account_id: AccountId, mail_ids: Sequence[str], *, mails: MailStore) -> SentMails:
    """The mails that an earlier request sent, as they are now. Raises NotFound unless all of them are there."""
    found = mails.find_many([MailId(mail_id) for mail_id in mail_ids])
    if len(found) != len(mail_ids) or any(mail.account_id != account_id for mail in found):
        raise NotFound
    return SentMails(found, None)


def _check_recipients(recipients: Sequence[Recipient]) -> None:
    seen: set[str] = set()
    errors: dict[str, list[str]] = {}
    for index, recipient in enumerate(recipients):
        key = email_key(recipient.email)
        if key in seen:
            errors[f"recipients.{index}.email"] = ["This address is listed twice."]
        seen.add(key)
    if errors:
        raise Invalid(errors=errors)


def _draft(
    new: NewMails, recipient: Recipient, sender: Owner, body_id: BodyId, now: datetime, expires_at: datetime
) -> Mail:
    identifier = identifier_of(secrets.token_bytes(16))
    return Mail(
        id=mail_id(sender.account_id, identifier),
        identifier=identifier,
        account_id=sender.account_id,
        author=sender.author,
        recipient=recipient,
        subject=new.subject,
        body_id=body_id,
        download_id=DownloadId(str(uuid.uuid4())),
        file_count=len(new.file_ids),
        max_downloads=new.max_downloads,
        pin_required=new.pin is not None,
        created_at=now,
        expires_at=expires_at,
    )


def _grants(new: NewMails, mails: Sequence[Mail], pin_hasher: PinHasher) -> list[Download]:
    grants = [_grant(mail, new.file_ids) for mail in mails]
    if new.pin is None:
        return grants
    verifiers = pin_hasher.make(new.pin, [grant.pin_holder for grant in grants])
    return [replace(grant, pin=verifier) for grant, verifier in zip(grants, verifiers, strict=True)]


def _grant(mail: Mail, file_ids: Sequence[str]) -> Download:
    return Download(
        id=mail.download_id,
        account_id=mail.account_id,
        sender=mail.author,
        file_ids=tuple(map(FileId, file_ids)),
        uses_left=mail.max_downloads,
        created_at=mail.created_at,
        expires_at=mail.expires_at,
        mail_id=mail.id,
    )


def _queue(stored: Sequence[Mail], queue: MailQueue) -> Exception | None:
    try:
        queue.deliver([mail.id for mail in stored])
    except Exception as error:  # noqa: BLE001 - whatever it is: an error would have the caller send them twice
        return error
    return None
