"""A CloudFormation stack: changed by change sets, followed event by event until it stands still.

What failed is told with CloudFormation's reasons, and so is the state that this leaves.
"""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

POLL_SECONDS = 5
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]  # roles have names: infra/permissions.yaml
DATA = frozenset({"AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket"})  # what no change may take away
CHANGEABLE = frozenset({"CREATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
_CONSEQUENCES = {
    "DELETE_FAILED": "some of it is still there: remove what is in the way, and destroy it again",
    "ROLLBACK_COMPLETE": "its first creation was undone; destroy it, which removes the empty stack, and deploy again",
    "ROLLBACK_FAILED": "its first creation failed and is half undone; destroy it, and deploy again",
    "UPDATE_ROLLBACK_COMPLETE": "everything is as it was before",
    "UPDATE_ROLLBACK_FAILED": "the change is half undone: `aws cloudformation continue-update-rollback` goes on",
}
_ECHO = "cancelled"  # the reason of a resource that was stopped because another failed

Change = Mapping[str, Any]
Event = Mapping[str, Any]


class StackFailed(Exception):
    """The text says what failed, why, and in which state the stack is."""


class Stack:
    def __init__(
        self, client: Any, name: str, *, say: Callable[[str], None] = print, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self.client, self.name, self.say, self.pause = client, name, say, pause

    def find(self) -> dict[str, Any] | None:
        """As CloudFormation describes it."""
        try:
            found: dict[str, Any] = self.client.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" not in error.response["Error"].get("Message", ""):
                raise
            return None
        return found

    def outputs(self) -> dict[str, str]:
        found = self.find() or {}
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def resources(self) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("list_stack_resources").paginate(StackName=self.name)
        return [resource for page in pages for resource in page["StackResourceSummaries"]]

    def change(self, template_url: str, parameters: list[dict[str, Any]], *, may_replace: bool = False) -> bool:
        """Create or update it. False: there was nothing to change. Raises StackFailed."""
        kind = self._kind_of_change()
        change_set = {"StackName": self.name, "ChangeSetName": f"deploy-{uuid.uuid4().hex}"}
        self.client.create_change_set(
            **change_set,
            ChangeSetType=kind,
            TemplateURL=template_url,
            Parameters=parameters,
            Capabilities=CAPABILITIES,
        )
        try:
            changes = self._computed(change_set)
            for change in changes:
                self.say(_told(change))
            if changes and not may_replace:
                _refuse_losses(changes)
        except StackFailed:
            self._drop(change_set, kind)
            raise
        if not changes:
            self._drop(change_set, kind)
            return False
        stack_id, last = self._now()
        # What a failed creation made is taken away again, data stores too: they are empty, and their names are fixed.
        self.client.execute_change_set(**change_set, RetainExceptOnCreate=True)
        self._follow(stack_id, last, f"{kind}_COMPLETE")
        return True

    def delete(self) -> list[Event]:
        """What the template says to retain stays, and is answered. Raises StackFailed."""
        stack_id, last = self._now()
        self.client.delete_stack(StackName=self.name)
        events = self._follow(stack_id, last, "DELETE_COMPLETE")
        return [event for event in events if event["ResourceStatus"] == "DELETE_SKIPPED"]

    def _kind_of_change(self) -> str:
        standing = self.find()
        if standing is None or standing["StackStatus"] == "REVIEW_IN_PROGRESS":
            return "CREATE"
        if standing["StackStatus"] not in CHANGEABLE:
            raise StackFailed(self._state(standing["StackStatus"]))
        return "UPDATE"

    def _state(self, status: str) -> str:
        under_way = "another change is under way; wait for its end" if status.endswith("_IN_PROGRESS") else ""
        consequence = under_way or _CONSEQUENCES.get(status, "see its events")
        return f"the stack {self.name} is {status}: {consequence}"

    def _computed(self, change_set: Mapping[str, str]) -> list[Change]:
        """The changes, once CloudFormation knows them; none when there is nothing to do."""
        while (found := self.client.describe_change_set(**change_set))["Status"] in {
            "CREATE_PENDING",
            "CREATE_IN_PROGRESS",
        }:
            self.pause(POLL_SECONDS)
        if found["Status"] == "FAILED":
            reason = found.get("StatusReason", "")
            if "didn't contain changes" in reason or "No updates" in reason:
                return []
            raise StackFailed(f"CloudFormation takes no such change, and nothing was changed: {reason}")
        changes: list[Change] = [change["ResourceChange"] for change in found["Changes"]]
        while token := found.get("NextToken"):
            found = self.client.describe_change_set(**change_set, NextToken=token)
            changes += [change["ResourceChange"] for change in found["Changes"]]
        return changes

    def _drop(self, change_set: Mapping[str, str], kind: str) -> None:
        """For a stack that is not there yet, CloudFormation made an empty one to hold it."""
        self.client.delete_change_set(**change_set)
        if kind == "CREATE":
            self.client.delete_stack(StackName=self.name)

    def _now(self) -> tuple[str, str | None]:
        """The stack's id, which finds it when it is gone, too; and its newest event."""
        found = self.client.describe_stacks(StackName=self.name)["Stacks"][0]
        events = self.client.describe_stack_events(StackName=self.name)["StackEvents"]
        return found["StackId"], events[0]["EventId"] if events else None

    def _follow(self, stack_id: str, last: str | None, good: str) -> list[Event]:
        events: list[Event] = []
        while True:
            status = self.client.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
            for event in self._events_after(stack_id, last):
                last = event["EventId"]
                self.say(f"  {event['ResourceStatus']:28} {event['LogicalResourceId']}")
                events.append(event)
            if not status.endswith("_IN_PROGRESS"):
                break
            self.pause(POLL_SECONDS)
        if status != good:
            raise StackFailed("\n".join([self._state(status), *_reasons(events)]))
        return events

    def _events_after(self, stack_id: str, last: str | None) -> list[dict[str, Any]]:
        """In the order in which they came; CloudFormation lists the newest first."""
        fresh: list[dict[str, Any]] = []
        for page in self.client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
            for event in page["StackEvents"]:
                if event["EventId"] == last:
                    return fresh[::-1]
                fresh.append(event)
        return fresh[::-1]


def _told(change: Change) -> str:
    replaced = ", by another one" if change.get("Replacement") == "True" else ""
    return f"  {change['Action'].lower():8} {change['LogicalResourceId']} ({change['ResourceType']}{replaced})"


def _refuse_losses(changes: Iterable[Change]) -> None:
    lost = [
        change["LogicalResourceId"]
        for change in changes
        if change["ResourceType"] in DATA and (change["Action"] == "Remove" or change.get("Replacement") == "True")
    ]
    if lost:
        raise StackFailed(
            f"this would put others, without the data, in the place of {', '.join(lost)}, or remove them; nothing was "
            "changed. If that is meant, say --allow-replacement"
        )


def _reasons(events: Iterable[Event]) -> Iterator[str]:
    for event in events:
        reason = event.get("ResourceStatusReason", "")
        if event["ResourceStatus"].endswith("_FAILED") and _ECHO not in reason:
            yield f"  {event['LogicalResourceId']} ({event['ResourceType']}): {reason}"


class BadParameters(Exception):
    """The text names them."""


def values(declared: Mapping[str, Any], given: Mapping[str, str], standing: Mapping[str, Any] | None) -> list[Any]:
    """For a change set: what is given, else what the stack has, else the template's default. Raises BadParameters."""
    if unknown := sorted(set(given) - set(declared)):
        raise BadParameters(f"there is no parameter {', '.join(unknown)}; there are {', '.join(sorted(declared))}")
    had = {parameter["ParameterKey"] for parameter in (standing or {}).get("Parameters", [])}
    missing = [name for name, spec in declared.items() if name not in {*given, *had} and "Default" not in spec]
    if missing:
        wanted = "".join(f"\n  {name}: {declared[name].get('Description', '')}" for name in missing)
        raise BadParameters(f"name a value with --set NAME=VALUE for{wanted}")
    chosen: list[Any] = [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]
    return chosen + [
        {"ParameterKey": name, "UsePreviousValue": True} for name in declared if name in had and name not in given
    ]
