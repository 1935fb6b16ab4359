"""The environment, read once. Only bootstrap reads it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_RATE_LIMIT = 300


class MissingSetting(RuntimeError):
    """An environment variable is missing or unusable; the text names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    region: str
    metadata_table: str
    ratelimit_table: str
    files_bucket: str
    data_key_arn: str
    rate_limit: int  # requests a full bucket holds; as many come back in a minute


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises MissingSetting."""
    return Settings(
        region=environment.get("AWS_REGION") or _required(environment, "AWS_DEFAULT_REGION"),
        metadata_table=_required(environment, "METADATA_TABLE"),
        ratelimit_table=_required(environment, "RATE_LIMIT_TABLE"),
        files_bucket=_required(environment, "FILES_BUCKET"),
        data_key_arn=_required(environment, "DATA_KEY_ARN"),
        rate_limit=_positive(environment, "RATE_LIMIT", DEFAULT_RATE_LIMIT),
    )


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise MissingSetting(f"The environment variable {name} is not set.")
    return value


def _positive(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise MissingSetting(f"The environment variable {name} is not a positive whole number: {text!r}.")
    return int(text)
