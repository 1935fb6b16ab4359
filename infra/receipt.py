"""`python -m infra.receipt FILE`: whether a receipt of an export or an erasure is one of ours, and whose it is.

A receipt says what was done, to how many records of which kind, when, and by whom. It holds nothing of the person but
a keyed hash of their address: whoever may use the key can tell whether it is about an address that they have.
"""

import argparse
import base64
import hashlib
import json
import sys
import uuid
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from chalicelib.domain.moments import rfc3339
from chalicelib.domain.people import email_key
from infra import operating, personal_data
from infra.deployed import Deployed, receipt_key
from infra.private import write_privately

GOOD, BAD, NOT_CHECKED = 0, 1, 2
_RECEIPT, _PERSON = b"sealdrop receipt 1\n", b"sealdrop receipt person 1\n"
EXAMPLES = f"""examples:
  python -m infra.receipt erased.json --stage prod                              whether it was altered
  python -m infra.receipt erased.json --stage prod --email carol@example.com    and whether it is about her
  python -m infra.receipt erased.json --stage prod --ids erased-ids.txt         and whether these are the records

It ends with 0 when all that was asked is so, 1 when not, 2 when it was not checked.

{operating.CREDENTIALS} They need kms:VerifyMac.
"""

Told = Mapping[str, Any]


class Tally:
    """How many records of which kind, and a digest of which: the SHA-256 of their ids, in order, a line each."""

    def __init__(self, ids: TextIO | None = None) -> None:
        """`ids` is where they are written to, so that the digest can be made again."""
        self.counts: Counter[str] = Counter()
        self._digest, self._ids = hashlib.sha256(), ids

    def note(self, kind: str, record_id: str) -> None:
        self.counts[kind] += 1
        line = f"{kind}: {record_id}\n"
        self._digest.update(line.encode())
        if self._ids:
            self._ids.write(line)

    def flush(self) -> None:
        """What was noted is in the file. Raises OSError."""
        if self._ids:
            self._ids.flush()

    @property
    def told(self) -> dict[str, Any]:
        return {"counts": dict(sorted(self.counts.items())), "ids_sha256": self._digest.hexdigest()}


def begin(did: str, address: str, signer: "Signer", here: Deployed, *, with_files: bool) -> dict[str, Any]:
    """What a receipt says from the start. Under `run` the audit log knows what is done now as its request."""
    return {
        "did": did,
        "run": str(uuid.uuid4()),
        "stage": here.stage,
        "by": here.caller,
        "person": signer.person(address),
        "began_at": rfc3339(datetime.now(UTC)),
        "with_files": with_files,
    }


def finish(path: Path, told: Told, tally: Tally, signer: "Signer") -> None:
    ended = {**told, "ended_at": rfc3339(datetime.now(UTC)), **tally.told}
    write_privately(path, json.dumps(signer.sign(ended), indent=2) + "\n")


class Signer:
    def __init__(self, kms: Any, key: str) -> None:
        """`key` is the deployment's (`deployed.receipt_key`)."""
        self._kms, self._request = kms, {"KeyId": key, "MacAlgorithm": "HMAC_SHA_256"}

    def sign(self, told: Told) -> dict[str, Any]:
        mac = self._kms.generate_mac(Message=_message(told), **self._request)["Mac"]
        return {**told, "mac": base64.b64encode(mac).decode()}

    def is_ours(self, receipt: Told) -> bool:
        told = {name: value for name, value in receipt.items() if name != "mac"}
        return self._verifies(_message(told), str(receipt.get("mac", "")))

    def person(self, address: str) -> str:
        """The keyed hash of an address, the same however it is spelt."""
        mac = self._kms.generate_mac(Message=_person(address), **self._request)["Mac"]
        return base64.b64encode(mac).decode()

    def is_about(self, receipt: Told, address: str) -> bool:
        return self._verifies(_person(address), str(receipt.get("person", "")))

    def _verifies(self, message: bytes, mac: str) -> bool:
        try:
            return bool(self._kms.verify_mac(Message=message, Mac=base64.b64decode(mac), **self._request)["MacValid"])
        except (self._kms.exceptions.KMSInvalidMacException, ValueError):
            return False


def _message(told: Told) -> bytes:
    """A digest, for KMS takes 4,096 bytes at most."""
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return _RECEIPT + hashlib.sha256(text.encode()).digest()


def _person(address: str) -> bytes:
    return _PERSON + email_key(address).encode()


def read_receipt(path: Path) -> dict[str, Any]:
    """Raises OSError, and ValueError for what is none."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is no receipt: it is not JSON") from error
    if not isinstance(told, dict) or not {"did", "ended_at", "by"} <= told.keys():
        raise ValueError(f"{path} is no receipt")
    return told


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """(G3) A member that stands twice is read by one as its first, which nothing has signed, and by us as its last."""
    told = dict(pairs)
    if len(told) != len(pairs):
        raise ValueError("it is no receipt of ours: a member stands there twice")
    return told


def _problems(receipt: Told, options: argparse.Namespace, signer: Signer) -> list[str]:
    found = []
    if not signer.is_ours(receipt):
        found.append("It is not signed by this deployment, or was altered.")
    elif receipt.get("complete", True) is not True:
        found.append("It is signed, of an erasure that was broken off: run that again.")
    if options.email is not None and not signer.is_about(receipt, options.email):
        found.append(f"It is not about {options.email}.")
    if options.ids is not None and hashlib.sha256(options.ids.read_bytes()).hexdigest() != receipt.get("ids_sha256"):
        found.append(f"It is not about the records in {options.ids}.")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.receipt",
        description="Verify a receipt of python -m infra.export or infra.erase.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("receipt", type=Path, help="the file")
    parser.add_argument("--stage", type=operating.stage, default="dev", help="the deployment (dev)")
    parser.add_argument("--email", type=personal_data.address, help="whose it should be")
    parser.add_argument("--ids", type=Path, metavar="FILE", help="the ids that it should be about")
    options = parser.parse_args(arguments)
    try:
        receipt = read_receipt(options.receipt)
        with closing(operating.session().client("kms")) as kms:
            problems = _problems(receipt, options, Signer(kms, receipt_key(options.stage)))
    except (OSError, ValueError, *operating.REFUSALS) as error:
        print(f"not checked: {operating.explained(error)}", file=sys.stderr)
        return NOT_CHECKED
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        counts = ", ".join(f"{kind} {count}" for kind, count in receipt["counts"].items()) or "nothing"
        what = f"{receipt['did']} on {receipt['ended_at']} of the stage {receipt['stage']} by {receipt['by']}"
        print(f"{what}: the receipt is sound. Records: {counts}")
    return BAD if problems else GOOD


if __name__ == "__main__":
    sys.exit(main())
