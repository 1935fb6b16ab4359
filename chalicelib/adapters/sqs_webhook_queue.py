"""The queue of on_webhook: one order for each try at a delivery."""

import json
from typing import TYPE_CHECKING

from chalicelib.adapters.aws_call import call
from chalicelib.domain.ids import DeliveryId

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsWebhookQueue:
    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client, self._queue_url = client, queue_url

    def order(self, delivery_id: DeliveryId, attempt: int, delay_seconds: int = 0) -> None:
        body = json.dumps({"delivery": delivery_id, "attempt": attempt})
        call(self._client.send_message, QueueUrl=self._queue_url, MessageBody=body, DelaySeconds=delay_seconds)
