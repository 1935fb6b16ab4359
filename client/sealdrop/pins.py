"""PINs: what one buys, and how a client keeps what it bought."""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Self

from sealdrop import fields
from sealdrop.errors import ApiError, PinRequired
from sealdrop.fields import Json
from sealdrop.models import DownloadKey

if TYPE_CHECKING:
    from sealdrop.api import Api


@dataclass(frozen=True, slots=True)
class TemporaryKey:
    """What a right PIN buys: for an hour it stands in for the PIN."""

    key: str = field(repr=False)
    expires_at: datetime

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(key=fields.take(record, "key", str), expires_at=fields.moment(record, "expires_at"))


class DownloadKeys:
    """Makes download keys, with a temporary key where the user has a PIN. One is bought for all of them, since more
    than five tries at the same moment would lock the PIN. Safe to use from several threads.
    """

    def __init__(self, api: "Api") -> None:
        self._api = api
        self._bought: TemporaryKey | None = None
        self._lock = threading.Lock()

    def make(self, download_id: str, pin: str | None) -> DownloadKey:
        """Raises PinRequired, WrongPin and PinLocked."""
        bought = self._bought
        try:
            return self._api.create_download_key(download_id, bought.key if bought else None)
        except ApiError as error:
            if "pinKey" not in error.errors:
                raise
        if pin is None:
            raise PinRequired("the service asks for your PIN before it hands out files")
        with self._lock:
            if self._bought is bought:  # else another thread has bought one meanwhile
                self._bought = self._api.create_temporary_key(pin)
            key = self._bought.key if self._bought else None
        return self._api.create_download_key(download_id, key)
