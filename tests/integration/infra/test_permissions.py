"""Each function's rights are what it uses: the packaged policies beside the calls of AWS that were recorded.

tests/support/asking.py says what a call asks IAM for; tests/support/every_function.py has every function do all that it
does. A call in the code that was never reached fails here, too: what it needs would be taken for unused.
"""

import ast
import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

import botocore.session
import pytest
from botocore import xform_name

from infra import template
from infra.expansion import Template, expand, of_type, sam_template
from infra.package import SERVICES
from tests.support.asking import Estate, opening_table
from tests.support.every_function import ADAPTERS, Place, record
from tests.support.iam import Ask, Right, allowed_by_key, compare

ACCOUNT = "123456789012"  # moto's
POLLING = {  # what Lambda does in the function's name, by the service that feeds it
    # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaSQSQueueExecutionRole.html
    "sqs": ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage"),
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/iam-policy-example-lamda-process-dynamodb-streams.html
    "dynamodb": ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"),
}
PATTERNS = {  # where a name is made up after the policy was written, or none can be told
    "dynamodb": r"arn:aws:dynamodb:[^*]+:table/[^*]+-metadata/stream/\*",
    "logs": r"arn:aws:logs:[^*]+:log-group:/aws/lambda/[^*]+:\*",
    "s3": r"arn:aws:s3:::[^*]+/files/\*",
    "xray": r"\*",
}
KEYS = ("DataKey", "PepperKey", "EventsKey", "ReceiptKey")


pytestmark = pytest.mark.xdist_group("permissions")  # recorded once for all of these


class Recorded(NamedTuple):
    expanded: Template
    names: template.Names
    asks: dict[str, set[Ask]]  # by role
    places: set[Place]

    def rights(self, role: str) -> list[Right]:
        return [Right.of(it) for it in statements(self.expanded, self.names, role)]

    def arn(self, role: str) -> str:
        name = self.names.resolve(self.expanded["Resources"][role]["Properties"]["RoleName"])
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    expanded = expand(sam_template("dev"))
    with contextlib.redirect_stdout(io.StringIO()):  # the app's log lines
        recorder, aws = record()
    names, estate = aws.applied.names, Estate.of(aws.applied, aws.region, ACCOUNT)
    asks = {role_of(name): {ask for it in calls for ask in estate.asks(it)} for name, calls in recorder.calls.items()}
    for logical in of_type(expanded, "AWS::Lambda::Function"):
        role, platform = of_platform(expanded, names, estate, logical)
        asks[role].update(platform)
    return Recorded(expanded, names, asks, recorder.places)


def role_of(function: str) -> str:
    return "".join(word.title() for word in function.split("_")) + "Role"


def of_platform(expanded: Template, names: template.Names, estate: Estate, logical: str) -> tuple[str, list[Ask]]:
    """The function's role, and what Lambda asks for in its name: logs, traces, the source of its events."""
    function = expanded["Resources"][logical]["Properties"]
    sources = [
        names.resolve({key: value for key, value in it["Properties"].items() if key != "FunctionName"})
        for it in of_type(expanded, "AWS::Lambda::EventSourceMapping").values()
        if it["Properties"]["FunctionName"] == {"Ref": logical}
    ]
    log = f"log-group:/aws/lambda/{names.resolve(function['FunctionName'])}:log-stream:2026/11/24/[$LATEST]1"
    asks = [
        Ask.of(f"logs:{action}", f"arn:aws:logs:{estate.region}:{ACCOUNT}:{log}")
        for action in ("CreateLogStream", "PutLogEvents")
    ]
    if function.get("TracingConfig") == {"Mode": "Active"}:
        # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSXRayDaemonWriteAccess.html
        asks += [Ask.of(f"xray:{action}", "*") for action in ("PutTelemetryRecords", "PutTraceSegments")]
    for source in sources:
        asks += feeding(estate, source)
    return function["Role"]["Fn::GetAtt"][0], asks


def feeding(estate: Estate, source: dict[str, Any]) -> Iterator[Ask]:
    arn = source["EventSourceArn"]
    service = arn.split(":")[2]
    yield from (Ask.of(f"{service}:{action}", arn) for action in POLLING[service])
    if service == "dynamodb":
        yield from opening_table(estate, arn.split("/")[1])
    if letters := source.get("DestinationConfig", {}).get("OnFailure"):
        yield Ask.of("sqs:SendMessage", letters["Destination"])


def statements(expanded: Template, names: template.Names, role: str) -> list[dict[str, Any]]:
    """All that the role has been given: nothing may come in by another way."""
    properties = expanded["Resources"][role]["Properties"]
    assert not properties.get("ManagedPolicyArns")
    (policy,) = properties["Policies"]
    resolved: list[dict[str, Any]] = names.resolve(policy["PolicyDocument"]["Statement"])
    return resolved


ROLES = [
    "ApiHandlerRole",
    "CreateUserRole",
    "OnChangeRole",
    "OnMailRole",
    "OnUploadRole",
    "OnWebhookRole",
    "PrivacyRole",
    "RecoveryRole",
    "SweepRole",
]


def test_every_function_has_a_role_of_its_own(recorded: Recorded) -> None:
    functions = of_type(recorded.expanded, "AWS::Lambda::Function").values()
    roles = [function["Properties"]["Role"]["Fn::GetAtt"][0] for function in functions]
    assert sorted([*roles, "PrivacyRole", "RecoveryRole"]) == ROLES == sorted(recorded.asks)


@pytest.mark.parametrize("role", ROLES)
class TestRights:
    def test_none_is_missing_and_none_is_unused(self, recorded: Recorded, role: str) -> None:
        assert compare(recorded.rights(role), recorded.asks[role]) == ([], [])

    def test_without_any_of_them_something_is_missing(self, recorded: Recorded, role: str) -> None:
        """So none stands twice, and the test above would see each of them go."""
        atoms = list(chain.from_iterable(right.atoms() for right in recorded.rights(role)))
        assert len(atoms) >= 7
        for at, atom in enumerate(atoms):
            found = compare([*atoms[:at], *atoms[at + 1 :]], recorded.asks[role])
            assert found.missing, f"{atom} is held by another"
            assert not found.unused

    def test_one_more_is_unused(self, recorded: Recorded, role: str) -> None:
        """Another action, or another resource, anywhere."""
        rights = recorded.rights(role)
        for at, right in enumerate(rights):
            service = right.actions[0].partition(":")[0]
            wider = [
                replace(right, actions=(*right.actions, f"{service}:Delete")),
                replace(right, resources=(*right.resources, f"{right.resources[0].removesuffix('*')}other")),
            ]
            for more in wider:
                found = compare([*rights[:at], more, *rights[at + 1 :]], recorded.asks[role])
                assert found.unused, more
                assert not found.missing

    def test_no_wildcard_but_where_names_are_made_up_later(self, recorded: Recorded, role: str) -> None:
        for right in recorded.rights(role):
            assert "*" not in "".join(right.actions)
            for resource in right.resources:
                if "*" in resource:
                    assert re.fullmatch(PATTERNS[right.actions[0].partition(":")[0]], resource), resource


class TestKeys:
    """(R3) A key's policy and the roles' have to agree: neither lets anybody use a key alone."""

    def policy(self, recorded: Recorded, key: str) -> Any:
        return recorded.names.resolve(recorded.expanded["Resources"][key]["Properties"]["KeyPolicy"])

    @pytest.mark.parametrize("role", ROLES)
    def test_what_a_role_needs_its_keys_allow(self, recorded: Recorded, role: str) -> None:
        arns = {recorded.names.attributes[key, "Arn"]: self.policy(recorded, key) for key in KEYS}
        needed = [ask for ask in recorded.asks[role] if ask.action.startswith("kms:")]
        assert needed
        for ask in needed:
            assert allowed_by_key(arns[ask.resource], recorded.arn(role), ask), ask

    @pytest.mark.parametrize("key", KEYS)
    def test_no_role_is_named_that_does_not_need_it(self, recorded: Recorded, key: str) -> None:
        """Statement by statement: whom it names has a call that no other statement allows."""
        policy, arn = self.policy(recorded, key)["Statement"], recorded.names.attributes[key, "Arn"]
        for at, statement in enumerate(policy):
            named = [
                value for it in Right.of(statement).conditions if it.key == "aws:PrincipalArn" for value in it.values
            ]
            others = {"Statement": [it for place, it in enumerate(policy) if place != at]}
            needing = {
                recorded.arn(role)
                for role, asks in recorded.asks.items()
                for ask in asks
                if ask.resource == arn and not allowed_by_key(others, recorded.arn(role), ask)
            }
            assert not named or set(named) == needing


def operations() -> set[str]:
    """Of the services that the code calls, as boto3's clients have them; and signing a URL, which calls nothing."""
    session = botocore.session.Session()
    models = (session.get_service_model(service) for service in SERVICES)
    return {xform_name(name) for model in models for name in model.operation_names} | {"generate_presigned_url"}


def calls_in_the_code() -> Iterator[tuple[str, ast.stmt, str]]:
    """Module, statement and operation of each call of a client."""
    known = operations()
    for path in sorted(ADAPTERS.glob("*.py")):
        for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(statement, ast.stmt) and not isinstance(statement, ast.FunctionDef | ast.ClassDef):
                for node in ast.walk(statement):
                    match node:
                        case ast.Attribute(attr=name, value=ast.Attribute(attr=owner) | ast.Name(id=owner)) if (
                            name in known and owner.endswith("client")
                        ):
                            yield path.name, statement, name


def test_every_call_in_the_code_was_made(recorded: Recorded) -> None:
    found = list(calls_in_the_code())
    assert len({(module, statement.lineno) for module, statement, _ in found}) >= 30
    for module, statement, operation in found:
        lines = range(statement.lineno, (statement.end_lineno or 0) + 1)
        assert any((module, line) in recorded.places for line in lines), f"{module}:{statement.lineno} {operation}"
