"""Presigned addresses of an upload's parts, asked for in as few calls as may be."""

import threading
from collections.abc import Iterable

from sealdrop.api import PARTS_A_CALL, Api
from sealdrop.errors import BadAnswer
from sealdrop.parts import Part
from sealdrop.transfers import PendingUpload, Target


class Addresses:
    """Where each part goes. Safe to use from several threads."""

    def __init__(self, api: Api, pending: PendingUpload, *, digested: bool) -> None:
        """`digested`: each part's SHA-256 is signed into its address, so that an address cannot be had before it."""
        self._api = api
        self._file = pending.file
        self._upload = pending.upload
        self._digested = digested
        self._known = {target.number: target for target in pending.upload.targets}
        self._lock = threading.Lock()

    def of(self, parts: list[Part]) -> dict[int, Target]:
        """An address for each of the parts, by number."""
        with self._lock:
            missing = [part for part in parts if part.number not in self._known]
            if missing:
                self._known |= self._asked(missing)
            return {part.number: self._known.pop(part.number) for part in parts}

    def renewed(self, part: Part) -> Target:
        """Another address for a part whose first one did not do."""
        answer = self._api.sign_parts(self._file.id, {part.number: part.checksum_sha256})
        return self._checked(answer, [part.number])[part.number]

    def _asked(self, parts: list[Part]) -> dict[int, Target]:
        digests: dict[int, str | None] = {part.number: part.checksum_sha256 for part in parts}
        if not self._digested:  # those that come next are had by the same call
            first = min(digests)
            digests = dict.fromkeys(range(first, min(first + PARTS_A_CALL, self._upload.part_count + 1)))
        return self._checked(self._api.sign_parts(self._file.id, digests), digests)

    def _checked(self, answer: PendingUpload, numbers: Iterable[int]) -> dict[int, Target]:
        targets = {target.number: target for target in answer.upload.targets}
        for number in numbers:
            expected = self._upload.size_of(number, self._file.stored_size)
            if number not in targets or targets[number].size != expected:
                raise BadAnswer("the service answered addresses for other parts than were asked for")
        return targets
