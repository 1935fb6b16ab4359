"""One way to call AWS: what is AWS's trouble becomes `Busy`, what is an answer stays a ClientError."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
)

from chalicelib.domain.errors import Busy

P = ParamSpec("P")
R = TypeVar("R")

RETRY_AFTER_SECONDS = 2
_BATCH_ATTEMPTS = 5
_BATCH_PAUSE_SECONDS = 0.02  # doubled for each attempt

_TROUBLE = frozenset(
    {
        "LimitExceededException",
        "OperationAborted",  # S3 is at this object already, as while a long Complete goes on
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
        "InternalError",
        "KMSInternalException",
        "DependencyTimeoutException",
        "KeyUnavailableException",
        "DisabledException",  # an operator has stopped the key: nothing is lost, and it may be enabled again
        "KMSInvalidStateException",
    }
)
_CONDITION_FAILED = "ConditionalCheckFailed"
_COLLIDED = "TransactionConflict"
_TROUBLE_REASONS = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded", _COLLIDED})


class Collided(Busy):
    """A transaction was cancelled because others write the same items, or write too fast. Nothing of it was done."""


def call(operation: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Raises Busy when AWS throttles, fails or cannot be reached (botocore has retried by then).

    Its reason names the error and never quotes it: botocore's words can hold a URL.
    """
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
        IncompleteReadError,
        ReadTimeoutError,
    ) as error:
        raise _busy(error) from error


def batch_attempts() -> Iterator[int]:
    """The attempts at a batch of which AWS may leave some out, with a longer pause before each but the first."""
    yield 0
    for attempt in range(1, _BATCH_ATTEMPTS):
        time.sleep(_BATCH_PAUSE_SECONDS * 2**attempt)
        yield attempt


def code_of(error: ClientError) -> str:
    """Empty when AWS, or a proxy before it, gave none."""
    return error.response["Error"].get("Code") or ""


def is_trouble(code: str) -> bool:
    """Whether an error code speaks of AWS's state, not of our request."""
    return code.removeprefix("KMS.") in _TROUBLE  # S3 passes KMS's refusals on under this prefix


def failed_conditions(error: ClientError) -> Mapping[int, Any]:
    """Positions of a cancelled transaction's writes whose condition does not hold, each with the item it met, if it
    asked for that one and there is one. Empty for any other error.
    """
    reasons = enumerate(_cancellation_reasons(error))
    return {position: reason.get("Item") for position, reason in reasons if reason.get("Code") == _CONDITION_FAILED}


def _cancellation_reasons(error: ClientError) -> list[Any]:
    """One for each write of a transaction, in its order; empty for any other error."""
    if code_of(error) != "TransactionCanceledException":
        return []
    reasons: Any = error.response.get("CancellationReasons", [])
    return list(reasons)


def _is_trouble(error: ClientError) -> bool:
    if failed_conditions(error):  # an answer, whatever befell the other writes
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return is_trouble(code_of(error)) or status >= 500 or _collided(error)


def _collided(error: Exception) -> bool:
    reasons = _cancellation_reasons(error) if isinstance(error, ClientError) else []
    return any(reason.get("Code") in _TROUBLE_REASONS for reason in reasons)


def _busy(error: Exception) -> Busy:
    kind = Collided if _collided(error) else Busy
    return kind(reason=_named(error), retry_after_seconds=RETRY_AFTER_SECONDS)


def _named(error: Exception) -> str:
    """(S1)"""
    kind = type(error).__name__
    return f"{kind} {code_of(error)}".rstrip() if isinstance(error, ClientError) else kind
