"""`python -m infra.redrive`: dead letters go back to where they are handled."""

from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

from infra import operating, redrive
from infra.redrive import NotMoved, main, names

MODEL = botocore.session.Session().get_service_model("sqs")
ARN = "arn:aws:sqs:eu-west-1:123456789012:"


class Queues:
    """SQS, whose task goes through these states, one a look."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self.states = list(states)
        self.moved: list[tuple[str, str]] = []

    def get_queue_url(self, **given: Any) -> Any:
        return {"QueueUrl": self._note("GetQueueUrl", given)["QueueName"]}

    def get_queue_attributes(self, **given: Any) -> Any:
        return {"Attributes": {"QueueArn": ARN + self._note("GetQueueAttributes", given)["QueueUrl"]}}

    def start_message_move_task(self, **given: Any) -> None:
        self._note("StartMessageMoveTask", given)
        self.moved.append((given["SourceArn"], given["DestinationArn"]))

    def list_message_move_tasks(self, **given: Any) -> Any:
        assert self._note("ListMessageMoveTasks", given)["SourceArn"] == self.moved[-1][0]
        return {"Results": [self.states.pop(0)]}

    def close(self) -> None:
        self.closed = True

    @staticmethod
    def _note(operation: str, given: dict[str, Any]) -> dict[str, Any]:
        validate_parameters(given, MODEL.operation_model(operation).input_shape)
        return given


RUNNING = {"Status": "RUNNING", "ApproximateNumberOfMessagesMoved": 1}
DONE = {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": 3}
FAILED = {"Status": "FAILED", "ApproximateNumberOfMessagesMoved": 2, "FailureReason": "AccessDenied"}


@pytest.mark.parametrize("queue", ["upload", "mail"])
def test_letters_go_to_the_queue_that_they_are_of(queue: str) -> None:
    assert names(queue, "prod") == (f"sealdrop-prod-{queue}-dead", f"sealdrop-prod-{queue}")


def test_it_waits_for_the_last_letter() -> None:
    queues, pauses = Queues(RUNNING, RUNNING, DONE), []
    assert redrive.redrive(queues, "upload-dead", "upload", pause=pauses.append) == 3
    assert queues.moved == [(f"{ARN}upload-dead", f"{ARN}upload")]
    assert len(pauses) == 2


def test_a_task_that_fails_is_told_with_its_reason() -> None:
    with pytest.raises(NotMoved, match="2 letters were moved, then the task ended as FAILED: AccessDenied"):
        redrive.redrive(Queues(FAILED), "upload-dead", "upload")


@pytest.mark.parametrize(("state", "code"), [(DONE, 0), (FAILED, 1)])
def test_the_command(state: dict[str, Any], code: int, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    queues = Queues(state)
    monkeypatch.setattr(operating, "session", lambda: SimpleNamespace(client={"sqs": queues}.get))
    assert main(["mail", "--stage", "prod"]) == code
    told = capsys.readouterr()
    assert "3 letters moved from sealdrop-prod-mail-dead to sealdrop-prod-mail" in told.out or "FAILED" in told.err
    assert queues.closed
