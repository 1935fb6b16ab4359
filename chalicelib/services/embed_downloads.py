"""`include=download` and `include=download.files`: the downloads of a page's mails, in a bounded number of reads."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from chalicelib.domain.download import Download
from chalicelib.domain.file import File
from chalicelib.domain.ids import DownloadId, FileId
from chalicelib.domain.mail import Mail
from chalicelib.domain.page import Page, Position
from chalicelib.ports import DownloadStore, FileStore

MAX_FILES = 1000  # that one page shows, counted for each mail
_AT_ONCE = 100  # FileStore.find_many takes no more
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class EmbeddedDownload:
    download: Download
    files: Sequence[File] | None  # those that can still be had; None: not asked for, or not to be told


def bounded(page: Page[Row], mail_of: Callable[[Row], Mail], place_of: Callable[[Row], Position]) -> Page[Row]:
    """The page, cut short where its mails have more files than one answer should hold; it goes on from there."""
    shown, count = list[Row](), 0
    for row in page.rows:
        count += mail_of(row).file_count
        if shown and count > MAX_FILES:
            return replace(page, rows=shown, next=place_of(shown[-1]))
        shown.append(row)
    return page


def embed_downloads(
    mails: Sequence[Mail],
    now: datetime,
    *,
    with_files: bool,
    to_recipient: bool,
    downloads: DownloadStore,
    files: FileStore,
) -> Mapping[DownloadId, EmbeddedDownload]:
    """By the download's id, for at most 100 mails.

    (K6) A recipient learns of the files behind a PIN when they perform the download with it.
    """
    found = downloads.find_many([mail.download_id for mail in mails])
    shown = [download for download in found if with_files and not (to_recipient and download.pin)]
    known = _files_of(shown, files)
    with_theirs = {
        download.id: [known[i] for i in download.file_ids if _can_be_had(known.get(i), now)] for download in shown
    }
    return {download.id: EmbeddedDownload(download, with_theirs.get(download.id)) for download in found}


def _files_of(downloads: Iterable[Download], files: FileStore) -> dict[FileId, File]:
    wanted = list(dict.fromkeys(file_id for download in downloads for file_id in download.file_ids))
    batches = [wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE)]
    return {file.id: file for batch in batches for file in files.find_many(batch)}


def _can_be_had(file: File | None, now: datetime) -> bool:
    return file is not None and file.can_be_downloaded(now)
