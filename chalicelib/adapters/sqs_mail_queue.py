"""The queue of the delivery function. Our orders have the shape of EventBridge's events, which arrive there too."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.aws_call import RETRY_AFTER_SECONDS, call, is_trouble
from chalicelib.domain.errors import Busy
from chalicelib.domain.ids import MailId

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SOURCE = "sealdrop"
DELIVER, REMIND = "Mail Queued", "Reminder Due"
_BATCH = 10  # SendMessageBatch's limit


class SqsMailQueue:
    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client, self._queue_url = client, queue_url

    def deliver(self, mail_ids: Sequence[MailId]) -> None:
        self._send(DELIVER, mail_ids)

    def remind(self, mail_ids: Sequence[MailId]) -> None:
        self._send(REMIND, mail_ids)

    def _send(self, order: str, mail_ids: Sequence[MailId]) -> None:
        for start in range(0, len(mail_ids), _BATCH):
            bodies = [_order(order, mail_id) for mail_id in mail_ids[start : start + _BATCH]]
            entries: Any = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies)]
            answer = call(self._client.send_message_batch, QueueUrl=self._queue_url, Entries=entries)
            for failure in answer.get("Failed", []):  # SQS answers 200 also when it took only some
                code = failure.get("Code", "")
                if not failure.get("SenderFault") or is_trouble(code):
                    raise Busy(reason=f"SQS took no message: {code}", retry_after_seconds=RETRY_AFTER_SECONDS)
                raise RuntimeError(f"SQS refuses a message: {code}")


def _order(order: str, mail_id: MailId) -> str:
    return json.dumps({"source": SOURCE, "detail-type": order, "detail": {"mail": mail_id}})
