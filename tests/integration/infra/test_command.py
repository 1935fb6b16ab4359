"""python -m infra.local as a person or a program runs it."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from infra.local import __main__ as command
from infra.local.process import ROOT, StackFailed, StackProcess, clean_environment, stack_process, start_stack


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "infra.local", *arguments],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    with stack_process(tmp_path_factory.mktemp("stack"), "--rate-limit", "7") as process:
        yield process


class TestReady:
    def test_the_ready_file(self, stack: StackProcess) -> None:
        ready = stack.ready
        assert set(ready) == {
            "api_url",
            "web_url",
            "docs_url",
            "aws_endpoint_url",
            "region",
            "bucket",
            "metadata_table",
            "ratelimit_table",
            "kms_key_arn",
            "outbox",
            "users",
        }
        assert ready["web_url"] == ready["api_url"].removesuffix("api")
        assert stat.S_IMODE(Path(ready["outbox"]).stat().st_mode) == 0o700
        assert ready["kms_key_arn"].startswith("arn:aws:kms:eu-west-1:")
        assert [(user["email"], user["name"], user["pin"]) for user in ready["users"]] == [
            ("alice@example.com", "Alice Archer", "1a2s3d"),
            ("bob@example.com", "Bob Baker", "4f5g6h"),
        ]

    def test_it_is_private_and_alone(self, stack: StackProcess) -> None:
        directory = stack.log.parent
        assert stat.S_IMODE((directory / "ready.json").stat().st_mode) == 0o600
        assert sorted(path.name for path in directory.iterdir()) == ["ready.json", "stack.log"]

    def test_the_users_are_of_two_accounts(self, stack: StackProcess) -> None:
        seen = [self._get(stack, "/user", user["token"]).json()["data"] for user in stack.ready["users"]]
        assert [user["email"] for user in seen] == ["alice@example.com", "bob@example.com"]
        assert seen[0]["account"]["name"] == "Archer & Co"
        assert seen[0]["account"]["id"] != seen[1]["account"]["id"]

    def test_the_rate_limit_is_the_one_given(self, stack: StackProcess) -> None:
        assert self._get(stack, "/health").headers["X-RateLimit-Limit"] == "7"

    def test_what_a_person_reads(self, stack: StackProcess) -> None:
        text = stack.log.read_text()
        token = stack.ready["users"][0]["token"]
        assert all(user["pin"] in text for user in stack.ready["users"])
        assert f"curl -s -H 'Authorization: Bearer {token}' {stack.ready['api_url']}/user" in text
        assert stack.ready["aws_endpoint_url"] in text
        assert "Traceback" not in text
        assert "WARNING" not in text

    @pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"])
    def test_only_127_0_0_1_is_served(self, stack: StackProcess) -> None:
        """A server on all addresses would answer on 127.0.0.2 as well."""
        for name in ("api_url", "aws_endpoint_url"):
            port = urllib3.util.parse_url(stack.ready[name]).port
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            with pytest.raises(OSError, match=r"refused|timed out|unreachable|assign"):
                socket.create_connection(("127.0.0.2", port), timeout=5).close()

    @staticmethod
    def _get(stack: StackProcess, path: str, token: str | None = None) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return urllib3.request("GET", stack.ready["api_url"] + path, headers=headers, retries=False)


def test_log_lines_go_where_they_are_told_and_hold_no_secret(tmp_path: Path) -> None:
    log = tmp_path / "lines.log"
    process, ready = start_stack(tmp_path, "--log", str(log))
    headers = {"Authorization": f"Bearer {ready['users'][0]['token']}"}
    assert urllib3.request("GET", ready["api_url"] + "/user", headers=headers).status == 200
    assert urllib3.request("POST", ready["api_url"] + "/keys", json={"pin": "1a2s3d"}, headers=headers).status == 201
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    screen, lines = (tmp_path / "stack.log").read_text(), log.read_text()
    assert screen.startswith("Sealdrop runs on this machine.")
    assert screen.rstrip().endswith("Ctrl-C stops it; nothing is kept.")
    assert str(log) in screen
    routes = [line.get("route") for line in map(json.loads, lines.splitlines())]
    assert "GET /user" in routes
    assert "POST /keys" in routes
    for user in ready["users"]:
        assert user["token"] in screen
        assert user["token"] not in lines
        assert user["pin"] not in lines


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    process, _ = start_stack(tmp_path)
    os.kill(process.pid, number)
    started = time.monotonic()
    assert process.wait(20) == 0
    assert time.monotonic() - started < 10
    assert [path.name for path in tmp_path.iterdir()] == ["stack.log"], "the ready file goes with the stack"
    assert "Traceback" not in (tmp_path / "stack.log").read_text()


def test_a_stop_does_not_wait_for_kept_connections(tmp_path: Path) -> None:
    process, ready = start_stack(tmp_path)
    pools = [urllib3.PoolManager() for _ in range(4)]
    for pool in pools:
        pool.request("GET", ready["api_url"] + "/health")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


class TestRefusals:
    def test_a_taken_port_is_said_so(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = run("--port", str(port))
        assert done.returncode == 1
        assert done.stderr.startswith(f"port {port} on 127.0.0.1 is taken")
        assert "--port" in done.stderr
        assert "make up PORT=" in done.stderr
        assert "Traceback" not in done.stderr

    def test_and_before_anything_that_takes_time(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            arguments = ["--port", str(taken.getsockname()[1])]
            code = f"import sys; from infra.local.__main__ import main; print(main({arguments}), 'moto' in sys.modules)"
            done = subprocess.run(  # noqa: S603 - our own command
                [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
            )
        assert done.stdout == "1 False\n"

    @pytest.mark.parametrize(
        "arguments", [["--port", "70000"], ["--port", "x"], ["--rate-limit", "0"], ["--rate-limit", "many"], ["--odd"]]
    )
    def test_usage(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            command.main(arguments)
        assert caught.value.code == 2
        assert "error:" in capsys.readouterr().err

    def test_a_ready_file_without_a_directory(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            command.main(["--ready-file", str(tmp_path / "absent" / "ready.json")])
        assert caught.value.code == 2
        assert "there is no directory" in capsys.readouterr().err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for words in ("--port", "--ready-file", "--rate-limit", "examples:", "python -m infra.local --port 0"):
        assert words in text


class TestWriting:
    def test_whole_or_not_at_all(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "ready.json"
        command.write_privately(path, "first")

        def broken(self: Path, target: Path) -> None:
            raise OSError("disk")

        monkeypatch.setattr(Path, "replace", broken)
        with pytest.raises(OSError, match="disk"):
            command.write_privately(path, "second")
        assert path.read_text() == "first"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_file_of_a_killed_run_is_no_sign_of_life(self, tmp_path: Path) -> None:
        """Who waits for the file must not read one that was left behind."""
        stale = tmp_path / "ready.json"
        stale.write_text('{"api_url": "http://127.0.0.1:1/api"}')
        with socket.create_server(("127.0.0.1", 0)) as taken:
            run("--port", str(taken.getsockname()[1]), "--ready-file", str(stale))
        assert not stale.exists()


def test_a_stack_that_does_not_start_is_told_with_what_it_printed(tmp_path: Path) -> None:
    with pytest.raises(StackFailed, match="unrecognized arguments: --odd"), stack_process(tmp_path, "--odd"):
        pass


def test_the_ready_file_is_json_for_programs(stack: StackProcess) -> None:
    assert json.loads((stack.log.parent / "ready.json").read_text()) == stack.ready
