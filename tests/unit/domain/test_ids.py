import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.ids import is_uuid, uuid_from_digest


@given(st.binary(min_size=32, max_size=32))
def test_a_digest_becomes_a_uuid_of_version_8(digest: bytes) -> None:
    text = uuid_from_digest(digest)
    parsed = uuid.UUID(text)
    assert is_uuid(text)
    assert (parsed.version, parsed.variant) == (8, uuid.RFC_4122)


@given(st.binary(min_size=16, max_size=16))
def test_only_the_six_fixed_bits_are_lost(digest: bytes) -> None:
    fixed = (0xF << 76) | (0b11 << 62)
    assert (int.from_bytes(digest) ^ uuid.UUID(uuid_from_digest(digest)).int) & ~fixed == 0


def test_what_lies_beyond_16_bytes_does_not_count() -> None:
    assert uuid_from_digest(bytes(16) + b"a") == uuid_from_digest(bytes(16) + b"b")


@given(st.uuids())
def test_canonical_uuids(value: uuid.UUID) -> None:
    assert is_uuid(str(value))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "A11CE000-0000-4000-8000-00000000000A",
        "{a11ce000-0000-4000-8000-00000000000a}",
        "urn:uuid:a11ce000-0000-4000-8000-00000000000a",
        "a11ce0000000400080000000000000aa",
        "a11ce000-0000-4000-8000-00000000000a\n",
        " a11ce000-0000-4000-8000-00000000000a",
        "a11ce000-0000-4000-8000-00000000000\u0661",
    ],
)
def test_no_other_spelling(text: str) -> None:
    assert not is_uuid(text)
