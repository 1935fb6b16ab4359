"""python -m infra.local.demo: one real file through the whole service on this machine, step by step.

Every step checks what it says. The first that is not true ends the demo with status 1.
"""

import hashlib
import os
import random
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import urllib3

from infra.local.demo_person import NotTrue, Person, check
from infra.local.process import StackFailed, stack_process
from infra.local.resources import Clients

FILE_NAME = "Vertrag Zürich, № 7 (签署).pdf"
SENTENCE = b"The parties agree to keep the terms of this contract confidential. "
SIZE = 3 * 2**20 + 12_345  # several frames, the last one broken
SEALED_MESSAGE = bytes.fromhex("020478")  # AWS Encryption SDK message format 2.0, suite 0x0478
DELIVERY_SECONDS = 30


class Demo:
    def __init__(self, ready: Mapping[str, Any], directory: Path) -> None:
        self.ready, self.directory = ready, directory
        self.alice, self.bob = map(self._person, ready["users"])
        self.stranger = Person(
            "somebody with the link", "", None, None, ready["api_url"], self._home("stranger"), directory
        )
        self.sent = directory / FILE_NAME
        self.step_number = 0

    def _person(self, user: Mapping[str, Any]) -> Person:
        home = self._home(user["email"])
        return Person(
            user["name"], user["email"], user["token"], user["pin"], self.ready["api_url"], home, self.directory
        )

    def _home(self, name: str) -> Path:
        home = self.directory / f"home of {name}"
        home.mkdir()
        return home

    def run(self) -> None:
        self.make_a_file()
        file_id = self.put()
        self.look_into_the_bucket(file_id)
        self.get_back(file_id)
        self.send(file_id)
        self.receive()
        self.revoke(file_id)
        self.use_a_download_key_once(file_id)

    def make_a_file(self) -> None:
        filler = random.Random(7).randbytes(SIZE // 2)  # noqa: S311 - filler, no secret
        text = SENTENCE * (SIZE // len(SENTENCE) + 1)
        self.sent.write_bytes(b"%PDF-1.7\n" + filler + text[: SIZE - len(filler)] + b"\n%%EOF\n")
        self.say(f"A file of {self.sent.stat().st_size:,} bytes: {FILE_NAME}", f"SHA-256 {digest(self.sent)}")

    def put(self) -> str:
        self.say(f"{self.alice.name} seals it on this machine and uploads it, straight to S3 by presigned URL.")
        file_id = self.alice.sealdrop("put", self.sent.name)
        status, answer = self.alice.call("GET", f"/files/{file_id}")
        check(status == 200 and answer["data"]["status"] == "ready", f"the file is not ready: {answer}")
        check(answer["data"]["full_filename"] == FILE_NAME, f"its name is {answer['data']['full_filename']!r}")
        self.proves("it is ready: the service has checked its size and the seal's header, and read no more of it.")
        return file_id

    def look_into_the_bucket(self, file_id: str) -> None:
        self.say("What lies in the bucket, seen by somebody with full rights to it:")
        clients = Clients(self.ready["aws_endpoint_url"], self.ready["region"])
        stored: bytes = clients("s3").get_object(Bucket=self.ready["bucket"], Key=f"files/{file_id}")["Body"].read()
        clients.close()
        plain = self.sent.read_bytes()
        self.show(f"{len(stored):,} bytes: {stored[:24].hex(' ', 4)} …")
        check(stored.startswith(SEALED_MESSAGE), "the object is not a sealed message")
        check(SENTENCE not in stored, "a sentence of the file can be read in the bucket")
        pieces = (plain[at : at + 32] for at in range(0, len(plain) - 32, 4096))
        check(not any(piece in stored for piece in pieces), "the bucket holds a piece of the plain file")
        url = f"{self.ready['aws_endpoint_url']}/{self.ready['bucket']}/files/{file_id}"
        check(urllib3.request("GET", url, retries=False).status == 403, "the bucket answers strangers")
        self.proves("a sealed message, no piece of the plain file in it; without a signature S3 answers 403.")

    def get_back(self, file_id: str) -> None:
        self.say(f"{self.alice.name} downloads it and opens the seal. Her PIN is asked for: without it,")
        received = self.directory / "received.pdf"
        replace(self.alice, pin=None).sealdrop("get", file_id, "-o", received.name, expect=3)
        check(not received.exists(), "a download without the PIN left a file behind")
        self.proves("a stolen token alone gets no file. And with it (from SEALDROP_PIN):")
        self.alice.sealdrop("get", file_id, "-o", received.name)
        self._same(received)

    def send(self, file_id: str) -> None:
        self.say(f"{self.alice.name} sends it to {self.bob.name}.")
        self.alice.sealdrop("send", file_id, "--to", self.bob.email, "--subject", "Your contract")
        _, answer = self.alice.call("GET", "/mails")
        check(answer["data"][0]["opened_at"] is None, "a mail that nobody has read is marked as opened")

    def receive(self) -> None:
        self.say(f"{self.bob.name} finds it in the inbox, and fetches the file with a PIN of his own.")
        mail_id = self._arrived("Your contract")
        self.bob.sealdrop("inbox")
        received = self.directory / "from-alice.pdf"
        self.bob.sealdrop("get", mail_id, "-o", received.name)
        self._same(received)
        _, answer = self.alice.call("GET", "/mails")
        check(answer["data"][0]["opened_at"], "the sender is not told that the mail was opened")
        self.proves(f"{self.alice.name} sees when it was opened: {answer['data'][0]['opened_at']}")

    def revoke(self, file_id: str) -> None:
        self.say(f"A second mail, which {self.alice.name} revokes before {self.bob.name} has fetched anything:")
        sent = self.alice.sealdrop("send", file_id, "--to", self.bob.email, "--subject", "Sent by mistake")
        mail_id = self._arrived("Sent by mistake")
        self.alice.sealdrop("mails", sent, "--revoke")
        late = self.directory / "too-late.pdf"
        self.bob.sealdrop("get", mail_id, "-o", late.name, expect=4)
        check(not late.exists(), "a revoked mail gave its file away")
        self.proves("from that moment on there is no way to the file through it.")

    def _arrived(self, subject: str) -> str:
        """The id of the mail in Bob's inbox. It is delivered by a queue, after the answer."""
        patience = time.monotonic() + DELIVERY_SECONDS
        while time.monotonic() < patience:
            _, answer = self.bob.call("GET", "/inbox")
            if found := [mail["id"] for mail in answer["data"] if mail["subject"] == subject]:
                return str(found[0])
            time.sleep(0.1)
        raise NotTrue(f"the mail {subject!r} did not arrive within {DELIVERY_SECONDS} s")

    def use_a_download_key_once(self, file_id: str) -> None:
        self.say(
            f"{self.alice.name} makes a download key: one use, one minute. {self.stranger.name.capitalize()} uses it."
        )
        _, made = self.alice.call("POST", "/downloads", {"files": [file_id]})
        _, bought = self.alice.call("POST", "/keys", {"pin": self.alice.pin})
        pin_key = {"pinKey": bought["data"]["key"]}
        _, key = self.alice.call("POST", f"/downloads/{made['data']['id']}/keys", pin_key)
        path = f"/public/downloads/{key['data']['key']}"
        received = self.directory / "by-link.pdf"
        self.stranger.sealdrop("get", self.ready["api_url"] + path, "-o", received.name)
        self._same(received)

        self.say("The same key a second time, by plain HTTP and by the command line:")
        status, answer = self.stranger.call("POST", path, {})
        self.show(f"POST {path[:28]}…  ->  {status} {answer.get('code')}: {answer.get('message')}")
        check(status == 410 and answer["code"] == "gone", f"a spent key was answered {status} {answer}")
        again = self.directory / "again.pdf"
        self.stranger.sealdrop("get", self.ready["api_url"] + path, "-o", again.name, expect=4)
        check(not again.exists(), "a refused download left a file behind")
        self.proves("a download key works exactly once, and a failed download leaves nothing.")

    def _same(self, received: Path) -> None:
        check(received.read_bytes() == self.sent.read_bytes(), f"{received.name} differs from what was sent")
        self.proves(f"the same bytes, SHA-256 {digest(received)}")

    def say(self, text: str, *more: str) -> None:
        self.step_number += 1
        print(f"\n{self.step_number}. " + textwrap.fill(text, 100, subsequent_indent="   "))
        for line in more:
            self.show(line)

    @staticmethod
    def show(text: str) -> None:
        print(f"     {text}")

    @staticmethod
    def proves(text: str) -> None:
        print(f"   ✓ {text}")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sealdrop-demo-") as name:
        directory = Path(name)
        try:
            print("Starting the service on this machine: the Chalice app, S3, KMS, DynamoDB, SQS, EventBridge …")
            with stack_process(directory) as stack:
                print(f"Up after {time.monotonic() - started:.1f} s at {stack.ready['api_url']}")
                Demo(stack.ready, directory).run()
        except (NotTrue, StackFailed, subprocess.TimeoutExpired) as error:
            print(f"\nNOT TRUE: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\ninterrupted; the service is stopped", file=sys.stderr)
            return 130
    print(f"\nAll of it is true. Stopped; nothing is left behind. ({time.monotonic() - started:.1f} s)")
    print("Next: make up, then the tour in README.md; docs/cli.md for the command line.")
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr] # a terminal without Unicode
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
