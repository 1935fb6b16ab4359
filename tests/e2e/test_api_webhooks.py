"""Webhooks on the running stack, with a receiver of one's own on this machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.e2e.api_kit import eventually, uploaded
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


def test_what_happens_is_sent_signed_until_it_is_taken(stack: Stack) -> None:
    receiver, api = Receiver(), stack.alice.api
    receiver.answers = [500]
    with receiver.listening() as url:
        made = api("POST", "/webhooks", {"url": url, "types": ["file.ready"]}).data
        file = uploaded(api, b"Total: 42.00 EUR")

        def tries() -> list[tuple[dict[str, str], str]]:
            return [request for request in receiver.requests if file["id"] in request[1]]

        first, second = eventually(lambda: tries() if len(tries()) == 2 else None, "a second try")
        for headers, body in (first, second):
            told: Any = Webhook(made["secret"]).verify(body, headers)
            assert (told["type"], told["data"]) == ("file.ready", {"file": file["id"]})
        assert first[0]["webhook-id"] == second[0]["webhook-id"]

        def delivered() -> list[Any]:
            found = api("GET", f"/webhooks/{made['id']}/deliveries").data
            return [each for each in found if each["status"] == "delivered" and each["data"]["file"] == file["id"]]

        delivery = eventually(delivered, "its line in the log")[0]
        assert (delivery["attempts"], delivery["response_status"]) == (2, 204)
        path = f"/webhooks/{made['id']}/deliveries/{delivery['id']}/redeliver"
        assert api("POST", path).status == 200
        eventually(lambda: len(tries()) == 3, "the same once more")
        assert api("DELETE", f"/webhooks/{made['id']}").status == 204
