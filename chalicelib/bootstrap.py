"""The only place that reads the settings, builds AWS clients and joins them to the adapters, each on first use.

boto3 and the adapters are imported inside the functions: importing `app` must load neither (tests say so).
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from chalicelib.ports import (
    DownloadStore,
    FileStore,
    HeaderAuthenticator,
    KeyService,
    Limiter,
    ObjectStore,
    TokenStore,
    UserStore,
)
from chalicelib.settings import Settings, read_settings

if TYPE_CHECKING:
    from chalicelib.adapters.dynamo_table import MetadataTable

T = TypeVar("T")

POOL_THREADS = 16  # the parallel calls of one request: limiter beside token, KMS for several files


class _Once(Generic[T]):
    """A lazily made attribute, made once even when threads race for it."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make, self._lock = make, threading.RLock()

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> T:
        with self._lock:
            if self._name not in instance.__dict__:
                instance.__dict__[self._name] = self._make(instance)
        return cast(T, instance.__dict__[self._name])


class World:
    """The ports, wired to AWS. Tests hand in one of their own with `use`."""

    @_Once
    def settings(self) -> Settings:
        return read_settings()

    @_Once
    def pool(self) -> Executor:
        return ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="aws")

    @_Once
    def limiter(self) -> Limiter:
        from chalicelib.adapters.dynamo_limiter import DynamoLimiter
        from chalicelib.domain.rate_limit import BucketRule

        return DynamoLimiter(
            self._client("dynamodb"), self.settings.ratelimit_table, BucketRule(self.settings.rate_limit)
        )

    @_Once
    def tokens(self) -> TokenStore:
        from chalicelib.adapters.dynamo_people import DynamoTokens

        return DynamoTokens(self._table)

    @_Once
    def users(self) -> UserStore:
        from chalicelib.adapters.dynamo_people import DynamoUsers

        return DynamoUsers(self._table)

    @_Once
    def files(self) -> FileStore:
        from chalicelib.adapters.dynamo_files import DynamoFiles

        return DynamoFiles(self._table)

    @_Once
    def downloads(self) -> DownloadStore:
        from chalicelib.adapters.dynamo_downloads import DynamoDownloads

        return DynamoDownloads(self._table)

    @_Once
    def objects(self) -> ObjectStore:
        from chalicelib.adapters.s3_objects import S3Objects

        return S3Objects(self._client("s3"), self.settings.files_bucket)

    @_Once
    def keys(self) -> KeyService:
        from chalicelib.adapters.kms_keys import KmsKeys

        return KmsKeys(self._client("kms"), self.settings.data_key_arn)

    @_Once
    def authenticate_header(self) -> HeaderAuthenticator:
        from chalicelib.adapters.header_check import header_is_authentic

        return header_is_authentic

    @_Once
    def _table(self) -> "MetadataTable":
        from chalicelib.adapters.dynamo_table import MetadataTable

        return MetadataTable(self._client("dynamodb"), self.settings.metadata_table)

    @_Once
    def _clients(self) -> dict[str, Any]:
        return {}

    @_Once
    def _session(self) -> Any:
        import boto3

        return boto3.Session(region_name=self.settings.region)

    def _client(self, service: str) -> Any:
        """One client a service. Making clients is not thread-safe in boto3, using them is."""
        from botocore.config import Config

        with _client_lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,
                    config=Config(
                        signature_version="s3v4" if service == "s3" else None,
                        s3={"addressing_style": "virtual"},
                        retries={"mode": "standard", "total_max_attempts": 3},
                        connect_timeout=2,
                        read_timeout=25 if service == "s3" else 5,  # S3's Complete of many parts takes long
                        max_pool_connections=POOL_THREADS * 4,
                    ),
                )
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
