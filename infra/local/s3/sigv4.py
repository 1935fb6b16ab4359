"""AWS Signature Version 4, as S3 checks it: in the query (presigned URLs) and in the Authorization header.

Each check is a step of its own, named in the comments and proved by tests/integration/edge.
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote_to_bytes

from infra.local.s3.errors import S3Error, access_denied, invalid_request
from infra.local.s3.request import AwsRequest

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
WEEK = timedelta(days=7)
SKEW = timedelta(minutes=15)

_QUERY_NEEDS = ("X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires")
_HEADER_FORM = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<signed>[^,\s]+),"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_SHA256_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Scope:
    """What a credential says it was made for."""

    access_key_id: str
    day: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


class Verifier:
    """Knows the secrets, the region and the time. Everything it refuses is raised as S3Error."""

    def __init__(self, secrets: Mapping[str, str], region: str, now: Callable[[], datetime]) -> None:
        self._secrets, self._region, self._now = secrets, region, now

    def presigned(self, request: AwsRequest) -> str:
        """Answers what the payload's hash has to be, UNSIGNED-PAYLOAD as a rule."""
        query = request.query
        if "authorization" in request.headers:
            raise S3Error(400, "InvalidArgument", "Only one auth mechanism allowed")
        _complete_query(request)
        scope = self._scope(query["X-Amz-Credential"], _query_error)
        signed_at = _timestamp(query["X-Amz-Date"], scope, _query_error)
        lifetime = _lifetime(query["X-Amz-Expires"])
        self._within(signed_at, lifetime)
        names = query["X-Amz-SignedHeaders"].split(";")
        _all_signed(request, names, _query_error)
        payload = _payload_hash(request, names)
        self._compare(request, scope, query["X-Amz-Date"], names, payload, query["X-Amz-Signature"], "s3")
        return payload

    def in_header(self, request: AwsRequest, service: str, payload_hash: str | None) -> str:
        """`payload_hash` is what was computed of the body; for S3 it is None and the header says what to expect."""
        match = _HEADER_FORM.fullmatch(request.headers["authorization"])
        if not match:
            raise _header_error("The authorization header is malformed.")
        scope = self._scope(match["credential"], _header_error, service)
        date = request.headers.get("x-amz-date", "")
        signed_at = _timestamp(date, scope, _header_error)
        if abs(self._now() - signed_at) > SKEW:  # an SDK's request is good for a quarter of an hour
            message = "The difference between the request time and the current time is too large."
            raise S3Error(403, "RequestTimeTooSkewed", message, RequestTime=date)
        names = match["signed"].split(";")
        _all_signed(request, names, _header_error)
        if payload_hash is None:
            payload_hash = request.headers.get("x-amz-content-sha256")
        if payload_hash is None:
            raise invalid_request("Missing required header for this request: x-amz-content-sha256")
        self._compare(request, scope, date, names, payload_hash, match["signature"], service)
        return payload_hash

    def policy_document(self, fields: Mapping[str, str]) -> None:
        """The signature of a browser's POST covers the policy alone."""
        if fields.get("x-amz-algorithm") != ALGORITHM:
            raise invalid_request(f"x-amz-algorithm only supports {ALGORITHM}")
        scope = self._scope(fields.get("x-amz-credential", ""), invalid_request)
        _timestamp(fields.get("x-amz-date", ""), scope, invalid_request)
        wanted = self._signature(scope, fields["policy"])
        if not hmac.compare_digest(wanted, fields.get("x-amz-signature", "")):
            raise _mismatch()

    def _scope(self, credential: str, error: Callable[[str], S3Error], service: str = "s3") -> Scope:
        parts = credential.rsplit("/", 4)
        if len(parts) != 5 or not all(parts) or parts[4] != "aws4_request":
            raise error("The Credential is mal-formed; expecting <AKID>/YYYYMMDD/REGION/SERVICE/aws4_request.")
        scope = Scope(*parts[:4])
        if scope.access_key_id not in self._secrets:
            message = "The AWS Access Key Id you provided does not exist in our records."
            raise S3Error(403, "InvalidAccessKeyId", message, AWSAccessKeyId=scope.access_key_id)
        if scope.region != self._region:
            raise error(f"The region '{scope.region}' is wrong; expecting '{self._region}'")
        if scope.service != service:
            raise error(f'Incorrect service "{scope.service}". This endpoint belongs to "{service}".')
        return scope

    def _within(self, signed_at: datetime, lifetime: timedelta) -> None:
        now = self._now()
        if signed_at > now + SKEW:
            raise access_denied("Request is not valid yet")
        if now > signed_at + lifetime:
            raise access_denied("Request has expired", ServerTime=now.isoformat())

    def _compare(
        self, request: AwsRequest, scope: Scope, date: str, names: list[str], payload: str, given: str, service: str
    ) -> None:
        canonical = canonical_request(request, names, payload, service)
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        wanted = self._signature(scope, "\n".join([ALGORITHM, date, str(scope), digest]))
        if not hmac.compare_digest(wanted, given):
            raise _mismatch()

    def _signature(self, scope: Scope, message: str) -> str:
        key = b"AWS4" + self._secrets[scope.access_key_id].encode()
        for part in (scope.day, scope.region, scope.service, "aws4_request", message):
            key = hmac.digest(key, part.encode(), "sha256")
        return key.hex()


def canonical_request(request: AwsRequest, names: list[str], payload: str, service: str) -> str:
    path = quote(unquote_to_bytes(request.raw_path), safe="/-_.~")
    if service != "s3":  # every other service encodes a path twice
        path = quote(path, safe="/-_.~")
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in request.query_pairs
        if name != "X-Amz-Signature"
    )
    return "\n".join(
        [
            request.method,
            path,
            "&".join(f"{name}={value}" for name, value in pairs),
            "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names),
            ";".join(names),
            payload,
        ]
    )


def _complete_query(request: AwsRequest) -> None:
    query = request.query
    if query.get("X-Amz-Algorithm") != ALGORITHM:
        raise _query_error(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    given = [name for name, _ in request.query_pairs if name.startswith("X-Amz-")]
    if any(not query.get(name) for name in _QUERY_NEEDS) or len(given) != len(set(given)):
        needs = ", ".join(_QUERY_NEEDS)
        raise _query_error(f"Query-string authentication version 4 requires X-Amz-Algorithm, {needs}, once each.")
    if "X-Amz-Security-Token" in query:
        raise S3Error(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")


def _timestamp(text: str, scope: Scope, error: Callable[[str], S3Error]) -> datetime:
    try:
        moment = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise error("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"") from None
    if not text.startswith(scope.day):
        raise error(f'Invalid credential date "{scope.day}". This date is not the same as X-Amz-Date: "{text[:8]}".')
    return moment


def _lifetime(text: str) -> timedelta:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise _query_error("X-Amz-Expires should be a number")
    if int(text) < 0:
        raise _query_error("X-Amz-Expires must be non-negative")
    if int(text) > WEEK.total_seconds():
        raise _query_error("X-Amz-Expires must be less than a week (in seconds)")
    return timedelta(seconds=int(text))


def _all_signed(request: AwsRequest, names: list[str], error: Callable[[str], S3Error]) -> None:
    """The host always, and every x-amz-* header: S3 acts on those, so nobody may add one to a signed request."""
    if "host" not in names or names != sorted(set(names)):
        raise error("SignedHeaders must be sorted, without repetition, and contain host.")
    extra = sorted(name for name in request.headers if name.startswith("x-amz-") and name not in names)
    if extra:
        message = "There were headers present in the request which were not signed"
        raise access_denied(message, HeadersNotSigned=", ".join(extra))


def _payload_hash(request: AwsRequest, names: list[str]) -> str:
    if "x-amz-content-sha256" in names:
        return request.headers.get("x-amz-content-sha256", "")
    return request.query.get("X-Amz-Content-Sha256", UNSIGNED_PAYLOAD)


def is_payload_hash(text: str) -> bool:
    return bool(_SHA256_HEX.fullmatch(text))


def _query_error(message: str) -> S3Error:
    return S3Error(400, "AuthorizationQueryParametersError", message)


def _header_error(message: str) -> S3Error:
    return S3Error(400, "AuthorizationHeaderMalformed", message)


def _mismatch() -> S3Error:
    message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method."
    )
    return S3Error(403, "SignatureDoesNotMatch", message)
