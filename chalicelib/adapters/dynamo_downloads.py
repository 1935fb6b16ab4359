"""Downloads and download keys in the metadata table. A use is spent by one conditional write."""

from collections.abc import Sequence
from datetime import datetime

from botocore.exceptions import ClientError

from chalicelib.adapters.aws_call import RETRY_AFTER_SECONDS
from chalicelib.adapters.dynamo_authors import author_from, author_item
from chalicelib.adapters.dynamo_creations import Creations
from chalicelib.adapters.dynamo_files import file_key
from chalicelib.adapters.dynamo_files import from_item as file_from_item
from chalicelib.adapters.dynamo_table import (
    NEW,
    Item,
    KeyOfId,
    MetadataTable,
    condition_failed,
    moment,
    optional_moment,
    optional_timestamp,
    standing_item,
    timestamp,
)
from chalicelib.adapters.dynamo_transaction import Cancelled, Transaction
from chalicelib.adapters.dynamo_verifiers import verifier_from, verifier_item
from chalicelib.domain.claim import Claim
from chalicelib.domain.download import Allowed, Download, DownloadKey, Refused, may_spend
from chalicelib.domain.errors import Busy, Gone
from chalicelib.domain.file import File
from chalicelib.domain.ids import AccountId, DownloadId, FileId
from chalicelib.domain.secret import SecretHash

download_key = KeyOfId("DOWNLOAD", "DOWNLOAD")
secret_key = KeyOfId("DOWNLOADKEY", "DOWNLOADKEY")
_ATTEMPTS = 5
_USABLE = "uses_left > :none AND expires_at > :now AND attribute_not_exists(revoked_at)"


class DynamoDownloads:
    def __init__(self, table: MetadataTable, creations: Creations) -> None:
        self._table, self._creations = table, creations

    def add(self, download: Download, claim: Claim | None = None) -> None:
        item = _to_item(download)
        if claim:  # which must find it
            item["ttl"] = max(item["ttl"], int(claim.expires_at.timestamp()))
        self._creations.add(download.account_id, [item], [download.id], download.created_at, claim=claim)

    def add_many(self, downloads: Sequence[Download]) -> None:
        transaction = Transaction(self._table)
        for download in downloads:
            transaction.put(_to_item(download), NEW)
        transaction.write()

    def find(self, download_id: DownloadId) -> Download | None:
        item = self._table.get(download_key(download_id))
        return _from_item(item) if item else None

    def find_many(self, download_ids: Sequence[DownloadId]) -> list[Download]:
        found = self._table.get_many([download_key(download_id) for download_id in download_ids])
        return [_from_item(found[download_key(each)]) for each in download_ids if download_key(each) in found]

    def find_key(self, key_hash: SecretHash) -> DownloadKey | None:
        item = self._table.get(secret_key(key_hash))
        if not item:
            return None
        ids = tuple(FileId(file_id) for file_id in item["file_ids"])
        download_id, is_link = DownloadId(item["download_id"]), item.get("is_link", False)
        return DownloadKey(key_hash, download_id, ids, moment(item["forgotten_at"]), is_link)

    def find_with_files(self, key: DownloadKey) -> tuple[Download | None, list[File]]:
        download = download_key(key.download_id)
        found = self._table.get_many([download, *map(file_key, key.file_ids)])
        files = [file_from_item(found[file_key(i)]) for i in key.file_ids if file_key(i) in found]
        return (_from_item(found[download]) if download in found else None), files

    def make_key_current(self, download: Download, key: DownloadKey, now: datetime) -> None:
        change = f"SET {'link_hash' if key.is_link else 'key_hash'} = :hash"
        given = {"hash": key.key_hash, "none": 0, "now": timestamp(now)}
        transaction = Transaction(self._table).update(download_key(download.id), change, _USABLE, **given)
        try:
            transaction.put(_key_item(key)).write()
        except Cancelled as cancelled:
            if 0 in cancelled.met:
                raise Gone(reason="not usable any more") from cancelled
            raise

    def revoke(self, download_id: DownloadId, now: datetime) -> None:
        once = "attribute_exists(pk) AND attribute_not_exists(revoked_at)"
        self._table.try_update(download_key(download_id), "SET revoked_at = :now", once, now=timestamp(now))

    def spend(self, key: DownloadKey, session_hash: SecretHash, session_until: datetime, now: datetime) -> Download:
        """A spending that was given up, and comes late, is refused: it says of how many returns it knew."""
        returns = 0  # supposed; a refusal tells how it is
        for _ in range(_ATTEMPTS):
            try:
                return _from_item(self._spend(key, session_hash, session_until, now, returns))
            except ClientError as error:
                if not condition_failed(error):
                    raise
                standing = standing_item(error)
                if standing and session_hash in standing["sessions"]:
                    return _from_item(standing)  # our own write: its answer was lost, and botocore tried again
                known, returns = returns, standing.get("return_count", 0) if standing else 0
                if returns == known or not _may_be_spent(standing, key.key_hash, now):
                    raise Gone(reason=_why(standing, key.key_hash, now)) from error
        raise Busy(reason="others kept giving uses back", retry_after_seconds=RETRY_AFTER_SECONDS)

    def _spend(
        self, key: DownloadKey, session_hash: SecretHash, session_until: datetime, now: datetime, returns: int
    ) -> Item:
        as_supposed = "return_count = :returns" if returns else "attribute_not_exists(return_count)"
        return self._table.update(
            download_key(key.download_id),
            "SET uses_left = uses_left - :one, sessions.#session = :until, released = :released",
            f"{_USABLE} AND (key_hash = :hash OR link_hash = :hash) AND attribute_not_exists(sessions.#session)"
            f" AND {as_supposed}",
            {"#session": session_hash},
            one=1,
            until=timestamp(session_until),
            released=list(key.file_ids),
            none=0,
            now=timestamp(now),
            hash=key.key_hash,
            **({"returns": returns} if returns else {}),
        )

    def give_back(self, key: DownloadKey, session_hash: SecretHash) -> None:
        """Also a spending of which nobody knows whether it was made, or will be (decision 0080)."""
        place, names = download_key(key.download_id), {"#session": session_hash}
        count = "return_count = if_not_exists(return_count, :none) + :one"
        spent, unspent = "attribute_exists(sessions.#session)", "attribute_not_exists(sessions.#session)"
        for _ in range(2):  # it may be made between the two
            change = f"SET uses_left = uses_left + :one, {count} REMOVE sessions.#session"
            if self._table.try_update(place, change, spent, names, one=1, none=0):
                return
            there = f"attribute_exists(pk) AND {unspent}"
            if self._table.try_update(place, f"SET {count}", there, names, one=1, none=0):
                return


def _may_be_spent(item: Item | None, key_hash: SecretHash, now: datetime) -> bool:
    return item is not None and isinstance(may_spend(_from_item(item), key_hash, now), Allowed)


def _why(item: Item | None, key_hash: SecretHash, now: datetime) -> str:
    if item is None:
        return "forgotten"
    decision = may_spend(_from_item(item), key_hash, now)
    return decision.reason if isinstance(decision, Refused) else "lost a race"


def _to_item(download: Download) -> Item:
    pk, sk = download_key(download.id)
    return {
        "pk": pk,
        "sk": sk,
        "ttl": int(download.forgotten_at.timestamp()),  # tidying only: expiry is checked at use
        "account_id": download.account_id,
        "sender": author_item(download.sender),
        "file_ids": list(download.file_ids),
        "uses_left": download.uses_left,
        "created_at": timestamp(download.created_at),
        "expires_at": timestamp(download.expires_at),
        "mail_id": download.mail_id,
        "key_hash": download.key_hash,
        "link_hash": download.link_hash,
        "sessions": {session: timestamp(until) for session, until in download.sessions.items()},
        "revoked_at": optional_timestamp(download.revoked_at),
        "pin": verifier_item(download.pin),
    }


def _from_item(item: Item) -> Download:
    return Download(
        id=DownloadId(download_key.id_of(item)),
        account_id=AccountId(item["account_id"]),
        sender=author_from(item["sender"]),
        file_ids=tuple(FileId(file_id) for file_id in item["file_ids"]),
        uses_left=item["uses_left"],
        created_at=moment(item["created_at"]),
        expires_at=moment(item["expires_at"]),
        mail_id=item.get("mail_id"),
        key_hash=item.get("key_hash"),
        link_hash=item.get("link_hash"),
        sessions={SecretHash(session): moment(until) for session, until in item["sessions"].items()},
        revoked_at=optional_moment(item.get("revoked_at")),
        pin=verifier_from(item.get("pin")),
    )


def _key_item(key: DownloadKey) -> Item:
    pk, sk = secret_key(key.key_hash)
    return {
        "pk": pk,
        "sk": sk,
        "ttl": int(key.forgotten_at.timestamp()),
        "download_id": key.download_id,
        "file_ids": list(key.file_ids),
        "forgotten_at": timestamp(key.forgotten_at),
        "is_link": key.is_link or None,
    }
