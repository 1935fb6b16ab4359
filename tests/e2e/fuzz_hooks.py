"""Loaded by schemathesis: a check of its own, and ids of things that exist for every other request.

Address and token come by the environment (FUZZ_URL, FUZZ_TOKEN). A new path parameter wants a line in SUPPLIES.
"""

import functools
import itertools
import os
from collections.abc import Callable
from typing import Any

import schemathesis
import urllib3
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

from chalicelib.routes.registry import ROUTES
from tests.support.contract import assert_declared

URL, TOKEN = os.environ["FUZZ_URL"], os.environ["FUZZ_TOKEN"]

OF_THE_SERVER = {"connection", "date", "keep-alive", "server", "transfer-encoding", "x-amzn-requestid"}

_http = urllib3.PoolManager(retries=False)
_turn = itertools.cycle([True, False])


def call(method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = _http.request(method, URL + path, json=body, headers=headers)
    assert answer.status < 300, (method, path, answer.status, answer.data)
    return answer.json()["data"]


OWN_TOKEN_ID = call("GET", "/user")["token"]["id"]


def a_file() -> str:
    return call("POST", "/files", {"filename": "fuzz.txt", "size": 1})["id"]


def an_uploaded_file() -> str:
    made = call("POST", "/files", {"filename": "fuzz.txt", "size": 1})
    upload = made["upload"]
    assert _http.request("PUT", upload["url"], body=b"x", headers=upload["headers"]).status == 200
    return made["id"]


@functools.cache
def the_ready_file() -> str:
    """For downloads, which change nothing about it: no request is given its id."""
    return call("POST", f"/files/{an_uploaded_file()}/complete")["id"]


def a_download() -> str:
    return call("POST", "/downloads", {"files": [the_ready_file()]})["id"]


def a_key() -> str:
    return call("POST", f"/downloads/{a_download()}/keys")["key"]


def a_token() -> str:
    return call("POST", "/tokens", {"name": "fuzz", "scopes": ["files:read"]})["id"]


SUPPLIES: dict[str, Callable[[], str]] = {
    "file_id": a_file,
    "download_id": a_download,
    "key": a_key,
    "token_id": a_token,
}


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    if case.path_parameters.get("token_id") == OWN_TOKEN_ID:  # or every later request would be 401
        case.path_parameters["token_id"] = a_token()
    if case.meta is None or case.meta.phase.name is TestPhase.STATEFUL or not next(_turn):
        return
    operation = case.operation.definition.raw["operationId"]
    if not case.meta.is_negative_at(ParameterLocation.PATH):
        for name in case.path_parameters:
            case.path_parameters[name] = an_uploaded_file() if operation == "files_complete" else SUPPLIES[name]()
    if operation == "downloads_create" and not case.meta.is_negative_at(ParameterLocation.BODY):
        case.body = {"files": [the_ready_file()]}


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
