"""`python -m infra.replay_changes`: what Lambda gave up on is told again, once it can be handled."""

import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import app as table_of_contents
from chalicelib.bootstrap import World
from chalicelib.routes import triggers
from infra import operating, replay_changes
from infra.local.stack import EmulatedAws
from infra.local.stream_records import Record, dead_letter, number_of
from infra.replay_changes import DONE, FAILED, NotReplayed, Replay, Span, main, names
from tests.integration.stream import CONTEXT, TableStream
from tests.support.builders import ALICES, a_file

FUNCTION = "sealdrop-dev-on-change"


class Functions:
    """Lambda's Invoke."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def invoke(self, *, FunctionName: str, Payload: str) -> Any:  # noqa: N803 - boto3's names
        assert FunctionName == FUNCTION
        event = json.loads(Payload)
        self.told.append(len(event["Records"]))
        try:
            answer = table_of_contents.on_change(event, CONTEXT)
        except triggers.ChangeFailed:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorType": "ChangeFailed"}')}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def queue(aws: EmulatedAws) -> Iterator[str]:
    """Of dead letters, for one test."""
    url = aws.clients("sqs").create_queue(QueueName="letters")["QueueUrl"]
    yield url
    aws.clients("sqs").delete_queue(QueueUrl=url)


@pytest.fixture
def given_up(world: World, aws: EmulatedAws, queue: str) -> Callable[..., list[Record]]:
    """Some changes that Lambda says it gave up on."""

    def give_up(count: int) -> list[Record]:
        stream = TableStream(aws)
        for _ in range(count):
            world.files.add(a_file())
        records = stream.records()
        (shard,) = aws.clients("dynamodbstreams").describe_stream(StreamArn=records[0]["eventSourceARN"])[
            "StreamDescription"
        ]["Shards"]
        letter = dead_letter("on_change", shard["ShardId"], records, "RecordAgeExceeded", 9, time.time())
        aws.clients("sqs").send_message(QueueUrl=queue, MessageBody=letter)
        return records

    return give_up


@pytest.fixture
def replay(aws: EmulatedAws, functions: Functions, queue: str) -> Replay:
    return Replay(aws.clients("sqs"), aws.clients("dynamodbstreams"), functions, queue, FUNCTION)


def test_the_names_are_those_of_the_template(aws: EmulatedAws) -> None:
    queue, function = names("dev")
    assert aws.applied.outputs["ChangeDeadLettersUrl"].endswith(f"/{queue}")
    assert function == FUNCTION == aws.overrides["OnChange"]["Properties"]["FunctionName"]
    assert names("prod")[0] == "sealdrop-prod-change-dead"


def left(aws: EmulatedAws, queue: str) -> int:
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    got = aws.clients("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=counts)["Attributes"]
    return sum(map(int, got.values()))


@pytest.mark.parametrize("count", [1, 25])
def test_e3_what_was_given_up_is_in_the_log_after_all(
    world: World,
    aws: EmulatedAws,
    replay: Replay,
    functions: Functions,
    queue: str,
    given_up: Callable[..., list[Record]],
    count: int,
) -> None:
    records = given_up(count)
    world.files.add(a_file())  # which was not given up
    assert [problem for _, problem in replay.all()] == [None]
    assert sum(functions.told) == len(records)
    assert max(functions.told) <= 10
    assert world.events.head(ALICES).sequence == count
    assert left(aws, queue) == 0


def test_what_cannot_be_handled_yet_stays(
    world: World,
    aws: EmulatedAws,
    replay: Replay,
    queue: str,
    given_up: Callable[..., list[Record]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_up(1)

    def broken(_: Any) -> None:
        raise RuntimeError("still")

    with monkeypatch.context() as patch:
        patch.setattr(triggers, "_consumers", lambda: [broken])
        ((_, problem),) = replay.all()
    assert problem == "sealdrop-dev-on-change cannot handle them yet: its log says why"
    assert (left(aws, queue), world.events.head(ALICES).sequence) == (1, 0)


def test_what_the_stream_has_forgotten(replay: Replay, given_up: Callable[..., list[Record]]) -> None:
    record, *_ = given_up(1)
    number = str(int(number_of(record)) + 1000)
    arn = record["eventSourceARN"]
    shard = Span.of(dead_letter("f", "shardId-00000001541626099285-f35f62ef", [record], "x", 1, 0)).shard
    with pytest.raises(NotReplayed, match="forgotten"):
        replay.one(Span(arn, shard, number, number))


@pytest.mark.parametrize("letter", ["", "{}", "[]", "null", '{"DDBStreamBatchInfo": 5}'])
def test_what_is_no_letter_stays(aws: EmulatedAws, replay: Replay, queue: str, letter: str) -> None:
    aws.clients("sqs").send_message(QueueUrl=queue, MessageBody=letter or " ")
    ((_, problem),) = replay.all()
    assert problem == "this is no letter of Lambda's about a stream"
    assert left(aws, queue) == 1


class TestCommand:
    @pytest.fixture(autouse=True)
    def _invoking(self, monkeypatch: pytest.MonkeyPatch, functions: Functions, queue: str, world: World) -> None:  # noqa: ARG002 - both are there
        monkeypatch.setattr(replay_changes, "names", lambda stage: ("letters" + stage.removeprefix("dev"), FUNCTION))
        session = operating.session

        class Session:
            def client(self, service: str, **more: Any) -> Any:
                return functions if service == "lambda" else session().client(service, **more)

        monkeypatch.setattr(operating, "session", Session)

    def test_it_says_what_it_did(
        self, world: World, given_up: Callable[..., list[Record]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        given_up(2)
        assert main([]) == DONE
        assert capsys.readouterr().out.splitlines()[-1].endswith(": told again")
        assert world.events.head(ALICES).sequence == 2

    def test_nothing_to_do(self) -> None:
        assert main([]) == DONE

    def test_what_is_left(self, aws: EmulatedAws, queue: str, capsys: pytest.CaptureFixture[str]) -> None:
        aws.clients("sqs").send_message(QueueUrl=queue, MessageBody="{}")
        assert main([]) == FAILED
        assert "no letter" in capsys.readouterr().err

    def test_another_stage(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--stage", "prod"]) == FAILED
        assert capsys.readouterr().err.startswith("not replayed: ")
