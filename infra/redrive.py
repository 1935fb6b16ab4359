"""`python -m infra.redrive upload`: put the dead letters of a queue back into it, once what failed has been mended.

Harmless to repeat: what is told twice is done once. Letters that fail again come back. The letters of on_change are of
another kind: python -m infra.replay_changes.
"""

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from infra import operating, template

QUEUES = {
    "upload": ("UploadDeadLetters", "UploadQueue"),
    "mail": ("MailDeadLetters", "MailQueue"),
    "webhook": ("WebhookDeadLetters", "WebhookQueue"),
}
POLL_SECONDS = 2
DONE, FAILED = 0, 1

EXAMPLES = f"""examples:
  python -m infra.redrive upload --stage prod       what S3 told of, and on_upload could not handle
  python -m infra.redrive webhook --stage prod      deliveries that on_webhook could not handle
  python -m infra.redrive mail --stage prod         orders and bounces that on_mail could not handle

It waits until the last letter is moved, and ends with 0.

{operating.CREDENTIALS} They need to read and write both queues,
sqs:StartMessageMoveTask and sqs:ListMessageMoveTasks.
"""


class NotMoved(Exception):
    """The text says why."""


def names(queue: str, stage: str) -> tuple[str, str]:
    """Where the letters are, and where they go, as deployed."""
    source = template.load(template.TEMPLATE)
    dead, alive = (template.deployed_name(source, logical, "QueueName", stage) for logical in QUEUES[queue])
    return dead, alive


def redrive(sqs: Any, dead: str, alive: str, *, pause: Callable[[float], None] = time.sleep) -> int:
    """How many letters were moved. Raises NotMoved.

    The destination is named: to where letters came from is not known of those that EventBridge left.
    """
    source, destination = _arn(sqs, dead), _arn(sqs, alive)
    sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)
    while (task := sqs.list_message_move_tasks(SourceArn=source, MaxResults=1)["Results"][0])["Status"] == "RUNNING":
        pause(POLL_SECONDS)
    moved = int(task.get("ApproximateNumberOfMessagesMoved", 0))
    if task["Status"] != "COMPLETED":
        why = task.get("FailureReason", "no reason is given")
        raise NotMoved(f"{moved} letters were moved, then the task ended as {task['Status']}: {why}")
    return moved


def _arn(sqs: Any, name: str) -> str:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return str(attributes["QueueArn"])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.redrive",
        description="Put the dead letters of a queue back into it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("queue", choices=QUEUES, help="whose letters")
    parser.add_argument("--stage", type=operating.stage, default="dev", help="the deployment (dev)")
    options = parser.parse_args(arguments)
    dead, alive = names(options.queue, options.stage)
    try:
        with closing(operating.session().client("sqs")) as sqs:
            moved = redrive(sqs, dead, alive)
    except (NotMoved, *operating.REFUSALS) as error:
        print(f"not moved: {operating.explained(error)}", file=sys.stderr)
        return FAILED
    print(f"{moved} letters moved from {dead} to {alive}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
