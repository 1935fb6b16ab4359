"""What runs without an HTTP request: S3's events, the sweep, the operator's create_user. app.py declares them."""

import time
from datetime import UTC, datetime
from typing import Any

from chalice.app import SQSEvent
from pydantic import ValidationError

from chalicelib.bootstrap import world
from chalicelib.domain.errors import SealdropError
from chalicelib.logs import Metric, describe, log, log_with_metrics
from chalicelib.routes.errors import error_body
from chalicelib.services.create_user import create_user
from chalicelib.services.on_upload import on_upload
from chalicelib.services.sweep import sweep
from chalicelib.wire.base import as_invalid
from chalicelib.wire.people import CreatedUserView, CreateUser
from chalicelib.wire.upload_events import parse_event

SWEEP_SECONDS = 200  # less than the function's own time (infra/overrides.yaml): the last file must be done with, too


def handle_uploads(event: SQSEvent) -> dict[str, Any]:
    """Each message succeeds or fails alone: the failed ones come again, and end in the dead-letter queue."""
    failed = []
    for record in event:
        message_id = record.to_dict()["messageId"]
        try:
            _handle_upload(record.body)
        except Exception as error:  # noqa: BLE001 - whatever it is, the queue keeps the message
            log("upload_event_failed", message_id=message_id, **describe(error))
            failed.append({"itemIdentifier": message_id})
    return {"batchItemFailures": failed}


def _handle_upload(body: str) -> None:
    here = world()
    file_id = parse_event(body, here.settings.files_bucket)
    on_upload(
        file_id,
        datetime.now(UTC),
        files=here.files,
        objects=here.objects,
        keys=here.keys,
        authenticate=here.authenticate_header,
    )
    log("upload_event", file=file_id)


def handle_sweep() -> dict[str, int]:
    here = world()
    until = time.monotonic() + SWEEP_SECONDS
    swept = sweep(
        datetime.now(UTC),
        in_time=lambda: time.monotonic() < until,
        files=here.files,
        objects=here.objects,
        keys=here.keys,
        authenticate=here.authenticate_header,
    )
    for file_id, error in swept.failures.items():
        log("sweep_failed", file=file_id, **describe(error))
    metrics: list[Metric] = [
        ("FilesDue", swept.seen, "Count"),
        ("FilesEnded", swept.ended, "Count"),
        ("SweepFailures", len(swept.failures), "Count"),
    ]
    log_with_metrics("sweep", metrics, ("function", "sweep"))
    return {"seen": swept.seen, "ended": swept.ended, "failed": len(swept.failures)}


def handle_create_user(event: Any, request_id: str) -> dict[str, Any]:
    """IAM alone decides who may invoke this. Answers the user with the first token, or `error`."""
    try:
        order = _parse_order(event)
        user, issued = create_user(order.new_user(), datetime.now(UTC), users=world().users)
    except SealdropError as error:
        return {"error": error_body(error, request_id)}
    log("user_created", request_id=request_id, account=user.account_id, user=user.id)
    return CreatedUserView.of(user, issued.token.id, issued.text).model_dump()


def _parse_order(event: Any) -> CreateUser:
    try:
        return CreateUser.model_validate(event)
    except ValidationError as error:
        raise as_invalid(error) from None
