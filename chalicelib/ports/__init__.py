"""What the services need from the world. Each method says what it raises and what is atomic about it.

Any method may raise `Busy`: AWS throttles or does not answer, and nothing is known about the effect.
"""

from chalicelib.ports.downloads import DownloadStore
from chalicelib.ports.files import FileStore, StaleRecord
from chalicelib.ports.keys import HeaderAuthenticator, KeyService, WrongContext
from chalicelib.ports.limiter import Limiter
from chalicelib.ports.objects import ObjectGone, ObjectStore, SignedRequest, StoredObject
from chalicelib.ports.people import TokenStore, UserStore

__all__ = [
    "DownloadStore",
    "FileStore",
    "HeaderAuthenticator",
    "KeyService",
    "Limiter",
    "ObjectGone",
    "ObjectStore",
    "SignedRequest",
    "StaleRecord",
    "StoredObject",
    "TokenStore",
    "UserStore",
    "WrongContext",
]
