"""docs/format.md: the reader on the page opens what the page shows, what others seal, and refuses what it has to."""

import base64
import io
import json
import re
import runpy
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chalicelib.adapters.header_check import header_is_authentic
from chalicelib.domain.message_header import parse_header
from sealdrop.sealing import header_length, open_sealed, seal
from sealdrop.transfers import FRAME_LENGTH, KEY_PROVIDER, Encryption

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")
VECTORS = json.loads((ROOT / "tests/vectors/sealdrop/messages.json").read_text(encoding="utf-8"))
CONTENT = b"Total: 42.00 EUR\n"
TERMS = Encryption(
    context={"file": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "account": "a41bb0fe-6c7e-4d2b-8d35-0c6b7c1f2a90"},
    data_key=bytes(range(32)),
    encrypted_data_key=bytes(range(0xA0, 0xB0)),
    key_arn="arn:aws:kms:eu-west-1:123456789012:key/5f1c3c1e-98b0-4b7e-b47a-5d5a4c1c8f10",
)


def block(kind: str) -> str:
    [found] = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def fields() -> list[tuple[int, bytes, str]]:
    """The message on the page: offset, bytes and meaning of each field."""
    found: list[tuple[int, bytes, str]] = []
    for line in block("message").splitlines():
        offset, data, words = line[:3].strip(), bytes.fromhex(line[5:69]), line[69:].strip()
        if offset:
            found.append((int(offset), data, words))
        else:
            before = found.pop()
            found.append((before[0], before[1] + data, before[2]))
    return found


def derived() -> dict[str, bytes]:
    found = re.findall(r"^(\S.*?)  +([0-9a-f\s]+)$", block("derived"), re.MULTILINE)
    return {name: bytes.fromhex("".join(text.split())) for name, text in found}


MESSAGE = b"".join(data for _, data, _ in fields())


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes, Encryption], bytes]:
    """The page's reader."""
    path = tmp_path_factory.mktemp("page") / "reader.py"
    path.write_text(block("python"), encoding="utf-8")
    opening: Any = runpy.run_path(str(path))["open_sealed"]

    def reading(message: bytes, terms: Encryption) -> bytes:
        context = {name.encode(): value.encode() for name, value in terms.context.items()}
        wrapped = (KEY_PROVIDER.encode(), terms.key_arn.encode(), terms.encrypted_data_key)
        return bytes(opening(message, terms.data_key, context, wrapped))

    return reading


def test_the_message_is_one_that_the_client_and_the_service_take() -> None:
    assert b"".join(open_sealed(io.BytesIO(MESSAGE), TERMS)) == CONTENT
    header = parse_header(MESSAGE)
    assert header.context == TERMS.context
    assert header_is_authentic(header, TERMS.data_key)


def test_its_fields_stand_where_the_page_says() -> None:
    at = 0
    for offset, data, _ in fields():
        assert offset == at
        at += len(data)
    texts = {"account": b"account", "file": b"file", "aws-kms": b"aws-kms"}
    assert {words: data for _, data, words in fields() if words in texts} == texts


def test_the_table_of_the_header_is_true_of_it() -> None:
    """`143 + L` and its like are offsets of fields; lengths stand before what they count."""
    lengths = {"L": len(TERMS.key_arn), "B": len(TERMS.encrypted_data_key)}
    said = re.findall(r"^\| (\d+)((?: \+ [LB])*) \| [\d +LB]+ \| ", PAGE, re.MULTILINE)
    rows = [int(first) + sum(lengths[name] for name in re.findall("[LB]", rest)) for first, rest in said]
    offsets = {offset for offset, _, _ in fields()}
    assert len(rows) == 13
    assert set(rows) <= offsets
    assert int(re.findall(r"body begins at (\d+) \+ L \+ B", PAGE)[0]) + sum(lengths.values()) == header_length(TERMS)


def test_what_is_derived_is_what_the_page_says() -> None:
    message_id = MESSAGE[3:35]

    def hkdf(info: bytes) -> bytes:
        return HKDF(SHA512(), length=32, salt=message_id, info=info).derive(TERMS.data_key)

    additional = message_id + b"AWSKMSEncryptionClient Final Frame" + (1).to_bytes(4) + len(CONTENT).to_bytes(8)
    assert derived() == {
        "commitment": hkdf(b"COMMITKEY"),
        "content key": hkdf(b"\x04\x78DERIVEKEY"),
        "frame's AAD": additional,
        "content": CONTENT,
    }


def test_the_reader_opens_it(read) -> None:
    assert read(MESSAGE, TERMS) == CONTENT


@pytest.mark.parametrize("size", [0, FRAME_LENGTH - 1, FRAME_LENGTH, 2 * FRAME_LENGTH + 1])
def test_the_reader_opens_what_the_client_seals(read, size: int) -> None:
    plain = secrets.token_bytes(size)
    assert read(b"".join(seal(io.BytesIO(plain), size, TERMS)), TERMS) == plain


@pytest.mark.parametrize("at", range(len(MESSAGE)))
def test_the_reader_refuses_any_changed_byte(read, at: int) -> None:
    changed = bytearray(MESSAGE)
    changed[at] ^= 1
    with pytest.raises((ValueError, InvalidTag)):
        read(bytes(changed), TERMS)


@pytest.mark.parametrize("vector", VECTORS["tests"], ids=[vector["comment"] for vector in VECTORS["tests"]])
def test_the_reader_treats_the_test_vectors_as_it_has_to(read, vector) -> None:
    terms, message = Encryption.parse(VECTORS["encryption"], VECTORS["file"]), base64.b64decode(vector["message"])
    if vector["plaintext"] is not None:
        assert read(message, terms).decode() == vector["plaintext"]
        return
    with pytest.raises((ValueError, InvalidTag)):
        read(message, terms)
