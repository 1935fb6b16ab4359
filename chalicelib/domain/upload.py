"""How a file's bytes come in: one PUT, or parts whose sizes are fixed before the first is sent."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

MIB = 1024 * 1024
MAX_STORED_BYTES = 5 * 1024 * 1024 * MIB  # S3's largest object: 5 TiB
SINGLE_PUT_BYTES = 100 * MIB
DEFAULT_PART_BYTES = 8 * MIB
MIN_PART_BYTES = 5 * MIB  # S3's bounds
MAX_PART_BYTES = 5 * 1024 * MIB
MAX_PARTS = 10_000
PARTS_PER_CALL = 100  # presigned part URLs that one answer holds
UPLOAD_URL_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Multipart:
    """The plan of an upload in parts. Every part but the last has `part_bytes`."""

    upload_id: str  # S3's
    part_bytes: int
    part_checksums: bool  # S3 checks a SHA-256 of each part; fixed at the upload's start
    stored_bytes: int

    @property
    def count(self) -> int:
        return -(-self.stored_bytes // self.part_bytes)

    def size_of(self, number: int) -> int:
        """Bytes of part `number`, counted from 1."""
        return min(self.part_bytes, self.stored_bytes - (number - 1) * self.part_bytes)


@dataclass(frozen=True, slots=True)
class ReceivedPart:
    """A part as S3 has it."""

    number: int
    size_bytes: int
    etag: str
    received_at: datetime
    checksum_sha256: str | None = None


def part_bytes_for(stored_bytes: int, wished: int | None) -> int | None:
    """The part size of an upload, or None for a single PUT.

    Raises ValueError when the wished size would take more than MAX_PARTS parts.
    """
    if stored_bytes <= (wished or SINGLE_PUT_BYTES):
        return None
    smallest = -(-stored_bytes // MAX_PARTS)
    if wished is not None:
        if wished < smallest:
            raise ValueError(f"Parts of this size would be more than {MAX_PARTS}: at least {smallest} is needed.")
        return wished
    return max(DEFAULT_PART_BYTES, -(-smallest // MIB) * MIB)


def missing_from(plan: Multipart, received: Iterable[ReceivedPart]) -> list[str]:
    """What keeps these parts from being the planned upload, in words for the client; empty when nothing does."""
    sizes = {part.number: part.size_bytes for part in received}
    missing = [n for n in range(1, plan.count + 1) if n not in sizes]
    problems = []
    if missing:
        shown = ", ".join(str(n) for n in missing[:20]) + (" …" if len(missing) > 20 else "")
        problems.append(f"{len(missing)} of {plan.count} parts have not arrived: {shown}")
    for number, size in sorted(sizes.items()):
        if number > plan.count:
            problems.append(f"Part {number} is one too many: the upload has {plan.count}.")
        elif size != plan.size_of(number):
            problems.append(f"Part {number} has {size} bytes instead of {plan.size_of(number)}.")
    return problems[:20]
