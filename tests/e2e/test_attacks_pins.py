"""Attacks K of docs/threat-model.md on the running stack: guessers, thieves of tokens, readers of the table."""

from collections import Counter
from typing import Any

import pytest

from tests.e2e.api_kit import Backstage, assert_refused, keyed, perform, without_request_id
from tests.e2e.conftest import Api, User
from tests.e2e.test_api_pins import PIN_GUARDED, _as_before, a_download, assert_locked, assert_words, guarded
from tests.e2e.test_attacks_downloads import at_once

__all__ = ["_as_before"]  # puts PINs and tries back after each test

pytestmark = pytest.mark.e2e

GUESSERS = 20


def test_k1_of_twenty_guesses_at_once_five_are_looked_at(alice: User) -> None:
    """Five are told that they are wrong; the others are told nothing, not even the one that is right."""
    answers = at_once(GUESSERS, lambda number: alice.api("POST", "/keys", {"pin": f"{number:04}"}))
    assert Counter(answer.status for answer in answers) == {422: 5, 429: GUESSERS - 5}
    assert_locked(alice.api("POST", "/keys", {"pin": alice.pin}))


def test_k1_a_download_s_as_well(alice: User, anyone: Api, backstage: Backstage) -> None:
    key = guarded(alice, backstage)
    answers = at_once(GUESSERS, lambda number: perform(anyone, key, pin=f"{number:04}"))
    assert Counter(answer.status for answer in answers) == {422: 5, 429: GUESSERS - 5}
    assert_locked(perform(anyone, key, pin=PIN_GUARDED))


def test_k1_two_doors_share_one_count(alice: User) -> None:
    for _ in range(3):
        alice.api("POST", "/keys", {"pin": "0000"})
        alice.api("PATCH", "/user", {"pin": "new one", "current_pin": "0000"})
    assert_locked(alice.api("POST", "/keys", {"pin": alice.pin}))
    assert_locked(alice.api("PATCH", "/user", {"pin": "new one", "current_pin": alice.pin}))


def test_k1_a_locked_answer_tells_nothing_of_the_guess(alice: User) -> None:
    for _ in range(5):
        alice.api("POST", "/keys", {"pin": "0000"})
    right, wrong = (alice.api("POST", "/keys", {"pin": pin}) for pin in (alice.pin, "0000"))
    assert without_request_id(right) == without_request_id(wrong)


def test_k2_anothers_key_is_none_of_mine(alice: User, bob: User) -> None:
    path = f"/downloads/{a_download(alice.api)}/keys"
    for key in (bob.api.pin_key, alice.api.pin_key[:-1], "A" * 43, alice.pin, ""):
        assert_words(alice.api("POST", path, {"pinKey": key}), "pinKey", "Pin key does not exists")
    assert_refused(alice.api("DELETE", f"/keys/{bob.api.pin_key}"), 404, "not_found")
    assert keyed(bob.api, a_download(bob.api)).status == 201


def test_k3_a_changed_pin_ends_its_keys(alice: User) -> None:
    path = f"/downloads/{a_download(alice.api)}/keys"
    key = alice.api("POST", "/keys", {"pin": alice.pin}).data["key"]
    assert alice.api("POST", path, {"pinKey": key}).status == 201
    alice.api("PATCH", "/user", {"pin": alice.pin, "current_pin": alice.pin})
    assert_words(alice.api("POST", path, {"pinKey": key}), "pinKey", "Pin key does not exists")
    alice.api("PATCH", "/user", {"pin": None, "current_pin": alice.pin})
    assert_words(alice.api("POST", path, {"pinKey": key}), "pinKey", "Pin key does not exists")


def test_k4_a_verifier_in_anothers_record_fits_nothing(alice: User, bob: User, backstage: Backstage) -> None:
    """Who can write the table puts the verifier of a PIN they know into the victim's record."""
    known, victim = (backstage.record("USER", user.api("GET", "/user").data["id"]) for user in (bob, alice))
    backstage.dynamodb.put_item(TableName=backstage.table, Item={**victim, "pin": known["pin"]})
    for pin in (bob.pin, alice.pin):
        assert_words(alice.api("POST", "/keys", {"pin": pin}), "pin", "Invalid PIN.")


def test_k5_the_record_is_of_no_use_without_kms(alice: User, backstage: Backstage) -> None:
    import hashlib
    import hmac

    record: Any = backstage.record("USER", alice.api("GET", "/user").data["id"])["pin"]["M"]
    salt, mac = (bytes(record[name]["B"]) for name in ("salt", "mac"))
    slow = hashlib.scrypt(alice.pin.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
    keyless = [slow, hashlib.sha256(slow).digest(), *(hmac.digest(key, slow, "sha256") for key in (b"", salt, slow))]
    assert mac not in keyless
    assert alice.pin not in backstage.everything()


def test_k6_nothing_of_the_files_and_no_use_without_the_pin(alice: User, anyone: Api, backstage: Backstage) -> None:
    key = guarded(alice, backstage)
    answers = [anyone("GET", f"/public/downloads/{key}"), *(perform(anyone, key, **it) for it in ({}, {"pin": "0000"}))]
    for answer in answers:
        for told in (b"plans", b".pdf", b"size", b"mode", b"url", b"X-Amz", b"session"):
            assert told not in answer.body
    assert anyone("GET", f"/public/downloads/{key}").data["uses_left"] == 1


def test_k7_a_stolen_token_does_not_change_the_pin(alice: User) -> None:
    for body in ({"pin": "mine now"}, {"pin": None}, {"pin": "mine now", "current_pin": "0000"}):
        assert_refused(alice.api("PATCH", "/user", body), 422, "invalid", ["current_pin"])
    assert_refused(alice.api("PATCH", "/user", {"current_pin": alice.pin}), 422, "invalid", ["current_pin"])
    assert alice.api("POST", "/keys", {"pin": alice.pin}).status == 201


def test_k7_of_many_first_pins_at_once_one_stands(alice: User) -> None:
    alice.api("PATCH", "/user", {"pin": None, "current_pin": alice.pin})
    pins = [f"pin no. {number}" for number in range(8)]
    answers = at_once(8, lambda number: alice.api("PATCH", "/user", {"pin": pins[number]}))
    # who comes later is either too late to write, or early enough to read that there is one
    assert sum(answer.status == 200 for answer in answers) == 1
    assert {answer.status for answer in answers} <= {200, 409, 422}
    (winner,) = [pin for pin, answer in zip(pins, answers, strict=True) if answer.status == 200]
    assert alice.api("POST", "/keys", {"pin": winner}).status == 201
