"""Taking up an upload that an earlier run left behind. Only plain files (mode `server`) can be continued."""

from sealdrop.api import Api
from sealdrop.errors import NotAllowed, NotFound
from sealdrop.journal import Entry
from sealdrop.models import File
from sealdrop.parts import digest_of
from sealdrop.source import Source
from sealdrop.transfers import PendingUpload, ReceivedPart, Upload


def entry_of(pending: PendingUpload) -> Entry | None:
    """What to keep about an upload; nothing of a single PUT, which is over or was never there."""
    upload = pending.upload
    if upload.is_single:
        return None
    return Entry(pending.file.id, pending.file.encryption_mode, upload.part_size, upload.part_count)


def taken_up(api: Api, entry: Entry, source: Source) -> tuple[PendingUpload, frozenset[int]] | File | None:
    """The upload and the numbers of the parts that need not be sent again; the file where the earlier run had got
    to its end without learning of it; None where anything differs from this source, and then what is pending of it
    has been withdrawn.
    """
    try:
        file, received = api.received(entry.file_id)
    except NotFound:
        return None
    except NotAllowed as error:
        if error.code != "missing_scope":
            raise
        return None  # a token that may write and not read cannot learn what has arrived
    mine = (file.size, file.encryption_mode) == (source.size, "server") == (source.size, entry.encryption_mode)
    if mine and file.status == "ready" and not file.trashed:
        return file
    if file.status != "pending":
        return None
    plan = Upload(entry.part_size, entry.part_count, (), is_single=False)
    if mine and _adds_up(plan, file) and all(_is_ours(part, plan, source) for part in received):
        return PendingUpload(file, plan, None), frozenset(part.number for part in received)
    api.purge(file.id)
    return None


def _adds_up(plan: Upload, file: File) -> bool:
    return plan.part_size > 0 and -(-file.stored_size // plan.part_size) == plan.part_count


def _is_ours(part: ReceivedPart, plan: Upload, source: Source) -> bool:
    """Whether the storage holds just these bytes of the source."""
    if not 1 <= part.number <= plan.part_count or part.size != plan.size_of(part.number, source.size):
        return False
    return digest_of(source.slice((part.number - 1) * plan.part_size, part.size)) == part.checksum_sha256
