"""Client of a Sealdrop service: send and receive sealed files.

    from sealdrop import Client
    client = Client("https://HOST/api", token)
    file = client.put("invoice.pdf")
    client.get(file.id, "copy.pdf")

Names are loaded when they are first used: `import sealdrop` costs nothing by itself.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sealdrop.client import Client
    from sealdrop.errors import (
        ApiError,
        BadAnswer,
        Busy,
        FileChanged,
        Gone,
        LocalFileError,
        LostAnswer,
        NotAllowed,
        NotAuthentic,
        NotFound,
        PinLocked,
        PinRequired,
        SealdropError,
        StorageError,
        Unreachable,
        UsageError,
        WrongPin,
    )
    from sealdrop.events import ChainEnd, Event, Verified
    from sealdrop.mail_models import InboxMail, Mail, MailFile
    from sealdrop.models import Download, DownloadKey, DownloadView, File, OfferedFile, Person
    from sealdrop.pins import TemporaryKey
    from sealdrop.retry import Retry
    from sealdrop.saving import Incomplete, SavedFile
    from sealdrop.transfers import Encryption, Performed, PerformedFile
    from sealdrop.user_models import Account, NewToken, Token, User
    from sealdrop.webhook_models import Delivery, NewWebhook, Webhook

__all__ = [
    "Account",
    "ApiError",
    "BadAnswer",
    "Busy",
    "ChainEnd",
    "Client",
    "Delivery",
    "Download",
    "DownloadKey",
    "DownloadView",
    "Encryption",
    "Event",
    "File",
    "FileChanged",
    "Gone",
    "InboxMail",
    "Incomplete",
    "LocalFileError",
    "LostAnswer",
    "Mail",
    "MailFile",
    "NewToken",
    "NewWebhook",
    "NotAllowed",
    "NotAuthentic",
    "NotFound",
    "OfferedFile",
    "Performed",
    "PerformedFile",
    "Person",
    "PinLocked",
    "PinRequired",
    "Retry",
    "SavedFile",
    "SealdropError",
    "StorageError",
    "TemporaryKey",
    "Token",
    "Unreachable",
    "UsageError",
    "User",
    "Verified",
    "Webhook",
    "WrongPin",
]
_HOMES = (
    "errors",
    "models",
    "mail_models",
    "user_models",
    "transfers",
    "retry",
    "pins",
    "saving",
    "client",
    "events",
    "webhook_models",
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("sealdrop")
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"sealdrop.{home}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
