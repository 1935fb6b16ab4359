"""AWS's trouble on its way through the app: 503 with Retry-After, nothing told, nothing lost."""

import json
from typing import Any

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.file import EncryptionMode
from chalicelib.domain.ids import FileId
from chalicelib.domain.sealing import encryption_context
from infra.local.stack import EmulatedAws
from tests.integration.hooks import BROKEN_LINES, Hooks
from tests.support.app_client import Answer, AppClient
from tests.support.builders import Caller, a_file, a_ready_file, enrol, new_id

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def alice(world: World) -> Caller:
    caller = enrol(world, "alice@example.com", "Alice Archer")
    world.tokens.note_use(caller.token.secret_hash, caller.token.created_at)
    return caller


@pytest.fixture
def hers(api: AppClient, alice: Caller) -> AppClient:
    return api.with_token(alice.text)


def assert_busy(answer: Answer) -> None:
    assert (answer.status, answer.json["code"]) == (503, "busy"), answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["x-request-id"] == answer.json["request_id"]
    assert not {"dynamodb", "kms", "s3", "exception", "127.0.0.1"} & set(answer.text.lower().split())


def put_in(world: World, alice: Caller, **changes: Any) -> FileId:
    return world.files.add(a_file(account_id=alice.account_id, **changes)).id


def sealed_download(world: World, hers: AppClient, alice: Caller) -> str:
    """The key of a download of one client-sealed file."""
    file_id = FileId(new_id())
    wrapped = world.keys.generate(encryption_context(file_id, alice.account_id)).wrapped
    sealed = {"encryption_mode": EncryptionMode.CLIENT, "wrapped_key": wrapped}
    world.files.add(a_ready_file(id=file_id, account_id=alice.account_id, **sealed))
    download = hers.post("/downloads", {"files": [file_id]}).data["id"]
    return str(hers.post(f"/downloads/{download}/keys", {}).data["key"])


NEW = {"filename": "a.txt", "size": 5}
SEALED = NEW | {"encryption": "client"}
IN_PARTS = NEW | {"size": 6 * 2**20, "part_size": 5 * 2**20}


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        ("dynamodb.GetItem", "GET", "/files", None),
        ("dynamodb.Query", "GET", "/files", None),
        ("dynamodb.PutItem", "POST", "/files", NEW),
        ("kms.GenerateDataKey", "POST", "/files", SEALED),
        ("s3.CreateMultipartUpload", "POST", "/files", IN_PARTS),
        ("s3.HeadObject", "GET", "/files/{file}", None),
        ("s3.HeadObject", "POST", "/files/{file}/complete", {}),
        ("dynamodb.PutItem", "PATCH", "/files/{file}", {"filename": "b.txt"}),
        ("s3.ListObjectVersions", "DELETE", "/files/{file}", None),
        ("dynamodb.BatchGetItem", "POST", "/downloads", {"files": [new_id()]}),
        ("dynamodb.Query", "GET", "/tokens", None),
        ("dynamodb.TransactWriteItems", "POST", "/tokens", {"name": "n", "scopes": ["files:read"]}),
        ("dynamodb.TransactWriteItems", "DELETE", "/tokens/{token}", None),
        ("dynamodb.GetItem", "GET", "/user", None),
    ],
)
@pytest.mark.parametrize("trouble", ["throttled", "down", "no line"])
def test_trouble_is_answered_503(
    world: World,
    hooks: Hooks,
    hers: AppClient,
    alice: Caller,
    call: str,
    method: str,
    path: str,
    body: Any,
    trouble: str,
) -> None:
    path = path.replace("{file}", put_in(world, alice)).replace("{token}", alice.token.id)
    if trouble == "throttled":
        hooks.refuse(call, "ThrottlingException" if not call.startswith("s3") else "SlowDown", 503)
    elif trouble == "down":
        hooks.refuse(call, "", 500)
    else:
        hooks.break_line(call, BROKEN_LINES["no answer in time"])
    assert_busy(hers.call(method, path, json=body))


def test_a_second_complete_while_s3_is_at_the_first_is_to_come_again(hooks: Hooks, hers: AppClient) -> None:
    """Joining many parts can outlast a request, and S3 takes no second order for the object meanwhile."""
    upload = hers.post("/files", IN_PARTS).data
    sizes = [part["size"] for part in upload["upload"]["parts"]]
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><Size>{size}</Size><ETag>e</ETag>"
        "<LastModified>2026-03-01T12:00:00Z</LastModified></Part>"
        for number, size in enumerate(sizes, 1)
    )
    hooks.answer("s3.ListParts", f"<ListPartsResult>{listed}</ListPartsResult>".encode())
    hooks.refuse("s3.CompleteMultipartUpload", "OperationAborted", 409)
    assert_busy(hers.post(f"/files/{upload['id']}/complete"))


def test_what_only_a_person_can_mend_is_answered_500_without_a_word_of_it(hooks: Hooks, hers: AppClient) -> None:
    hooks.refuse("dynamodb.Query", "AccessDeniedException", 400)
    answer = hers.get("/files")
    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert "AccessDenied" not in answer.text


# -- performing --------------------------------------------------------------------------------------------------------


def uses_left(api: AppClient, key: str) -> int:
    return int(api.get(f"/public/downloads/{key}").data["uses_left"])


@pytest.mark.parametrize("code", ["DisabledException", "KMSInternalException", "ThrottlingException"])
def test_a_use_is_not_lost_when_kms_fails(
    world: World, hooks: Hooks, api: AppClient, hers: AppClient, alice: Caller, code: str
) -> None:
    key = sealed_download(world, hers, alice)
    hooks.refuse("kms.Decrypt", code)
    assert_busy(api.post(f"/public/downloads/{key}"))
    hooks.remove_all()
    assert uses_left(api, key) == 1
    assert api.post(f"/public/downloads/{key}").status == 200
    assert api.post(f"/public/downloads/{key}").status == 410


@pytest.mark.parametrize("times", [1, 3])
def test_a_use_is_not_lost_when_the_answer_to_its_spending_is(
    world: World, hooks: Hooks, api: AppClient, hers: AppClient, alice: Caller, aws: EmulatedAws, times: int
) -> None:
    """Once: the second attempt finds it done. Three times: nobody knows, so it is given back."""
    key = sealed_download(world, hers, alice)
    hooks.lose_answers("dynamodb.UpdateItem", times=times, table=aws.metadata_table)
    first = api.post(f"/public/downloads/{key}")
    if times == 3:
        assert_busy(first)
        first = api.post(f"/public/downloads/{key}")
    assert first.status == 200
    assert api.post(f"/public/downloads/{key}").status == 410


# -- the limiter's own table -------------------------------------------------------------------------------------------


@pytest.fixture
def no_limiter(hooks: Hooks, aws: EmulatedAws) -> None:
    hooks.refuse("dynamodb.UpdateItem", "ThrottlingException", table=aws.ratelimit_table)


@pytest.mark.usefixtures("no_limiter")
def test_requests_pass_while_the_limiter_is_down_and_it_is_counted(
    hers: AppClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hers.get("/files").status == 200
    assert hers.post("/files", NEW).status == 201
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("LimiterFailures") for line in lines] == [1, 1]


def test_performs_are_refused_while_the_limiter_is_down_and_spend_nothing(
    world: World, hooks: Hooks, api: AppClient, hers: AppClient, alice: Caller, aws: EmulatedAws
) -> None:
    key = sealed_download(world, hers, alice)
    hooks.refuse("dynamodb.UpdateItem", "ThrottlingException", table=aws.ratelimit_table)
    assert_busy(api.post(f"/public/downloads/{key}"))
    assert api.get(f"/public/downloads/{key}").status == 200
    hooks.remove_all()
    assert uses_left(api, key) == 1


def test_a_use_that_could_not_be_noted_does_not_fail_the_request(
    hooks: Hooks, api: AppClient, world: World, aws: EmulatedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    bob = enrol(world, "bob@example.com", "Bob Baker")
    hooks.refuse("dynamodb.UpdateItem", "ThrottlingException", table=aws.metadata_table)
    assert api.with_token(bob.text).get("/files").status == 200
    assert '"note_use_failed"' in capsys.readouterr().out
