"""What `make package` writes, and what CloudFormation is given once SAM has expanded it."""

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from infra.artefacts import point_at
from infra.expansion import Template, expand, of_type, sam_template
from infra.stacks import CAPABILITIES


@pytest.fixture(scope="module")
def sam() -> Template:
    return sam_template("dev")


@pytest.fixture(scope="module")
def expanded(sam: Template) -> Template:
    return expand(sam)


def test_the_linter_has_nothing_to_say_of_the_file_and_of_its_expansion(
    sam: Template, expanded: Template, tmp_path: Path
) -> None:
    """Circles between resources show in the expansion alone."""
    written = [tmp_path / "sam.json", tmp_path / "expanded.json"]
    for path, template in zip(written, (sam, expanded), strict=True):
        path.write_text(json.dumps(template))
    command = [Path(sys.executable).with_name("cfn-lint"), *written]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - our linter
    assert (said.stdout, said.stderr, said.returncode) == ("", "", 0)


def test_it_fits_what_deploy_sends(sam: Template) -> None:
    """CloudFormation takes a megabyte; that roles have names is said to it."""
    sent = point_at(deepcopy(sam), "s3://artefacts/deployment.zip")
    assert len(sent) < 1_000_000
    assert CAPABILITIES == ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    for resource in json.loads(sent)["Resources"].values():
        assert resource["Properties"].get("CodeUri", "s3://artefacts/deployment.zip") == "s3://artefacts/deployment.zip"


class TestGateway:
    def test_there_is_one_public_stage(self, expanded: Template) -> None:
        """A deployment that names a stage makes that one too, and SAM's is called "Stage" unless it is told not to."""
        stages = [stage["Properties"]["StageName"] for stage in of_type(expanded, "AWS::ApiGateway::Stage").values()]
        made_beside = [
            deployment["Properties"].get("StageName")
            for deployment in of_type(expanded, "AWS::ApiGateway::Deployment").values()
        ]
        assert (stages, made_beside) == (["api"], [None])

    def test_a_changed_answer_is_deployed(self, sam: Template, expanded: Template) -> None:
        """CloudFormation deploys an API anew when the deployment's logical id changes, and only then."""
        changed = deepcopy(sam)
        answers = changed["Resources"]["RestAPI"]["Properties"]["DefinitionBody"][
            "x-amazon-apigateway-gateway-responses"
        ]
        answers["THROTTLED"]["statusCode"] = "418"
        before, after = (of_type(it, "AWS::ApiGateway::Deployment").keys() for it in (expanded, expand(changed)))
        assert before == of_type(expand(sam), "AWS::ApiGateway::Deployment").keys(), "and is not without a change"
        assert not before & after

    def test_answers_are_not_resources_of_their_own(self, expanded: Template) -> None:
        """Nothing would have a deployment wait for those."""
        assert of_type(expanded, "AWS::ApiGateway::GatewayResponse") == {}
        (api,) = of_type(expanded, "AWS::ApiGateway::RestApi").values()
        assert len(api["Properties"]["Body"]["x-amazon-apigateway-gateway-responses"]) >= 8

    def test_it_is_regional_and_takes_tls_1_2_and_newer(self, expanded: Template) -> None:
        (api,) = of_type(expanded, "AWS::ApiGateway::RestApi").values()
        assert api["Properties"]["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
        assert api["Properties"]["SecurityPolicy"].startswith("SecurityPolicy_TLS13_1_2_")
        assert api["Properties"]["EndpointAccessMode"] == "BASIC"

    def test_its_stage_is_throttled_and_writes_an_access_log_and_no_other(self, expanded: Template) -> None:
        """`tests/unit/security/test_gateway.py` says what may be in it."""
        (stage,) = of_type(expanded, "AWS::ApiGateway::Stage").values()
        assert stage["Properties"]["AccessLogSetting"]["DestinationArn"] == {"Fn::GetAtt": ["AccessLog", "Arn"]}
        assert stage["Properties"]["AccessLogSetting"]["Format"].startswith('{"time"')
        assert stage["Properties"]["TracingEnabled"] is False
        assert stage["Properties"]["MethodSettings"] == [
            {
                "ResourcePath": "/*",
                "HttpMethod": "*",
                "ThrottlingRateLimit": {"Ref": "GatewayRate"},
                "ThrottlingBurstLimit": {"Ref": "GatewayBurst"},
                "LoggingLevel": "OFF",
                "DataTraceEnabled": False,
            }
        ]

    def test_whoever_makes_the_role_for_its_log_makes_it_before_the_log(self, expanded: Template) -> None:
        """The stage names the log, and the log the setting: DependsOn could not be left out where there is none."""
        made = expanded["Resources"]
        wanted = {"Fn::If": ["MakesGatewayLogRole", {"Ref": "GatewayAccount"}, ""]}
        assert made["AccessLog"]["Metadata"]["WaitsFor"] == wanted
        for kept in ("GatewayAccount", "GatewayLogWriter"):  # other APIs of the region write their logs by it
            assert (made[kept]["Condition"], made[kept]["DeletionPolicy"]) == ("MakesGatewayLogRole", "Retain")


def rights(expanded: Template, function: Template) -> list[Template]:
    """What the function's role allows."""
    role, _ = function["Properties"]["Role"]["Fn::GetAtt"]
    (policy,) = expanded["Resources"][role]["Properties"]["Policies"]
    statements: list[Template] = policy["PolicyDocument"]["Statement"]
    return statements


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_every_function_is_traced_and_may_say_so(expanded: Template) -> None:
    for function in of_type(expanded, "AWS::Lambda::Function").values():
        assert function["Properties"]["TracingConfig"] == {"Mode": "Active"}
        allowed = {action for right in rights(expanded, function) for action in _listed(right["Action"])}
        assert allowed >= {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


class TestLogs:
    def test_every_function_may_write_its_own_log_and_no_other(self, expanded: Template) -> None:
        functions = of_type(expanded, "AWS::Lambda::Function")
        assert len(functions) >= 4
        for function in functions.values():
            (name,) = function["Properties"]["FunctionName"].values()
            right = rights(expanded, function)[0]
            assert right["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
            assert right["Resource"]["Fn::Sub"].partition(":log-group:")[2] == f"/aws/lambda/{name}:*"

    def test_every_function_has_a_log_that_forgets(self, expanded: Template) -> None:
        functions = of_type(expanded, "AWS::Lambda::Function")
        logs = [log["Properties"] for log in of_type(expanded, "AWS::Logs::LogGroup").values()]
        names = [log["LogGroupName"]["Fn::Sub"].removeprefix("/aws/lambda/") for log in logs]
        assert "/aws/apigateway/${ServiceName}-${Stage}" in names
        for logical, function in functions.items():
            spellings = {f"${{{logical}}}", function["Properties"]["FunctionName"]["Fn::Sub"]}
            assert sum(name in spellings for name in names) == 1
        assert len(logs) == len(functions) + 1, "and the access log"
        assert {log["RetentionInDays"] for log in logs} == {90}


def test_what_is_packaged_for_a_stage_is_named_after_it(sam: Template) -> None:
    assert sam["Parameters"]["Stage"]["Default"] == "dev"
    assert sam_template("prod")["Parameters"]["Stage"]["Default"] == "prod"
