"""The environment, read once. Only bootstrap reads it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain.quota import Quota

DEFAULT_RATE_LIMIT = 300
DEFAULT_METRICS_NAMESPACE = "sealdrop"
DEFAULT_EVENTS_DAYS = 400  # a year's report can be written in the month after it
DEFAULT_QUOTA = Quota(stored_bytes=10 * 2**40, files=1_000_000, mails_a_day=10_000)


class MissingSetting(RuntimeError):
    """An environment variable is missing or unusable; the text names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    region: str
    metadata_table: str
    ratelimit_table: str
    search_table: str
    files_bucket: str
    data_key_arn: str
    pepper_key_arn: str  # of the HMAC key
    events_table: str
    events_key_arn: str  # of the HMAC key that signs the ends of the event chains
    events_days: int  # for so long is an event kept
    mail_queue_url: str
    webhook_queue_url: str
    mail_from: str  # the address that notifications come from
    mail_configuration_set: str | None  # SES's; without it no bounce is heard of
    rate_limit: int  # requests a full bucket holds; as many come back in a minute
    pages_url: str | None = None  # a mail's link leads there. OnMail alone is told (infra/web.yaml)
    edge_secret: str | None = None  # who shows it is our CDN. None: there is none
    metrics_namespace: str = DEFAULT_METRICS_NAMESPACE  # of this deployment alone: stages may share an account
    quota: Quota = DEFAULT_QUOTA  # of accounts that have none of their own
    webhooks_to_loopback: bool = False  # on one machine alone: no template sets it

    @property
    def web_url(self) -> str:
        """Raises MissingSetting in a function that is not told."""
        if self.pages_url is None:
            raise MissingSetting("The environment variable WEB_URL is not set.")
        return self.pages_url


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises MissingSetting."""
    return Settings(
        region=environment.get("AWS_REGION") or _required(environment, "AWS_DEFAULT_REGION"),
        metadata_table=_required(environment, "METADATA_TABLE"),
        ratelimit_table=_required(environment, "RATE_LIMIT_TABLE"),
        search_table=_required(environment, "SEARCH_TABLE"),
        files_bucket=_required(environment, "FILES_BUCKET"),
        data_key_arn=_required(environment, "DATA_KEY_ARN"),
        pepper_key_arn=_required(environment, "PEPPER_KEY_ARN"),
        events_table=_required(environment, "EVENTS_TABLE"),
        events_key_arn=_required(environment, "EVENTS_KEY_ARN"),
        events_days=_positive(environment, "EVENTS_DAYS", DEFAULT_EVENTS_DAYS),
        mail_queue_url=_required(environment, "MAIL_QUEUE_URL"),
        webhook_queue_url=_required(environment, "WEBHOOK_QUEUE_URL"),
        mail_from=_required(environment, "MAIL_FROM"),
        mail_configuration_set=environment.get("MAIL_CONFIGURATION_SET") or None,
        rate_limit=_positive(environment, "RATE_LIMIT", DEFAULT_RATE_LIMIT),
        pages_url=environment.get("WEB_URL") or None,
        edge_secret=environment.get("EDGE_SECRET") or None,
        metrics_namespace=environment.get("METRICS_NAMESPACE") or DEFAULT_METRICS_NAMESPACE,
        quota=read_quota(environment),
        webhooks_to_loopback=environment.get("WEBHOOKS_TO_LOOPBACK") == "yes",
    )


def read_quota(environment: Mapping[str, str] = os.environ) -> Quota:
    """Raises MissingSetting."""
    return Quota(
        stored_bytes=_positive(environment, "QUOTA_BYTES", DEFAULT_QUOTA.stored_bytes),
        files=_positive(environment, "QUOTA_FILES", DEFAULT_QUOTA.files),
        mails_a_day=_positive(environment, "QUOTA_MAILS_A_DAY", DEFAULT_QUOTA.mails_a_day),
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
