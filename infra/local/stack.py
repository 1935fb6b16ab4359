"""Start and stop the parts of the stack. `emulated_aws` is AWS alone; `local_stack` has the app in front of it."""

import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from chalice.app import Chalice
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data

from chalicelib.settings import DEFAULT_RATE_LIMIT
from infra import template
from infra.local import moto_dynamodb, moto_pace, shared_loader
from infra.local.apply import Applied, apply
from infra.local.edge import Edge
from infra.local.functions import Functions
from infra.local.gateway import STAGE, Gateway
from infra.local.gateway_responses import GatewayResponses
from infra.local.http_server import Bound, serving
from infra.local.invocations import Invocations
from infra.local.pump import QueuePump, Ticker, queue_sources, running
from infra.local.resources import Clients
from infra.local.s3 import moto_model
from infra.local.shortcut import shortcut
from infra.local.site import Site
from infra.local.stream_pump import StreamPump, StreamSource, stream_sources
from infra.local.users import SeededUser, seed
from infra.pages import ALL, DOCS

REGION = "eu-west-1"
ACCESS_KEY_ID = SECRET_ACCESS_KEY = "testing"  # noqa: S105 - the emulator's only credentials
MAIL_FROM = "sealdrop@example.com"

_LEAKS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3")

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class EmulatedAws:
    """AWS on this machine, with the resources of infra/template.yaml."""

    endpoint_url: str
    region: str
    bucket: str
    metadata_table: str
    ratelimit_table: str
    search_table: str
    kms_key_arn: str
    pepper_key_arn: str
    queue_url: str
    queue_arn: str
    dead_letters_url: str
    mail_queue_url: str
    mail_queue_arn: str
    mail_dead_letters_url: str
    outbox: Path  # .eml files that SES sent
    env: Mapping[str, str]  # what the Lambda functions find in their environment
    overrides: Mapping[str, Any]  # the resources of overrides.yaml, every intrinsic resolved
    clients: Clients  # boto3 clients by service name
    applied: Applied
    invocations: Invocations  # of the app's functions, once there is an app

    @property
    def queue_urls(self) -> dict[str, str]:
        """Of the queues that functions take from, by ARN."""
        outputs = self.applied.outputs
        return {outputs[f"{name}QueueArn"]: outputs[f"{name}QueueUrl"] for name in ("Upload", "Mail", "Webhook")}


@dataclass(frozen=True)
class LocalStack:
    aws: EmulatedAws
    api_url: str
    web_url: str
    docs_url: str
    users: list[SeededUser]


@contextmanager
def emulated_aws(
    port: int = 0, rate_limit: int = DEFAULT_RATE_LIMIT, web_url: str = "http://127.0.0.1:8080/"
) -> Iterator[EmulatedAws]:
    """moto behind the strict edge. Its state is the process's, so there is one at a time; it starts empty."""
    with tempfile.TemporaryDirectory(prefix="sealdrop-outbox-") as folder:
        outbox = Path(folder)
        with _emulated(port, outbox) as (clients, invocations):
            applied = apply(clients, given={"MailFrom": MAIL_FROM})
            yield _describe(clients, applied, invocations, outbox, rate_limit, web_url)


@contextmanager
def _emulated(port: int, outbox: Path) -> Iterator[tuple[Clients, Invocations]]:
    if not _one_at_a_time.acquire(blocking=False):
        raise RuntimeError("this process emulates AWS already: moto keeps its state in the process")
    try:
        moto_model.install()
        moto_dynamodb.install()
        moto_pace.install()
        shared_loader.install()
        _forget_everything()
        invocations = Invocations()
        edge = Edge({ACCESS_KEY_ID: SECRET_ACCESS_KEY}, REGION, invocations, outbox)
        with serving(edge, port) as server, shortcut(server.url, edge):
            clients = Clients(server.url, REGION)
            try:
                yield clients, invocations
            finally:
                clients.close()
    finally:
        _forget_everything()
        _one_at_a_time.release()


@contextmanager
def local_stack(
    server: Bound, rate_limit: int = DEFAULT_RATE_LIMIT, app: Chalice | None = None
) -> Iterator[LocalStack]:
    """The whole service in this process, whose environment it changes, answering on `server`."""
    web_url = f"{server.url}/"
    with emulated_aws(rate_limit=rate_limit, web_url=web_url) as aws:
        for name in _LEAKS:  # a developer's own settings must not reach the app
            os.environ.pop(name, None)
        os.environ.update(aws.env)
        functions = Functions(app or _the_app())
        aws.invocations.serve(functions, aws.overrides)
        site = Site(Gateway(functions, GatewayResponses.of()), ALL)
        with server.serving(site), running(_workers(functions, aws)):
            docs_url = f"{server.url}{DOCS.path}/"
            yield LocalStack(aws, f"{server.url}/{STAGE}", web_url, docs_url, seed(functions))


def _the_app() -> Chalice:
    import app  # after the environment is set, as in Lambda

    return app.app


def _workers(functions: Functions, aws: EmulatedAws) -> list[Any]:
    sources = queue_sources(functions.app, aws.overrides, aws.queue_urls.__getitem__)
    pumps = [QueuePump(source, aws.clients("sqs"), functions, aws.region).run for source in sources]
    streams = [_stream_pump(source, functions, aws).run for source in stream_sources(functions.app, aws.overrides)]
    return [*pumps, *streams, Ticker(functions, aws.region).run]


def _stream_pump(source: StreamSource, functions: Functions, aws: EmulatedAws) -> StreamPump:
    queue = source.dead_letters_arn.rpartition(":")[2]
    url = aws.clients("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
    bury = partial(aws.clients("sqs").send_message, QueueUrl=url)
    return StreamPump(source, aws.clients("dynamodbstreams"), lambda text: bury(MessageBody=text), functions)


def _describe(
    clients: Clients, applied: Applied, invocations: Invocations, outbox: Path, rate_limit: int, web_url: str
) -> EmulatedAws:
    outputs = applied.outputs
    overrides = _overrides(applied, {"RateLimit": str(rate_limit)})
    variables = overrides["APIHandler"]["Properties"]["Environment"]["Variables"]
    env = {
        "AWS_ENDPOINT_URL": clients.endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "WEB_URL": web_url,
        "WEBHOOKS_TO_LOOPBACK": "yes",  # receivers of one's own; no template sets it
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    return EmulatedAws(
        endpoint_url=clients.endpoint_url,
        region=REGION,
        bucket=outputs["FilesBucketName"],
        metadata_table=outputs["MetadataTableName"],
        ratelimit_table=outputs["RateLimitTableName"],
        search_table=outputs["SearchTableName"],
        kms_key_arn=outputs["DataKeyArn"],
        pepper_key_arn=outputs["PepperKeyArn"],
        queue_url=outputs["UploadQueueUrl"],
        queue_arn=outputs["UploadQueueArn"],
        dead_letters_url=outputs["UploadDeadLettersUrl"],
        mail_queue_url=outputs["MailQueueUrl"],
        mail_queue_arn=outputs["MailQueueArn"],
        mail_dead_letters_url=outputs["MailDeadLettersUrl"],
        outbox=outbox,
        env=env | {name: str(value) for name, value in variables.items()},
        overrides=overrides,
        clients=clients,
        applied=applied,
        invocations=invocations,
    )


def _overrides(applied: Applied, parameters: Mapping[str, str]) -> dict[str, Any]:
    """overrides.yaml over the made resources; the API is not one of them here."""
    source = template.load(template.OVERRIDES)
    given = template.parameters(source, parameters)
    names = template.Names({**applied.names.refs, **given, "RestAPI": "local"}, applied.names.attributes)
    resolved: dict[str, Any] = names.resolve(source["Resources"])
    return resolved


def _forget_everything() -> None:
    BackendDict.reset()
    reset_model_data()
