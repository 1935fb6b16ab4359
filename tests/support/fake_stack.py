"""CloudFormation with one stack, which ends as the test says. Each call is judged by botocore's model of it."""

from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

MODEL = botocore.session.Session().get_service_model("cloudformation")
ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/sealdrop-dev/1"
TABLE = "AWS::DynamoDB::Table"


def resource(name: str, kind: str = "AWS::SQS::Queue", action: str = "Add", **more: str) -> dict[str, Any]:
    return {"Action": action, "LogicalResourceId": name, "ResourceType": kind, **more}


def event(name: str, status: str, kind: str = TABLE, reason: str = "") -> dict[str, str]:
    return {
        "LogicalResourceId": name,
        "PhysicalResourceId": f"sealdrop-dev-{name.lower()}",
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


class FakeCloudFormation:
    def __init__(
        self,
        status: str | None = None,
        *,
        changes: list[dict[str, Any]] | None = None,
        refusal: str = "",
        ends: str = "CREATE_COMPLETE",
        events: list[dict[str, str]] | None = None,
        parameters: list[str] | None = None,
        denied: bool = False,
    ) -> None:
        self.status, self.changes, self.refusal, self.ends = status, changes or [], refusal, ends
        self.coming, self.parameters = list(events or []), parameters or []
        self.denied = denied
        self.past = [event("older", "CREATE_FAILED", reason="of another time") | {"EventId": "0"}]
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def called(self, operation: str) -> list[dict[str, Any]]:
        return [given for name, given in self.calls if name == operation]

    def describe_stacks(self, **given: Any) -> Any:
        self._note("DescribeStacks", given)
        if self.denied:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeStacks")
        if self.status is None:
            said = {"Code": "ValidationError", "Message": f"Stack with id {given['StackName']} does not exist"}
            raise ClientError({"Error": said}, "DescribeStacks")
        outputs = {
            "WebUrl": "https://d1.cloudfront.net/",
            "WebBucketName": "pages",
            "EndpointURL": "https://x.execute-api.eu-west-1.amazonaws.com/api/",
        }
        return {
            "Stacks": [
                {
                    "StackId": ID,
                    "StackStatus": self.status,
                    "Parameters": [{"ParameterKey": name, "ParameterValue": "v"} for name in self.parameters],
                    "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()],
                }
            ]
        }

    def create_change_set(self, **given: Any) -> None:
        self._note("CreateChangeSet", given)
        self.status = self.status or "REVIEW_IN_PROGRESS"

    def describe_change_set(self, **given: Any) -> Any:
        self._note("DescribeChangeSet", given)
        if len(self.called("DescribeChangeSet")) == 1:
            return {"Status": "CREATE_IN_PROGRESS"}
        if self.refusal:
            return {"Status": "FAILED", "StatusReason": self.refusal, "Changes": []}
        page = int(given.get("NextToken", 0))
        more = {"NextToken": str(page + 1)} if page + 1 < len(self.changes) else {}
        return {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": self.changes[page]}], **more}

    def delete_change_set(self, **given: Any) -> None:
        self._note("DeleteChangeSet", given)

    def execute_change_set(self, **given: Any) -> None:
        self._note("ExecuteChangeSet", given)
        self.status = "UPDATE_IN_PROGRESS"

    def delete_stack(self, **given: Any) -> None:
        self._note("DeleteStack", given)
        self.status = "DELETE_IN_PROGRESS"

    def describe_stack_events(self, **given: Any) -> Any:
        self._note("DescribeStackEvents", given)
        return {"StackEvents": self.past[::-1]}

    def get_paginator(self, operation: str) -> Any:
        return getattr(self, f"_page_{operation}")

    def pause(self, seconds: float) -> None:
        """While the caller waits, one thing after another happens; then the stack stands still."""
        assert seconds > 0
        if self.status not in {"UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}:
            return
        if self.coming:
            self.past.append(self.coming.pop(0) | {"EventId": str(len(self.past))})
        else:
            self.status = self.ends

    @property
    def _page_describe_stack_events(self) -> Any:
        return Pages(lambda: [{"StackEvents": [each]} for each in self.past[::-1]])

    @property
    def _page_list_stack_resources(self) -> Any:
        web = {"LogicalResourceId": "Web", "PhysicalResourceId": "E1"}
        return Pages(lambda: [{"StackResourceSummaries": []}, {"StackResourceSummaries": [web]}])

    def _note(self, operation: str, given: dict[str, Any]) -> None:
        validate_parameters(given, MODEL.operation_model(operation).input_shape)
        self.calls.append((operation, given))


class Pages:
    def __init__(self, pages: Any) -> None:
        self._pages = pages

    def paginate(self, *, StackName: str) -> Iterator[Any]:  # noqa: N803 - boto3's name
        assert StackName in {ID, "sealdrop-dev"}
        return iter(self._pages())
