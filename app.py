"""Sealdrop's table of contents: the routes by resource, and what runs without a request.

Importing this has no effects and needs no environment: infra/overrides.yaml puts real ARNs in the place of these.
"""

from typing import Any

from chalice.app import Chalice, CloudWatchEvent, DynamoDBEvent, Rate, SQSEvent

from chalicelib.routes import mail_triggers, resources, triggers, webhook_triggers

STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/placeholder/stream/placeholder"

app = Chalice(app_name="sealdrop")

for resource in resources.RESOURCES:
    app.register_blueprint(resource.bp)


@app.on_sqs_message(queue_arn="arn:aws:sqs:eu-west-1:000000000000:placeholder", batch_size=10, name="on_upload")
def on_upload(event: SQSEvent) -> dict[str, Any]:
    """S3 says that an object was created."""
    return triggers.handle_uploads(event)


@app.on_sqs_message(queue_arn="arn:aws:sqs:eu-west-1:000000000000:mail", batch_size=1, name="on_mail")
def on_mail(event: SQSEvent) -> dict[str, Any]:
    """A mail is to be sent, or SES reports on one."""
    return mail_triggers.handle_mails(event)


@app.on_sqs_message(queue_arn="arn:aws:sqs:eu-west-1:000000000000:webhook", batch_size=1, name="on_webhook")
def on_webhook(event: SQSEvent) -> dict[str, Any]:
    """An event is to be delivered to a webhook."""
    return webhook_triggers.handle_webhooks(event)


@app.on_dynamodb_record(stream_arn=STREAM, batch_size=100, starting_position="TRIM_HORIZON", name="on_change")
def on_change(event: DynamoDBEvent) -> dict[str, Any]:
    """Records of the metadata table were made, changed or removed."""
    return triggers.handle_changes(event)


@app.schedule(Rate(10, unit=Rate.MINUTES), name="sweep")
def sweep(event: CloudWatchEvent) -> dict[str, int]:  # noqa: ARG001 - the time is all it says
    """End what is overdue."""
    return triggers.handle_sweep()


@app.lambda_function(name="create_user")
def create_user(event: Any, context: Any) -> dict[str, Any]:
    """The operator makes an account, a user and the first token. Not reachable by HTTP."""
    return triggers.handle_create_user(event, context.aws_request_id)
