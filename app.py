"""Sealdrop's table of contents: the routes by resource, and what runs without a request.

Importing this has no effects and needs no environment. The queue's ARN is a placeholder that infra/overrides.yaml
replaces, for the same reason.
"""

from typing import Any

from chalice.app import Chalice, CloudWatchEvent, Rate, SQSEvent

from chalicelib.routes import downloads, files, tokens, triggers, user

app = Chalice(app_name="sealdrop")

app.register_blueprint(files.bp)
app.register_blueprint(downloads.bp)
app.register_blueprint(tokens.bp)
app.register_blueprint(user.bp)


@app.on_sqs_message(queue_arn="arn:aws:sqs:eu-west-1:000000000000:placeholder", batch_size=10, name="on_upload")
def on_upload(event: SQSEvent) -> dict[str, Any]:
    """S3 says that an object was created."""
    return triggers.handle_uploads(event)


@app.schedule(Rate(10, unit=Rate.MINUTES), name="sweep")
def sweep(event: CloudWatchEvent) -> dict[str, int]:  # noqa: ARG001 - the time is all it says
    """End what is overdue."""
    return triggers.handle_sweep()


@app.lambda_function(name="create_user")
def create_user(event: Any, context: Any) -> dict[str, Any]:
    """The operator makes an account, a user and the first token. Not reachable by HTTP."""
    return triggers.handle_create_user(event, context.aws_request_id)
