"""docs/operations.md: whatever it tells the operator to type is there, and every alarm has its row."""

import importlib
import re
import shlex
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from click.testing import CliRunner

from infra import deploy, template
from infra.package import ROOT, joined_template
from sealdrop.cli import cli

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ALARMS = template.load(ROOT / "infra" / "operations.yaml")["Resources"]


def commands(program: str) -> list[list[str]]:
    """Each that the page shows, in a block or in a sentence, as its words."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", re.sub(r"^```.*?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL))
    found = [shlex.split(line) for line in lines if line.startswith(f"{program} ")]
    assert found
    return found


def options(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if word.startswith("--")}


@pytest.mark.parametrize("words", commands("python -m"), ids=" ".join)
def test_a_command_of_ours_is_there_and_has_the_options(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert words[2].startswith("infra.")
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(words[2]).main(["--help"])
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"usage: python -m {words[2]}" in told
    assert options(words) <= set(re.findall(r"--[a-z-]+", told))


@pytest.mark.parametrize("words", commands("make"), ids=" ".join)
def test_a_target_is_there(words: list[str]) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert words[1] in targets
    for arguments in [word.removeprefix("ARGS=") for word in words if word.startswith("ARGS=")]:
        parsed = deploy._options(["--stage", "prod", *shlex.split(arguments)])
        assert {name for name, _ in parsed.given} <= set(joined_template("prod")["Parameters"])


@pytest.mark.parametrize("words", commands("aws"), ids=" ".join)
def test_a_call_of_aws_is_there_and_has_the_options(words: list[str]) -> None:
    service, session = {"s3api": "s3"}.get(words[1], words[1]), botocore.session.Session()
    model = session.get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if words[2] == "wait":
        waiters = session.get_waiter_model(service)
        operation = waiters.get_waiter(waiters.waiter_names[_waiters(waiters).index(words[3])]).operation
    else:
        operation = operations[words[2]]
    members = model.operation_model(operation).input_shape.members.items()
    known = {f"--{xform_name(name, '-')}" for name, _ in members}
    known |= {f"--no-{xform_name(name, '-')}" for name, shape in members if shape.type_name == "boolean"}
    assert options(words) - {"--query", "--output"} <= known


def _waiters(model: Any) -> list[str]:
    return [xform_name(name, "-") for name in model.waiter_names]


def test_the_mapping_that_a_restored_table_needs_is_the_templates() -> None:
    """What is left out would be Lambda's default: no letters, and one bad change holds up all others."""
    (made,) = [words for words in commands("aws") if words[2] == "create-event-source-mapping"]
    given = {made[at].removeprefix("--"): made[at + 1] for at in range(3, len(made) - 1) if made[at].startswith("--")}
    function = template.load(template.OVERRIDES)["Resources"]["OnChange"]["Properties"]
    wanted = function["Events"]["OnChangeDynamodbEventSource"]["Properties"]
    switches = {"BisectBatchOnFunctionError"}
    elsewhere = {"Stream", "DestinationConfig"}
    for name in wanted.keys() - switches - elsewhere:
        value = wanted[name]
        assert given[xform_name(name, "-")] == (value[0] if isinstance(value, list) else str(value)), name
    assert {f"--{xform_name(name, '-')}" for name in switches} <= set(made)
    assert ":sealdrop-prod-change-dead" in given["destination-config"]


@pytest.mark.parametrize("words", commands("sealdrop"), ids=" ".join)
def test_a_command_of_the_client_is_there(words: list[str]) -> None:
    path = [word for word in words[1:] if word.islower() and not word.startswith("-")]
    told = CliRunner().invoke(cli, [*path, "--help"])
    assert told.exit_code == 0
    assert options(words) <= set(re.findall(r"--[a-z-]+", told.output))


def names_of_alarms() -> Iterator[str]:
    for made in ALARMS.values():
        if made["Type"] == "AWS::CloudWatch::Alarm":
            yield made["Properties"]["AlarmName"]["Fn::Sub"].removeprefix("${ServiceName}-${Stage}-")


def test_every_alarm_has_its_row_and_no_row_is_of_another() -> None:
    rows = re.findall(r"^\| (`[^|]+) \| ", PAGE.partition("| alarm |")[2].partition("\n## ")[0], re.MULTILINE)
    assert sorted(re.findall(r"`([a-z-]+)`", " ".join(rows))) == sorted(names_of_alarms())


def test_links_lead_somewhere() -> None:
    headings = {
        re.sub("[^a-z -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([a-z-]+)\)", PAGE)) <= headings
