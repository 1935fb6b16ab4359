"""The Idempotency-Key header, and bodies in the one form in which equal contents are equal texts."""

import json

from pydantic import BaseModel

from chalicelib.domain.errors import invalid

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
MAX_KEY_LENGTH = 255


def parse_key(text: str | None) -> str | None:
    """None when there is none. Raises Invalid, naming the header."""
    if text is None:
        return None
    if not 1 <= len(text) <= MAX_KEY_LENGTH or not all("!" <= character <= "~" for character in text):
        raise invalid(HEADER, f"Send 1 to {MAX_KEY_LENGTH} visible ASCII characters, as a random UUID has.")
    return text


def canonical(body: BaseModel) -> str:
    """As parsed: white space, the order of fields and the spelling of times make no difference.

    Nor do defaults, whether sent or not: so a field that the service learns later makes no claim of today differ.
    """
    return json.dumps(body.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
