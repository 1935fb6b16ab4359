"""Loaded by schemathesis: a check of its own, and ids of things that exist for every third request.

Address, token and PIN come by the environment (FUZZ_URL, FUZZ_TOKEN, FUZZ_PIN). A new path parameter wants a line in
SUPPLIES.
"""

import functools
import itertools
import os
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import schemathesis
import urllib3
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

from chalicelib.routes.registry import ROUTES
from tests.support.contract import assert_declared

URL, TOKEN, PIN = os.environ["FUZZ_URL"], os.environ["FUZZ_TOKEN"], os.environ["FUZZ_PIN"]
MOST_BYTES = 2**24  # of a declared file, or the first of 5 TiB would use the account's quota up
DELIVERY_SECONDS = 20  # on a very busy machine

OF_THE_SERVER = {"connection", "date", "keep-alive", "server", "transfer-encoding", "x-amzn-requestid"}

_http = urllib3.PoolManager(retries=False)
_turns: dict[str, Iterator[bool]] = defaultdict(lambda: itertools.cycle([True, False, False]))  # by operation


def call(method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = _http.request(method, URL + path, json=body, headers=headers)
    assert answer.status < 300, (method, path, answer.status, answer.data)
    return answer.json()["data"]


ME = call("GET", "/user")
OWN_TOKEN_ID = ME["token"]["id"]


def a_file() -> str:
    return call("POST", "/files", {"filename": "fuzz.txt", "size": 1})["id"]


def an_uploaded_file() -> str:
    made = call("POST", "/files", {"filename": "fuzz.txt", "size": 1})
    upload = made["upload"]
    assert _http.request("PUT", upload["url"], body=b"x", headers=upload["headers"]).status == 200
    return made["id"]


@functools.cache
def the_ready_file() -> str:
    """For downloads and mails, which change nothing about it."""
    return call("POST", f"/files/{an_uploaded_file()}/complete")["id"]


def a_download() -> str:
    return call("POST", "/downloads", {"files": [the_ready_file()]})["id"]


def a_temporary_key() -> str:
    return call("POST", "/keys", {"pin": PIN})["key"]


the_temporary_key = functools.cache(a_temporary_key)  # for its hour


def a_key() -> str:
    return call("POST", f"/downloads/{a_download()}/keys", {"pinKey": the_temporary_key()})["key"]


def a_category() -> str:
    return call("POST", "/categories", {"name": secrets.token_hex(8)})["id"]


def a_mail() -> str:
    """To oneself: sent and received."""
    recipients = [{"email": ME["email"]}]
    mail = {"recipients": recipients, "subject": "Fuzz", "body": "<p>fuzz</p>", "files": [the_ready_file()]}
    return call("POST", "/mails", mail)[0]["id"]


def a_received_mail() -> str:
    """It is in the inbox a moment after it was sent."""
    mail_id, deadline = a_mail(), time.monotonic() + DELIVERY_SECONDS
    while not any(mail["id"] == mail_id for mail in call("GET", "/inbox")):
        assert time.monotonic() < deadline, f"the mail {mail_id} was not delivered"
        time.sleep(0.05)
    return mail_id


def a_token() -> str:
    return call("POST", "/tokens", {"name": "fuzz", "scopes": ["files:read"]})["id"]


class Receiver(BaseHTTPRequestHandler):
    """Takes whatever a webhook sends."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Not among what schemathesis says."""


@functools.cache
def a_receiver() -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def a_webhook(url: str = "https://example.com/hooks") -> str:
    """An account has ten at most: others go, but the one that deliveries are of."""
    for standing in call("GET", "/webhooks"):
        if standing["url"] != a_receiver():
            _http.request("DELETE", f"{URL}/webhooks/{standing['id']}", headers={"Authorization": f"Bearer {TOKEN}"})
    return call("POST", "/webhooks", {"url": url, "types": ["file.ready"]})["id"]


@functools.cache
def the_webhook() -> str:
    return a_webhook(a_receiver())


@functools.cache
def the_delivery() -> str:
    """It was taken, so it can be ordered again."""
    webhook_id, deadline = the_webhook(), time.monotonic() + DELIVERY_SECONDS
    call("POST", f"/files/{an_uploaded_file()}/complete")
    while True:
        for delivery in call("GET", f"/webhooks/{webhook_id}/deliveries"):
            if delivery["status"] == "delivered":
                return delivery["id"]
        assert time.monotonic() < deadline, "nothing was delivered"
        time.sleep(0.05)


SUPPLIES: dict[str, Callable[[], str]] = {
    "file_id": a_file,
    "download_id": a_download,
    "key": a_key,
    "token_id": a_token,
    "category_id": functools.cache(a_category),
    "mail_id": functools.cache(a_mail),
    "webhook_id": the_webhook,
    "delivery_id": the_delivery,
}
# of operations that end what they are given, or want something else
OF_OPERATION: dict[str, Callable[[], str]] = {
    "files_show": the_ready_file,
    "files_complete": an_uploaded_file,
    "categories_delete": a_category,
    "mails_revoke": a_mail,
    "inbox_show": functools.cache(a_received_mail),
    "inbox_hide": a_received_mail,
    "keys_drop": a_temporary_key,
    "webhooks_delete": a_webhook,
}
CHANGING_FILES = {"files_update", "files_delete"}
# what a body has to name to be taken
WITHIN: dict[str, Callable[[], dict[str, Any]]] = {
    "downloads_create": lambda: {"files": [the_ready_file()]},
    "downloads_create_key": lambda: {"pinKey": the_temporary_key()},
    "files_create": lambda: {"category_id": None},
    "files_update": lambda: {"category_id": SUPPLIES["category_id"]()},
    "mails_create": lambda: {"files": [the_ready_file()]},
}


def _spare_what_is_needed(operation: str, case: Case) -> None:
    """The token that is used, the ready file, the PIN and its tries, the quota: without them every later request would
    be refused. schemathesis sends ids that it has seen in answers, too.
    """
    ids = case.path_parameters
    if ids.get("token_id") == OWN_TOKEN_ID:
        ids["token_id"] = a_token()
    if operation in CHANGING_FILES and ids.get("file_id") == the_ready_file():
        ids["file_id"] = a_file()
    if not isinstance(case.body, dict):
        return
    if operation == "keys_buy" and isinstance(case.body.get("pin"), str):
        case.body["pin"] = PIN
    if operation == "user_update":
        for name in ("pin", "current_pin"):
            case.body.pop(name, None)
    if operation == "files_create" and isinstance(size := case.body.get("size"), int):
        case.body["size"] = min(size, MOST_BYTES)


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    operation = case.operation.definition.raw["operationId"]
    _spare_what_is_needed(operation, case)
    if case.meta is None or case.meta.phase.name is TestPhase.STATEFUL or not next(_turns[operation]):
        return
    if not case.meta.is_negative_at(ParameterLocation.PATH):
        for name in case.path_parameters:
            case.path_parameters[name] = (OF_OPERATION.get(operation) or SUPPLIES[name])()
    if not case.meta.is_negative_at(ParameterLocation.BODY) and isinstance(case.body, dict):
        case.body |= WITHIN.get(operation, dict)()


@schemathesis.check
def declared(context: CheckContext, response: Response, case: Case) -> None:
    """Our own judge, which also sees fields, headers and codes that no declaration names."""
    method, path = case.method.upper(), case.operation.path
    if (method, path) not in ROUTES:
        expected = 200 if method == "OPTIONS" else 404  # the gateway answers browsers' preflights by itself
        assert response.status_code == expected, (
            f"{method} {path} is not declared, and was answered {response.status_code}"
        )
        return
    headers = {name.lower(): ", ".join(values) for name, values in response.headers.items()}
    ours = {name: value for name, value in headers.items() if name not in OF_THE_SERVER}
    assert_declared(method, path, response.status_code, ours, response.text)
