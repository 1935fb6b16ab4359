"""What a creation asks of AWS: one step more than letting the caller in, whatever comes along."""

import pytest

from chalicelib.bootstrap import World
from chalicelib.wire.idempotency import HEADER
from tests.integration.hooks import Hooks
from tests.support.app_client import AppClient
from tests.support.builders import enrol

KEY = {HEADER: "3e2ee1c0-5a5a-4c7e-8a34-6f7d3a3c4d5e"}
FILE = {"filename": "a.txt", "size": 5}
ADMISSION = ["dynamodb.GetItem", "dynamodb.UpdateItem"]  # the token beside the limiter
CREATION = ["dynamodb.TransactWriteItems"]


@pytest.fixture
def hers(world: World, api: AppClient) -> AppClient:
    caller = enrol(world, "alice@example.com", "Alice Archer")
    world.tokens.note_use(caller.token.secret_hash, caller.token.created_at)
    return api.with_token(caller.text)


@pytest.fixture
def calls(hooks: Hooks, hers: AppClient) -> list[list[str]]:
    return [hooks.count(service) for service in ("dynamodb", "kms", "s3")]


def made(calls: list[list[str]]) -> list[str]:
    return sorted(name for service in calls for name in service)


@pytest.mark.parametrize("headers", [{}, KEY], ids=["without a key", "with one"])
@pytest.mark.parametrize(("mode", "more"), [("server", []), ("client", ["kms.GenerateDataKey"])])
def test_a_file(hers: AppClient, calls: list[list[str]], mode: str, more: list[str], headers: dict[str, str]) -> None:
    assert hers.post("/files", FILE | {"encryption": mode}, headers=headers).status == 201
    assert made(calls) == sorted(ADMISSION + CREATION + more)


def test_a_download_with_a_key(world: World, hers: AppClient, calls: list[list[str]]) -> None:
    answer = hers.post("/downloads", {"files": ["3e2ee1c0-5a5a-4c7e-8a34-6f7d3a3c4d5e"]}, headers=KEY)
    assert answer.status == 422  # then it is looked up whether an earlier one succeeded
    assert made(calls) == sorted([*ADMISSION, "dynamodb.BatchGetItem", "dynamodb.GetItem"])


def test_a_replay_reads_the_file_and_unwraps_its_key(hers: AppClient, calls: list[list[str]]) -> None:
    hers.post("/files", FILE | {"encryption": "client"}, headers=KEY)
    for service in calls:
        service.clear()
    assert hers.post("/files", FILE | {"encryption": "client"}, headers=KEY).status == 201
    replay = [*ADMISSION, "kms.GenerateDataKey", *CREATION, "dynamodb.GetItem", "kms.Decrypt"]
    assert made(calls) == sorted(replay)


def test_the_user_with_the_quota(hers: AppClient, calls: list[list[str]]) -> None:
    assert hers.get("/user").status == 200
    assert made(calls) == sorted([*ADMISSION, "dynamodb.GetItem", "dynamodb.GetItem", "dynamodb.BatchGetItem"])
