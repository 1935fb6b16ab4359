"""The ports of chalicelib/ports in memory, with their exact semantics: what is one write there is one lock here.

The behaviour suite in tests/integration runs the same tests on these and on the AWS adapters.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence, Set
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime
from itertools import zip_longest

from chalicelib.adapters.dynamo_changes import read_change
from chalicelib.adapters.event_rules import read_events
from chalicelib.adapters.header_check import header_is_authentic
from chalicelib.adapters.standard_webhooks import signed_headers
from chalicelib.bootstrap import World
from chalicelib.domain.act import Act
from chalicelib.domain.api_token import TOKEN_SORTS, ApiToken
from chalicelib.domain.category import CATEGORY_SORTS, MAX_CATEGORIES, Category
from chalicelib.domain.claim import Claim
from chalicelib.domain.download import Download, DownloadKey, Refused, may_spend
from chalicelib.domain.errors import Conflict, Gone
from chalicelib.domain.file import FILE_SORTS, File, Shelf, searched_texts
from chalicelib.domain.ids import AccountId, CategoryId, DownloadId, FileId, TokenId, UserId
from chalicelib.domain.page import NEWEST_FIRST, Order, Page, Position
from chalicelib.domain.people import Account, User, email_key
from chalicelib.domain.quota import Quota
from chalicelib.domain.rate_limit import BucketRule
from chalicelib.domain.search import search_text
from chalicelib.domain.secret import SecretHash
from chalicelib.domain.token_tree import TokenTree
from chalicelib.ports import Change, NameTaken, StaleRecord, TooManyCategories
from chalicelib.settings import DEFAULT_QUOTA, Settings
from tests.support.fake_aws import KEY_ARN, PEPPER_KEY_ARN, FakeKeys, FakeMacs, FakeObjects, S3Refusal, sha256_base64
from tests.support.fake_counts import FakeClaims, FakeQuotas
from tests.support.fake_events import FakeEvents, FakeNotes
from tests.support.fake_limiter import FakeLimiter, InlinePool
from tests.support.fake_mails import (
    CONFIGURATION_SET,
    MAIL_FROM,
    WEB_URL,
    FakeBodies,
    FakeInbox,
    FakeMailer,
    FakeMailQueue,
    FakeMails,
)
from tests.support.fake_pages import page_of
from tests.support.fake_pins import FakePinHasher, FakePinTries, FakeTemporaryKeys
from tests.support.fake_webhooks import FakeDeliveries, FakeReceiver, FakeWebhookQueue, FakeWebhooks
from tests.support.faults import Fake, port, raises

__all__ = [
    "FakeCategories",
    "FakeClaims",
    "FakeDownloads",
    "FakeEvents",
    "FakeFiles",
    "FakeKeys",
    "FakeLimiter",
    "FakeMacs",
    "FakeNotes",
    "FakeObjects",
    "FakePinHasher",
    "FakePinTries",
    "FakeQuotas",
    "FakeTemporaryKeys",
    "FakeTokens",
    "FakeUsers",
    "FakeWorld",
    "InlinePool",
    "S3Refusal",
    "raises",
    "sha256_base64",
]


class FakeFiles(Fake):
    def __init__(self, claims: FakeClaims | None = None, quotas: FakeQuotas | None = None) -> None:
        super().__init__()
        self.claims, self.quotas = claims or FakeClaims(), quotas or FakeQuotas()
        self.records: dict[FileId, File] = {}
        self.put_off_until: dict[FileId, datetime] = {}  # until the record is stored again
        self.tombstones: dict[FileId, datetime] = {}

    @port
    def add(self, file: File, claim: Claim | None = None) -> File:
        if file.id in self.records:
            raise RuntimeError(f"{file.id} is there already: ids are random")
        with self.claims.keeping(claim, file.id):
            self.quotas.charge(file.account_id, file.charge, file.created_at)
        self.records[file.id] = replace(file, revision=1)
        return self.records[file.id]

    @port
    def find(self, file_id: FileId) -> File | None:
        return self.records.get(file_id)

    @port
    def find_many(self, file_ids: Sequence[FileId]) -> list[File]:
        return [self.records[file_id] for file_id in file_ids if file_id in self.records]

    @port
    def list_of(
        self, account_id: AccountId, shelf: Shelf, order: Order, limit: int, after: Position | None
    ) -> Page[File]:
        rows = [file for file in self.records.values() if file.account_id == account_id and file.shelf is shelf]
        return page_of(rows, FILE_SORTS, order, limit, after)

    @port
    def search(
        self, account_id: AccountId, shelf: Shelf, keyword: str, order: Order, limit: int, after: Position | None
    ) -> Page[File]:
        rows = [file for file in self.records.values() if file.account_id == account_id and file.shelf is shelf]
        found = [file for file in rows if keyword in search_text(searched_texts(file))]
        return page_of(found, FILE_SORTS, order, limit, after)

    @port
    def save(self, file: File) -> File:
        standing = self.records.get(file.id)
        if standing is None or standing.revision != file.revision:
            raise StaleRecord
        self.put_off_until.pop(file.id, None)
        stored = replace(file, revision=file.revision + 1)
        if file.gives_quota_back:
            self.quotas.give_back(file.account_id, file.charge)
            stored = replace(stored, is_charged=False)
        self.records[file.id] = stored
        return stored

    @port
    def remove(self, file: File) -> None:
        standing = self.records.get(file.id)
        if standing is not None and standing.revision == file.revision:
            self.quotas.give_back(file.account_id, file.charge)
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


class FakeCategories(Fake):
    def __init__(self, claims: FakeClaims | None = None) -> None:
        super().__init__()
        self.claims = claims or FakeClaims()
        self.records: dict[CategoryId, Category] = {}

    @port
    def add(self, category: Category, claim: Claim | None = None) -> Category:
        with self.claims.keeping(claim, category.id):
            others = self._of(category.account_id)
            if any(other.unique_name == category.unique_name for other in others):
                raise NameTaken
            if len(others) >= MAX_CATEGORIES:
                raise TooManyCategories
            return self._put(category)

    @port
    def find(self, category_id: CategoryId) -> Category | None:
        return self.records.get(category_id)

    @port
    def find_many(self, category_ids: Collection[CategoryId]) -> Sequence[Category]:
        return [self.records[category_id] for category_id in category_ids if category_id in self.records]

    @port
    def list_of(self, account_id: AccountId, order: Order, limit: int, after: Position | None) -> Page[Category]:
        return page_of(self._of(account_id), CATEGORY_SORTS, order, limit, after)

    @port
    def save(self, category: Category, read: Category) -> Category:
        if self.records.get(category.id) != read:
            raise StaleRecord
        others = [other for other in self._of(category.account_id) if other.id != category.id]
        if any(other.unique_name == category.unique_name for other in others):
            raise NameTaken
        return self._put(category)

    @port
    def remove(self, category: Category, now: datetime) -> None:  # noqa: ARG002 - the record goes at once
        if self.records.get(category.id) != category:
            raise StaleRecord
        del self.records[category.id]

    def _of(self, account_id: AccountId) -> list[Category]:
        return [category for category in self.records.values() if category.account_id == account_id]

    def _put(self, category: Category) -> Category:
        self.records[category.id] = replace(category, revision=category.revision + 1)
        return self.records[category.id]


class FakeTokens(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.records: dict[TokenId, ApiToken] = {}
        self.trees: dict[UserId, TokenTree] = defaultdict(TokenTree)
        self.users: dict[UserId, User] = {}  # FakeUsers' own

    @port
    def add(self, token: ApiToken) -> None:
        if token.id in self.records:
            raise RuntimeError(f"{token.id} is there already: secrets are random")
        user = self.users.get(token.user_id)
        tree = self.trees[token.user_id].with_token(token, token.created_at)
        if user and user.author != token.author:
            raise Conflict
        self.trees[token.user_id] = tree
        self.records[token.id] = token

    @port
    def find(self, secret_hash: SecretHash) -> ApiToken | None:
        return next((token for token in self.records.values() if token.secret_hash == secret_hash), None)

    @port
    def list_of(self, user_id: UserId, limit: int, after: Position | None) -> Page[ApiToken]:
        mine = [token for token in self.records.values() if token.user_id == user_id]
        return page_of(mine, TOKEN_SORTS, NEWEST_FIRST, limit, after)

    @port
    def find_own(self, token_id: TokenId, user_id: UserId) -> ApiToken | None:
        token = self.records.get(token_id)
        return token if token and token.user_id == user_id else None

    @port
    def revoke(
        self,
        token_id: TokenId,
        user_id: UserId,
        now: datetime,  # noqa: ARG002 - nothing to tidy here
        spared: TokenId | None = None,
    ) -> bool:
        standing = self.records.get(token_id)
        if standing is None or standing.user_id != user_id:
            return False
        self.trees[user_id], ended = self.trees[user_id].without(token_id, spared)
        self._remove(ended)
        return True

    @port
    def revoke_all(self, user_id: UserId, now: datetime) -> frozenset[TokenId]:  # noqa: ARG002 - nothing to tidy here
        self.trees[user_id], ended = self.trees[user_id].cleared()
        standing = ended & self.records.keys()
        self._remove(ended)
        return standing

    def _remove(self, ended: Set[TokenId]) -> None:
        self.records = {held: token for held, token in self.records.items() if held not in ended}

    @port
    def note_use(self, secret_hash: SecretHash, at: datetime) -> None:
        for token_id, token in self.records.items():
            if token.secret_hash == secret_hash:
                self.records[token_id] = replace(token, last_used_at=at)

    @port
    def copy_author(self, user: User) -> None:
        if self.users.get(user.id, user).author != user.author:
            return
        for token_id, token in self.records.items():
            if token.user_id == user.id:
                self.records[token_id] = replace(token, author=user.author)


class FakeUsers(Fake):
    def __init__(self, tokens: FakeTokens | None = None) -> None:
        super().__init__()
        self.tokens = tokens or FakeTokens()
        self.users = self.tokens.users
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
    def save(self, before: User, after: User) -> User:
        standing = self.users.get(before.id)
        if standing is None:
            raise Conflict
        changes = {name: getattr(after, name) for name in ("name", "timezone", "pin")}
        changes = {name: value for name, value in changes.items() if value != getattr(before, name)}
        if "pin" in changes and _version(standing) != _version(before):
            raise Conflict
        self.users[before.id] = replace(standing, **changes)
        return self.users[before.id]

    @port
    def find_by_email(self, email: str) -> UserId | None:
        return self.addresses.get(email_key(email))

    @port
    def find_account(self, account_id: AccountId) -> Account | None:
        return self.accounts.get(account_id)


class FakeDownloads(Fake):
    def __init__(self, files: FakeFiles | None = None) -> None:
        super().__init__()
        self.files = files or FakeFiles()
        self.claims = self.files.claims
        self.records: dict[DownloadId, Download] = {}
        self.keys: dict[SecretHash, DownloadKey] = {}

    @port
    def add(self, download: Download, claim: Claim | None = None) -> None:
        if download.id in self.records:
            raise RuntimeError(f"{download.id} is there already: ids are random")
        with self.claims.keeping(claim, download.id):
            self.records[download.id] = download

    @port
    def find(self, download_id: DownloadId) -> Download | None:
        return self.records.get(download_id)

    @port
    def add_many(self, downloads: Sequence[Download]) -> None:
        for download in downloads:
            self.records[download.id] = download

    @port
    def find_many(self, download_ids: Sequence[DownloadId]) -> list[Download]:
        return [self.records[each] for each in download_ids if each in self.records]

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
        change = {"link_hash": key.key_hash} if key.is_link else {"key_hash": key.key_hash}
        self.records[download.id] = replace(standing, **change)
        self.keys[key.key_hash] = key

    @port
    def revoke(self, download_id: DownloadId, now: datetime) -> None:
        standing = self.records.get(download_id)
        if standing and standing.revoked_at is None:
            self.records[download_id] = replace(standing, revoked_at=now)

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

    def __init__(self, *, rate_limit: int = 300, pool: Executor | None = None, quota: Quota = DEFAULT_QUOTA) -> None:
        self.settings = Settings(
            region="eu-west-1",
            metadata_table="metadata",
            ratelimit_table="ratelimit",
            files_bucket="bucket",
            data_key_arn=KEY_ARN,
            pepper_key_arn=PEPPER_KEY_ARN,
            events_table="events",
            events_key_arn=PEPPER_KEY_ARN,
            events_days=400,
            search_table="search",
            mail_queue_url="https://sqs.test/mail",
            webhook_queue_url="https://sqs.test/webhook",
            mail_from=MAIL_FROM,
            mail_configuration_set=CONFIGURATION_SET,
            pages_url=WEB_URL,
            rate_limit=rate_limit,
            quota=quota,
        )
        self.pool = pool or InlinePool()
        self.limiter = FakeLimiter(BucketRule(rate_limit))
        self.tokens = FakeTokens()
        self.users = FakeUsers(self.tokens)
        self.claims, self.quotas = FakeClaims(), FakeQuotas(self.settings.quota)
        self.files = FakeFiles(self.claims, self.quotas)
        self.categories = FakeCategories(self.claims)
        self.downloads = FakeDownloads(self.files)
        self.objects = FakeObjects()
        self.keys = FakeKeys()
        self.macs = FakeMacs()
        self.inbox = FakeInbox()
        self.mails = FakeMails(self.downloads, self.inbox, self.claims, self.quotas)
        self.bodies = FakeBodies()
        self.mail_queue = FakeMailQueue()
        self.mailer = FakeMailer()
        self.authenticate_header = header_is_authentic
        self.read_change = read_change
        self.pin_hasher = FakePinHasher()
        self.pin_tries = FakePinTries(self.users.users, self.downloads.records)
        self.temporary_keys = FakeTemporaryKeys()
        self.follow_search = follow_nothing
        self.webhooks, self.deliveries = FakeWebhooks(), FakeDeliveries()
        self.webhook_queue, self.send_webhook = FakeWebhookQueue(), FakeReceiver()
        self.sign_webhook = signed_headers
        self.notes = FakeNotes()
        self.events = FakeEvents()
        self.read_events = read_events
        self.sign_head = self.macs.derive
        self.acts: list[Act] = []  # of all that was done here, the latest last

    def acting(self, act: Act) -> World:
        self.acts.append(act)
        return self


def follow_nothing(changes: Sequence[Change]) -> None:
    """The fakes search their records themselves."""


def _version(user: User) -> str | None:
    return user.pin.version if user.pin else None
