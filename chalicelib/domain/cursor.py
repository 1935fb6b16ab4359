"""Cursors: the place where a page ended, sealed for the one list that it is a place in.

A cursor is no secret and opens nothing, for the list itself comes from the caller's token. The seal keeps it from being
made up, altered, or carried to another list, where it would be a place without a meaning.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.domain.errors import invalid
from chalicelib.domain.page import Position

KEY_LABEL = b"sealdrop cursor key 1"  # another number ends all cursors
MAX_CURSOR_LENGTH = 2000
_MAC_BYTES = 16


@dataclass(frozen=True, slots=True)
class Cursors:
    """Of one list: whose it is, which, how it is sorted and what it is narrowed down to."""

    key: Callable[[], bytes]  # asked for only when there is a cursor to read or to make
    identity: Sequence[str]

    def read(self, cursor: str | None) -> Position | None:
        """Raises Invalid for whatever `make` did not make for this list."""
        if cursor is None:
            return None
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise _not_of_this_list() from None
        mac, place = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(place)) or _text(sealed) != cursor:
            raise _not_of_this_list()
        return Position.of_key(place.decode())

    def make(self, position: Position | None) -> str | None:
        if position is None:
            return None
        place = position.key.encode()
        return _text(self._mac(place) + place)

    def _mac(self, place: bytes) -> bytes:
        # JSON keeps the parts apart: no two lists and places are the same message
        message = json.dumps([*self.identity, place.hex()]).encode()
        return hmac.digest(self.key(), message, hashlib.sha256)[:_MAC_BYTES]


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _not_of_this_list() -> Exception:
    return invalid("cursor", "Not a cursor of this list: take it from meta.next_cursor, and keep the other parameters.")
