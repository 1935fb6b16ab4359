"""Sealing as the client does it, against AES-256-GCM of `cryptography` alone over the same bytes."""

import io
import os
import statistics
import time
import uuid
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.tables import table
from sealdrop.sealing import open_sealed, seal
from sealdrop.transfers import FRAME_LENGTH, Encryption

MIB = 1024 * 1024
SIZE = 128 * MIB
ROUNDS = 5


def report() -> str:
    terms = _terms()
    plain = os.urandom(SIZE)
    sealed = b"".join(seal(io.BytesIO(plain), SIZE, terms))
    cipher, nonce = AESGCM(os.urandom(32)), bytes(12)
    raw = [cipher.encrypt(nonce, plain[start : start + FRAME_LENGTH], None) for start in range(0, SIZE, FRAME_LENGTH)]
    measured = _alternating(
        {
            "AES-256-GCM alone, encrypt": lambda: _consume(
                cipher.encrypt(nonce, memoryview(plain)[start : start + FRAME_LENGTH], None)
                for start in range(0, SIZE, FRAME_LENGTH)
            ),
            "seal (stock SDK)": lambda: _consume(seal(io.BytesIO(plain), SIZE, terms)),
            "AES-256-GCM alone, decrypt": lambda: _consume(cipher.decrypt(nonce, chunk, None) for chunk in raw),
            "open (stock SDK)": lambda: _consume(open_sealed(io.BytesIO(sealed), terms)),
        }
    )
    rows = []
    for name, base in (("seal (stock SDK)", "encrypt"), ("open (stock SDK)", "decrypt")):
        reference = measured[f"AES-256-GCM alone, {base}"]
        rows.append([f"AES-256-GCM alone, {base}", f"{SIZE / MIB / reference:,.0f}", "1.00"])
        rows.append([name, f"{SIZE / MIB / measured[name]:,.0f}", f"{reference / measured[name]:.2f}"])
    head = ["in memory, frames of 256 KiB", "MiB/s", "of AES-GCM alone"]
    return table(f"Sealing: {SIZE // MIB} MiB, median of {ROUNDS}", head, rows)


def _alternating(jobs: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Median seconds of each job, the jobs taking turns so that a slow moment hits all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            started = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def _consume(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        continue


def _terms() -> Encryption:
    return Encryption(
        context={"file": str(uuid.uuid4()), "account": str(uuid.uuid4())},
        data_key=os.urandom(32),
        encrypted_data_key=os.urandom(184),
        key_arn=f"arn:aws:kms:eu-west-1:123456789012:key/{uuid.uuid4()}",
    )
