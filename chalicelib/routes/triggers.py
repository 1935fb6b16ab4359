"""What runs without an HTTP request: events of S3 and of the table, the sweep, create_user. app.py declares them."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chalice.app import DynamoDBEvent, SQSEvent
from pydantic import ValidationError

from chalicelib.bootstrap import world
from chalicelib.domain.act import Act, Actor
from chalicelib.domain.errors import SealdropError
from chalicelib.logs import Metric, describe, log, log_with_metrics
from chalicelib.ports import Change, Consumer
from chalicelib.routes import webhook_triggers
from chalicelib.routes.errors import error_body
from chalicelib.routes.mail_triggers import handle_mail_sweep
from chalicelib.routes.queues import handle_each
from chalicelib.services.create_user import create_user
from chalicelib.services.on_upload import on_upload
from chalicelib.services.record_events import record_events
from chalicelib.services.sweep import sweep
from chalicelib.wire.base import as_invalid
from chalicelib.wire.people import CreatedUserView, CreateUser
from chalicelib.wire.upload_events import parse_upload_event

SWEEP_SECONDS = 200  # less than the function's own time (infra/overrides.yaml): the last file must be done with, too


def handle_uploads(event: SQSEvent) -> dict[str, Any]:
    return handle_each(event, _handle_upload, failure="upload_event_failed")


def _handle_upload(body: str, message_id: str) -> None:
    now = datetime.now(UTC)
    here = world().acting(Act(actor=Actor.UPLOAD_EVENT, at=now, request_id=message_id))
    file_id = parse_upload_event(body, here.settings.files_bucket)
    on_upload(
        file_id,
        now,
        files=here.files,
        objects=here.objects,
        keys=here.keys,
        authenticate_header=here.authenticate_header,
    )
    log("upload_event", file=file_id)


def handle_changes(event: DynamoDBEvent) -> dict[str, Any]:
    """Every consumer is given the batch. It comes again from the first change on that any of them fails at.

    When that is the first of all, this raises: Lambda then halves the batch until the change stands alone, and at the
    end of its patience gives up that one and no other.
    """
    here = world()
    changes = [here.read_change(record) for record in event.to_dict()["Records"]]
    undone = min((_first_failure(consume, changes) for consume in _consumers()), default=len(changes))
    metrics: list[Metric] = [("Changes", len(changes), "Count"), ("ChangesUndone", len(changes) - undone, "Count")]
    log_with_metrics(here.settings.metrics_namespace, "changes", metrics, ("function", "on_change"))
    if undone == len(changes):
        return {"batchItemFailures": []}
    if undone == 0:
        raise ChangeFailed(changes[0].id)
    return {"batchItemFailures": [{"itemIdentifier": changes[undone].sequence}]}


class ChangeFailed(Exception):
    """The first change of a batch could not be handled; the log says why."""


def _consumers() -> Sequence[Consumer]:
    """Who is told of every change."""
    return [_record_events, world().follow_search, webhook_triggers.announce]


def _record_events(changes: Sequence[Change]) -> None:
    here = world()
    heads = record_events(
        changes,
        datetime.now(UTC),
        kept_for=timedelta(days=here.settings.events_days),
        read_events=here.read_events,
        events=here.events,
        sign_head=here.sign_head,
    )
    for head in heads:
        log("events_recorded", account=head.account_id, sequence=head.sequence, hash=head.hash)


def _first_failure(consume: Consumer, changes: Sequence[Change]) -> int:
    """The place of the first change that this consumer cannot handle; their number when there is none."""
    try:
        consume(changes)
    except Exception as error:  # noqa: BLE001 - whatever it is, one at a time will show whose fault it is
        log("batch_failed", changes=len(changes), **describe(error))
    else:
        return len(changes)
    for place, change in enumerate(changes):
        try:
            consume([change])
        except Exception as error:  # noqa: BLE001 - whatever it is, the stream tells of the change again
            log("change_failed", change=change.id, sequence=change.sequence, **describe(error))
            return place
    return len(changes)


def handle_sweep() -> dict[str, int]:
    """Files, then mails: what is wrong with the one does not keep the other waiting."""
    try:
        swept = _sweep_files()
    finally:
        mails = handle_mail_sweep()
    return swept | mails


def _sweep_files() -> dict[str, int]:
    until = time.monotonic() + SWEEP_SECONDS
    now = datetime.now(UTC)
    here = world().acting(Act(actor=Actor.SWEEP, at=now))
    swept = sweep(
        now,
        in_time=lambda: time.monotonic() < until,
        files=here.files,
        objects=here.objects,
        keys=here.keys,
        authenticate_header=here.authenticate_header,
    )
    for file_id, error in swept.failures.items():
        log("sweep_failed", file=file_id, **describe(error))
    metrics: list[Metric] = [
        ("FilesDue", swept.seen, "Count"),
        ("FilesEnded", swept.ended, "Count"),
        ("SweepFailures", len(swept.failures), "Count"),
    ]
    log_with_metrics(here.settings.metrics_namespace, "sweep", metrics, ("function", "sweep"))
    return {"seen": swept.seen, "ended": swept.ended, "failed": len(swept.failures)}


def handle_create_user(event: Any, request_id: str) -> dict[str, Any]:
    """IAM alone decides who may invoke this. Answers the user with the first token, or `error`."""
    now = datetime.now(UTC)
    here = world().acting(Act(actor=Actor.OPERATOR, at=now, request_id=request_id))
    try:
        order = _parse_order(event)
        user, issued = create_user(order.new_user(), now, users=here.users, pin_hasher=here.pin_hasher)
    except SealdropError as error:
        return {"error": error_body(error, request_id)}
    log("user_created", request_id=request_id, account=user.account_id, user=user.id)
    return CreatedUserView.of(user, issued.token.id, issued.text).model_dump()


def _parse_order(event: Any) -> CreateUser:
    try:
        return CreateUser.model_validate(event)
    except ValidationError as error:
        raise as_invalid(error) from None
