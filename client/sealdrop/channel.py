"""One HTTP conversation with the API: the token, the retries, the error table."""

import json
import ssl
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from sealdrop import fields
from sealdrop.errors import (
    ApiError,
    BadAnswer,
    LostAnswer,
    PinLocked,
    SealdropError,
    Unreachable,
    Untrusted,
    UsageError,
    api_error,
)
from sealdrop.fields import Json
from sealdrop.http import API_TIMEOUT, api_base, proxied_pool
from sealdrop.retry import Retry, asked_seconds

CHECK_NAME = "Check SEALDROP_URL, or the link, for typing errors; and whether this machine has a network."
CHECK_PROXY = "Check HTTPS_PROXY; NO_PROXY names hosts that are reached without one."
MOST_ANSWER_BYTES = 16 << 20
THROTTLED = (429, 503)  # refused before anything was done, by the limiter or by AWS
NOT_ACCEPTED = "This token is mistyped, revoked or expired. Set another one in SEALDROP_TOKEN, or run: sealdrop login"
BROKEN = (500, 502, 504)  # it may have been done


class Channel:
    """Sends requests to one API address. Safe to use from several threads."""

    def __init__(self, url: str, token: str | None, retry: Retry) -> None:
        self.base = api_base(url)
        self._host = urlsplit(self.base).netloc
        self._token = None if token is None else api_token(token)
        self._retry = retry
        self._pool = proxied_pool(urlsplit(self.base), API_TIMEOUT, connections=8)

    def __repr__(self) -> str:
        return f"Channel({self.base!r})"

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
        public: bool = False,
        once: bool = False,
        repeatable: bool = True,
        patient: bool = True,
        races: bool = False,
    ) -> Json:
        """The answer as an object, empty for 204.

        `public` sends no token. With `once` every attempt carries one Idempotency-Key, so that whatever is made is made
        once, whichever answers are lost. A request that is not `repeatable` is sent again only where the service
        certainly did nothing: no connection came about, or it said that it is throttled. Without `patient` nothing is.
        Of a request that `races` with others of ours, a conflict (409) is a race lost, and it is sent again, too.

        Raises Unreachable, LostAnswer, BadAnswer and ApiError with its subclasses.
        """
        url = f"{self.base}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = self._headers(body, public=public, once=once)
        attempts = self._retry.attempts()
        lost = False  # whether an earlier attempt may have been carried out
        while True:
            try:
                return self._attempt(method, url, body, headers)
            except (Unreachable, ApiError) as error:
                if lost and method == "DELETE" and isinstance(error, ApiError) and error.status == 404:
                    return {}
                if isinstance(error, ApiError) and error.status == 401 and "authorization" in headers:
                    error.hint = NOT_ACCEPTED
                lost = lost or is_ambiguous(error)
                asked = error.retry_after_seconds if isinstance(error, ApiError) else None
                again = patient and (_worth_repeating(error, repeatable=repeatable) or (races and _is_race(error)))
                if not again or not attempts.wait(asked):
                    raise

    def _attempt(self, method: str, url: str, body: Json | None, headers: Mapping[str, str]) -> Json:
        try:
            response = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                redirect=False,  # a redirect would carry the token to wherever it points
                preload_content=False,
            )
            raw = response.read(MOST_ANSWER_BYTES + 1)
            response.release_conn()
        except HTTPError as error:
            raise connection_error(error, self._host) from None
        return _parse(response, raw)

    def _headers(self, body: Json | None, *, public: bool, once: bool) -> dict[str, str]:
        headers = {"accept": "application/json", "user-agent": "sealdrop-client"}
        if body is not None:
            headers["content-type"] = "application/json"
        if self._token and not public:
            headers["authorization"] = f"Bearer {self._token}"
        if once:
            headers["idempotency-key"] = str(uuid.uuid4())
        return headers


def api_token(text: str) -> str:
    """A token as it may stand in a header. The message does not repeat it: it may be a token all the same."""
    if not text or not all("!" <= character <= "~" for character in text):
        raise UsageError("the API token is empty or holds characters that no token has")
    return text


def is_ambiguous(error: SealdropError) -> bool:
    """Whether the request may have been carried out, although no answer says so."""
    return isinstance(error, LostAnswer) or (isinstance(error, ApiError) and error.status in BROKEN)


def _worth_repeating(error: SealdropError, *, repeatable: bool) -> bool:
    if is_ambiguous(error):
        return repeatable
    if isinstance(error, ApiError):
        return error.status in THROTTLED and not isinstance(error, PinLocked)
    return isinstance(error, Unreachable) and error.repeatable


def _is_race(error: SealdropError) -> bool:
    """`upload_over` is no race: it will be over the next time, too."""
    return isinstance(error, ApiError) and error.status == 409 and error.code != "upload_over"


def connection_error(error: HTTPError, host: str) -> Unreachable:
    """What went wrong, from the kind of urllib3's error alone: its text holds the address."""
    if isinstance(error, SSLError) and any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args):
        return Untrusted(f"the certificate of {host} is not trusted")
    if isinstance(error, ProxyError):
        return Unreachable(f"could not connect to {host}: the proxy does not answer", hint=CHECK_PROXY)
    if isinstance(error, NameResolutionError):
        return Unreachable(f"could not connect to {host}: no such host is known", hint=CHECK_NAME)
    if isinstance(error, ConnectTimeoutError | NewConnectionError):
        return Unreachable(f"could not connect to {host}: {_why(error)}")
    if isinstance(error, ReadTimeoutError):
        return LostAnswer(f"{host} did not answer in time")
    return LostAnswer(f"the connection to {host} broke ({type(error).__name__.removesuffix('Error')})")


def _why(error: HTTPError) -> str:
    if isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
        return "it did not answer in time"
    if isinstance(error.__cause__, ConnectionRefusedError):
        return "nothing listens there"
    reason = error.__cause__.strerror if isinstance(error.__cause__, OSError) else None
    return reason or "the network does not lead there"


def _parse(response: urllib3.BaseHTTPResponse, raw: bytes) -> Json:
    if len(raw) > MOST_ANSWER_BYTES:
        raise BadAnswer("the answer is too long")
    if response.status == 204:
        return {}
    if 200 <= response.status < 300:
        return fields.parse_object(raw)
    if 300 <= response.status < 400:
        raise BadAnswer(f"the service answered a redirect ({response.status}), which is never followed")
    error = _refusal(response.status, raw)
    error.retry_after_seconds = asked_seconds(response.headers)
    raise error


def _refusal(status: int, raw: bytes) -> ApiError:
    """An error from whatever the body is: a proxy in between may answer HTML, as does a page beside the API."""
    try:
        record = fields.parse_object(raw)
        code = fields.optional(record, "code", str) or f"http_{status}"
        message = fields.optional(record, "message", str) or f"the service answered {status}"
        return api_error(status, code, message, _field_errors(record), fields.optional(record, "request_id", str))
    except BadAnswer:
        error = api_error(status, f"http_{status}", f"the service answered {status}")
        error.hint = BadAnswer.hint
        return error


def _field_errors(record: Json) -> dict[str, Sequence[str]]:
    errors: Any = record.get("errors") or {}
    return {name: fields.texts(errors, name) for name in fields.as_object(errors, "errors")}
