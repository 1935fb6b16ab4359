"""A stack is changed by change sets, and whatever fails is told with its reasons and the state it leaves."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.stacks import CAPABILITIES, BadParameters, Stack, StackFailed, values
from tests.support.fake_stack import TABLE, FakeCloudFormation, event, resource

URL = "https://artefacts.s3.eu-west-1.amazonaws.com/template"


def stack_of(fake: FakeCloudFormation, said: list[str] | None = None) -> Stack:
    return Stack(fake, "sealdrop-dev", say=(said if said is not None else []).append, pause=fake.pause)


class TestCreatingAndUpdating:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [(None, "CREATE"), ("REVIEW_IN_PROGRESS", "CREATE"), ("UPDATE_COMPLETE", "UPDATE")],
    )
    def test_a_stack_that_is_not_there_is_created_another_updated(self, status: str | None, kind: str) -> None:
        fake = FakeCloudFormation(status, changes=[resource("Q"), resource("R")], ends=f"{kind}_COMPLETE")
        assert stack_of(fake).change(URL, [])
        (made,) = fake.called("CreateChangeSet")
        assert (made["ChangeSetType"], made["Capabilities"], made["TemplateURL"]) == (kind, CAPABILITIES, URL)
        (executed,) = fake.called("ExecuteChangeSet")
        assert executed["ChangeSetName"] == made["ChangeSetName"]
        assert executed["RetainExceptOnCreate"] is True

    def test_changes_and_events_are_told_as_they_come_and_older_ones_are_not(self) -> None:
        said: list[str] = []
        events = [event("Q", "CREATE_IN_PROGRESS"), event("Q", "CREATE_COMPLETE")]
        stack_of(FakeCloudFormation(changes=[resource("Q"), resource("R")], events=events), said).change(URL, [])
        assert [line.split() for line in said] == [
            ["add", "Q", "(AWS::SQS::Queue)"],
            ["add", "R", "(AWS::SQS::Queue)"],
            ["CREATE_IN_PROGRESS", "Q"],
            ["CREATE_COMPLETE", "Q"],
        ]

    def test_without_a_change_nothing_is_executed(self) -> None:
        fake = FakeCloudFormation("UPDATE_COMPLETE", refusal="The submitted information didn't contain changes.")
        assert not stack_of(fake).change(URL, [])
        assert fake.called("ExecuteChangeSet") == fake.called("DeleteStack") == []
        assert len(fake.called("DeleteChangeSet")) == 1


class TestWhatFails:
    def test_a_change_set_that_is_refused_leaves_nothing(self) -> None:
        fake = FakeCloudFormation(refusal="Transform failed: no such property")
        with pytest.raises(StackFailed, match=r"nothing was changed: Transform failed: no such property"):
            stack_of(fake).change(URL, [])
        assert fake.called("ExecuteChangeSet") == []
        assert len(fake.called("DeleteChangeSet")) == len(fake.called("DeleteStack")) == 1, "not the empty stack either"

    def test_of_a_stack_that_stands_only_the_change_set_goes(self) -> None:
        fake = FakeCloudFormation("CREATE_COMPLETE", refusal="Transform failed")
        with pytest.raises(StackFailed):
            stack_of(fake).change(URL, [])
        assert fake.called("DeleteStack") == []

    def test_the_reasons_of_failed_resources_are_told_and_those_of_their_victims_are_not(self) -> None:
        events = [
            event("Role", "CREATE_FAILED", reason="no rights to iam:CreateRole"),
            event("Other", "CREATE_FAILED", reason="Resource creation cancelled"),
            event("Role", "DELETE_COMPLETE", reason="in the rollback"),
        ]
        fake = FakeCloudFormation("UPDATE_COMPLETE", changes=[resource("Role")], events=events)
        fake.ends = "UPDATE_ROLLBACK_COMPLETE"
        with pytest.raises(StackFailed) as failed:
            stack_of(fake).change(URL, [])
        assert str(failed.value).splitlines() == [
            "the stack sealdrop-dev is UPDATE_ROLLBACK_COMPLETE: everything is as it was before",
            f"  Role ({TABLE}): no rights to iam:CreateRole",
        ]

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            ("ROLLBACK_COMPLETE", "destroy it"),
            ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
            ("UPDATE_IN_PROGRESS", "another change is under way"),
            ("DELETE_FAILED", "destroy it again"),
        ],
    )
    def test_a_stack_that_takes_no_change_is_left_alone(self, status: str, words: str) -> None:
        fake = FakeCloudFormation(status)
        with pytest.raises(StackFailed, match=f"{status}: .*{words}"):
            stack_of(fake).change(URL, [])
        assert fake.called("CreateChangeSet") == []

    @pytest.mark.parametrize("loss", [{"action": "Remove"}, {"action": "Modify", "Replacement": "True"}])
    def test_no_data_store_is_lost_unless_that_is_meant(self, loss: dict[str, str]) -> None:
        changes = [resource("Q", action="Remove"), resource("MetadataTable", TABLE, **loss)]
        fake = FakeCloudFormation("UPDATE_COMPLETE", changes=changes, ends="UPDATE_COMPLETE")
        with pytest.raises(StackFailed, match=r"in the place of MetadataTable, or remove them; nothing was changed"):
            stack_of(fake).change(URL, [])
        assert fake.called("ExecuteChangeSet") == []
        again = FakeCloudFormation("UPDATE_COMPLETE", changes=changes, ends="UPDATE_COMPLETE")
        assert stack_of(again).change(URL, [], may_replace=True)

    def test_other_refusals_of_a_look_at_the_stack_are_not_taken_for_its_absence(self) -> None:
        with pytest.raises(ClientError, match="AccessDenied"):
            stack_of(FakeCloudFormation(denied=True)).find()


DECLARED = {
    "Stage": {"Default": "dev"},
    "MailFrom": {"Description": "Address that notifications come from"},
    "RateLimit": {"Default": 300},
}


class TestParameters:
    def test_what_is_not_named_keeps_its_value_or_has_the_default(self) -> None:
        standing = {"Parameters": [{"ParameterKey": "MailFrom"}, {"ParameterKey": "Stage"}, {"ParameterKey": "Gone"}]}
        assert values(DECLARED, {"Stage": "dev"}, standing) == [
            {"ParameterKey": "Stage", "ParameterValue": "dev"},
            {"ParameterKey": "MailFrom", "UsePreviousValue": True},
        ]

    def test_what_has_no_default_must_be_named_the_first_time(self) -> None:
        with pytest.raises(BadParameters, match=r"--set NAME=VALUE for\n  MailFrom: Address"):
            values(DECLARED, {"Stage": "dev"}, None)

    def test_an_unknown_one_is_refused(self) -> None:
        with pytest.raises(BadParameters, match=r"no parameter MailForm; there are MailFrom, RateLimit, Stage"):
            values(DECLARED, {"MailForm": "x"}, None)


class TestOnAnEmulator:
    """moto's CloudFormation, so that the fake does not judge alone."""

    @pytest.fixture
    def stack(self) -> Iterator[tuple[Stack, Any]]:
        import boto3
        from moto import mock_aws

        with mock_aws():
            session = boto3.Session(region_name="us-east-1")
            s3, cloudformation = session.client("s3"), session.client("cloudformation")
            s3.create_bucket(Bucket="artefacts")

            def put(*queues: str) -> str:
                made = {name: {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}} for name in queues}
                key = "-".join(queues)
                s3.put_object(Bucket="artefacts", Key=key, Body=json.dumps({"Resources": made}))
                return f"https://artefacts.s3.us-east-1.amazonaws.com/{key}"

            yield Stack(cloudformation, "sealdrop-dev", say=[].append, pause=[].append), put
            s3.close()
            cloudformation.close()

    def test_created_unchanged_updated_and_deleted(self, stack: tuple[Stack, Any]) -> None:
        made, put = stack
        assert made.find() is None
        assert made.change(put("A"), [])
        assert not made.change(put("A"), [])
        assert made.change(put("A", "B"), [])
        assert {each["LogicalResourceId"] for each in made.resources()} == {"A", "B"}
        assert made.delete() == []
        assert made.find() is None
