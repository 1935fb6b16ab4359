"""The text of secrets: 256 bits whole, and typing errors caught before a database is asked."""

import hashlib
import string
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.secret import hash_secret, looks_like_secret, looks_like_token, secret_text, token_text

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ALMOST = "a" * 42
RANDOM = st.binary(min_size=32, max_size=32)


def number_of(text: str) -> int:
    number = 0
    for digit in text:
        number = number * 62 + ALPHABET.index(digit)
    return number


@given(RANDOM)
def test_a_secret_holds_all_its_bits(random: bytes) -> None:
    text = secret_text(random)
    assert len(text) == 43
    assert number_of(text).to_bytes(32) == random
    assert looks_like_secret(text)


@given(RANDOM)
def test_a_token_is_prefix_secret_and_checksum(random: bytes) -> None:
    text = token_text(random)
    assert text == f"sdt_{secret_text(random)}{text[-6:]}"
    assert number_of(text[-6:]) == zlib.crc32(text[4:-6].encode())
    assert looks_like_token(text)


@pytest.mark.parametrize("random", [bytes(32), b"\xff" * 32])
def test_the_extremes(random: bytes) -> None:
    assert looks_like_token(token_text(random))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_other_lengths_make_no_secret(length: int) -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        secret_text(bytes(length))


@given(RANDOM, st.integers(4, 52), st.sampled_from(ALPHABET))
def test_a_wrong_letter_is_noticed(random: bytes, place: int, letter: str) -> None:
    text = token_text(random)
    changed = text[:place] + letter + text[place + 1 :]
    assert looks_like_token(changed) == (changed == text)


@given(st.text(max_size=80))
def test_other_text_is_no_token(text: str) -> None:
    assert not looks_like_token(text)
    assert not looks_like_token(f"sdt_{text}")


@pytest.mark.parametrize("text", ["", ALMOST, ALMOST + "aa", ALMOST + "-", ALMOST + "\u00e9", ALMOST + "\n", " " * 43])
def test_what_is_no_secret(text: str) -> None:
    assert not looks_like_secret(text)


def test_only_the_hash_of_the_whole_text_is_kept() -> None:
    text = token_text(bytes(32))
    assert hash_secret(text) == hashlib.sha256(text.encode()).hexdigest()
