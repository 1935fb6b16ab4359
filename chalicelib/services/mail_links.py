"""The link that an e-mail holds, and the download key in it.

KMS derives the key from the download's id, and only its hash is stored. So it can be made again, always the same: an
e-mail that is sent twice for want of an answer, or a reminder, holds the link that works already (decision 0011).
"""

from datetime import datetime

from chalicelib.domain.download import Download, DownloadKey
from chalicelib.domain.notification import link_to
from chalicelib.domain.secret import hash_secret, secret_text
from chalicelib.ports import DownloadStore, MacService

LABEL = "sealdrop mail link 1/"


def mail_link(download: Download, web_url: str, *, macs: MacService) -> str:
    return link_to(web_url, _download_key(download, macs))


def open_link(download: Download, web_url: str, now: datetime, *, downloads: DownloadStore, macs: MacService) -> str:
    """The link, which works from now on. Raises Gone."""
    text = _download_key(download, macs)
    key = DownloadKey(hash_secret(text), download.id, download.file_ids, download.forgotten_at, is_link=True)
    downloads.make_key_current(download, key, now)
    return link_to(web_url, text)


def _download_key(download: Download, macs: MacService) -> str:
    return secret_text(macs.derive(f"{LABEL}{download.id}".encode()))
