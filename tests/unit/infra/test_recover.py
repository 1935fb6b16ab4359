"""A transfer that breaks off leaves nothing behind, and is never called a success."""

import io
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError
from botocore.response import StreamingBody

from infra import operating
from infra import recover as command
from infra.recover import MAGIC, NotRecovered, recover

FILE_ID = str(uuid.UUID(int=7))


class Bucket:
    """An S3 client whose one object is `sent`, and was announced to have `announced` bytes."""

    def __init__(self, sent: bytes, announced: int, body: Any = StreamingBody) -> None:
        self._sent, self._announced, self._body = sent, announced, body
        self.asked: dict[str, Any] = {}

    def get_object(self, **asked: Any) -> Any:
        self.asked = asked
        body = self._body(io.BytesIO(self._sent), self._announced)
        return {"Body": body, "ContentLength": self._announced, "VersionId": "v7"}


def run(bucket: Bucket, destination: Path, **how: Any) -> Any:
    return recover("bucket", FILE_ID, destination, s3=bucket, key_arn="arn:aws:kms:eu-west-1:1:key/x", **how)


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "out.bin"


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 300_000])
def test_a_plain_file_is_written_whole(destination: Path, size: int) -> None:
    content = bytes(size)
    done = run(Bucket(content, size), destination)
    assert (done.size_bytes, done.seal_opened, done.version) == (size, False, "v7")
    assert destination.read_bytes() == content


@pytest.mark.parametrize("came", [0, 2, 3, 400])
def test_one_that_breaks_off_leaves_nothing(destination: Path, came: int) -> None:
    destination.write_bytes(b"what was there")
    with pytest.raises(BotoCoreError):
        run(Bucket(b"A" * came, 1000), destination)
    assert destination.read_bytes() == b"what was there"
    assert list(destination.parent.iterdir()) == [destination]


def test_its_length_is_compared_also_where_the_transfer_ends_without_complaint(destination: Path) -> None:
    with pytest.raises(NotRecovered, match="400 bytes came instead of 1000"):
        run(Bucket(b"A" * 400, 1000, lambda raw, _: raw), destination)
    assert list(destination.parent.iterdir()) == []


def test_a_sealed_one_that_breaks_off_leaves_nothing(destination: Path) -> None:
    with pytest.raises(BotoCoreError):
        run(Bucket(MAGIC + bytes(10), 1000), destination)
    assert list(destination.parent.iterdir()) == []


def test_what_ought_to_be_sealed_and_is_not_is_refused(destination: Path) -> None:
    with pytest.raises(NotRecovered):
        run(Bucket(b"plain", 5), destination, sealed=True)
    assert list(destination.parent.iterdir()) == []


def test_sealed_bytes_are_left_alone_where_that_is_wanted(destination: Path) -> None:
    run(Bucket(MAGIC + b"whatever", 11), destination, sealed=False)
    assert destination.read_bytes() == MAGIC + b"whatever"


def test_the_version_that_is_named_is_the_one_asked_for(destination: Path) -> None:
    named, newest = Bucket(b"", 0), Bucket(b"", 0)
    run(named, destination, version="v1")
    run(newest, destination)
    assert (named.asked["VersionId"], "VersionId" in newest.asked) == ("v1", False)


@pytest.mark.parametrize(("content", "word"), [(b"plain", command.AS_IS), (b"short", "not recovered")])
def test_the_command_says_what_it_did(
    destination: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: bytes, word: str
) -> None:
    announced = len(content) + (word == "not recovered")
    monkeypatch.setattr(operating, "session", lambda: SimpleNamespace(client=lambda _: Bucket(content, announced)))
    status = command.main([FILE_ID, "-o", str(destination), "--bucket", "b", "--key", "k"])
    said = capsys.readouterr()
    assert word in said.out + said.err
    assert (status, destination.exists()) == ((0, True) if word == command.AS_IS else (1, False))
