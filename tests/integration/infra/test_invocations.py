"""Lambda's Invoke on the local stack, by boto3 and by raw requests."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from chalice.app import Chalice

from infra.local.functions import Functions
from infra.local.invocations import MAX_PAYLOAD
from infra.local.stack import EmulatedAws

NAMES = {"Echo": "sealdrop-dev-echo", "TooTall": "sealdrop-dev-too-tall", "GivesUp": "sealdrop-dev-gives-up"}
PATH = "/2015-03-31/functions/sealdrop-dev-echo/invocations"


def an_app() -> Chalice:
    app = Chalice("some")

    @app.lambda_function(name="echo")
    def echo(event: Any, context: Any) -> Any:
        return {"event": event, "name": context.function_name}

    @app.lambda_function(name="too_tall")
    def too_tall(event: Any, context: Any) -> Any:
        return "x" * MAX_PAYLOAD

    @app.lambda_function(name="gives_up")
    def gives_up(event: Any, context: Any) -> Any:
        raise LookupError("nothing there")

    return app


@pytest.fixture(scope="module", autouse=True)
def served(aws: EmulatedAws) -> None:
    overrides = {logical: {"Properties": {"FunctionName": name}} for logical, name in NAMES.items()}
    aws.invocations.serve(Functions(an_app()), overrides)


@pytest.fixture(scope="module")
def functions(aws: EmulatedAws) -> Iterator[Any]:
    client = a_client(aws)
    yield client
    client.close()


def a_client(aws: EmulatedAws, **changes: str) -> Any:
    arguments = {
        "endpoint_url": aws.endpoint_url,
        "region_name": aws.region,
        "aws_access_key_id": "testing",
        "aws_secret_access_key": "testing",
    }
    config = Config(retries={"total_max_attempts": 1})
    return boto3.session.Session().client("lambda", config=config, **{**arguments, **changes})


def code_of(refused: Any) -> tuple[int, str]:
    response = refused.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.mark.parametrize(
    "name",
    [
        "sealdrop-dev-echo",
        "123456789012:function:sealdrop-dev-echo",
        "arn:aws:lambda:eu-west-1:123456789012:function:sealdrop-dev-echo",
        "arn:aws:lambda:eu-west-1:123456789012:function:sealdrop-dev-echo:$LATEST",
    ],
)
def test_a_function_answers_by_each_of_its_names(functions: Any, name: str) -> None:
    answer = functions.invoke(FunctionName=name, Payload=json.dumps({"a": "é"}))
    assert json.loads(answer["Payload"].read()) == {"event": {"a": "é"}, "name": "echo"}
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer


def test_no_payload_is_an_empty_event(functions: Any) -> None:
    assert json.loads(functions.invoke(FunctionName=NAMES["Echo"])["Payload"].read())["event"] == {}


def test_what_a_function_raises_is_told_as_lambda_tells_it(functions: Any) -> None:
    answer = functions.invoke(FunctionName=NAMES["GivesUp"])
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.loads(answer["Payload"].read()) == {"errorMessage": "nothing there", "errorType": "LookupError"}


def test_a_dry_run_runs_nothing(functions: Any) -> None:
    answer = functions.invoke(FunctionName=NAMES["GivesUp"], InvocationType="DryRun")
    assert (answer["StatusCode"], answer["Payload"].read()) == (204, b"")


@pytest.mark.parametrize(
    ("order", "outcome"),
    [
        ({"FunctionName": "sealdrop-dev-nothing"}, (404, "ResourceNotFoundException")),
        ({"FunctionName": "echo"}, (404, "ResourceNotFoundException")),
        ({"FunctionName": NAMES["Echo"], "Qualifier": "7"}, (404, "ResourceNotFoundException")),
        ({"FunctionName": NAMES["Echo"], "Payload": b"not json"}, (400, "InvalidRequestContentException")),
        (
            {"FunctionName": NAMES["Echo"], "Payload": b'"' + b"x" * MAX_PAYLOAD + b'"'},
            (413, "RequestTooLargeException"),
        ),
        ({"FunctionName": NAMES["TooTall"]}, (413, "RequestTooLargeException")),
        ({"FunctionName": NAMES["Echo"], "InvocationType": "Event"}, (501, "NotImplemented")),
    ],
)
def test_refusals(functions: Any, order: dict[str, Any], outcome: tuple[int, str]) -> None:
    with pytest.raises(ClientError) as refused:
        functions.invoke(**order)
    assert code_of(refused) == outcome


def test_other_operations_are_refused_by_name(functions: Any) -> None:
    with pytest.raises(ClientError, match="one operation, Invoke") as refused:
        functions.list_functions()
    assert code_of(refused) == (501, "NotImplemented")


class TestWhoMayCall:
    """The signature is checked before anything runs."""

    def test_another_secret(self, aws: EmulatedAws) -> None:
        client = a_client(aws, aws_secret_access_key="guessed")
        with pytest.raises(ClientError) as refused:
            client.invoke(FunctionName=NAMES["Echo"])
        client.close()
        assert code_of(refused) == (403, "InvalidSignatureException")

    @pytest.mark.parametrize("signed_for", ["s3", "dynamodb"])
    def test_a_signature_for_another_service(self, aws: EmulatedAws, signed_for: str) -> None:
        request = AWSRequest("POST", aws.endpoint_url + PATH, data=b"{}")
        SigV4Auth(Credentials("testing", "testing"), signed_for, aws.region).add_auth(request)
        answer = urllib3.request("POST", request.url, body=b"{}", headers=dict(request.headers.items()), retries=False)
        assert answer.status == 400
        assert b'"event"' not in answer.data

    def test_no_signature(self, aws: EmulatedAws) -> None:
        answer = urllib3.request("POST", aws.endpoint_url + PATH, body=b"{}", retries=False)
        assert answer.status == 403

    def test_another_payload_than_the_signed_one(self, aws: EmulatedAws) -> None:
        request = AWSRequest("POST", aws.endpoint_url + PATH, data=b"{}")
        SigV4Auth(Credentials("testing", "testing"), "lambda", aws.region).add_auth(request)
        headers = dict(request.headers.items())
        forged = urllib3.request("POST", request.url, body=b'{"a": 1}', headers=headers, retries=False)
        assert forged.status == 403
        honest = urllib3.request("POST", request.url, body=b"{}", headers=headers, retries=False)
        assert honest.json() == {"event": {}, "name": "echo"}
