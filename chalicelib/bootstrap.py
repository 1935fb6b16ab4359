"""The only place that reads the settings, builds AWS clients and joins them to the adapters, each on first use.

boto3 and the adapters are imported inside the functions: importing `app` must load neither (tests say so).
"""

import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from chalicelib.domain.act import Act
from chalicelib.once import Once, OncePerAct
from chalicelib.ports import (
    BodySealer,
    CategoryStore,
    ChangeReader,
    Consumer,
    DownloadStore,
    EventReader,
    EventStore,
    FileStore,
    HeaderAuthenticator,
    HeadSigner,
    InboxStore,
    KeyService,
    Limiter,
    MacService,
    Mailer,
    MailQueue,
    MailStore,
    NoteStore,
    ObjectStore,
    PinHasher,
    PinTries,
    TemporaryKeyStore,
    TokenStore,
    UserStore,
)
from chalicelib.settings import Settings, read_settings

if TYPE_CHECKING:
    from chalicelib.adapters.dynamo_postings import SearchTable
    from chalicelib.adapters.dynamo_table import MetadataTable

POOL_THREADS = 16  # the parallel calls of one request: limiter beside token, KMS for several files


class World:
    """The ports, wired to AWS. Tests hand in one of their own with `use`."""

    _whole: "World | None" = None
    _act: Act | None = None

    @property
    def whole(self) -> "World":
        """Where that is made which all acts share."""
        return self._whole or self

    def acting(self, act: Act) -> "World":
        """The same world for one act: what is written through it carries who writes."""
        bound = World()
        bound._whole, bound._act = self.whole, act
        return bound

    @Once
    def settings(self) -> Settings:
        return read_settings()

    @Once
    def pool(self) -> Executor:
        return ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="aws")

    @Once
    def limiter(self) -> Limiter:
        from chalicelib.adapters.dynamo_limiter import DynamoLimiter
        from chalicelib.domain.rate_limit import BucketRule

        return DynamoLimiter(
            self._client("dynamodb"), self.settings.ratelimit_table, BucketRule(self.settings.rate_limit)
        )

    @OncePerAct
    def tokens(self) -> TokenStore:
        from chalicelib.adapters.dynamo_people import DynamoTokens

        return DynamoTokens(self._table)

    @OncePerAct
    def users(self) -> UserStore:
        from chalicelib.adapters.dynamo_people import DynamoUsers

        return DynamoUsers(self._table)

    @OncePerAct
    def files(self) -> FileStore:
        from chalicelib.adapters.dynamo_files import DynamoFiles

        return DynamoFiles(self._table, self._postings)

    @Once
    def categories(self) -> CategoryStore:
        from chalicelib.adapters.dynamo_categories import DynamoCategories

        return DynamoCategories(self._table)

    @OncePerAct
    def downloads(self) -> DownloadStore:
        from chalicelib.adapters.dynamo_downloads import DynamoDownloads

        return DynamoDownloads(self._table)

    @Once
    def objects(self) -> ObjectStore:
        from chalicelib.adapters.s3_objects import S3Objects

        return S3Objects(self._client("s3"), self.settings.files_bucket)

    @Once
    def keys(self) -> KeyService:
        from chalicelib.adapters.kms_keys import KmsKeys

        return KmsKeys(self._client("kms"), self.settings.data_key_arn)

    @Once
    def macs(self) -> MacService:
        from chalicelib.adapters.kms_macs import KmsMacs

        return KmsMacs(self._client("kms"), self.settings.pepper_key_arn)

    @Once
    def cursor_key(self) -> bytes:
        from chalicelib.domain.cursor import KEY_LABEL

        return self.macs.derive(KEY_LABEL)

    @Once
    def mails(self) -> MailStore:
        from chalicelib.adapters.dynamo_mails import DynamoMails

        return DynamoMails(self._table, self._postings)

    @Once
    def inbox(self) -> InboxStore:
        from chalicelib.adapters.dynamo_inbox import DynamoInbox

        return DynamoInbox(self._table, self._postings)

    @Once
    def bodies(self) -> BodySealer:
        from chalicelib.adapters.sealed_bodies import SealedBodies

        return SealedBodies(self._client("kms"), self.settings.data_key_arn)

    @Once
    def mail_queue(self) -> MailQueue:
        from chalicelib.adapters.sqs_mail_queue import SqsMailQueue

        return SqsMailQueue(self._client("sqs"), self.settings.mail_queue_url)

    @Once
    def mailer(self) -> Mailer:
        from chalicelib.adapters.ses_mailer import SesMailer

        return SesMailer(self._client("sesv2"), self.settings.mail_from, self.settings.mail_configuration_set)

    @Once
    def pin_hasher(self) -> PinHasher:
        from chalicelib.adapters.kms_pins import KmsPinHasher

        return KmsPinHasher(self._client("kms"), self.settings.pepper_key_arn)

    @Once
    def pin_tries(self) -> PinTries:
        from chalicelib.adapters.dynamo_pins import DynamoPinTries

        return DynamoPinTries(self._table)

    @Once
    def temporary_keys(self) -> TemporaryKeyStore:
        from chalicelib.adapters.dynamo_temporary_keys import DynamoTemporaryKeys

        return DynamoTemporaryKeys(self._table)

    @Once
    def authenticate_header(self) -> HeaderAuthenticator:
        from chalicelib.adapters.header_check import header_is_authentic

        return header_is_authentic

    @OncePerAct
    def notes(self) -> NoteStore:
        from chalicelib.adapters.dynamo_notes import DynamoNotes

        return DynamoNotes(self._table)

    @Once
    def events(self) -> EventStore:
        from chalicelib.adapters.dynamo_events import DynamoEvents

        return DynamoEvents(self._client("dynamodb"), self.settings.events_table)

    @Once
    def read_events(self) -> EventReader:
        from chalicelib.adapters.event_rules import read_events

        return read_events

    @Once
    def sign_head(self) -> HeadSigner:
        from chalicelib.adapters.kms_macs import KmsMacs

        return KmsMacs(self._client("kms"), self.settings.events_key_arn).derive

    @Once
    def read_change(self) -> ChangeReader:
        from chalicelib.adapters.dynamo_changes import read_change

        return read_change

    @Once
    def follow_search(self) -> Consumer:
        return self._postings.follow

    @Once
    def _postings(self) -> "SearchTable":
        from chalicelib.adapters.dynamo_postings import SearchTable

        return SearchTable(self._client("dynamodb"), self.settings.search_table)

    @OncePerAct
    def _table(self) -> "MetadataTable":
        from chalicelib.adapters.dynamo_table import MetadataTable
        from chalicelib.adapters.dynamo_touch import touching

        client = self._client("dynamodb")
        return MetadataTable(touching(client, self._act) if self._act else client, self.settings.metadata_table)

    @Once
    def _clients(self) -> dict[str, Any]:
        return {}

    @Once
    def _session(self) -> Any:
        import boto3

        return boto3.Session(region_name=self.settings.region)

    def _client(self, service: str) -> Any:
        """One client a service."""
        from chalicelib.adapters.aws_clients import make_client

        with _client_lock:
            if service not in self._clients:
                self._clients[service] = make_client(self._session, service, POOL_THREADS * 4)
            return self._clients[service]


_client_lock = threading.Lock()
_world = World()


def world() -> World:
    return _world


def use(other: World) -> World:
    """Put another world in place and answer the one that was there."""
    global _world
    previous, _world = _world, other
    return previous
