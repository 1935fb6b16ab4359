"""Write sealdrop/messages.json: one message that opens, and one for each thing that a reader has to refuse.

Run from the root of the repository: python tests/vectors/make_sealdrop.py
"""

import base64
import json
import os
from pathlib import Path

import aws_encryption_sdk
from aws_encryption_sdk.identifiers import Algorithm, CommitmentPolicy
from aws_encryption_sdk.materials_managers import EncryptionMaterials
from aws_encryption_sdk.materials_managers.base import CryptoMaterialsManager
from aws_encryption_sdk.structures import DataKey, EncryptedDataKey, MasterKeyInfo

SUITE = Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
UNCOMMITTED = Algorithm.AES_256_GCM_IV12_TAG16_HKDF_SHA256
ARN = b"arn:aws:kms:eu-west-1:123456789012:key/5f1c3c1e-98b0-4b7e-b47a-5d5a4c1c8f10"
FILE, OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae7", "0b7a1f3e-5d5b-4d0e-8e6a-3f0a3f1b2c4d"
CONTEXT = {"file": FILE, "account": "a41bb0fe-6c7e-4d2b-8d35-0c6b7c1f2a90"}
PLAIN = b"Sealdrop test vector"
KEY, BLOB = os.urandom(32), os.urandom(184)
TARGET = Path(__file__).parent / "sealdrop" / "messages.json"


class Materials(CryptoMaterialsManager):
    """Whatever a case wants to have written."""

    def __init__(self, algorithm=SUITE, key=KEY, context=None, blobs=(BLOB,), arn=ARN, provider="aws-kms"):
        self.algorithm, self.key, self.context = algorithm, key, context or CONTEXT
        self.info, self.blobs = MasterKeyInfo(provider, arn), blobs

    def get_encryption_materials(self, request):
        return EncryptionMaterials(
            algorithm=self.algorithm,
            encryption_context=dict(self.context),
            data_encryption_key=DataKey(self.info, self.key, self.blobs[0]),
            encrypted_data_keys={EncryptedDataKey(self.info, blob) for blob in self.blobs},
        )

    def decrypt_materials(self, request):
        raise AssertionError("nothing is read here")


def written(
    plain=PLAIN,
    frame_length=262_144,
    policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
    algorithm=SUITE,
    **materials,
):
    client = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=policy)
    manager = Materials(algorithm=algorithm, **materials)
    message, _ = client.encrypt(source=plain, materials_manager=manager, frame_length=frame_length, algorithm=algorithm)
    return message


def flipped(message, offset):
    changed = bytearray(message)
    changed[offset] ^= 1
    return bytes(changed)


def cases():
    good = written()
    body = len(PLAIN) + 40  # the one, final frame
    tag, commitment = len(good) - body - 16, len(good) - body - 48
    forbid = CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
    yield "opens", PLAIN, good
    yield "opens: an empty file", b"", written(plain=b"")
    yield "sealed under another data key", None, written(key=os.urandom(32))
    yield "context of another file", None, written(context={**CONTEXT, "file": OTHER})
    yield "context with a further pair", None, written(context={**CONTEXT, "more": "x"})
    yield "context changed in the header", None, good.replace(FILE.encode(), OTHER.encode(), 1)
    yield "another encrypted data key", None, written(blobs=(os.urandom(184),))
    yield "encrypted data key changed in the header", None, good.replace(BLOB, flipped(BLOB, 7), 1)
    yield "another key's ARN", None, written(arn=ARN.replace(b"5f1c", b"5f1d"))
    yield "another key provider", None, written(provider="raw")
    yield "two encrypted data keys", None, written(blobs=(BLOB, os.urandom(184)))
    yield "five encrypted data keys", None, written(blobs=(BLOB, *(os.urandom(184) for _ in range(4))))
    yield "not framed", None, written(frame_length=0)
    yield "frame length 524288", None, written(frame_length=524_288)
    yield "frame length 4096", None, written(frame_length=4_096)
    yield "suite without commitment", None, written(algorithm=UNCOMMITTED, policy=forbid)
    yield "commitment changed", None, flipped(good, commitment)
    yield "header tag changed", None, flipped(good, tag)
    yield "message id changed", None, flipped(good, 3)
    yield "version byte changed", None, b"\x01" + good[1:]
    yield "suite changed to the signing one", None, good[:1] + b"\x05\x78" + good[3:]
    yield "bit flipped in the content", None, flipped(good, len(good) - 20)
    yield "bit flipped in the last tag", None, flipped(good, len(good) - 1)
    yield "sequence number changed", None, flipped(good, len(good) - body + 7)
    yield "final marker missing", None, good[: len(good) - body] + good[len(good) - body + 4 :]
    yield "cut short by a byte", None, good[:-1]
    yield "cut after the header", None, good[: len(good) - body]
    yield "cut inside the header", None, good[:200]
    yield "no bytes at all", None, b""
    yield "plaintext", None, PLAIN * 40
    yield "a byte follows", None, good + b"\0"
    yield "a second message follows", None, good + good


def main():
    tests = [
        {
            "comment": comment,
            "plaintext": None if plain is None else plain.decode(),  # null: must be refused
            "message": base64.b64encode(message).decode(),
        }
        for comment, plain, message in cases()
    ]
    terms = {
        "algorithm": "AES_256_GCM_HKDF_SHA512_COMMIT_KEY",
        "frame_length": 262_144,
        "encryption_context": CONTEXT,
        "data_key": base64.b64encode(KEY).decode(),
        "encrypted_data_key": base64.b64encode(BLOB).decode(),
        "key_provider": "aws-kms",
        "key_arn": ARN.decode(),
    }
    TARGET.write_text(json.dumps({"file": FILE, "encryption": terms, "tests": tests}, indent=1) + "\n")


if __name__ == "__main__":
    main()
