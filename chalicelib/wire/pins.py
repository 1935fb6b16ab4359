"""PINs and temporary keys on the wire."""

from typing import Annotated

from pydantic import AfterValidator

from chalicelib.domain.pin import Pin, clean_pin
from chalicelib.services.check_pin import WRONG_PIN
from chalicelib.wire.base import In, Moment, Out


def _guess(text: str) -> Pin:
    """What cannot be a PIN is not the right one: nothing is counted for it."""
    try:
        return clean_pin(text)
    except ValueError:
        raise ValueError(WRONG_PIN) from None


NewPin = Annotated[str, AfterValidator(clean_pin)]
PinGuess = Annotated[str, AfterValidator(_guess)]


class BuyKey(In):
    pin: PinGuess


class TemporaryKeyView(Out):
    key: str  # shown this once
    expires_at: Moment
