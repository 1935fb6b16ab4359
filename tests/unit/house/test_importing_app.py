"""Importing the app has no effects, needs no environment, and loads nothing that most requests do without."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = ["boto3", "botocore", "aws_encryption_sdk", "cryptography", "moto", "infra", "sealdrop", "tests"]


def fresh(code: str) -> str:
    """Run it in an interpreter that knows this tree and no environment at all."""
    prepared = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"
    command = [sys.executable, "-I", "-B", "-W", "error", "-c", prepared]
    return subprocess.run(command, env={}, cwd="/", capture_output=True, text=True, check=True).stdout  # noqa: S603


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    names = json.loads(fresh("import app, json; print(json.dumps(sorted(sys.modules)))"))
    return {name.partition(".")[0] for name in names} | set(names)


@pytest.mark.parametrize("package", HEAVY)
def test_it_does_not_load(loaded: set[str], package: str) -> None:
    assert package not in loaded


def test_it_loads_what_it_is_about(loaded: set[str]) -> None:
    assert {"chalice", "pydantic", "chalicelib.routes.endpoint", "chalicelib.services.perform_download"} <= loaded


def test_no_adapter_is_loaded(loaded: set[str]) -> None:
    assert not [name for name in loaded if name.startswith("chalicelib.adapters")]


def test_it_starts_no_thread_writes_no_file_and_asks_no_variable_of_ours() -> None:
    code = """
import os, threading
asked, done = [], []
class Watched(dict):
    def __getitem__(self, name): asked.append(name); return super().__getitem__(name)
    def get(self, name, default=None): asked.append(name); return super().get(name, default)
def watch(event, given):
    if event == "open" and (given[2] or 0) & (os.O_WRONLY | os.O_RDWR) or event.startswith(("socket.", "subprocess.")):
        done.append(event)
os.environ = Watched(os.environ)
before = set(threading.enumerate())
sys.addaudithook(watch)
import app
ours = ("METADATA_TABLE", "RATE_LIMIT_TABLE", "FILES_BUCKET", "DATA_KEY_ARN", "RATE_LIMIT", "AWS_REGION")
print([name for name in asked if name in ours], set(threading.enumerate()) == before, done)
"""
    assert fresh(code) == "[] True []\n"
