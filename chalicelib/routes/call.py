"""One request on its way through endpoint.py, and the log line it leaves behind."""

import hmac
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chalice.app import Request

from chalicelib.bootstrap import World, world
from chalicelib.domain.act import Act, Actor
from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.claim import Claim
from chalicelib.domain.people import User
from chalicelib.domain.rate_limit import MICROSECONDS, RateLimit, address_key
from chalicelib.logs import Metric, log_with_metrics

EDGE_HEADER, VIEWER_HEADER = "x-sealdrop-edge", "x-sealdrop-viewer"  # set by the CDN alone (infra/web.yaml)
_METRIC_OF_CODE = {"rate_limited": "RateLimited", "pin_locked": "PinLockouts"}


@dataclass
class Call:
    """One request on its way: what views read, and what the log line will say."""

    request: Request
    world: World
    now: datetime
    started: float
    limit: RateLimit
    caller: ApiToken | None = None
    stranger: Actor = Actor.UNKNOWN  # what somebody is who shows no good token here
    calling_user: User | None = None  # where the route asks for it
    limiter_failed: bool = False
    noting_use: "Future[None] | None" = None  # the hourly write of the token's last use, beside the handler
    claim: Claim | None = None  # the request's Idempotency-Key, where it sent one and the route takes it
    replayed: bool = False  # the answer is what an earlier request with this key made
    code: str | None = None
    reason: str | None = None
    trouble: Mapping[str, str] = field(default_factory=dict)

    @property
    def token(self) -> ApiToken:
        if self.caller is None:
            raise AssertionError("a public route has no token")
        return self.caller

    @property
    def user(self) -> User:
        if self.calling_user is None:
            raise AssertionError("the route does not say with_user")
        return self.calling_user

    @property
    def request_id(self) -> str:
        return str(self.request.context["requestId"])

    @property
    def route(self) -> str:
        """Method and template: the path itself can hold keys."""
        return f"{self.request.method} {self.request.context['resourcePath']}"

    @property
    def ip(self) -> str:
        """Who connects, as API Gateway sees it; where that is our CDN, which shows a secret, who connects there."""
        connected = str(self.request.context["identity"]["sourceIp"])
        return str(self.request.headers[VIEWER_HEADER]) if self._comes_by_the_cdn() else connected

    def _comes_by_the_cdn(self) -> bool:
        secret, shown = self.world.settings.edge_secret, self.request.headers.get(EDGE_HEADER, "")
        return secret is not None and hmac.compare_digest(shown.encode(), secret.encode())

    @property
    def address(self) -> str:
        """The part of `ip` that the rate limit counts by."""
        return address_key(self.ip)

    @property
    def act(self) -> Act:
        """Whom the audit log names."""
        caller = self.caller
        return Act(
            actor=Actor.USER if caller else self.stranger,
            at=self.now,
            account_id=caller.account_id if caller else None,
            user_id=caller.user_id if caller else None,
            token_id=caller.id if caller else None,
            ip=self.ip,
            request_id=self.request_id,
        )

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
    latency_ms = round((time.perf_counter() - call.started) * 1000, 2)
    metrics: list[Metric] = [("Requests", 1, "Count"), ("Latency", latency_ms, "Milliseconds")]
    if status >= 500:
        metrics.append(("ServerErrors", 1, "Count"))
    if metric := _METRIC_OF_CODE.get(call.code or ""):
        metrics.append((metric, 1, "Count"))
    if call.limiter_failed:
        metrics.append(("LimiterFailures", 1, "Count"))
    log_with_metrics(
        call.world.settings.metrics_namespace,
        "request",
        metrics,
        ("route", call.route),
        request_id=call.request_id,
        status=status,
        account=call.caller.account_id if call.caller else None,
        token=call.caller.id if call.caller else None,
        replayed=call.replayed or None,
        code=call.code,
        reason=call.reason,
        **call.trouble,
    )
