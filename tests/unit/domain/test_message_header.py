"""The parser of sealed headers, on headers by the stock SDK, on each kind of wrong one, and on any bytes at all."""

import pytest
from aws_encryption_sdk import CommitmentPolicy
from aws_encryption_sdk.identifiers import Algorithm
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.header_check import header_is_authentic
from chalicelib.domain.message_header import EncryptedDataKey, MalformedHeader, parse_header
from chalicelib.domain.sealing import WrappedKey, header_length
from tests.support.sealed import FRAME, Header, random_key, seal

KEY = random_key()
WRAPPED = WrappedKey("arn:aws:kms:eu-west-1:000000000000:key/x", b"\x01wrapped" * 20)
CONTEXT = {"file": "f-1", "account": "ünï"}
SEALED = seal(b"content", KEY, WRAPPED, CONTEXT)
LENGTH = header_length(CONTEXT, WRAPPED)
BY_HAND = Header().write()


class TestRealHeaders:
    def test_every_field_is_found(self) -> None:
        header = parse_header(SEALED)
        assert header.context == CONTEXT
        assert header.data_keys == (EncryptedDataKey(b"aws-kms", WRAPPED.key_arn.encode(), WRAPPED.blob),)
        assert header.frame_length == FRAME
        assert header.authenticated + header.tag == SEALED[:LENGTH]
        assert header.length == LENGTH
        assert header_is_authentic(header, KEY)

    def test_what_follows_is_not_looked_at(self) -> None:
        assert parse_header(SEALED[:LENGTH]) == parse_header(SEALED)

    @pytest.mark.parametrize("length", [0, 1, 3, 34, 35, 36, 37, LENGTH - 17, LENGTH - 16, LENGTH - 1])
    def test_cut_off(self, length: int) -> None:
        with pytest.raises(MalformedHeader, match="cut off"):
            parse_header(SEALED[:length])

    def test_the_hand_and_the_sdk_write_alike(self) -> None:
        parsed = parse_header(SEALED)
        by_hand = Header(
            data_key=KEY,
            message_id=parsed.message_id,
            context=tuple((k.encode(), v.encode()) for k, v in parsed.context.items()),
            data_keys=((b"aws-kms", WRAPPED.key_arn.encode(), WRAPPED.blob),),
        )
        assert by_hand.write() == SEALED[:LENGTH]

    @pytest.mark.parametrize(
        ("algorithm", "policy", "reason"),
        [
            (
                Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384,
                CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
                "suite",
            ),
            (
                Algorithm.AES_256_GCM_IV12_TAG16_HKDF_SHA256,
                CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT,
                "version 2.0",
            ),
        ],
    )
    def test_other_suites_of_the_sdk(self, algorithm, policy, reason) -> None:
        sealed = seal(b"x", KEY, WRAPPED, CONTEXT, algorithm=algorithm, policy=policy)
        with pytest.raises(MalformedHeader, match=reason):
            parse_header(sealed)

    def test_unframed(self) -> None:
        with pytest.raises(MalformedHeader, match="not framed"):
            parse_header(seal(b"x", KEY, WRAPPED, CONTEXT, frame_length=0))


class TestWrongHeaders:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"version": 1}, "version 2.0"),
            ({"version": 0}, "version 2.0"),
            ({"suite": 0x0578}, "0x0478"),
            ({"suite": 0}, "0x0478"),
            ({"content_type": 1}, "not framed"),
            ({"content_type": 0}, "not framed"),
            ({"data_keys": ()}, "0 encrypted data keys"),
            ({"data_keys": ((b"p", b"i", b"b"),) * 4}, "4 encrypted data keys"),
            ({"data_key_count": 0xFFFF}, "65535 encrypted data keys"),
            ({"context": ((b"a", b"1"), (b"a", b"2"))}, "twice"),
            ({"context": ((b"\xff", b"1"),)}, "not UTF-8"),
            ({"context": ((b"a", b"\xed\xa0\x80"),)}, "not UTF-8"),
            ({"context_extra": b"!"}, "longer than its entries"),
            ({"context_count": 1}, "longer than its entries"),
            ({"context_count": 3}, "cut off"),
        ],
    )
    def test_is_malformed(self, changes, reason) -> None:
        with pytest.raises(MalformedHeader, match=reason):
            parse_header(Header().but(**changes).write())

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_up_to_three_data_keys_parse(self, count: int) -> None:
        keys = ((b"p", b"i", b"b"),) * count
        assert len(parse_header(Header(data_keys=keys).write()).data_keys) == count

    def test_no_context_at_all_parses(self) -> None:
        assert parse_header(Header(context=()).write()).context == {}


class TestAuthenticity:
    header = parse_header(BY_HAND)

    def test_of_the_true_key(self) -> None:
        assert header_is_authentic(self.header, bytes(32))

    def test_of_another_key(self) -> None:
        assert not header_is_authentic(self.header, random_key())

    def test_of_a_commitment_that_fits_the_key_over_an_altered_header(self) -> None:
        """The commitment alone says nothing about the rest: the tag must be looked at too."""
        altered = BY_HAND.replace(b"blob", b"b10b")
        assert parse_header(altered).commitment == self.header.commitment
        assert not header_is_authentic(parse_header(altered), bytes(32))

    def test_of_a_tag_that_fits_over_a_false_commitment(self) -> None:
        """Else one message could be opened under two keys."""
        forged = parse_header(Header(commitment=bytes(32)).write())
        assert not header_is_authentic(forged, bytes(32))


@given(st.binary(max_size=600))
def test_any_bytes_are_a_header_or_malformed(data: bytes) -> None:
    try:
        header = parse_header(data)
    except MalformedHeader:
        return
    assert data.startswith(header.authenticated + header.tag)


@given(
    st.sampled_from([(BY_HAND, bytes(32)), (SEALED[:LENGTH], KEY)]),
    st.lists(st.tuples(st.integers(0, LENGTH - 1), st.integers(0, 255)), max_size=4),
    st.one_of(st.just(0), st.integers(0, LENGTH)),
)
def test_a_mutated_header_is_malformed_or_not_authentic(
    made: tuple[bytes, bytes], changes: list[tuple[int, int]], cut: int
) -> None:
    original, key = made
    data = bytearray(original)
    for place, value in changes:
        data[place % len(data)] = value
    mutated = bytes(data[: len(data) - cut])
    try:
        header = parse_header(mutated)
    except MalformedHeader:
        return
    assert header_is_authentic(header, key) == (mutated == original)


@given(st.binary(min_size=1, max_size=80), st.integers(0, 70))
def test_bytes_put_in_anywhere(inserted: bytes, place: int) -> None:
    data = BY_HAND[:place] + inserted + BY_HAND[place:]
    try:
        header = parse_header(data)
    except MalformedHeader:
        return
    assert not header_is_authentic(header, bytes(32))
