"""The two proofs in a sealed message's header: key commitment and authentication tag.

Source: AWS Encryption SDK algorithms reference, suite 0x0478: HKDF-SHA512 over the data key with the message id as
salt gives the commitment ("COMMITKEY") and the encryption key (suite id + "DERIVEKEY"); the header's tag is
AES-256-GCM over no plaintext, with a zero IV and the header as additional data.
"""

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chalicelib.domain.message_header import MessageHeader
from chalicelib.domain.sealing import SUITE_ID


def header_is_authentic(header: MessageHeader, data_key: bytes) -> bool:
    commitment = _derive(data_key, header.message_id, b"COMMITKEY")
    if not hmac.compare_digest(commitment, header.commitment):
        return False
    cipher = AESGCM(_derive(data_key, header.message_id, SUITE_ID.to_bytes(2) + b"DERIVEKEY"))
    try:
        cipher.decrypt(bytes(12), header.tag, header.authenticated)
    except InvalidTag:
        return False
    return True


def _derive(data_key: bytes, message_id: bytes, info: bytes) -> bytes:
    return HKDF(SHA512(), length=32, salt=message_id, info=info).derive(data_key)
