"""Somebody's server, to which webhooks are delivered; in calm weather it takes what it is sent."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.ports import NotReached


@dataclass
class Receiver:
    troubles: list[int | None] = field(default_factory=list)  # what it answers first; None: it cannot be reached
    heard: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # bodies, by `webhook-id`

    def __call__(self, _: str, headers: Mapping[str, str], body: str) -> int:
        trouble = self.troubles.pop(0) if self.troubles else 204
        if trouble is None:
            raise NotReached("Nobody is there.")
        if trouble == 204:
            self.heard[headers["webhook-id"]].append(body)
        return trouble
