"""The operator's way to a file when the API and its tables are gone: S3, KMS and the stock SDK."""

import os
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.recover import AS_IS, OPENED
from tests.e2e.conftest import Stack

ROOT = Path(__file__).parents[2]
CONTENT = bytes(range(256)) * 1025  # more than a frame


def put(stack: Stack, folder: Path, encryption: str) -> str:
    source = folder / "source.bin"
    source.write_bytes(CONTENT)
    command = [*stack.command("sealdrop"), "put", str(source), "--encryption", encryption]
    environment = {"SEALDROP_URL": stack.api_url, "SEALDROP_TOKEN": stack.alice.token, "HOME": str(folder)}
    return run(command, environment, folder).stdout.strip()


def recover(stack: Stack, folder: Path, file_id: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [*stack.command("infra.recover"), file_id, "-o", str(folder / "out.bin")]
    environment = {**stack.aws_env, "FILES_BUCKET": stack.ready["bucket"]}
    return run([*command, *more], environment, ROOT)


def run(command: list[Any], environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own commands
        command, env={**os.environ, **environment}, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("encryption", ["client", "server"])
def test_a_file_comes_back_without_the_api(stack: Stack, tmp_path: Path, encryption: str) -> None:
    ended = recover(stack, tmp_path, put(stack, tmp_path, encryption))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "out.bin").read_bytes() == CONTENT
    assert (OPENED if encryption == "client" else AS_IS) in ended.stdout


def bucket(stack: Stack) -> Any:
    return boto3.Session().client(
        "s3",
        endpoint_url=stack.ready["aws_endpoint_url"],
        region_name=stack.ready["region"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def test_a_sealed_file_that_was_replaced_is_not_written_without_a_word(stack: Stack, tmp_path: Path) -> None:
    file_id = put(stack, tmp_path, "client")
    place = {"Bucket": stack.ready["bucket"], "Key": f"files/{file_id}"}
    s3 = bucket(stack)
    sealed_version = s3.head_object(**place)["VersionId"]
    s3.put_object(**place, Body=b"somebody else's words")
    s3.close()
    refused = recover(stack, tmp_path, file_id, "--sealed")
    assert (refused.returncode, (tmp_path / "out.bin").exists()) == (1, False)
    guessed = recover(stack, tmp_path, file_id)
    assert (guessed.returncode, AS_IS in guessed.stdout) == (0, True)
    older = recover(stack, tmp_path, file_id, "--sealed", "--version-id", sealed_version)
    assert (older.returncode, OPENED in older.stdout, sealed_version in older.stdout) == (0, True, True)
    assert (tmp_path / "out.bin").read_bytes() == CONTENT


def test_a_plain_file_may_begin_as_a_sealed_one(stack: Stack, tmp_path: Path) -> None:
    file_id, content = put(stack, tmp_path, "server"), b"\x02\x04\x78 a plain file of some other program"
    s3 = bucket(stack)
    s3.put_object(Bucket=stack.ready["bucket"], Key=f"files/{file_id}", Body=content)
    s3.close()
    assert recover(stack, tmp_path, file_id).returncode == 1
    assert recover(stack, tmp_path, file_id, "--as-is").returncode == 0
    assert (tmp_path / "out.bin").read_bytes() == content
    assert recover(stack, tmp_path, file_id, "--as-is", "--sealed").returncode == 2


@pytest.mark.parametrize("damage", ["changed", "cut off", "trailing", "of another file"])
def test_what_is_damaged_is_refused_and_leaves_nothing(stack: Stack, tmp_path: Path, damage: str) -> None:
    file_id = put(stack, tmp_path, "client")
    s3 = bucket(stack)
    place = {"Bucket": stack.ready["bucket"], "Key": f"files/{file_id}"}
    sealed = s3.get_object(**place)["Body"].read()
    if damage == "of another file":
        place["Key"] = f"files/{put(stack, tmp_path, 'client')}"
        file_id = place["Key"].removeprefix("files/")
    changed = sealed[:-20] + bytes([sealed[-20] ^ 1]) + sealed[-19:]
    s3.put_object(
        **place,
        Body={"changed": changed, "cut off": sealed[:-100], "trailing": sealed + b"!", "of another file": sealed}[
            damage
        ],
    )
    s3.close()
    ended = recover(stack, tmp_path, file_id)
    assert ended.returncode == 1
    assert ended.stderr.startswith("not recovered: ")
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name or "recover" in path.name] == []


def test_an_unknown_file_and_a_key_that_is_not_ours(stack: Stack, tmp_path: Path) -> None:
    assert recover(stack, tmp_path, "7c9e6679-7425-40de-944b-e07fc1f90ae7").returncode == 1
    file_id = put(stack, tmp_path, "client")
    other = stack.ready["kms_key_arn"][:-4] + "0000"
    assert recover(stack, tmp_path, file_id, "--key", other).returncode == 1
    assert recover(stack, tmp_path, "not-an-id").returncode == 2
