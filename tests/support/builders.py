"""Domain objects for tests: everything has a default, each test names what it is about."""

import secrets
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from chalicelib.bootstrap import World
from chalicelib.domain.act import Act, Actor
from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.category import Category
from chalicelib.domain.claim import Claim, claim_of
from chalicelib.domain.download import MANUAL_LIFETIME, Download
from chalicelib.domain.event import Event, EventType, Note
from chalicelib.domain.file import EncryptionMode, File, Status
from chalicelib.domain.ids import (
    AccountId,
    BodyId,
    CategoryId,
    DeliveryId,
    DownloadId,
    FileId,
    TokenId,
    UserId,
    WebhookId,
)
from chalicelib.domain.mail import DEFAULT_LIFETIME, Mail, MailBody, Recipient, body_context, identifier_of, mail_id
from chalicelib.domain.notification import Notification, Occasion
from chalicelib.domain.people import Author, User
from chalicelib.domain.pin import PinHolder, PinVerifier, ScryptCost, clean_pin
from chalicelib.domain.sealing import WrappedKey
from chalicelib.domain.secret import SECRET_BYTES, hash_secret, secret_text
from chalicelib.domain.temporary_key import LIFETIME, TemporaryKey
from chalicelib.domain.webhook import ANNOUNCED, Delivery, Webhook, secret_context
from chalicelib.services.create_download import create_download_key
from chalicelib.services.create_file import NewFile
from chalicelib.services.create_user import NewUser, create_user
from tests.support.fakes import FakeWorld

PIN = "1a2s3d"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALICE = Author(name="Alice Archer", email="alice@example.com", timezone="Europe/Vienna")
CAROL = Recipient(email="carol@example.net", name="Carol Carter")  # has no account
ALICES = AccountId("a11ce000-0000-4000-8000-00000000000a")
BOBS = AccountId("b0b00000-0000-4000-8000-00000000000b")
ALICE_ID = UserId("a11ce000-0000-4000-8000-000000000001")
BOB_ID = UserId("b0b00000-0000-4000-8000-000000000002")


@dataclass(frozen=True)
class Caller:
    """A user with a token that may do everything."""

    token: ApiToken
    text: str
    email: str

    @property
    def account_id(self) -> AccountId:
        return self.token.account_id

    @property
    def user_id(self) -> UserId:
        return self.token.user_id


def enrol(world: FakeWorld, email: str, name: str, now: datetime = NOW) -> Caller:
    new = NewUser(email=email, name=name, timezone="UTC", account_id=None, account_name=None)
    _, issued = create_user(new, now, users=world.users, pin_hasher=world.pin_hasher)
    return Caller(issued.token, issued.text, email)


def new_id() -> str:
    return str(uuid.uuid4())


def a_file(**changes: Any) -> File:
    """Pending, server mode, one PUT of 5 bytes."""
    fields: dict[str, Any] = {
        "id": FileId(new_id()),
        "account_id": ALICES,
        "created_by": ALICE,
        "created_at": NOW,
        "filename": "invoice.pdf",
        "type": "application/pdf",
        "size_bytes": 5,
        "stored_bytes": 5,
        "encryption_mode": EncryptionMode.SERVER,
        "wrapped_key": None,
        "multipart": None,
        "checksum_sha256": None,
        "expires_at": None,
        "alive_at": NOW,
    }
    return File(**fields | changes)


def a_ready_file(**changes: Any) -> File:
    return a_file(**{"status": Status.READY, "object_version": "v1", "settled_at": NOW} | changes)


def a_token(**changes: Any) -> ApiToken:
    fields: dict[str, Any] = {
        "secret_hash": uuid.uuid4().hex * 2,
        "user_id": ALICE_ID,
        "account_id": ALICES,
        "author": ALICE,
        "name": "laptop",
        "scopes": frozenset(Scope),
        "created_at": NOW,
        "expires_at": None,
    }
    return ApiToken(**fields | changes)


def a_user(**changes: Any) -> User:
    fields: dict[str, Any] = {
        "id": ALICE_ID,
        "account_id": ALICES,
        "email": ALICE.email,
        "name": ALICE.name,
        "timezone": ALICE.timezone,
        "created_at": NOW,
    }
    return User(**fields | changes)


def a_download(*files: File, **changes: Any) -> Download:
    fields: dict[str, Any] = {
        "id": DownloadId(new_id()),
        "account_id": ALICES,
        "sender": ALICE,
        "file_ids": tuple(file.id for file in files),
        "uses_left": 1,
        "created_at": NOW,
        "expires_at": NOW + MANUAL_LIFETIME,
    }
    return Download(**fields | changes)


def an_act(**changes: Any) -> Act:
    fields: dict[str, Any] = {
        "actor": Actor.USER,
        "at": NOW,
        "user_id": ALICE_ID,
        "token_id": TokenId("70ce0000-0000-8000-8000-000000000003"),
        "ip": "192.0.2.1",
        "request_id": "5e900000-0000-4000-8000-000000000004",
    }
    return Act(**fields | changes)


def an_event(**changes: Any) -> Event:
    fields: dict[str, Any] = {
        "id": new_id(),
        "account_id": ALICES,
        "type": EventType.FILE_RENAMED,
        "act": an_act(),
        "subject": {"file": new_id()},
    }
    return Event(**fields | changes)


def a_note(**changes: Any) -> Note:
    return Note(**{"account_id": ALICES, "type": EventType.UPLOAD_SIGNED, "subject": {"file": new_id()}} | changes)


def a_category(**changes: Any) -> Category:
    fields: dict[str, Any] = {
        "id": CategoryId(new_id()),
        "account_id": ALICES,
        "name": "Invoices",
        "color": "#1f5fa8",
        "created_at": NOW,
    }
    return Category(**fields | changes)


def a_mail(**changes: Any) -> Mail:
    """Queued a moment ago, to Carol, who has no account."""
    account_id = changes.get("account_id", ALICES)
    identifier = changes.get("identifier", identifier_of(uuid.uuid4().bytes))
    fields: dict[str, Any] = {
        "id": mail_id(account_id, identifier),
        "identifier": identifier,
        "account_id": account_id,
        "author": ALICE,
        "recipient": CAROL,
        "subject": "Your invoice",
        "body_id": BodyId(new_id()),
        "download_id": DownloadId(new_id()),
        "file_count": 1,
        "max_downloads": 10,
        "created_at": NOW,
        "expires_at": changes.get("created_at", NOW) + DEFAULT_LIFETIME,
    }
    return Mail(**fields | changes)


def a_notification(**changes: Any) -> Notification:
    """Of a mail to Carol, by a link."""
    fields: dict[str, Any] = {
        "occasion": Occasion.DELIVERY,
        "mail_id": mail_id(ALICES, "JXRMWYN"),
        "identifier": "JXRMWYN",
        "recipient_email": CAROL.email,
        "sender_name": ALICE.name,
        "sender_email": ALICE.email,
        "subject": "Your invoice",
        "file_count": 1,
        "expires_at": NOW + DEFAULT_LIFETIME,
        "pin_required": False,
        "link": f"https://sealdrop.test/d#{'K' * 43}",
    }
    return Notification(**fields | changes)


def stored_mail(world: World, mail: Mail | None = None, *files: File, body: str = "<p>Hello</p>") -> Mail:
    """A mail with its body and its download over these files, or over a new one."""
    mail = mail or a_mail()
    files = files or (stored(world, a_ready_file(account_id=mail.account_id)),)
    download = a_download(
        *files,
        id=mail.download_id,
        account_id=mail.account_id,
        uses_left=mail.max_downloads,
        created_at=mail.created_at,
        expires_at=mail.expires_at,
        mail_id=mail.id,
    )
    world.downloads.add(download)
    sealed = world.bodies.seal(body, body_context(mail.body_id, mail.account_id))
    body_record = MailBody(mail.body_id, mail.account_id, sealed, mail.forgotten_at)
    return world.mails.add([replace(mail, file_count=len(files))], body_record)[0]


def a_webhook(**changes: Any) -> Webhook:
    """Of every type that is announced."""
    fields: dict[str, Any] = {
        "id": WebhookId(new_id()),
        "account_id": ALICES,
        "url": "https://receiver.example.com/hooks",
        "types": frozenset(ANNOUNCED),
        "secret": WrappedKey("arn:aws:kms:eu-west-1:123456789012:key/1", b"wrapped"),
        "created_at": NOW,
    }
    return Webhook(**fields | changes)


def a_delivery(**changes: Any) -> Delivery:
    """Just ordered."""
    fields: dict[str, Any] = {
        "id": DeliveryId(new_id()),
        "account_id": ALICES,
        "webhook_id": WebhookId(new_id()),
        "type": "file.ready",
        "data": {"file": new_id()},
        "happened_at": NOW,
        "created_at": NOW,
        "next_at": NOW,
    }
    return Delivery(**fields | changes)


def webhook_of(world: FakeWorld, account_id: AccountId, **changes: Any) -> Webhook:
    """In the world's store, with a secret that its keys can unwrap."""
    webhook_id = WebhookId(new_id())
    secret = world.keys.generate(secret_context(webhook_id, account_id)).wrapped
    webhook = a_webhook(id=webhook_id, account_id=account_id, secret=secret, **changes)
    world.webhooks.add(webhook)
    return webhook


def trying(world: FakeWorld) -> dict[str, Any]:
    """The ports of deliver_webhook."""
    names = {"queue": "webhook_queue", "sign": "sign_webhook", "send": "send_webhook"}
    same = {name: getattr(world, name) for name in ("webhooks", "deliveries", "keys")}
    return same | {port: getattr(world, name) for port, name in names.items()}


def announcing(world: FakeWorld) -> dict[str, Any]:
    """The ports of announce_events."""
    same = {name: getattr(world, name) for name in ("webhooks", "deliveries", "read_events")}
    return same | {"queue": world.webhook_queue}


def a_claim(key: str = "key", body: str = "{}", **changes: Any) -> Claim:
    """Of Alice, who creates a file."""
    claim = claim_of(ALICES, ALICE_ID, "POST /files", key, body, NOW)
    return replace(claim, **changes)


def stored(world: FakeWorld, file: File, data: bytes = b"hello") -> File:
    """A file with its object, in the world's stores."""
    version = world.objects.put(file.object_key, data, checksum_sha256=file.checksum_sha256)
    pinned = version if file.status is Status.READY else file.object_version
    return world.files.add(replace(file, object_version=pinned))


def a_new_file(**changes: Any) -> NewFile:
    fields: dict[str, Any] = {
        "filename": "invoice.pdf",
        "type": "application/pdf",
        "size_bytes": 5,
        "encryption_mode": EncryptionMode.SERVER,
        "checksum_sha256": None,
        "part_checksums": False,
        "part_bytes": None,
        "expires_at": None,
        "category_id": None,
    }
    return NewFile(**fields | changes)


def verifying(world: FakeWorld) -> dict[str, Any]:
    """The ports of everything that ends in verify_upload."""
    return {
        "files": world.files,
        "objects": world.objects,
        "keys": world.keys,
        "authenticate_header": world.authenticate_header,
    }


def creating(world: FakeWorld) -> dict[str, Any]:
    """The ports of create_file."""
    return {"files": world.files, "categories": world.categories, "objects": world.objects, "keys": world.keys}


def sending(world: FakeWorld) -> dict[str, Any]:
    """The ports of send_mails."""
    return {
        "files": world.files,
        "downloads": world.downloads,
        "mails": world.mails,
        "bodies": world.bodies,
        "pin_hasher": world.pin_hasher,
        "queue": world.mail_queue,
        "claims": world.claims,
        "quotas": world.quotas,
    }


def delivering(world: FakeWorld) -> dict[str, Any]:
    """The ports of deliver_mail."""
    return {
        "mails": world.mails,
        "users": world.users,
        "downloads": world.downloads,
        "macs": world.macs,
        "mailer": world.mailer,
    }


def reminding(world: FakeWorld) -> dict[str, Any]:
    """The ports of remind_recipient."""
    return {
        "mails": world.mails,
        "inbox": world.inbox,
        "downloads": world.downloads,
        "macs": world.macs,
        "mailer": world.mailer,
    }


def reading(world: FakeWorld) -> dict[str, Any]:
    """The ports of read_inbox_mail."""
    names = ("inbox", "mails", "bodies", "downloads", "files", "pool")
    return {name: getattr(world, name) for name in names}


def sweeping(world: FakeWorld) -> dict[str, Any]:
    """A sweep with all the time that it takes."""
    return {**verifying(world), "in_time": lambda: True}


def storing(world: FakeWorld) -> dict[str, Any]:
    return {"files": world.files, "objects": world.objects}


def signing(world: FakeWorld) -> dict[str, Any]:
    return storing(world) | {"keys": world.keys, "notes": world.notes, "pool": world.pool}


def performing(world: World) -> dict[str, Any]:
    """The ports of perform_download."""
    names = ("downloads", "objects", "keys", "mails", "bodies", "pool")
    return checking_pins(world) | {name: getattr(world, name) for name in names}


def showing(world: FakeWorld) -> dict[str, Any]:
    """The ports of show_download."""
    return {"downloads": world.downloads, "mails": world.mails, "bodies": world.bodies}


def granting(world: World) -> dict[str, Any]:
    """The ports of create_download."""
    return {"files": world.files, "downloads": world.downloads, "pin_hasher": world.pin_hasher}


def keying(world: FakeWorld) -> dict[str, Any]:
    """The ports of create_download_key."""
    names = ("downloads", "inbox", "temporary_keys", "pool")
    return {name: getattr(world, name) for name in names}


def resuming(world: World) -> dict[str, Any]:
    """The ports of resume_download."""
    return {"downloads": world.downloads, "objects": world.objects, "notes": world.notes}


def checking_pins(world: World) -> dict[str, Any]:
    return {"pin_tries": world.pin_tries, "pin_hasher": world.pin_hasher}


def key_to(world: FakeWorld, download: Download, now: datetime = NOW) -> str:
    """A fresh key, made by a user of its account who has no PIN."""
    owner = a_user(account_id=download.account_id)
    return create_download_key(owner, download.id, None, now, **keying(world))[0]


def a_verifier(**changes: Any) -> PinVerifier:
    """Of no PIN that anybody knows."""
    fields = {"version": new_id(), "salt": b"salt", "cost": ScryptCost(2, 1, 1), "mac": b"mac"}
    return PinVerifier(**fields | changes)


def give_pin(world: FakeWorld, caller: Caller, pin: str = PIN) -> User:
    """Set the caller's PIN past the API; answers the user."""
    user = world.users.find(caller.token.user_id)
    assert user
    return world.users.save(user, replace(user, pin=verifier_for(world, user.pin_holder, pin)))


def a_temporary_key(world: FakeWorld, user: User, **changes: Any) -> str:
    """A good one, bought an instant ago with the PIN that the user has; answers its text."""
    assert user.pin
    text = secret_text(secrets.token_bytes(SECRET_BYTES))
    whose = {"account_id": user.account_id, "user_id": user.id, "pin_version": user.pin.version}
    fields = {**whose, "expires_at": NOW + LIFETIME}
    world.temporary_keys.add(TemporaryKey(**{"key_hash": hash_secret(text), **fields} | changes))
    return text


def verifier_for(world: FakeWorld, holder: PinHolder, pin: str = PIN) -> PinVerifier:
    [verifier] = world.pin_hasher.make(clean_pin(pin), [holder])
    return verifier
