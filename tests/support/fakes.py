"""The ports of chalicelib/ports in memory, with their exact semantics: what is one write there is one lock here.

The behaviour suite in tests/integration runs the same tests on these and on the AWS adapters.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import zip_longest
from typing import TypeVar

from chalicelib.adapters.header_check import header_is_authentic
from chalicelib.bootstrap import World
from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.download import Download, DownloadKey, Refused, may_spend
from chalicelib.domain.errors import Conflict, Gone
from chalicelib.domain.file import File, Shelf
from chalicelib.domain.ids import AccountId, DownloadId, FileId, TokenId, UserId
from chalicelib.domain.page import Page, Position
from chalicelib.domain.people import Account, User, email_key
from chalicelib.domain.rate_limit import BucketRule
from chalicelib.domain.secret import SecretHash
from chalicelib.domain.token_tree import TokenTree
from chalicelib.ports import StaleRecord
from chalicelib.settings import Settings
from tests.support.fake_aws import KEY_ARN, FakeKeys, FakeObjects, S3Refusal, sha256_base64
from tests.support.fake_limiter import FakeLimiter, InlinePool
from tests.support.faults import Fake, port, raises

__all__ = [
    "FakeDownloads",
    "FakeFiles",
    "FakeKeys",
    "FakeLimiter",
    "FakeObjects",
    "FakeTokens",
    "FakeUsers",
    "FakeWorld",
    "InlinePool",
    "S3Refusal",
    "raises",
    "sha256_base64",
]

Row = TypeVar("Row", ApiToken, File)


class FakeFiles(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.records: dict[FileId, File] = {}
        self.put_off_until: dict[FileId, datetime] = {}  # until the record is stored again
        self.tombstones: dict[FileId, datetime] = {}

    @port
    def add(self, file: File) -> File:
        if file.id in self.records:
            raise RuntimeError(f"{file.id} is there already: ids are random")
        self.records[file.id] = replace(file, revision=1)
        return self.records[file.id]

    @port
    def find(self, file_id: FileId) -> File | None:
        return self.records.get(file_id)

    @port
    def find_many(self, file_ids: Sequence[FileId]) -> list[File]:
        return [self.records[file_id] for file_id in file_ids if file_id in self.records]

    @port
    def list_of(self, account_id: AccountId, shelf: Shelf, limit: int, after: Position | None) -> Page[File]:
        rows = [file for file in self.records.values() if file.account_id == account_id and file.shelf is shelf]
        return _newest(rows, limit, after)

    @port
    def save(self, file: File) -> File:
        standing = self.records.get(file.id)
        if standing is None or standing.revision != file.revision:
            raise StaleRecord
        self.put_off_until.pop(file.id, None)
        self.records[file.id] = replace(file, revision=file.revision + 1)
        return self.records[file.id]

    @port
    def remove(self, file: File) -> None:
        standing = self.records.get(file.id)
        if standing is not None and standing.revision == file.revision:
            del self.records[file.id]

    @port
    def due(self, now: datetime) -> Iterator[FileId]:
        """In whole seconds and by shards, as the index has it. Decided at once: what happens next is not seen."""
        shards: dict[str, list[tuple[int, FileId]]] = defaultdict(list)
        records = [(file.id, self.put_off_until.get(file.id, file.due_at)) for file in self.records.values()]
        for file_id, due_at in (*records, *self.tombstones.items()):
            if due_at and int(due_at.timestamp()) <= int(now.timestamp()):
                shards[file_id[0]].append((int(due_at.timestamp()), file_id))
        turns = zip_longest(*(sorted(shards[shard]) for shard in sorted(shards)))
        return iter([entry[1] for turn in turns for entry in turn if entry])

    @port
    def put_off(self, file_id: FileId, until: datetime) -> None:
        file = self.records.get(file_id)
        due_at = file and self.put_off_until.get(file_id, file.due_at)
        if due_at and due_at < until:
            self.put_off_until[file_id] = until
        if file_id in self.tombstones:
            self.tombstones[file_id] = max(until, self.tombstones[file_id])

    @port
    def leave_tombstone(self, file_id: FileId, until: datetime) -> None:
        self.tombstones.setdefault(file_id, until)

    @port
    def remove_tombstone(self, file_id: FileId, now: datetime) -> None:
        standing = self.tombstones.get(file_id)
        if standing and int(standing.timestamp()) <= int(now.timestamp()):
            del self.tombstones[file_id]


class FakeTokens(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.records: dict[TokenId, ApiToken] = {}
        self.trees: dict[UserId, TokenTree] = defaultdict(TokenTree)

    @port
    def add(self, token: ApiToken) -> None:
        if token.id in self.records:
            raise RuntimeError(f"{token.id} is there already: secrets are random")
        self.trees[token.user_id] = self.trees[token.user_id].with_token(token, token.created_at)
        self.records[token.id] = token

    @port
    def find(self, secret_hash: SecretHash) -> ApiToken | None:
        return next((token for token in self.records.values() if token.secret_hash == secret_hash), None)

    @port
    def list_of(self, user_id: UserId, limit: int, after: Position | None) -> Page[ApiToken]:
        return _newest([token for token in self.records.values() if token.user_id == user_id], limit, after)

    @port
    def find_own(self, token_id: TokenId, user_id: UserId) -> ApiToken | None:
        token = self.records.get(token_id)
        return token if token and token.user_id == user_id else None

    @port
    def remove(self, token_id: TokenId, user_id: UserId, spared: TokenId | None = None) -> bool:
        standing = self.records.get(token_id)
        if standing is None or standing.user_id != user_id:
            return False
        self.trees[user_id], ended = self.trees[user_id].without(token_id, spared)
        self.records = {held: token for held, token in self.records.items() if held not in ended}
        return True

    @port
    def note_use(self, secret_hash: SecretHash, at: datetime) -> None:
        for token_id, token in self.records.items():
            if token.secret_hash == secret_hash:
                self.records[token_id] = replace(token, last_used_at=at)


class FakeUsers(Fake):
    def __init__(self, tokens: FakeTokens | None = None) -> None:
        super().__init__()
        self.tokens = tokens or FakeTokens()
        self.users: dict[UserId, User] = {}
        self.accounts: dict[AccountId, Account] = {}
        self.addresses: dict[str, UserId] = {}

    @port
    def add(self, user: User, new_account: Account | None, token: ApiToken) -> None:
        if email_key(user.email) in self.addresses:
            raise Conflict(f"There is a user with the address {user.email} already.")
        self.tokens.add(token)
        self.users[user.id] = user
        self.addresses[email_key(user.email)] = user.id
        if new_account:
            self.accounts[new_account.id] = new_account

    @port
    def find(self, user_id: UserId) -> User | None:
        return self.users.get(user_id)

    @port
    def find_account(self, account_id: AccountId) -> Account | None:
        return self.accounts.get(account_id)


class FakeDownloads(Fake):
    def __init__(self, files: FakeFiles | None = None) -> None:
        super().__init__()
        self.files = files or FakeFiles()
        self.records: dict[DownloadId, Download] = {}
        self.keys: dict[SecretHash, DownloadKey] = {}

    @port
    def add(self, download: Download) -> None:
        if download.id in self.records:
            raise RuntimeError(f"{download.id} is there already: ids are random")
        self.records[download.id] = download

    @port
    def find(self, download_id: DownloadId) -> Download | None:
        return self.records.get(download_id)

    @port
    def find_key(self, key_hash: SecretHash) -> DownloadKey | None:
        return self.keys.get(key_hash)

    @port
    def find_with_files(self, key: DownloadKey) -> tuple[Download | None, list[File]]:
        return self.records.get(key.download_id), self.files.find_many(key.file_ids)

    @port
    def make_key_current(self, download: Download, key: DownloadKey, now: datetime) -> None:
        standing = self.records.get(download.id)
        if standing is None or standing.revoked_at or standing.uses_left < 1 or standing.expires_at <= now:
            raise Gone(reason="not usable any more")
        self.records[download.id] = replace(standing, key_hash=key.key_hash)
        self.keys[key.key_hash] = key

    @port
    def spend(self, key: DownloadKey, session_hash: SecretHash, session_until: datetime, now: datetime) -> Download:
        standing = self.records.get(key.download_id)
        if standing is None:
            raise Gone(reason="forgotten")
        decision = may_spend(standing, key.key_hash, now)
        if isinstance(decision, Refused):
            raise Gone(reason=decision.reason)
        sessions = {**standing.sessions, session_hash: session_until}
        self.records[standing.id] = replace(standing, uses_left=standing.uses_left - 1, sessions=sessions)
        return self.records[standing.id]

    @port
    def give_back(self, key: DownloadKey, session_hash: SecretHash) -> None:
        standing = self.records.get(key.download_id)
        if standing is None or session_hash not in standing.sessions:
            return
        sessions = {session: until for session, until in standing.sessions.items() if session != session_hash}
        self.records[standing.id] = replace(standing, uses_left=standing.uses_left + 1, sessions=sessions)


class FakeWorld(World):
    """Put it in place with `bootstrap.use`."""

    def __init__(self, *, rate_limit: int = 300, pool: Executor | None = None) -> None:
        self.settings = Settings("eu-west-1", "metadata", "ratelimit", "bucket", KEY_ARN, rate_limit)
        self.pool = pool or InlinePool()
        self.limiter = FakeLimiter(BucketRule(rate_limit))
        self.tokens = FakeTokens()
        self.users = FakeUsers(self.tokens)
        self.files = FakeFiles()
        self.downloads = FakeDownloads(self.files)
        self.objects = FakeObjects()
        self.keys = FakeKeys()
        self.authenticate_header = header_is_authentic


def _newest(rows: Sequence[Row], limit: int, after: Position | None) -> Page[Row]:
    def place(row: Row) -> tuple[datetime, str]:
        return row.created_at.astimezone(UTC), row.id

    ordered = sorted(rows, key=place, reverse=True)
    if after:
        ordered = [row for row in ordered if place(row) < (after.created_at.astimezone(UTC), after.id)]
    page = ordered[:limit]
    return Page(page, Position(page[-1].created_at, page[-1].id) if len(ordered) > limit else None)
