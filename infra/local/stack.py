"""Start and stop the parts of the stack."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data

from infra.local import moto_s3
from infra.local.apply import Applied, apply
from infra.local.edge import Edge
from infra.local.http_server import serving
from infra.local.resources import Clients

REGION = "eu-west-1"
ACCESS_KEY_ID = SECRET_ACCESS_KEY = "testing"  # noqa: S105 (the emulator's only credentials)
DEFAULT_RATE_LIMIT = 300

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class EmulatedAws:
    """AWS on this machine, with the resources of infra/template.yaml."""

    endpoint_url: str
    region: str
    bucket: str
    metadata_table: str
    ratelimit_table: str
    kms_key_arn: str
    pepper_key_arn: str
    queue_url: str
    queue_arn: str
    dead_letters_url: str
    env: Mapping[str, str]  # what the Lambda functions find in their environment
    clients: Clients  # boto3 clients by service name
    applied: Applied


@contextmanager
def emulated_aws(port: int = 0, rate_limit: int = DEFAULT_RATE_LIMIT) -> Iterator[EmulatedAws]:
    """moto behind the strict edge. Its state is the process's, so there is one at a time; it starts empty."""
    if not _one_at_a_time.acquire(blocking=False):
        raise RuntimeError("this process emulates AWS already: moto keeps its state in the process")
    try:
        moto_s3.install()
        _forget_everything()
        with serving(Edge(), port) as server:
            clients = Clients(server.url, REGION)
            try:
                yield _describe(clients, apply(clients), rate_limit)
            finally:
                clients.close()
    finally:
        _forget_everything()
        _one_at_a_time.release()


def _describe(clients: Clients, applied: Applied, rate_limit: int) -> EmulatedAws:
    outputs = applied.outputs
    env = {
        "AWS_ENDPOINT_URL": clients.endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,  # a developer's own profile must not leak in
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "METADATA_TABLE": outputs["MetadataTableName"],
        "RATE_LIMIT_TABLE": outputs["RateLimitTableName"],
        "FILES_BUCKET": outputs["FilesBucketName"],
        "DATA_KEY_ARN": outputs["DataKeyArn"],
        "RATE_LIMIT": str(rate_limit),
    }
    return EmulatedAws(
        endpoint_url=clients.endpoint_url,
        region=REGION,
        bucket=outputs["FilesBucketName"],
        metadata_table=outputs["MetadataTableName"],
        ratelimit_table=outputs["RateLimitTableName"],
        kms_key_arn=outputs["DataKeyArn"],
        pepper_key_arn=outputs["PepperKeyArn"],
        queue_url=outputs["UploadQueueUrl"],
        queue_arn=outputs["UploadQueueArn"],
        dead_letters_url=outputs["UploadDeadLettersUrl"],
        env=env,
        clients=clients,
        applied=applied,
    )


def _forget_everything() -> None:
    BackendDict.reset()
    reset_model_data()
