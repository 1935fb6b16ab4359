"""Everything the service says no with. `code` is public and stable; routes/errors.py maps it to a status.

`reason` is for the log alone: callers of public endpoints get the same words whatever the reason is. `note` is what the
audit log is to say of the refusal, where it is one that an account should know of.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from chalicelib.domain.event import Note

FieldErrors = Mapping[str, Sequence[str]]


class SealdropError(Exception):
    code: ClassVar[str]
    default_message: ClassVar[str]

    def __init__(
        self,
        message: str | None = None,
        *,
        errors: FieldErrors | None = None,
        reason: str | None = None,
        note: Note | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message or self.default_message)
        self.message = message or self.default_message
        self.errors = errors
        self.reason = reason
        self.note = note
        self.retry_after_seconds = retry_after_seconds


class BadJson(SealdropError):
    code = "bad_json"
    default_message = "The body is not valid JSON."


class Unauthenticated(SealdropError):
    code = "unauthenticated"
    default_message = "A valid API token is required: send it as 'Authorization: Bearer sdt_…'."


class MissingScope(SealdropError):
    code = "missing_scope"
    default_message = "This token may not do that."


class QuotaExceeded(SealdropError):
    code = "quota_exceeded"
    default_message = "The account's quota would be exceeded."


class NotFound(SealdropError):
    code = "not_found"
    default_message = "There is nothing here by that id."


class Conflict(SealdropError):
    code = "conflict"
    default_message = "The record was changed by another request at the same time. Read it again and retry."


class UploadOver(SealdropError):
    """No race was lost, and a retry would change nothing."""

    code = "upload_over"
    default_message = "This upload is over."


class IdempotencyMismatch(SealdropError):
    code = "idempotency_mismatch"
    default_message = "This Idempotency-Key came with another body before. Use a fresh key for another request."


class Gone(SealdropError):
    code = "gone"
    default_message = "This download has been used, has expired or was withdrawn."


class TooLarge(SealdropError):
    code = "too_large"
    default_message = "The body is larger than this endpoint takes."


class UnsupportedMediaType(SealdropError):
    code = "unsupported_media_type"
    default_message = "Send JSON: Content-Type: application/json."


class Invalid(SealdropError):
    code = "invalid"
    default_message = "The given data was invalid."


class RateLimited(SealdropError):
    code = "rate_limited"
    default_message = "Too many requests from this address. Wait for the time that Retry-After says."


class PinLocked(SealdropError):
    """Whatever the guess was: it has not been looked at."""

    code = "pin_locked"
    default_message = "Too many wrong PINs. Wait for the time that Retry-After says."


class Busy(SealdropError):
    """AWS throttles us or does not answer."""

    code = "busy"
    default_message = "The service is busy. Nothing was changed that a retry would not repair; try again shortly."


def invalid(field: str, *reasons: str) -> Invalid:
    return Invalid(errors={field: list(reasons)})
