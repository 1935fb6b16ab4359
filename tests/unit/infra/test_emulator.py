"""What the second emulator is given, and what docs/second-emulator.md says of it."""

import json
from copy import deepcopy
from typing import Any

import pytest

from infra.emulator.fitting import ALSO_ASKED, NAMELESS, UNTOLD, fit
from infra.emulator.page import tables
from infra.package import ROOT, joined_template


@pytest.fixture
def fitted() -> dict[str, Any]:
    made = joined_template("dev")
    made["Resources"] = {name: each for name, each in made["Resources"].items() if "Type" in each}
    fit(made)
    return made


def test_the_page_says_what_is_done() -> None:
    assert tables() in (ROOT / "docs" / "second-emulator.md").read_text(encoding="utf-8")


def test_no_condition_is_left_that_could_not_hold(fitted: dict[str, Any]) -> None:
    text = json.dumps(fitted)
    assert not any(f'"{key}' in text for key in UNTOLD)


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        (
            {"Effect": "Deny", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            None,
        ),
        (
            {"Effect": "Allow", "Action": "kms:Decrypt", "Condition": {"StringEquals": {"kms:ViaService": "s3"}}},
            {"Effect": "Allow", "Action": ["kms:Decrypt"]},
        ),
        (
            {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Condition": {"ArnEquals": {"aws:SourceArn": "a"}}},
            {
                "Effect": "Allow",
                "Action": ["sqs:SendMessage", "sqs:SendMessageBatch"],
                "Condition": {"ArnEquals": {"aws:SourceArn": "a"}},
            },
        ),
        (
            {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": ["identity"]},
            {"Effect": "Allow", "Action": ["ses:SendEmail"], "Resource": "*"},
        ),
    ],
)
def test_a_statement_is_changed_no_more_than_it_has_to_be(statement: Any, wanted: Any) -> None:
    other = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "x"}
    policy = {"Type": "AWS::S3::BucketPolicy", "Properties": {"PolicyDocument": {"Statement": [statement, other]}}}
    made = {"Resources": {"It": deepcopy(policy)}}
    fit(made)
    assert made["Resources"]["It"]["Properties"]["PolicyDocument"]["Statement"] == [
        *([wanted] if wanted else []),
        other,
    ]


def test_a_policy_that_says_nothing_else_goes() -> None:
    tls_only = {"Effect": "Deny", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    policy = {"Type": "AWS::SQS::QueuePolicy", "Properties": {"PolicyDocument": {"Statement": [tls_only]}}}
    made: dict[str, Any] = {"Resources": {"It": policy}}
    fit(made)
    assert made["Resources"] == {}


def test_every_change_is_still_called_for() -> None:
    text = json.dumps(joined_template("dev"))
    asked = {*UNTOLD, *(action for action, _ in ALSO_ASKED), *NAMELESS}
    assert {name for name in asked if f'"{name}' not in text} == set()
