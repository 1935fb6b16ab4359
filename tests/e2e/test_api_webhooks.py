"""Webhooks on the running stack, with a receiver of one's own on this machine."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.e2e.api_kit import eventually
from tests.e2e.conftest import Stack

pytestmark = pytest.mark.e2e


class Receiver:
    """Answers what is next in `answers`, and 204 in the end."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], str]] = []
        self.answers: list[int] = []

    @contextmanager
    def listening(self) -> Iterator[str]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.requests.append((dict(self.headers), body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Not on the screen."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}/hooks"
            server.shutdown()
            thread.join()


def test_what_happens_is_sent_signed_until_it_is_taken(stack: Stack, tmp_path: Path) -> None:
    receiver = Receiver()
    receiver.answers = [500]
    (tmp_path / "invoice.txt").write_text("Total: 42.00 EUR\n")

    def sealdrop(*words: str) -> str:
        environment = {"SEALDROP_URL": stack.api_url, "SEALDROP_TOKEN": stack.alice.token, "HOME": str(tmp_path)}
        command = [str(Path(sys.executable).with_name("sealdrop")), *words]
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            env={**os.environ, **environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    with receiver.listening() as url:
        made = json.loads(sealdrop("webhook", "add", url, "--type", "file.ready", "--json"))
        assert made["id"] in sealdrop("webhook", "ls")
        file_id = sealdrop("put", "invoice.txt").strip()
        mine = eventually(lambda: [r for r in receiver.requests if file_id in r[1]][1:], "a second try")
        for headers, body in (receiver.requests[0], mine[0]):
            told: Any = Webhook(made["secret"]).verify(body, headers)
            assert (told["type"], told["data"]) == ("file.ready", {"file": file_id})
        assert receiver.requests[0][0]["webhook-id"] == mine[0][0]["webhook-id"]

        def delivered() -> list[Any]:
            found: list[Any] = json.loads(sealdrop("webhook", "deliveries", made["id"], "--json"))
            return [each for each in found if each["status"] == "delivered" and each["data"] == {"file": file_id}]

        delivery = eventually(delivered, "its line in the log")[0]
        assert (delivery["attempts"], delivery["response_status"]) == (2, 204)
        count = len(receiver.requests)
        assert sealdrop("webhook", "redeliver", made["id"], delivery["id"]) == f"ordered {delivery['id']} again\n"
        eventually(lambda: receiver.requests[count:], "the same once more")
        assert sealdrop("webhook", "rm", made["id"]) == f"deleted {made['id']}\n"
