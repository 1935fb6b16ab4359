"""Changes of the metadata table, as its stream tells of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Item = Mapping[str, Any]  # a record as the adapters write it, in plain values


@dataclass(frozen=True, slots=True)
class Change:
    """One record made (`old` is None), changed, or removed (`new` is None).

    Changes come at least once. Those of one record come in order, and again in order from one that failed; those of
    different records in any.
    """

    id: str  # the same each time that the change is told
    sequence: str  # its place in the stream: changes of one record are in its order
    at: datetime  # to the second
    pk: str
    sk: str
    old: Item | None
    new: Item | None
    expired: bool  # removed by the table's own TTL, not by anybody


Consumer = Callable[[Sequence[Change]], None]
"""Takes a batch, in order. Idempotent: when it raises, it is given the same changes again, one at a time.

What it raises for a single change has that change, and those after it, told again later. A change that was given up at
last may be told by the operator when later ones of the same record have been (`python -m infra.replay_changes`).
"""


ChangeReader = Callable[[Mapping[str, Any]], Change]
"""Reads a record of the stream, as Lambda is given it."""
