"""Checks D of docs/threat-model.md: who may have the files of a download, and how often."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.download import Allowed, Download, DownloadKey, Refused, may_resume, may_spend
from chalicelib.domain.errors import Gone, Invalid
from chalicelib.domain.file import EncryptionMode, File
from chalicelib.domain.filename import content_disposition, download_type
from chalicelib.domain.pin import clean_pin
from chalicelib.domain.sealing import encryption_context
from chalicelib.domain.secret import SecretHash, hash_secret, secret_text
from chalicelib.services.perform_download import perform_download, resume_download, show_download
from tests.support.adapters import downloads_on
from tests.support.app_client import AppClient
from tests.support.builders import (
    ALICES,
    NOW,
    PIN,
    a_download,
    a_ready_file,
    key_to,
    new_id,
    performing,
    resuming,
    showing,
    stored,
    verifier_for,
)
from tests.support.fakes import FakeWorld

HASH, OTHER, SESSION = (SecretHash(digit * 64) for digit in "abc")
MINUTE = timedelta(seconds=60)


def sealed_file(world: FakeWorld, **changes: Any) -> File:
    file_id = new_id()
    wrapped = world.keys.generate(encryption_context(file_id, ALICES)).wrapped
    mode = EncryptionMode.CLIENT
    return stored(world, a_ready_file(id=file_id, encryption_mode=mode, wrapped_key=wrapped, **changes))


def granted(world: FakeWorld, *files: File) -> tuple[Download, str, DownloadKey]:
    download = a_download(*files)
    world.downloads.add(download)
    text = key_to(world, download)
    key = world.downloads.find_key(hash_secret(text))
    assert key
    return download, text, key


# --- D1 --------------------------------------------------------------------------------------------------------------


def test_d1_a_key_has_256_random_bits(world: FakeWorld) -> None:
    """43 digits hold them; with fewer random bytes the first digits would be zeros."""
    _, text, _ = granted(world, stored(world, a_ready_file()))
    assert len(text) == 43
    assert secret_text(bytes([255] * 32)) > "0" * 43
    with pytest.raises(ValueError, match="32"):
        secret_text(bytes(16))


def test_d1_only_its_hash_leads_to_a_download(api: AppClient, world: FakeWorld) -> None:
    download, text, key = granted(world, stored(world, a_ready_file()))
    assert text not in repr(world.downloads.records) + repr(world.downloads.keys)
    for guess in (key.key_hash, download.id, text[:-1], text.swapcase()):
        assert api.post(f"/public/downloads/{guess}").status == 404
    assert api.post(f"/public/downloads/{text}").status == 200


def test_d1_a_new_key_ends_the_one_before(world: FakeWorld) -> None:
    download, _, old = granted(world, stored(world, a_ready_file()))
    key_to(world, download)
    for attempt in (show_download, perform_download):
        ports = performing(world) if attempt is perform_download else showing(world)
        with pytest.raises(Gone):
            attempt(old, NOW, **ports)


def test_d1_a_replaced_key_resumes_nothing() -> None:
    session = {SESSION: NOW + MINUTE}
    assert may_resume(a_download(key_hash=HASH, sessions=session), HASH, SESSION, NOW) == Allowed()
    assert may_resume(a_download(key_hash=OTHER, sessions=session), HASH, SESSION, NOW) == Refused("key replaced")


# --- D2: when it is read ---------------------------------------------------------------------------------------------


def test_d2_not_after_its_expiry() -> None:
    download = a_download(key_hash=HASH)
    assert may_spend(download, HASH, NOW + MINUTE - timedelta(microseconds=1)) == Allowed()
    assert may_spend(download, HASH, NOW + MINUTE) == Refused("expired")


def test_d2_not_after_the_last_use() -> None:
    assert may_spend(a_download(key_hash=HASH, uses_left=0), HASH, NOW) == Refused("spent")


def test_d2_not_after_its_revocation() -> None:
    revoked = a_download(key_hash=HASH, revoked_at=NOW, sessions={SESSION: NOW + MINUTE})
    assert may_spend(revoked, HASH, NOW) == Refused("revoked")
    assert may_resume(revoked, HASH, SESSION, NOW) == Refused("revoked")


def test_d2_a_session_ends() -> None:
    download = a_download(key_hash=HASH, sessions={SESSION: NOW + MINUTE})
    assert may_resume(download, HASH, SESSION, NOW + MINUTE) == Refused("session expired")


# --- D2, D4: in the condition of the write ---------------------------------------------------------------------------


def spend(table: Any, now: datetime = NOW, **changes: Any) -> Download:
    """What the table holds was changed after the performer had read it: the write alone can notice."""
    downloads = downloads_on(table)
    download = a_download(a_ready_file(), key_hash=HASH)
    downloads.add(replace(download, **changes))
    key = DownloadKey(HASH, download.id, download.file_ids, download.forgotten_at)
    spent: Download = downloads.spend(key, SESSION, now + timedelta(hours=6), now)
    return spent


def test_d2_the_write_takes_a_download_that_is_live(table: Any) -> None:
    spent = spend(table)
    assert (spent.uses_left, list(spent.sessions)) == (0, [SESSION])


def test_d2_the_write_refuses_one_that_expired(table: Any) -> None:
    with pytest.raises(Gone):
        spend(table, NOW + MINUTE)


def test_d2_the_write_refuses_one_that_was_revoked(table: Any) -> None:
    with pytest.raises(Gone):
        spend(table, revoked_at=NOW)


def test_d2_the_write_refuses_a_key_that_was_replaced(table: Any) -> None:
    with pytest.raises(Gone):
        spend(table, key_hash=OTHER)


def test_d4_the_write_refuses_one_that_was_spent(table: Any) -> None:
    with pytest.raises(Gone):
        spend(table, uses_left=0)


def test_d4_the_write_refuses_what_was_given_up_before_it_came(table: Any) -> None:
    """Else a use is gone by a session that nobody knows, and whoever was told "not now" is told "gone"."""
    downloads, download = downloads_on(table), a_download(a_ready_file(), key_hash=HASH)
    downloads.add(download)
    key = DownloadKey(HASH, download.id, download.file_ids, download.forgotten_at)
    until = NOW + timedelta(hours=6)
    downloads.give_back(key, SESSION)
    with pytest.raises(table.client.exceptions.ConditionalCheckFailedException):
        downloads._spend(key, SESSION, until, NOW, returns=0)
    assert downloads.spend(key, SESSION, until, NOW).uses_left == 0


def test_d4_no_new_key_for_one_that_was_spent(table: Any) -> None:
    downloads, download = downloads_on(table), a_download(a_ready_file())
    downloads.add(replace(download, uses_left=0))
    with pytest.raises(Gone):
        downloads.make_key_current(download, DownloadKey(HASH, download.id, (), download.forgotten_at), NOW)


# --- D3 --------------------------------------------------------------------------------------------------------------

ENDED = {
    "pending": {"status": "pending"},
    "trashed": {"trashed_at": NOW},
    "expired": {"expires_at": NOW},
    "being purged": {"purging_at": NOW},
    "another account's": {"account_id": "b0b00000-0000-4000-8000-00000000000b"},
}


@pytest.mark.parametrize("change", ENDED.values(), ids=ENDED)
def test_d3_a_file_that_ended_is_not_handed_out(world: FakeWorld, change: dict[str, Any]) -> None:
    file = stored(world, a_ready_file())
    _, _, key = granted(world, file)
    _, _, used = granted(world, file)
    session = perform_download(used, NOW, **performing(world)).session
    world.files.records[file.id] = replace(world.files.records[file.id], **change)
    with pytest.raises(Gone):
        show_download(key, NOW, **showing(world))
    with pytest.raises(Gone):
        perform_download(key, NOW, **performing(world))
    with pytest.raises(Gone):
        resume_download(used, session, NOW, **resuming(world))


# --- D5 --------------------------------------------------------------------------------------------------------------


def test_d5_who_loses_the_race_gets_nothing(world: FakeWorld) -> None:
    """A rival performs between this one's reading and its write."""
    _, _, key = granted(world, sealed_file(world))
    world.downloads.before("spend", lambda: perform_download(key, NOW, **performing(world)))
    with pytest.raises(Gone):
        perform_download(key, NOW, **performing(world))
    assert next(iter(world.downloads.records.values())).uses_left == 0


def test_d5_a_session_is_not_guessed(api: AppClient, world: FakeWorld) -> None:
    _, text, key = granted(world, sealed_file(world))
    session = perform_download(key, NOW, **performing(world)).session
    wrong = secret_text(bytes(32))
    refused = api.post(f"/public/downloads/{text}", {"session": wrong})
    assert (refused.status, set(refused.json)) == (410, {"message", "code", "request_id"})
    assert api.post(f"/public/downloads/{text}", {"session": session}).status == 200


def test_d5_a_session_renews_urls_and_nothing_else(api: AppClient, world: FakeWorld) -> None:
    """One request could otherwise have KMS unwrap a hundred keys, again and again for six hours."""
    _, text, key = granted(world, sealed_file(world))
    session = perform_download(key, NOW, **performing(world)).session
    world.keys.calls.clear()
    [file] = api.post(f"/public/downloads/{text}", {"session": session}).data["files"]
    assert "url" in file
    assert "encryption" not in file
    assert world.keys.calls == []


def test_d5_showing_releases_nothing(api: AppClient, world: FakeWorld) -> None:
    _, text, _ = granted(world, sealed_file(world))
    shown = api.get(f"/public/downloads/{text}")
    assert shown.status == 200
    assert not {"url", "encryption", "session"} & (set(shown.data) | set(shown.data["files"][0]))
    assert "unwrap" not in world.keys.calls
    assert "sign_get" not in world.objects.calls


# --- D6 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "active", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript", "text/xml"]
)
def test_d6_active_types_become_plain_bytes(active: str) -> None:
    assert download_type(active) == "application/octet-stream"
    assert download_type("application/pdf") == "application/pdf"


def test_d6_an_attachment_is_forced(world: FakeWorld) -> None:
    assert content_disposition("a.html").startswith("attachment; ")
    _, _, key = granted(world, stored(world, a_ready_file(filename="a.html", type="text/html")))
    (released,) = perform_download(key, NOW, **performing(world)).files
    signed = world.objects.signed[released.url]
    assert signed["disposition"].startswith("attachment; ")
    assert signed["media_type"] == "application/octet-stream"


def test_d6_no_type_is_guessed_from_the_bytes(api: AppClient) -> None:
    assert api.get("/health").headers["x-content-type-options"] == "nosniff"


# --- D7 --------------------------------------------------------------------------------------------------------------


def test_d7_what_cannot_be_opened_is_not_spent(api: AppClient, world: FakeWorld) -> None:
    download, text, _ = granted(world, stored(world, a_ready_file()), sealed_file(world))
    refused = api.post(f"/public/downloads/{text}", {"modes": ["server"]})
    assert (refused.status, set(refused.json["errors"])) == (422, {"modes"})
    assert not {"spend", "unwrap", "sign_get"} & {*world.downloads.calls, *world.keys.calls, *world.objects.calls}
    assert world.downloads.records[download.id].uses_left == 1
    assert api.post(f"/public/downloads/{text}", {"modes": ["client", "server"]}).status == 200


def test_d7_behind_a_pin_modes_are_told_to_whoever_has_it(world: FakeWorld) -> None:
    download = a_download(sealed_file(world))
    world.downloads.add(replace(download, pin=verifier_for(world, download.pin_holder)))
    key = world.downloads.find_key(hash_secret(key_to(world, download)))
    assert key
    for pin, field in ((None, "pin"), ("0000", "pin"), (PIN, "modes")):
        with pytest.raises(Invalid) as refusal:
            perform_download(key, NOW, pin and clean_pin(pin), [EncryptionMode.SERVER], **performing(world))
        assert set(refusal.value.errors or ()) == {field}
