"""Checks I of docs/threat-model.md: what an Idempotency-Key leads to, and for whom."""

import hashlib
from typing import Any

import pytest

from chalicelib.domain.claim import Claim, claim_of
from chalicelib.domain.errors import IdempotencyMismatch
from chalicelib.ports import Claimed
from chalicelib.services.create_once import create_once
from chalicelib.wire.idempotency import HEADER
from tests.support.adapters import claims_on, downloads_on, files_on
from tests.support.app_client import AppClient
from tests.support.builders import (
    ALICE_ID,
    ALICES,
    BOB_ID,
    BOBS,
    NOW,
    Caller,
    a_claim,
    a_download,
    a_file,
    a_ready_file,
    stored,
)
from tests.support.fakes import FakeClaims, FakeWorld

KEY = {HEADER: "guessed"}
FILE = {"filename": "invoice.pdf", "size": 5, "encryption": "client"}


# --- I1: whose it is --------------------------------------------------------------------------------------------------


def test_i1_another_account_makes_its_own(api: AppClient, alice: Caller, bob: Caller) -> None:
    hers = api.with_token(alice.text).post("/files", FILE, headers=KEY).data
    his = api.with_token(bob.text).post("/files", FILE, headers=KEY).data
    assert his["id"] != hers["id"]
    assert his["encryption"]["data_key"] != hers["encryption"]["data_key"]


def test_i1_so_does_a_colleague(table: Any) -> None:
    """Who numbers requests 1, 2, 3 must not be handed a colleague's mail for one's own."""
    files = files_on(table)
    hers, his = a_claim("1"), claim_of(ALICES, BOB_ID, "POST /files", "1", "{}", NOW)
    first, second = files.add(a_file(), hers), files.add(a_file(), his)
    assert files.find(first.id) == first
    assert files.find(second.id) == second


def test_i1_claims_are_kept_apart_by_account(table: Any) -> None:
    files, claims = files_on(table), claims_on(table)
    files.add(a_file(), a_claim())
    foreign = a_claim(account_id=BOBS)
    assert claims.find(foreign) is None
    files.add(a_file(account_id=BOBS), foreign)


def test_i1_and_by_route(table: Any) -> None:
    files_on(table).add(a_file(), a_claim())
    download = a_download()
    downloads_on(table).add(download, claim_of(ALICES, ALICE_ID, "POST /downloads", "key", "{}", NOW))
    assert downloads_on(table).find(download.id) == download


# --- I2: what it was made for -----------------------------------------------------------------------------------------


def test_i2_another_body_is_told_nothing() -> None:
    claims, found = FakeClaims(), []

    def create(claim: Claim | None) -> str:
        with claims.keeping(claim, "id"):
            return "made"

    create_once(a_claim(), create, found.append, claims=claims)  # type: ignore[arg-type]
    with pytest.raises(IdempotencyMismatch):
        create_once(a_claim(body="another"), create, found.append, claims=claims)  # type: ignore[arg-type]
    assert found == []


def test_i2_one_byte_makes_another_body(api: AppClient, alice: Caller) -> None:
    hers = api.with_token(alice.text)
    hers.post("/files", FILE, headers=KEY)
    for body in (FILE | {"size": 6}, FILE | {"encryption": "server"}, FILE | {"type": "text/plain"}):
        assert hers.post("/files", body, headers=KEY).json["code"] == "idempotency_mismatch"


# --- I3: once ---------------------------------------------------------------------------------------------------------


def test_i3_a_claim_is_taken_once(table: Any) -> None:
    files, twin = files_on(table), a_file()
    files.add(a_file(), a_claim())
    with pytest.raises(Claimed):
        files.add(twin, a_claim())
    assert files.find(twin.id) is None


def test_i3_a_grant_is_made_once(table: Any) -> None:
    downloads, twin = downloads_on(table), a_download()
    downloads.add(a_download(), a_claim())
    with pytest.raises(Claimed):
        downloads.add(twin, a_claim())
    assert downloads.find(twin.id) is None


def test_i3_a_claim_stands_with_its_record_and_never_without(table: Any) -> None:
    """Written before it, it would answer for what does not exist; after it, twins would slip between."""
    files, claims = files_on(table), claims_on(table)
    file = files.add(a_file())
    with pytest.raises(RuntimeError):
        files.add(a_file(id=file.id, filename="other.pdf"), a_claim())  # there is such a record: nothing is written
    assert claims.find(a_claim()) is None


def test_i3_a_spent_download_is_not_granted_again(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    hers = api.with_token(alice.text)
    body = {"files": [stored(world, a_ready_file(account_id=alice.account_id)).id]}
    granted = hers.post("/downloads", body, headers=KEY).data
    key = hers.post(f"/downloads/{granted['id']}/keys").data["key"]
    assert api.post(f"/public/downloads/{key}").status == 200
    again = hers.post("/downloads", body, headers=KEY).data
    assert (again["id"], again["uses_left"]) == (granted["id"], 0)
    assert hers.post(f"/downloads/{granted['id']}/keys").status == 410


# --- I4: what is kept -------------------------------------------------------------------------------------------------


def test_i4_a_pin_in_a_body_cannot_be_found_by_trying() -> None:
    kept = a_claim("3e2ee1c0-5a5a-4c7e-8a34-6f7d3a3c4d5e", '{"pin": "4711"}')
    tried = {hashlib.sha256(f'{{"pin": "{pin}"}}'.encode()).hexdigest() for pin in range(10_000)}
    assert kept.body_digest not in tried


def test_i4_nor_is_the_key_kept(table: Any) -> None:
    files_on(table).add(a_file(), a_claim("the-key", '{"pin": "4711"}'))
    everything = str(table.client.scan(TableName=table.name)["Items"])
    assert "CLAIM#" in everything
    assert "the-key" not in everything
    assert "4711" not in everything


# --- I5: secrets are shown once ---------------------------------------------------------------------------------------


def test_i5_what_answers_a_secret_takes_no_key(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    hers = api.with_token(alice.text)
    download = a_download(stored(world, a_ready_file(account_id=alice.account_id)), account_id=alice.account_id)
    world.downloads.add(download)
    key = hers.post(f"/downloads/{download.id}/keys").data["key"]
    for path, body in (
        ("/tokens", {"name": "script", "scopes": ["files:read"]}),
        (f"/downloads/{download.id}/keys", {}),
        (f"/public/downloads/{key}", {}),
    ):
        answer = hers.post(path, body, headers=KEY)
        assert (answer.status, list(answer.json["errors"])) == (422, [HEADER])
    assert world.downloads.records[download.id].uses_left == 1
