"""PINs and temporary keys on the wire."""

from typing import Annotated

from pydantic import AfterValidator, Field

from chalicelib.domain.pin import MAX_LENGTH, MIN_LENGTH, Pin, clean_pin
from chalicelib.domain.secret import SECRET_LENGTH
from chalicelib.services.check_pin import WRONG_PIN
from chalicelib.wire.base import In, Moment, Out, doc


def _guess(text: str) -> Pin:
    """What cannot be a PIN is not the right one: nothing is counted for it."""
    try:
        return clean_pin(text)
    except ValueError:
        raise ValueError(WRONG_PIN) from None


_LENGTHS = Field(examples=["7294"], json_schema_extra={"minLength": MIN_LENGTH, "maxLength": MAX_LENGTH})
NewPin = Annotated[
    Pin,
    AfterValidator(clean_pin),
    _LENGTHS,
    doc("4 to 64 characters in one line, compared in Unicode's composed form."),
]
PinGuess = Annotated[Pin, AfterValidator(_guess), _LENGTHS, doc("Five wrong ones lock the PIN for a while.")]


class BuyKey(In):
    pin: PinGuess


class TemporaryKeyView(Out):
    key: Annotated[
        str,
        doc(
            "Shown this once; good as `pinKey` for an hour.",
            "5tGbN8yHuJmK2cRfVwQxZaS7dEe4LoPi9TzBqYhUkWn",
            pattern=rf"^[0-9A-Za-z]{{{SECRET_LENGTH}}}$",
        ),
    ]
    expires_at: Annotated[Moment, Field(examples=["2026-03-01T13:00:00.000000Z"])]
