"""One way to call AWS: what is AWS's trouble becomes `Busy`, what is an answer stays a ClientError."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)

from chalicelib.domain.errors import Busy

P = ParamSpec("P")
R = TypeVar("R")

RETRY_AFTER_SECONDS = 2

_THROTTLED = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
        "KMSInternalException",
        "DependencyTimeoutException",
        "KeyUnavailableException",
    }
)
_THROTTLED_REASONS = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"})


def call(operation: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Raises Busy when AWS throttles, fails or cannot be reached (botocore has retried by then)."""
    try:
        return operation(*args, **kwargs)
    except ClientError as error:
        if _is_trouble(error):
            raise _busy(error) from error
        raise
    except (
        ConnectionClosedError,
        ConnectTimeoutError,
        EndpointConnectionError,
        HTTPClientError,
        ReadTimeoutError,
    ) as error:
        raise _busy(error) from error


def code_of(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _is_trouble(error: ClientError) -> bool:
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "TransactionCanceledException":
        reasons = error.response.get("CancellationReasons", [])
        return any(reason.get("Code") in _THROTTLED_REASONS for reason in reasons)
    return code in _THROTTLED or status >= 500


def _busy(error: Exception) -> Busy:
    return Busy(reason=f"{type(error).__name__}: {error}", retry_after_seconds=RETRY_AFTER_SECONDS)
