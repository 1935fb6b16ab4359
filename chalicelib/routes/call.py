"""One request on its way through endpoint.py, and the log line it leaves behind."""

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chalice.app import Request

from chalicelib.bootstrap import World, world
from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.rate_limit import MICROSECONDS, RateLimit, address_key
from chalicelib.logs import Metric, log_with_metrics


@dataclass
class Call:
    """One request on its way: what views read, and what the log line will say."""

    request: Request
    world: World
    now: datetime
    started: float
    limit: RateLimit
    caller: ApiToken | None = None
    limiter_failed: bool = False
    noting_use: "Future[None] | None" = None  # the hourly write of the token's last use, beside the handler
    code: str | None = None
    reason: str | None = None
    trouble: Mapping[str, str] = field(default_factory=dict)

    @property
    def token(self) -> ApiToken:
        if self.caller is None:
            raise AssertionError("a public route has no token")
        return self.caller

    @property
    def request_id(self) -> str:
        return str(self.request.context["requestId"])

    @property
    def address(self) -> str:
        """Of API Gateway's own making, never a header."""
        return address_key(self.request.context["identity"]["sourceIp"])

    @property
    def now_us(self) -> int:
        return int(self.now.timestamp() * MICROSECONDS)


def begin(request: Request) -> Call:
    here = world()
    capacity = here.settings.rate_limit
    now = datetime.now(UTC)
    unknown = RateLimit(True, capacity, capacity, int(now.timestamp() * MICROSECONDS))
    return Call(request, here, now, time.perf_counter(), unknown)


def log_call(call: Call, status: int) -> None:
    request = call.request
    latency_ms = round((time.perf_counter() - call.started) * 1000, 2)
    metrics: list[Metric] = [("Requests", 1, "Count"), ("Latency", latency_ms, "Milliseconds")]
    if status >= 500:
        metrics.append(("ServerErrors", 1, "Count"))
    if status == 429:
        metrics.append(("RateLimited", 1, "Count"))
    if call.limiter_failed:
        metrics.append(("LimiterFailures", 1, "Count"))
    log_with_metrics(
        "request",
        metrics,
        ("route", f"{request.method} {request.context['resourcePath']}"),  # the template: paths can hold keys
        request_id=call.request_id,
        status=status,
        account=call.caller.account_id if call.caller else None,
        token=call.caller.id if call.caller else None,
        code=call.code,
        reason=call.reason,
        **call.trouble,
    )
