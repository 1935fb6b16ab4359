"""Everything that can go wrong, as the caller should see it.

Each error has a `code` (stable; the service's own codes are passed through), a one-line `hint` that says what to do
next, and an `exit_code` for the command line. No message holds a token, a key or a signed address.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from sealdrop.saving import Incomplete


class ExitCode(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_ALLOWED = 3
    NOT_FOUND = 4
    UNREACHABLE = 5
    INTERRUPTED = 130  # what a shell reports for Ctrl-C


class SealdropError(Exception):
    """Base of all errors that this package raises on purpose."""

    code: str = "failed"
    exit_code: ClassVar[ExitCode] = ExitCode.FAILED
    hint: str | None = None
    again_until: datetime | None = None  # until then the same `get` goes on where it ended, and spends nothing
    incomplete: "Incomplete | None" = None  # of a `get` of several files: which arrived

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.hint = hint or self.hint

    def __str__(self) -> str:
        return self.message


class UsageError(SealdropError):
    """The call itself makes no sense: nothing was sent."""

    code = "usage"
    exit_code = ExitCode.USAGE


class Unreachable(SealdropError):
    """No answer from the service, or none that it meant: no connection, no such host, busy after every retry."""

    code = "unreachable"
    exit_code = ExitCode.UNREACHABLE
    hint = "Check the network, and that SEALDROP_URL is right; then run the command again."
    repeatable: ClassVar[bool] = True  # whether the same attempt could go better a moment later


class Untrusted(Unreachable):
    """The other side's certificate is not acceptable."""

    code = "untrusted"
    hint = "Check SEALDROP_URL. For a private certificate authority, set SSL_CERT_FILE."
    repeatable = False


class LostAnswer(Unreachable):
    """The connection broke after the request was sent: it may have been carried out."""

    code = "lost_answer"


class BadAnswer(SealdropError):
    """The service, or something between, answered what this client cannot understand."""

    code = "bad_answer"
    hint = "Is SEALDROP_URL the address of the API, and this client up to date?"


class PinRequired(SealdropError):
    """A PIN is asked for, and none was given. Nothing was spent."""

    code = "pin_required"
    exit_code = ExitCode.NOT_ALLOWED
    hint = "Give it at the prompt, by SEALDROP_PIN, or with --pin."
    is_the_senders: bool = False  # else it is the caller's own

    @classmethod
    def of_the_sender(cls) -> "PinRequired":
        hint = "Give it at the prompt, with --mail-pin, or, on your own service, by SEALDROP_MAIL_PIN."
        missing = cls("this download asks for a PIN, which its sender can tell you", hint=hint)
        missing.is_the_senders = True
        return missing


class FileChanged(SealdropError):
    """The local file changed while it was read; what was sent of it has been withdrawn."""

    code = "file_changed"
    hint = "Nothing was kept of this upload. Wait until nothing writes to the file, then put it again."


class LocalFileError(SealdropError):
    """A local file cannot be read or written."""

    code = "local_file"


class StorageError(SealdropError):
    """The object store refused a transfer."""

    code = "storage"
    hint = "Run the command again; if it happens twice, tell whoever runs the service."

    def __init__(self, status: int, s3_code: str) -> None:
        super().__init__(f"the storage refused the transfer: {status} {s3_code}")
        self.status = status
        self.s3_code = s3_code
        self.retry_after_seconds: float | None = None

    @property
    def passes(self) -> bool:
        """Whether the same request may go well a moment later."""
        busy = self.status in (429, 500, 502, 503, 504) or self.s3_code in ("RequestTimeout", "SlowDown")
        return busy or self.s3_code == "ConditionalRequestConflict"

    @property
    def may_have_expired(self) -> bool:
        """Whether another address may do: this one's time is over, or that of the credentials which signed it (400)."""
        return self.status == 403 or self.s3_code == "ExpiredToken"


class NotAuthentic(SealdropError):
    """Received bytes are not the file that was sent: damaged, cut short, exchanged, or sealed for something else."""

    code = "not_authentic"
    hint = "Nothing was saved. Ask the sender for the file again; if it happens twice, tell whoever runs the service."


class ApiError(SealdropError):
    """The service refused a request.

    `status` is the HTTP status, `errors` names the fields at fault, `request_id` finds it in the service's log.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        errors: Mapping[str, Sequence[str]] | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=HINTS.get(code))
        self.status = status
        self.errors = dict(errors or {})
        self.request_id = request_id
        self.retry_after_seconds: float | None = None

    def __str__(self) -> str:
        reasons = [f"{name}: {reason}" for name, reasons in self.errors.items() for reason in reasons]
        return " ".join([self.message, *reasons])


class NotAllowed(ApiError):
    exit_code = ExitCode.NOT_ALLOWED


class WrongPin(NotAllowed):
    """It was looked at, and counts as a try."""


class PinLocked(NotAllowed):
    """There were too many wrong ones. `retry_after_seconds` says for how long."""


class NotFound(ApiError):
    exit_code = ExitCode.NOT_FOUND


class Gone(NotFound):
    """It was there once: spent, expired, withdrawn or purged."""


class Busy(ApiError):
    """Too many requests, or the service is overloaded; it stayed so through all retries."""

    exit_code = ExitCode.UNREACHABLE


HINTS: Mapping[str, str] = {
    "bad_json": "This client and the service do not understand each other: update the client.",
    "unauthenticated": "Set SEALDROP_TOKEN, or run: sealdrop login",
    "missing_scope": "Use a token that has the scope for this; see: sealdrop token create --help",
    "quota_exceeded": "Make room with: sealdrop rm --permanent ID  (the trash counts: sealdrop ls --trashed)",
    "not_found": "Check the id with: sealdrop ls  (files in the trash: sealdrop ls --trashed)",
    "gone": "Ask the sender for a new one: a download can be used once and not after it has expired.",
    "upload_over": "Look what became of the file: sealdrop ls",
    "too_large": "The largest file is 5 TiB.",
    "wrong_pin": "Five wrong ones lock it for 15 minutes.",
    "pin_locked": "There were five wrong ones. Try again after 15 minutes.",
    "rate_limited": "Wait a minute: the service limits requests by network address.",
    "busy": "The service is overloaded. Run the command again in a few minutes.",
    "internal": "Tell whoever runs the service, with the request id above.",
}

_BY_STATUS: Mapping[int, type[ApiError]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    410: Gone,
    429: Busy,
    503: Busy,
    504: Busy,
}


def api_error(
    status: int,
    code: str,
    message: str,
    errors: Mapping[str, Sequence[str]] | None = None,
    request_id: str | None = None,
) -> ApiError:
    """The error class that fits a refusal's code, else its HTTP status."""
    kind = PinLocked if code == "pin_locked" else _BY_STATUS.get(status, ApiError)
    return kind(status, code, message, errors=errors, request_id=request_id)
