"""Domain objects for tests: everything has a default, each test names what it is about."""

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.download import MANUAL_LIFETIME, Download
from chalicelib.domain.file import EncryptionMode, File, Status
from chalicelib.domain.ids import AccountId, DownloadId, FileId, UserId
from chalicelib.domain.people import Author
from chalicelib.services.create_file import NewFile
from chalicelib.services.create_user import NewUser, create_user
from tests.support.fakes import FakeWorld

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALICE = Author(name="Alice Archer", email="alice@example.com", timezone="Europe/Vienna")
ALICES = AccountId("a11ce000-0000-4000-8000-00000000000a")
BOBS = AccountId("b0b00000-0000-4000-8000-00000000000b")
ALICE_ID = UserId("a11ce000-0000-4000-8000-000000000001")
BOB_ID = UserId("b0b00000-0000-4000-8000-000000000002")


@dataclass(frozen=True)
class Caller:
    """A user with a token that may do everything."""

    token: ApiToken
    text: str

    @property
    def account_id(self) -> AccountId:
        return self.token.account_id


def enrol(world: FakeWorld, email: str, name: str, now: datetime = NOW) -> Caller:
    new = NewUser(email=email, name=name, timezone="UTC", account_id=None, account_name=None)
    _, issued = create_user(new, now, users=world.users)
    return Caller(issued.token, issued.text)


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
    }
    return NewFile(**fields | changes)


def verifying(world: FakeWorld) -> dict[str, Any]:
    """The ports of everything that ends in verify_upload."""
    return {
        "files": world.files,
        "objects": world.objects,
        "keys": world.keys,
        "authenticate": world.authenticate_header,
    }


def sweeping(world: FakeWorld) -> dict[str, Any]:
    """A sweep with all the time that it takes."""
    return {**verifying(world), "in_time": lambda: True}


def storing(world: FakeWorld) -> dict[str, Any]:
    return {"files": world.files, "objects": world.objects}


def performing(world: FakeWorld) -> dict[str, Any]:
    return {"downloads": world.downloads, "objects": world.objects, "keys": world.keys, "pool": world.pool}
