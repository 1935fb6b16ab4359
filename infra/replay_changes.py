"""`python -m infra.replay_changes`: tell on_change again of the changes that Lambda gave up on.

Its dead letters say where in the metadata table's stream they are; the stream has them for a day. Mend what failed
first. Telling a change twice is harmless: every consumer of changes takes it once.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from infra import operating, template
from infra.local.stream_records import Record, as_lambda_has_it, number_of

PATIENCE_SECONDS = 70  # more than the function's own time
TOGETHER = 10  # records in one call: ten of the largest fit in Lambda's 6 MB
DONE, FAILED = 0, 1
_FORGOTTEN = {"TrimmedDataAccessException", "ResourceNotFoundException"}

EXAMPLES = f"""examples:
  python -m infra.replay_changes                  of the stage dev
  python -m infra.replay_changes --stage prod

Ends with 0 when no letter is left, 1 when one is: it says why, and the letter stays in the queue.

{operating.CREDENTIALS}
They need to read the queue of dead letters and the stream, and lambda:InvokeFunction.
"""


class NotReplayed(Exception):
    """The text says why."""


@dataclass(frozen=True)
class Span:
    """Where in a stream the changes are that a dead letter is about."""

    stream_arn: str
    shard: str
    first: str
    last: str

    @classmethod
    def of(cls, letter: str) -> "Span":
        try:
            told = json.loads(letter)["DDBStreamBatchInfo"]
            return cls(told["streamArn"], told["shardId"], told["startSequenceNumber"], told["endSequenceNumber"])
        except (ValueError, KeyError, TypeError):
            raise NotReplayed("this is no letter of Lambda's about a stream") from None


@dataclass(frozen=True)
class Replay:
    sqs: Any
    streams: Any
    functions: Any
    queue_url: str
    function: str

    def all(self) -> Iterator[tuple[str, str | None]]:
        """Each letter's message id, and why it stays; None when it was done with."""
        while messages := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                try:
                    self.one(Span.of(message["Body"]))
                except NotReplayed as error:
                    yield message["MessageId"], str(error)
                else:
                    self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
                    yield message["MessageId"], None

    def one(self, span: Span) -> None:
        """Raises NotReplayed."""
        records = list(self._records(span))
        for start in range(0, len(records), TOGETHER):
            self._tell(records[start : start + TOGETHER])

    def _records(self, span: Span) -> Iterator[Record]:
        place = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": span.first}
        try:
            iterator = self.streams.get_shard_iterator(StreamArn=span.stream_arn, ShardId=span.shard, **place)
            following = iterator["ShardIterator"]
            while following:
                answer = self.streams.get_records(ShardIterator=following)
                for record in answer["Records"]:
                    told = as_lambda_has_it(record, span.stream_arn)
                    yield told
                    if number_of(told) == span.last:
                        return
                following = answer.get("NextShardIterator") if answer["Records"] else None
        except ClientError as error:
            if error.response["Error"].get("Code") not in _FORGOTTEN:
                raise
        raise NotReplayed(f"the stream has forgotten the changes {span.first} to {span.last}")

    def _tell(self, records: list[Record]) -> None:
        answer = self.functions.invoke(FunctionName=self.function, Payload=json.dumps({"Records": records}))
        told = json.loads(answer["Payload"].read())
        if "FunctionError" in answer or told.get("batchItemFailures"):
            raise NotReplayed(f"{self.function} cannot handle them yet: its log says why")


def names(stage: str) -> tuple[str, str]:
    """The queue of dead letters and the function, as they are deployed."""
    source, overrides = template.load(template.TEMPLATE), template.load(template.OVERRIDES)
    queue = template.deployed_name(source, "ChangeDeadLetters", "QueueName", stage)
    return queue, template.deployed_name(overrides, "OnChange", "FunctionName", stage)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.replay_changes",
        description="Tell on_change again of the changes that Lambda gave up on.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stage", type=operating.stage, default="dev", help="the deployment (dev)")
    options = parser.parse_args(arguments)
    queue, function = names(options.stage)
    seen = left = 0
    try:
        with ExitStack() as stack:
            session = operating.session()
            config = Config(read_timeout=PATIENCE_SECONDS)
            services = ("sqs", "dynamodbstreams", "lambda")
            sqs, streams, functions = (
                stack.enter_context(closing(session.client(service, config=config))) for service in services
            )
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            for letter, problem in Replay(sqs, streams, functions, url, function).all():
                seen, left = seen + 1, left + (problem is not None)
                print(f"{letter}: {problem or 'told again'}", file=sys.stderr if problem else sys.stdout)
    except operating.REFUSALS as error:
        print(f"not replayed: {operating.explained(error)}", file=sys.stderr)
        return FAILED
    if not seen:
        print(f"no letter waits in {queue}")
    return FAILED if left else DONE


if __name__ == "__main__":
    sys.exit(main())
