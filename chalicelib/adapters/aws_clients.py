"""How boto3's clients are made for the adapters. Making them is not thread-safe in boto3, using them is."""

from typing import Any

from botocore.config import Config

# S3's Complete of many parts takes long. What SES is asked twice it sends twice, so once has to be enough.
_READ_TIMEOUT_SECONDS = {"s3": 25, "sesv2": 20}
_ATTEMPTS = {"sesv2": 1}


def make_client(session: Any, service: str, connections: int) -> Any:
    config = Config(
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "virtual"},
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS.get(service, 3)},
        connect_timeout=2,
        read_timeout=_READ_TIMEOUT_SECONDS.get(service, 5),
        max_pool_connections=connections,
    )
    return session.client(service, config=config)
