"""python -m infra.create_user as an operator runs it, against the running stack."""

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.create_user import function_name, main
from tests.e2e.conftest import Api, Stack

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]


@pytest.fixture
def email() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


class Operator:
    """The command in this process, which is quicker; one test runs it as a process of its own."""

    def __init__(self, stack: Stack, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capsys, self._patch = capsys, patch
        for name, value in stack.aws_env.items():
            patch.setenv(name, value)

    def __call__(self, *arguments: str, **environment: str) -> Done:
        for name, value in environment.items():
            self._patch.setenv(name, value)
        code = main(list(arguments))
        said = self._capsys.readouterr()
        return Done(code, said.out, said.err)

    def make(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert (done.code, done.err) == (0, "")
        return json.loads(done.out)


@pytest.fixture
def operator(stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Operator:
    return Operator(stack, capsys, monkeypatch)


def test_a_new_user_has_an_account_and_a_token_that_works(operator: Operator, anyone: Api, email: str) -> None:
    account = "Cook & Söhne"
    user = operator.make(
        "--email", email, "--name", "Carol Cook", "--account-name", account, "--timezone", "Europe/Vienna"
    )
    seen = anyone("GET", "/user", token=user["token"]).data
    assert {name: seen[name] for name in ("id", "email", "name", "timezone")} == {
        "id": user["user_id"],
        "email": email,
        "name": "Carol Cook",
        "timezone": "Europe/Vienna",
    }
    assert seen["account"] == {"id": user["account_id"], "name": account}
    assert seen["token"]["id"] == user["token_id"]


def test_a_second_user_of_an_account(operator: Operator, anyone: Api, email: str) -> None:
    first = operator.make("--email", email, "--name", "Carol Cook")
    second = operator.make("--email", f"x{email}", "--name", "Dan Dyer", "--account-id", first["account_id"])
    account = anyone("GET", "/user", token=second["token"]).data["account"]
    assert account == {"id": first["account_id"], "name": "Carol Cook"}


def test_people_read_lines_with_the_token_once(stack: Stack, anyone: Api, email: str) -> None:
    command = [sys.executable, "-m", "infra.create_user", "--email", email, "--name", "Carol Cook"]
    done = subprocess.run(  # noqa: S603 - our own command
        command,
        cwd=ROOT,
        env={**os.environ, **stack.aws_env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    assert lines["user"].strip() == f"Carol Cook <{email}>, UTC"
    assert done.stdout.count("sdt_") == 1
    token = lines["token"].split()[0]
    assert anyone("GET", "/user", token=token).data["email"] == email


class TestRefusals:
    def refused(self, done: Done) -> str:
        assert (done.code, done.out) == (1, "")
        assert "Traceback" not in done.err
        assert done.err.startswith("not created: ")
        return done.err.removeprefix("not created: ")

    def test_an_address_that_has_a_user(self, operator: Operator) -> None:
        said = self.refused(operator("--email", "Alice@Example.com", "--name", "Another"))
        assert "There is a user with the address" in said

    def test_every_wrong_field_is_named(self, operator: Operator) -> None:
        said = self.refused(operator("--email", "nobody", "--name", "x", "--timezone", "Europe/Wien"))
        assert "\n  email: " in said
        assert "\n  timezone: Name a time zone of the IANA list" in said

    def test_an_account_that_is_not_there(self, operator: Operator, email: str) -> None:
        said = self.refused(operator("--email", email, "--name", "x", "--account-id", str(uuid.uuid4())))
        assert "\n  account_id: There is no such account." in said

    def test_a_stage_that_is_not_deployed(self, operator: Operator, email: str) -> None:
        said = self.refused(operator("--email", email, "--name", "x", "--stage", "prod"))
        assert "there is no function sealdrop-prod-create-user in eu-west-1: name the stage" in said

    def test_another_function(self, operator: Operator, email: str) -> None:
        said = self.refused(operator("--email", email, "--name", "x", "--function", "sealdrop-dev-on-upload"))
        assert "sealdrop-dev-on-upload failed (" in said

    def test_wrong_credentials(self, operator: Operator, email: str) -> None:
        said = self.refused(operator("--email", email, "--name", "x", AWS_SECRET_ACCESS_KEY="guessed"))
        assert "InvalidSignatureException" in said

    def test_nobody_there(self, operator: Operator, email: str) -> None:
        done = operator("--email", email, "--name", "x", AWS_ENDPOINT_URL="http://127.0.0.1:9")
        assert "Could not connect" in self.refused(done)

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--name", "x"],
            ["--email", "a@example.com"],
            ["--email", "a@example.com", "--name", "x", "--account-id", "1", "--account-name", "y"],
        ],
    )
    def test_usage(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert "error:" in capsys.readouterr().err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for words in ("examples:", "--account-id", "--timezone", "--stage", "shown this"):
        assert words in text


def test_the_name_is_the_deployed_one() -> None:
    assert function_name("prod") == "sealdrop-prod-create-user"
