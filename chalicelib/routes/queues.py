"""What the functions that a queue feeds have in common."""

from collections.abc import Callable
from typing import Any

from chalice.app import SQSEvent

from chalicelib.logs import describe, log


def handle_each(event: SQSEvent, handle: Callable[[str, str], None], *, failure: str) -> dict[str, Any]:
    """Each message succeeds or fails alone: the failed ones come again, and end in the dead-letter queue.

    `handle` is given a message's body and id; `failure` is what the log calls it when that raises.
    """
    failed = []
    for record in event:
        message_id = record.to_dict()["messageId"]
        try:
            handle(record.body, message_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the queue keeps the message
            log(failure, message_id=message_id, **describe(error))
            failed.append({"itemIdentifier": message_id})
    return {"batchItemFailures": failed}
