"""The part of `Client` that is about the audit log."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sealdrop.events import ChainEnd, Event, Verified, verify
from sealdrop.paging import walk

if TYPE_CHECKING:
    from sealdrop.api import Api


class Auditing:
    """What it takes of the rest of `Client` is declared here."""

    _api: "Api"

    def events(
        self,
        *,
        file: str | None = None,
        mail: str | None = None,
        type: str | None = None,  # noqa: A002 - the API's word
        page_size: int | None = None,
    ) -> Iterator[Event]:
        """The account's audit log, newest first, fetched page by page; of one file, mail or type where one is named."""
        narrowed = {"file": file, "mail": mail, "type": type}
        query = {name: value for name, value in narrowed.items() if value is not None}
        query |= {"limit": str(page_size)} if page_size else {}
        return walk(self._api.events, query)

    def verify_events(self, known: ChainEnd | None = None) -> Verified:
        """Follow the chain of all events that are kept. `known` is an end that an earlier call answered: with it, also
        a log that was cut short or written anew is found out.
        """
        return verify(self.events(page_size=100), known, datetime.now(UTC).date())
