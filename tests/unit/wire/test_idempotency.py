"""The Idempotency-Key as sent, and the one form of a body."""

import pytest

from chalicelib.domain.errors import Invalid
from chalicelib.wire.files import CreateFile
from chalicelib.wire.idempotency import HEADER, canonical, parse_key


@pytest.mark.parametrize("key", ["0", "~", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a" * 255, "!,;=/{}"])
def test_a_good_key_is_taken_as_it_is(key: str) -> None:
    assert parse_key(key) == key


@pytest.mark.parametrize("key", ["", " ", "a b", "a\tb", "a" * 256, "ключ", "a\x7f", "a\x00", "\u00e9", "a, b", " a"])
def test_anything_else_is_refused_by_name(key: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_key(key)
    assert list(refusal.value.errors or {}) == [HEADER]


def test_none_is_none() -> None:
    assert parse_key(None) is None


def parsed(text: str) -> str:
    return canonical(CreateFile.model_validate_json(text))


SAME = [
    '{"filename": "a.txt", "size": 5, "expires_at": "2026-03-02T12:00:00Z"}',
    '{"size":5,"expires_at":"2026-03-02T14:00:00.000+02:00","filename":"a.txt"}',
    '{\n "filename": "\\u0061.txt", "size": 5, "expires_at": "2026-03-02T12:00:00Z", "encryption": "server"}',
    '{"filename": "a.txt", "size": 5, "expires_at": "2026-03-02T12:00:00Z", "part_size": null, "type": null}',
]
OTHERS = [
    '{"filename": "b.txt", "size": 5, "expires_at": "2026-03-02T12:00:00Z"}',
    '{"filename": "a.txt", "size": 6, "expires_at": "2026-03-02T12:00:00Z"}',
    '{"filename": "a.txt", "size": 5, "expires_at": "2026-03-02T12:00:01Z"}',
    '{"filename": "a.txt", "size": 5}',
    '{"filename": "a.txt", "size": 5, "expires_at": "2026-03-02T12:00:00Z", "encryption": "client"}',
]


def test_one_content_in_every_spelling_is_one_text() -> None:
    assert len({parsed(text) for text in SAME}) == 1


def test_another_content_is_another_text() -> None:
    assert len({parsed(text) for text in [SAME[0], *OTHERS]}) == 1 + len(OTHERS)
