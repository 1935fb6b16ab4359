"""Sealing and opening: round trips at the edges, in both directions with the stock SDK, and every refusal."""

import io
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aws_encryption_sdk
import pytest
from aws_encryption_sdk.identifiers import Algorithm, CommitmentPolicy
from aws_encryption_sdk.materials_managers import EncryptionMaterials
from aws_encryption_sdk.structures import EncryptedDataKey, MasterKeyInfo
from hypothesis import given
from hypothesis import strategies as st

from sealdrop.errors import FileChanged, NotAuthentic
from sealdrop.sealing import SUITE, ApiKeyManager, header_length, open_sealed, seal, sealed_size
from sealdrop.transfers import FRAME_LENGTH, Encryption

FRAME = FRAME_LENGTH
PART = 8 << 20
EDGES = (0, 1, 15, 16, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME, PART - 1, PART, PART + 1)
TERMS = Encryption(
    context={"file": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "account": "a41bb0fe-6c7e-4d2b-8d35-0c6b7c1f2a90"},
    data_key=secrets.token_bytes(32),
    encrypted_data_key=secrets.token_bytes(184),
    key_arn="arn:aws:kms:eu-west-1:123456789012:key/5f1c3c1e-98b0-4b7e-b47a-5d5a4c1c8f10",
)


def sealed(plain: bytes, terms: Encryption = TERMS) -> bytes:
    return b"".join(seal(io.BytesIO(plain), len(plain), terms))


def opened(message: bytes, terms: Encryption = TERMS) -> bytes:
    return b"".join(open_sealed(io.BytesIO(message), terms))


def stock(policy: CommitmentPolicy = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT) -> Any:
    make: Any = aws_encryption_sdk.EncryptionSDKClient
    return make(commitment_policy=policy)


@pytest.mark.parametrize("size", EDGES)
def test_what_is_sealed_opens_again_and_has_the_size_that_was_foretold(size: int) -> None:
    plain = secrets.token_bytes(size)
    message = sealed(plain)
    assert len(message) == sealed_size(size, TERMS) == header_length(TERMS) + size + 32 * (size // FRAME) + 40
    assert opened(message) == plain


def test_the_header_of_a_kms_key_takes_457_bytes() -> None:
    """The figure that docs/format.md names, for an EDK as long as those of KMS."""
    assert header_length(replace(TERMS, encrypted_data_key=bytes(184))) == 457


@pytest.mark.parametrize("size", EDGES)
def test_the_stock_sdk_opens_what_we_seal_and_we_open_what_it_seals(size: int) -> None:
    plain = secrets.token_bytes(size)
    read, header = stock().decrypt(source=sealed(plain), materials_manager=ApiKeyManager(TERMS))
    assert read == plain
    assert (header.algorithm.algorithm_id, header.frame_length) == (0x0478, FRAME)
    assert dict(header.encryption_context) == TERMS.context
    written, _ = stock().encrypt(
        source=plain, materials_manager=ApiKeyManager(TERMS), frame_length=FRAME, algorithm=SUITE
    )
    assert opened(written) == plain


def test_no_two_messages_are_alike() -> None:
    assert sealed(b"same") != sealed(b"same")


@given(st.binary(max_size=2000), st.integers(1, 700))
def test_a_source_may_answer_any_number_of_bytes(plain: bytes, most: int) -> None:
    class Dribble(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(most if size is None or size < 0 else min(size, most))

    message = b"".join(seal(Dribble(plain), len(plain), TERMS))
    assert b"".join(open_sealed(Dribble(message), TERMS)) == plain


@pytest.mark.parametrize(("declared", "words"), [(9, "grew"), (11, "shrank")])
def test_a_source_of_another_length_than_declared_is_refused(declared: int, words: str) -> None:
    with pytest.raises(FileChanged, match=words):
        b"".join(seal(io.BytesIO(bytes(10)), declared, TERMS))


# What a reader refuses. Sizes are such that a fault can hide in the first, a middle and the last frame.
PLAIN = secrets.token_bytes(2 * FRAME + 100)
MESSAGE = sealed(PLAIN)
HEADER = header_length(TERMS)
BOUNDARIES = [HEADER, HEADER + FRAME + 32, HEADER + 2 * (FRAME + 32), len(MESSAGE)]


def changed(offset: int) -> bytes:
    message = bytearray(MESSAGE)
    message[offset] ^= 1
    return bytes(message)


@pytest.mark.parametrize("cut", sorted({edge + step for edge in BOUNDARIES for step in (-1, 0, 1)} - {len(MESSAGE)}))
def test_truncated_or_lengthened_at_every_frame_boundary(cut: int) -> None:
    with pytest.raises(NotAuthentic):
        opened((MESSAGE + b"\0")[:cut])


@pytest.mark.parametrize("rest", [b"\0", MESSAGE, bytes(FRAME)], ids=["a byte", "itself", "zeros"])
def test_bytes_after_the_last_frame(rest: bytes) -> None:
    with pytest.raises(NotAuthentic, match="something follows"):
        opened(MESSAGE + rest)


@pytest.mark.parametrize(
    "offset", [0, 1, 2, 3, 40, HEADER - 60, HEADER - 1, HEADER, HEADER + 8, HEADER + 40, BOUNDARIES[2] + 60, -1]
)
def test_a_flipped_bit_anywhere(offset: int) -> None:
    with pytest.raises(NotAuthentic):
        opened(changed(offset))


def test_frames_exchanged() -> None:
    first, second = MESSAGE[BOUNDARIES[0] : BOUNDARIES[1]], MESSAGE[BOUNDARIES[1] : BOUNDARIES[2]]
    with pytest.raises(NotAuthentic):
        opened(MESSAGE[:HEADER] + second + first + MESSAGE[BOUNDARIES[2] :])


def test_a_middle_frame_left_out() -> None:
    with pytest.raises(NotAuthentic):
        opened(MESSAGE[: BOUNDARIES[0]] + MESSAGE[BOUNDARIES[1] :])


OTHER_TERMS: dict[str, Encryption] = {
    "wrong data key": replace(TERMS, data_key=secrets.token_bytes(32)),
    "another file's context": replace(TERMS, context={**TERMS.context, "file": "other"}),
    "another account's context": replace(TERMS, context={**TERMS.context, "account": "other"}),
    "a pair of the context missing": replace(TERMS, context={"file": TERMS.context["file"]}),
    "another EDK": replace(TERMS, encrypted_data_key=secrets.token_bytes(184)),
    "another key's ARN": replace(TERMS, key_arn=TERMS.key_arn[:-1] + "1"),
}


@pytest.mark.parametrize("terms", OTHER_TERMS.values(), ids=OTHER_TERMS)
def test_what_the_api_names_must_be_what_the_header_holds(terms: Encryption) -> None:
    with pytest.raises(NotAuthentic):
        opened(MESSAGE, terms)


class Written(ApiKeyManager):
    """Writes under the right key, but not in our profile."""

    def __init__(self, algorithm: Algorithm = SUITE, data_keys: int = 1) -> None:
        super().__init__(TERMS)
        self.algorithm, self.data_keys = algorithm, data_keys

    def get_encryption_materials(self, request: Any) -> Any:  # noqa: ARG002 - the SDK names it
        info = MasterKeyInfo("aws-kms", TERMS.key_arn.encode())
        more = {EncryptedDataKey(info, secrets.token_bytes(184)) for _ in range(self.data_keys - 1)}
        return EncryptionMaterials(
            algorithm=self.algorithm,
            encryption_context=dict(TERMS.context),
            data_encryption_key=self._data_key(),
            encrypted_data_keys={self._wrapped} | more,
        )


def foreign(manager: Written, frame_length: int = FRAME) -> bytes:
    """A message as another program would write it."""
    policy = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    if not manager.algorithm.is_committing():
        policy = CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
    message: bytes = stock(policy).encrypt(
        source=b"secret", materials_manager=manager, frame_length=frame_length, algorithm=manager.algorithm
    )[0]
    return message


PROFILES: dict[str, Callable[[], bytes]] = {
    "two EDKs": lambda: foreign(Written(data_keys=2)),
    "five EDKs": lambda: foreign(Written(data_keys=5)),
    "not framed": lambda: foreign(Written(), frame_length=0),
    "longer frames": lambda: foreign(Written(), frame_length=2 * FRAME),
    "shorter frames": lambda: foreign(Written(), frame_length=4096),
    "no commitment": lambda: foreign(Written(Algorithm.AES_256_GCM_IV12_TAG16_HKDF_SHA256)),
}


@pytest.mark.parametrize("write", PROFILES.values(), ids=PROFILES)
def test_another_profile_than_ours(write: Callable[[], bytes]) -> None:
    message = write()
    with pytest.raises(NotAuthentic):
        opened(message)


@given(st.binary(max_size=3000))
def test_no_bytes_at_all_do_more_than_be_refused(message: bytes) -> None:
    with pytest.raises(NotAuthentic):
        opened(message)


@given(st.data())
def test_no_change_of_a_message_does_more_than_be_refused(data: st.DataObject) -> None:
    """Bytes replaced, inserted or removed anywhere in a header and a first frame."""
    message = sealed(b"some content")
    start = data.draw(st.integers(0, len(message)))
    end = data.draw(st.integers(start, min(len(message), start + 40)))
    mutated = message[:start] + data.draw(st.binary(max_size=40)) + message[end:]
    if mutated == message:
        return
    with pytest.raises(NotAuthentic):
        opened(mutated)


def test_plaintext_comes_out_before_the_end_is_known() -> None:
    """Why callers write to a temporary file: frames of a message cut short are given out, and then it fails."""
    pieces = open_sealed(io.BytesIO(MESSAGE[:-1]), TERMS)
    assert next(pieces) == PLAIN[:FRAME]
    with pytest.raises(NotAuthentic):
        list(pieces)
