"""DownloadStore: what its port promises, of the fake and of the DynamoDB adapter."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.bootstrap import World
from chalicelib.domain.download import SESSION_LIFETIME, Download, DownloadKey
from chalicelib.domain.errors import Gone
from chalicelib.domain.ids import DownloadId
from chalicelib.domain.secret import SecretHash
from infra.local.stack import EmulatedAws
from tests.integration.hooks import Hooks
from tests.support.builders import BOBS, NOW, a_download, a_ready_file, a_verifier, new_id

UNTIL = NOW + SESSION_LIFETIME


def a_hash() -> SecretHash:
    return SecretHash(new_id().replace("-", "") * 2)


def a_key(download: Download, **changes: Any) -> DownloadKey:
    key = DownloadKey(a_hash(), download.id, download.file_ids, download.forgotten_at)
    return replace(key, **changes)


def with_key(ports: World, **changes: Any) -> DownloadKey:
    """A download whose key is current. What may not be given a key any more is stored with it."""
    key_hash = a_hash()
    download = a_download(**{"key_hash": key_hash} | changes)
    ports.downloads.add(download)
    return DownloadKey(key_hash, download.id, download.file_ids, download.forgotten_at)


def standing(ports: World, key: DownloadKey) -> Download:
    download = ports.downloads.find(key.download_id)
    assert download is not None
    return download


def refusal(ports: World, key: DownloadKey, now: datetime = NOW) -> str | None:
    with pytest.raises(Gone) as gone:
        ports.downloads.spend(key, a_hash(), UNTIL, now)
    return gone.value.reason


# -- records -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"uses_left": 0, "key_hash": a_hash(), "sessions": {a_hash(): UNTIL, a_hash(): NOW}},
        {"revoked_at": NOW, "account_id": BOBS, "expires_at": NOW + timedelta(microseconds=1)},
        {"pin": a_verifier()},
    ],
)
def test_a_download_comes_back_as_it_was(ports: World, changes: dict[str, Any]) -> None:
    download = a_download(a_ready_file(), a_ready_file(), **changes)
    ports.downloads.add(download)
    assert ports.downloads.find(download.id) == download


def test_unknown_ids_and_keys_find_nothing(ports: World) -> None:
    assert ports.downloads.find(DownloadId(new_id())) is None
    assert ports.downloads.find_key(a_hash()) is None


def test_adding_never_replaces(ports: World) -> None:
    download = a_download(a_ready_file())
    ports.downloads.add(download)
    with pytest.raises((ClientError, RuntimeError)):
        ports.downloads.add(replace(download, uses_left=99))
    assert ports.downloads.find(download.id) == download


# -- find_with_files ---------------------------------------------------------------------------------------------------


def test_a_download_comes_with_its_files_in_its_order(ports: World) -> None:
    files = [ports.files.add(a_ready_file()) for _ in range(4)]
    download = a_download(*files)
    ports.downloads.add(download)
    assert ports.downloads.find_with_files(a_key(download)) == (download, files)


def test_files_without_a_record_are_left_out(ports: World) -> None:
    files = [ports.files.add(a_ready_file()) for _ in range(3)]
    download = a_download(files[0], a_ready_file(), files[1], files[2])
    ports.downloads.add(download)
    ports.files.remove(files[1])
    assert ports.downloads.find_with_files(a_key(download)) == (download, [files[0], files[2]])


def test_a_download_that_went_leaves_its_files(ports: World) -> None:
    file = ports.files.add(a_ready_file())
    assert ports.downloads.find_with_files(a_key(a_download(file))) == (None, [file])


def test_a_hundred_files_come_with_it(ports: World) -> None:
    files = [ports.files.add(a_ready_file()) for _ in range(100)]
    download = a_download(*files)
    ports.downloads.add(download)
    assert ports.downloads.find_with_files(a_key(download)) == (download, files)


# -- make_key_current --------------------------------------------------------------------------------------------------


def test_a_key_leads_to_the_download_and_its_files(ports: World) -> None:
    download = a_download(a_ready_file(), a_ready_file())
    ports.downloads.add(download)
    key = a_key(download)

    ports.downloads.make_key_current(download, key, NOW)

    assert ports.downloads.find_key(key.key_hash) == key
    assert standing(ports, key) == replace(download, key_hash=key.key_hash)


def test_a_new_key_ends_the_one_before(ports: World) -> None:
    download = a_download(a_ready_file())
    ports.downloads.add(download)
    old, new = a_key(download), a_key(download)
    ports.downloads.make_key_current(download, old, NOW)
    ports.downloads.make_key_current(download, new, NOW)

    assert refusal(ports, old) == "key replaced"
    assert ports.downloads.spend(new, a_hash(), UNTIL, NOW).uses_left == 0


@pytest.mark.parametrize(
    "changes", [{"uses_left": 0}, {"revoked_at": NOW}, {"expires_at": NOW}], ids=["spent", "revoked", "expired"]
)
def test_what_cannot_be_used_gets_no_key(ports: World, changes: dict[str, Any]) -> None:
    download = a_download(a_ready_file(), **changes)
    ports.downloads.add(download)
    key = a_key(download)

    with pytest.raises(Gone):
        ports.downloads.make_key_current(download, key, NOW)

    assert ports.downloads.find_key(key.key_hash) is None  # all or nothing
    assert ports.downloads.find(download.id) == download


def test_a_forgotten_download_gets_no_key_and_does_not_come_back(ports: World) -> None:
    download = a_download(a_ready_file())
    key = a_key(download)
    with pytest.raises(Gone):
        ports.downloads.make_key_current(download, key, NOW)
    assert ports.downloads.find_key(key.key_hash) is None
    assert ports.downloads.find(download.id) is None


def test_what_was_revoked_stays_so_from_then_on(ports: World) -> None:
    key, later = with_key(ports, uses_left=3), NOW + timedelta(seconds=1)
    before = standing(ports, key)
    ports.downloads.revoke(key.download_id, NOW)
    ports.downloads.revoke(key.download_id, later)
    assert standing(ports, key) == replace(before, revoked_at=NOW)
    assert refusal(ports, key) == "revoked"


def test_revoking_a_forgotten_download_does_not_bring_it_back(ports: World) -> None:
    download = a_download(a_ready_file())
    ports.downloads.revoke(download.id, NOW)
    assert ports.downloads.find(download.id) is None


# -- spend -------------------------------------------------------------------------------------------------------------


def test_spending_takes_one_use_and_opens_a_session(ports: World) -> None:
    key, session = with_key(ports, uses_left=3), a_hash()

    answered = ports.downloads.spend(key, session, UNTIL, NOW)

    assert (answered.uses_left, answered.sessions) == (2, {session: UNTIL})
    assert standing(ports, key) == answered


def test_every_use_can_be_spent_and_not_one_more(ports: World) -> None:
    key = with_key(ports, uses_left=3)
    left = [ports.downloads.spend(key, a_hash(), UNTIL, NOW).uses_left for _ in range(3)]
    assert left == [2, 1, 0]
    assert refusal(ports, key) == "spent"
    assert len(standing(ports, key).sessions) == 3


@pytest.mark.parametrize(
    ("reason", "changes"),
    [("spent", {"uses_left": 0}), ("expired", {"expires_at": NOW}), ("revoked", {"revoked_at": NOW})],
)
def test_a_refusal_says_why_and_changes_nothing(ports: World, reason: str, changes: dict[str, Any]) -> None:
    key = with_key(ports, **changes)
    before = standing(ports, key)
    assert refusal(ports, key) == reason
    assert standing(ports, key) == before


@pytest.mark.parametrize("current", [a_hash(), None], ids=["another", "none"])
def test_only_the_current_key_spends(ports: World, current: SecretHash | None) -> None:
    key = replace(with_key(ports, key_hash=current), key_hash=a_hash())
    before = standing(ports, key)
    assert refusal(ports, key) == "key replaced"
    assert standing(ports, key) == before


def test_the_last_moment_is_before_the_expiry(ports: World) -> None:
    key = with_key(ports, expires_at=NOW)
    assert refusal(ports, key, NOW) == "expired"
    assert ports.downloads.spend(key, a_hash(), UNTIL, NOW - timedelta(microseconds=1)).uses_left == 0


def test_a_forgotten_download_is_not_made_again(ports: World) -> None:
    key = a_key(a_download(a_ready_file()))
    assert refusal(ports, key) == "forgotten"
    assert ports.downloads.find(key.download_id) is None


# -- give_back ---------------------------------------------------------------------------------------------------------


def test_giving_back_undoes_one_spending_once(ports: World) -> None:
    key = with_key(ports, uses_left=2)
    before, session, other = standing(ports, key), a_hash(), a_hash()
    ports.downloads.spend(key, session, UNTIL, NOW)
    both = ports.downloads.spend(key, other, UNTIL, NOW)

    for _ in range(3):
        ports.downloads.give_back(key, session)

    assert both.uses_left == 0
    assert standing(ports, key) == replace(before, uses_left=1, sessions={other: UNTIL})


def test_what_was_not_spent_is_not_given_back(ports: World) -> None:
    key = with_key(ports)
    before = standing(ports, key)
    ports.downloads.give_back(key, a_hash())
    assert standing(ports, key) == before


def test_giving_back_to_a_forgotten_download_is_harmless(ports: World) -> None:
    key = a_key(a_download(a_ready_file()))
    ports.downloads.give_back(key, a_hash())
    assert ports.downloads.find(key.download_id) is None


def test_what_was_given_back_can_be_spent(ports: World) -> None:
    key, session = with_key(ports), a_hash()
    ports.downloads.spend(key, session, UNTIL, NOW)
    ports.downloads.give_back(key, session)
    assert ports.downloads.spend(key, a_hash(), UNTIL, NOW).uses_left == 0
    assert refusal(ports, key) == "spent"


# -- DynamoDB alone ----------------------------------------------------------------------------------------------------


def items(aws: EmulatedAws) -> dict[str, dict[str, Any]]:
    found = aws.clients("dynamodb").scan(TableName=aws.metadata_table)["Items"]
    return {item["pk"]["S"].partition("#")[0]: item for item in found}


def test_both_records_are_tidied_up_when_no_session_can_be_open(world: World, aws: EmulatedAws) -> None:
    download = a_download(a_ready_file())
    world.downloads.add(download)
    world.downloads.make_key_current(download, a_key(download), NOW)
    end = {"N": str(int((download.expires_at + SESSION_LIFETIME).timestamp()))}
    assert {kind: item["ttl"] for kind, item in items(aws).items()} == {"DOWNLOAD": end, "DOWNLOADKEY": end}


def test_spending_needs_no_read(world: World, hooks: Hooks) -> None:
    key = with_key(world)
    calls = hooks.count("dynamodb")
    world.downloads.spend(key, a_hash(), UNTIL, NOW)
    assert calls == ["dynamodb.UpdateItem"]
