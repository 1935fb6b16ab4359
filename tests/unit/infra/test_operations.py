"""infra/operations.yaml: whatever can go wrong is watched, and whatever is watched exists."""

import ast
import fnmatch
import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import chalicelib
from chalicelib.logs import describe, log
from chalicelib.routes.call import _METRIC_OF_CODE
from infra import template
from infra.package import ROOT, joined_template

RESOURCES = joined_template("dev")["Resources"]
NAMES = template.Names({"ServiceName": "sealdrop", "Stage": "dev"})
OURS = "sealdrop-dev"
UNITS = {"Count", "Milliseconds"}
AWS_EMITS = {  # from the pages of AWS's services on their CloudWatch metrics
    "AWS/Lambda": {"Duration", "Errors", "Invocations", "IteratorAge", "Throttles"},
    "AWS/ApiGateway": {"4XXError", "5XXError", "Count", "Latency"},
    "AWS/SQS": {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
}
DIMENSIONS = {
    "AWS/Lambda": ["FunctionName"],
    "AWS/ApiGateway": ["ApiName", "Stage"],
    "AWS/SQS": ["QueueName"],
    OURS: [],
}


def of_type(kind: str) -> dict[str, Any]:
    return {name: made["Properties"] for name, made in RESOURCES.items() if made.get("Type") == kind}


ALARMS = of_type("AWS::CloudWatch::Alarm")
FUNCTIONS = [name for name, made in RESOURCES.items() if "FunctionName" in made.get("Properties", {})]
QUEUES = of_type("AWS::SQS::Queue")
DEAD = {name for name in QUEUES if name.endswith("DeadLetters")}


def namespace(alarm: dict[str, Any]) -> str:
    return str(NAMES.resolve(alarm["Namespace"]))


def watched(metric: str) -> set[str]:
    """The functions or queues of which an alarm watches this metric."""
    alarms = [alarm for alarm in ALARMS.values() if alarm["MetricName"] == metric]
    return {of for alarm in alarms for each in alarm["Dimensions"] for of in template._references(each["Value"])}


@functools.cache
def emitted() -> frozenset[str]:
    """By the code that ships: the name of each tuple that ends in a unit of logs.Metric."""
    names = set(_METRIC_OF_CODE.values())
    computed = 0
    for path in Path(chalicelib.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Tuple(elts=[ast.Constant(value=str(name)), _, ast.Constant(value=unit)]) if unit in UNITS:
                    names.add(name)
                case ast.Tuple(elts=[_, _, ast.Constant(value=unit)]) if unit in UNITS:
                    computed += 1
    assert computed == 1, "only log_call looks a name up, in _METRIC_OF_CODE"
    return frozenset(names)


def filtered() -> set[str]:
    """What CloudWatch counts in our log lines."""
    return {made["MetricTransformations"][0]["MetricName"] for made in of_type("AWS::Logs::MetricFilter").values()}


def dashboard() -> list[dict[str, Any]]:
    text = of_type("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    return [widget["properties"] for widget in json.loads(text)["widgets"]]


def shown() -> list[tuple[str, str, list[str]]]:
    """Namespace, metric, and names and values of dimensions in turn."""
    rows = [[part for part in row if isinstance(part, str)] for widget in dashboard() for row in widget["metrics"]]
    return [(row[0].replace("${ServiceName}-${Stage}", OURS), row[1], row[2:]) for row in rows]


class TestEverythingIsWatched:
    @pytest.mark.parametrize("metric", ["Errors", "Throttles"])
    def test_every_function(self, metric: str) -> None:
        assert len(FUNCTIONS) == 7
        assert watched(metric) == set(FUNCTIONS)

    def test_every_functions_log_for_denials(self) -> None:
        logs = [made["LogGroupName"]["Ref"].lower() for made in of_type("AWS::Logs::MetricFilter").values()]
        assert sorted(logs) == sorted(f"{name}LogGroup".lower() for name in FUNCTIONS)

    def test_every_queue(self) -> None:
        assert watched("ApproximateNumberOfMessagesVisible") == DEAD
        assert watched("ApproximateAgeOfOldestMessage") == set(QUEUES) - DEAD

    def test_where_letters_go_is_a_queue_of_dead_letters(self) -> None:
        rules = [target for rule in of_type("AWS::Events::Rule").values() for target in rule["Targets"]]
        named = [target["DeadLetterConfig"]["Arn"] for target in rules]
        named += [
            queue["RedrivePolicy"]["deadLetterTargetArn"] for queue in QUEUES.values() if "RedrivePolicy" in queue
        ]
        named.append(
            RESOURCES["OnChange"]["Properties"]["Events"]["OnChangeDynamodbEventSource"]["Properties"][
                "DestinationConfig"
            ]["OnFailure"]["Destination"]
        )
        assert {arn["Fn::GetAtt"][0] for arn in named} == DEAD

    def test_every_metric_that_the_code_logs(self) -> None:
        seen = {alarm["MetricName"] for alarm in ALARMS.values() if namespace(alarm) == OURS}
        seen |= {metric for space, metric, _ in shown() if space == OURS}
        assert seen == emitted() | filtered()
        assert {"Requests", "PinLockouts", "SweepFailures", "ChangesUndone"} <= emitted()

    def test_what_must_wake_somebody_has_an_alarm(self) -> None:
        needed = {"LimiterFailures", "PinLockouts", "SweepFailures", "MailSweepFailures", "Denials"}
        assert needed <= {alarm["MetricName"] for alarm in ALARMS.values() if namespace(alarm) == OURS}


class TestWhatIsWatchedExists:
    @pytest.mark.parametrize("name", ALARMS)
    def test_an_alarms_metric(self, name: str) -> None:
        alarm = ALARMS[name]
        space = namespace(alarm)
        assert alarm["MetricName"] in AWS_EMITS.get(space, emitted() | filtered())
        assert [each["Name"] for each in alarm.get("Dimensions", [])] == DIMENSIONS[space]

    def test_the_dashboards_metrics(self) -> None:
        for space, metric, dimensions in shown():
            assert metric in AWS_EMITS.get(space, emitted() | filtered())
            assert dimensions[::2] == DIMENSIONS[space]
            assert set(template._references({"Fn::Sub": " ".join(dimensions[1::2])})) <= {
                "ServiceName",
                "Stage",
                *FUNCTIONS,
                *QUEUES,
            }

    def test_metrics_go_where_alarms_look(self) -> None:
        for name in FUNCTIONS:
            assert NAMES.resolve(RESOURCES[name]["Properties"]["Environment"]["Variables"]["METRICS_NAMESPACE"]) == OURS
        for made in of_type("AWS::Logs::MetricFilter").values():
            assert NAMES.resolve(made["MetricTransformations"][0]["MetricNamespace"]) == OURS

    def test_the_apis_metrics_go_by_the_name_that_it_has(self) -> None:
        api = RESOURCES["RestAPI"]["Properties"]
        stage = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]["prod"]["api_gateway_stage"]
        wanted = [{"Name": "ApiName", "Value": OURS}, {"Name": "Stage", "Value": stage}]
        assert NAMES.resolve(api["Name"]) == NAMES.resolve(api["DefinitionBody"]["info"]["title"]) == OURS
        assert NAMES.resolve(ALARMS["ApiServerErrors"]["Dimensions"]) == wanted


class TestDenials:
    @pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "KMS.AccessDeniedException"])
    @pytest.mark.parametrize("nested", [False, True])
    def test_a_denial_is_counted(self, code: str, nested: bool, capfd: pytest.CaptureFixture[str]) -> None:
        assert matches(line(code, capfd, nested=nested))

    def test_no_other_error_is(self, capfd: pytest.CaptureFixture[str]) -> None:
        assert not matches(line("ThrottlingException", capfd, nested=False))


def line(code: str, capfd: pytest.CaptureFixture[str], *, nested: bool) -> dict[str, Any]:
    """What a function logs when AWS answers so: endpoint.py nests it when a token's use cannot be noted."""
    described = describe(ClientError({"Error": {"Code": code}}, "Decrypt"))
    log("failed", **({"trouble": described} if nested else described))
    made: dict[str, Any] = json.loads(capfd.readouterr().out)
    return made


def matches(made: dict[str, Any]) -> bool:
    """The filters' pattern on a line: any of its comparisons, with a star for whatever it may be."""
    (pattern,) = {made["FilterPattern"] for made in of_type("AWS::Logs::MetricFilter").values()}
    comparisons = re.findall(r'\(\$\.([\w.]+) = "([^"]+)"\)', pattern)
    assert len(comparisons) == pattern.count("=") == pattern.count("||") + 1
    return any(fnmatch.fnmatchcase(str(found(made, path)), wanted) for path, wanted in comparisons)


def found(made: Any, path: str) -> Any:
    for name in path.split("."):
        made = made.get(name) if isinstance(made, dict) else None
    return made


class TestAlarms:
    def test_each_tells_the_topic_when_it_begins_and_when_it_is_over(self) -> None:
        for alarm in ALARMS.values():
            assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]

    def test_each_has_a_name_of_its_own_that_the_topic_takes(self) -> None:
        names = [NAMES.resolve(alarm["AlarmName"]) for alarm in ALARMS.values()]
        assert len(set(names)) == len(names)
        assert all(name.startswith(f"{OURS}-") for name in names)
        condition = of_type("AWS::SNS::TopicPolicy")["AlarmTopicPolicy"]["PolicyDocument"]["Statement"][0]["Condition"]
        assert condition["ArnLike"]["aws:SourceArn"]["Fn::Sub"].endswith(":alarm:${ServiceName}-${Stage}-*")

    def test_missing_data_is_no_alarm_but_for_the_sweep_and_is_ignored_where_a_full_queue_falls_silent(self) -> None:
        for name, alarm in ALARMS.items():
            letters = alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
            expected = "breaching" if name == "SweepStopped" else "ignore" if letters else "notBreaching"
            assert (name, alarm["TreatMissingData"]) == (name, expected)

    def test_without_an_address_nobody_is_subscribed(self) -> None:
        joined = joined_template("dev")
        assert joined["Parameters"]["AlarmEmail"]["Default"] == ""
        assert joined["Resources"]["AlarmSubscription"]["Condition"] == "HasAlarmEmail"
        assert joined["Conditions"]["HasAlarmEmail"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]}

    def test_an_alarm_on_changes_comes_before_they_are_given_up(self) -> None:
        source = RESOURCES["OnChange"]["Properties"]["Events"]["OnChangeDynamodbEventSource"]["Properties"]
        assert ALARMS["OnChangeAge"]["Threshold"] / 1000 <= source["MaximumRecordAgeInSeconds"] / 2
