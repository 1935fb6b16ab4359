"""Messages that this code did not write: those of other implementations, and our own that must fail."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from aws_encryption_sdk.internal.crypto.authentication import Verifier
from aws_encryption_sdk.materials_managers import DecryptionMaterials
from aws_encryption_sdk.materials_managers.base import CryptoMaterialsManager
from aws_encryption_sdk.structures import DataKey

from sealdrop.errors import NotAuthentic
from sealdrop.sealing import open_sealed, read_message
from sealdrop.transfers import Encryption

VECTORS = Path(__file__).parents[2] / "vectors"
FOREIGN = json.loads((VECTORS / "aws-encryption-sdk" / "commitment-test-vectors.json").read_text())["tests"]
OURS = json.loads((VECTORS / "sealdrop" / "messages.json").read_text())
TERMS = Encryption.parse(OURS["encryption"], OURS["file"])
MOST_FRAME_BYTES = 4096  # the longest frame, or unframed body, among the foreign ones


class GivenKey(CryptoMaterialsManager):
    """The data key that comes with a vector. Some of them are signed, which ours never are."""

    def __init__(self, data_key: bytes) -> None:
        self.data_key = data_key

    def get_encryption_materials(self, request: Any) -> Any:  # noqa: ARG002 - the SDK names it
        raise AssertionError("nothing is written here")

    def decrypt_materials(self, request: Any) -> Any:
        edk, verification_key = next(iter(request.encrypted_data_keys)), None
        if request.algorithm.signing_algorithm_info is not None:
            point = request.encryption_context["aws-crypto-public-key"]
            verification_key = Verifier.from_encoded_point(algorithm=request.algorithm, encoded_point=point).key_bytes()
        data_key = DataKey(edk.key_provider, self.data_key, edk.encrypted_data_key)
        return DecryptionMaterials(data_key=data_key, verification_key=verification_key)


def of_any_profile(vector: dict[str, Any]) -> bytes:
    message, data_key = base64.b64decode(vector["ciphertext"]), base64.b64decode(vector["decrypted-dek"])
    return b"".join(read_message(io.BytesIO(message), GivenKey(data_key), MOST_FRAME_BYTES, lambda _header: None))


def test_the_suite_is_whole() -> None:
    assert (len(FOREIGN), sum(vector["status"] for vector in FOREIGN)) == (46, 41)


@pytest.mark.parametrize("vector", FOREIGN, ids=[vector["comment"] for vector in FOREIGN])
def test_foreign(vector: dict[str, Any]) -> None:
    if vector["status"]:
        assert of_any_profile(vector).decode() == "".join(vector["plaintext-frames"])
        return
    with pytest.raises(NotAuthentic) as refused:
        of_any_profile(vector)
    assert "MasterKeyProviderError" in refused.value.message  # the SDK's word for a broken commitment


@pytest.mark.parametrize("vector", FOREIGN, ids=[vector["comment"] for vector in FOREIGN])
def test_none_of_them_is_a_sealdrop_file(vector: dict[str, Any]) -> None:
    """Right key, but another file, another profile."""
    with pytest.raises(NotAuthentic):
        list(open_sealed(io.BytesIO(base64.b64decode(vector["ciphertext"])), TERMS))


@pytest.mark.parametrize("vector", OURS["tests"], ids=[vector["comment"] for vector in OURS["tests"]])
def test_ours(vector: dict[str, Any]) -> None:
    message = io.BytesIO(base64.b64decode(vector["message"]))
    if vector["plaintext"] is not None:
        assert b"".join(open_sealed(message, TERMS)).decode() == vector["plaintext"]
        return
    with pytest.raises(NotAuthentic):
        list(open_sealed(message, TERMS))
