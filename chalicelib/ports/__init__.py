"""What the services need from the world. Each method says what it raises and what is atomic about it.

Any method may raise `Busy`: AWS throttles or does not answer, and nothing is known about the effect.
"""

from chalicelib.ports.categories import CategoryStore, NameTaken, TooManyCategories
from chalicelib.ports.changes import Change, ChangeReader, Consumer, Item
from chalicelib.ports.claims import Claimed, ClaimStore
from chalicelib.ports.downloads import DownloadStore
from chalicelib.ports.events import (
    MOST_ENTRIES,
    EventReader,
    EventsKnown,
    EventStore,
    HeadMoved,
    HeadSigner,
    NoteStore,
)
from chalicelib.ports.files import DUE_RESOLUTION, FileStore, StaleRecord
from chalicelib.ports.keys import HeaderAuthenticator, KeyService, MacService, WrongContext
from chalicelib.ports.limiter import Limiter
from chalicelib.ports.mails import (
    BodySealer,
    IdentifiersTaken,
    InboxStore,
    Mailer,
    MailQueue,
    MailStore,
    NeverSendable,
    NotSentNow,
)
from chalicelib.ports.objects import ObjectGone, ObjectStore, SignedRequest, StoredObject
from chalicelib.ports.people import TokenStore, UserStore
from chalicelib.ports.pins import PinHasher, PinTries, TemporaryKeyStore
from chalicelib.ports.quotas import QuotaStore
from chalicelib.ports.webhooks import (
    DeliveryStore,
    NotReached,
    TooManyWebhooks,
    WebhookQueue,
    WebhookSender,
    WebhookSigner,
    WebhookStore,
)

__all__ = [
    "DUE_RESOLUTION",
    "MOST_ENTRIES",
    "BodySealer",
    "CategoryStore",
    "Change",
    "ChangeReader",
    "ClaimStore",
    "Claimed",
    "Consumer",
    "DeliveryStore",
    "DownloadStore",
    "EventReader",
    "EventStore",
    "EventsKnown",
    "FileStore",
    "HeadMoved",
    "HeadSigner",
    "HeaderAuthenticator",
    "IdentifiersTaken",
    "InboxStore",
    "Item",
    "KeyService",
    "Limiter",
    "MacService",
    "MailQueue",
    "MailStore",
    "Mailer",
    "NameTaken",
    "NeverSendable",
    "NotReached",
    "NotSentNow",
    "NoteStore",
    "ObjectGone",
    "ObjectStore",
    "PinHasher",
    "PinTries",
    "QuotaStore",
    "SignedRequest",
    "StaleRecord",
    "StoredObject",
    "TemporaryKeyStore",
    "TokenStore",
    "TooManyCategories",
    "TooManyWebhooks",
    "UserStore",
    "WebhookQueue",
    "WebhookSender",
    "WebhookSigner",
    "WebhookStore",
    "WrongContext",
]
