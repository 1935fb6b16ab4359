"""What all ports are built from: the settings, the threads, the clients, and the table that knows who writes to it."""

import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

from chalicelib.domain.act import Act
from chalicelib.once import Once, OncePerAct
from chalicelib.settings import Settings, read_settings

if TYPE_CHECKING:
    from chalicelib.adapters.dynamo_creations import Creations
    from chalicelib.adapters.dynamo_postings import SearchTable
    from chalicelib.adapters.dynamo_table import MetadataTable

POOL_THREADS = 16  # the parallel calls of one request: limiter beside token, KMS for several files


_client_lock = threading.Lock()


class Aws:
    """Each thing is made on first use."""

    _whole: "Aws | None" = None
    _act: Act | None = None

    @property
    def whole(self) -> "Aws":
        """Where that is made which all acts share."""
        return self._whole or self

    def acting(self, act: Act) -> Self:
        """The same world for one act: what is written through it carries who writes."""
        bound = type(self)()
        bound._whole, bound._act = self.whole, act  # noqa: SLF001 - of its own kind
        return bound

    @Once
    def settings(self) -> Settings:
        return read_settings()

    @Once
    def pool(self) -> Executor:
        return ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="aws")

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

    @OncePerAct
    def _creations(self) -> "Creations":
        from chalicelib.adapters.dynamo_creations import Creations
        from chalicelib.adapters.dynamo_quotas import DynamoQuotas

        return Creations(self._table, DynamoQuotas(self._table, self.settings.quota))
