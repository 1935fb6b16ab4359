"""Checks R of docs/threat-model.md: what policies leave to whoever got at a function, or administers its keys.

tests/integration/infra/test_permissions.py compares what is granted with what is used.
"""

import importlib
import json
import pkgutil
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import adapters
from chalicelib.adapters.dynamo_table import KeyOfId
from chalicelib.domain.download import DOWNLOAD_URL_LIFETIME
from chalicelib.domain.upload import UPLOAD_URL_LIFETIME
from infra import template
from infra.local.s3.errors import S3Error
from infra.local.s3.policy import refuse_denied
from infra.local.s3.request import AwsRequest
from tests.support import imagined
from tests.support.iam import Ask, Right, allowed_by_key

RESOURCES, NAMES = imagined.resources()
KEYS = ("DataKey", "PepperKey", "EventsKey")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
S3, DYNAMODB = "s3.eu-west-1.amazonaws.com", "dynamodb.eu-west-1.amazonaws.com"
OF_A_FILE = {"file": "f", "account": "a"}
OF_A_BODY = {"body": "b", "account": "a"}


def arn(logical: str, attribute: str = "Arn") -> str:
    return NAMES.attributes[logical, attribute]


def rights_of(role: str) -> list[Right]:
    (policy,) = RESOURCES[role]["Properties"]["Policies"]
    return [Right.of(statement) for statement in NAMES.resolve(policy["PolicyDocument"]["Statement"])]


RIGHTS = {name: rights_of(name) for name, made in RESOURCES.items() if "RoleName" in made.get("Properties", {})}


def who_may(ask: Ask) -> set[str]:
    return {role.removesuffix("Role") for role, rights in RIGHTS.items() if any(right.allows(ask) for right in rights)}


def key_use(action: str, context: dict[str, str], via: str | None = None, key: str = "DataKey") -> Ask:
    told: dict[str, Any] = {f"kms:EncryptionContext:{name}": value for name, value in context.items()}
    told |= {"kms:EncryptionContextKeys": tuple(context)} if context else {}
    return Ask.of(f"kms:{action}", arn(key), told | ({"kms:ViaService": via} if via else {}))


# --- R1 --------------------------------------------------------------------------------------------------------------

OBJECT = f"{arn('FilesBucket')}/files/7c9e6679-7425-40de-944b-e07fc1f90ae7"
IDENTITY = "arn:aws:ses:eu-west-1:123456789012:identity/MailIdentity"
NAMED = {"Recovery", "Privacy"}  # while a parameter says who
WHO_MAY = {
    "write the audit log": (Ask.of("dynamodb:PutItem", arn("EventsTable")), {"OnChange"}),
    "sign it": (key_use("GenerateMac", {}, key="EventsKey"), {"OnChange"}),
    "read every change": (
        Ask.of("dynamodb:GetRecords", f"{arn('MetadataTable')}/stream/2026-11-24T10:00:00.000"),
        {"OnChange"},
    ),
    "write the search": (Ask.of("dynamodb:BatchWriteItem", arn("SearchTable")), {"OnChange", "Privacy"}),
    "list an account's things": (Ask.of("dynamodb:Query", f"{arn('MetadataTable')}/index/listing"), {"ApiHandler"}),
    "read all records": (Ask.of("dynamodb:Scan", arn("MetadataTable")), {"Privacy"}),
    "sign receipts": (key_use("GenerateMac", {}, key="ReceiptKey"), {"Privacy"}),
    "find what is due": (Ask.of("dynamodb:Query", f"{arn('MetadataTable')}/index/due"), {"Sweep"}),
    "draw on a token bucket": (Ask.of("dynamodb:UpdateItem", arn("RateLimitTable")), {"ApiHandler"}),
    "order a mail": (Ask.of("sqs:SendMessage", arn("MailQueue")), {"ApiHandler", "Sweep"}),
    "take orders": (Ask.of("sqs:ReceiveMessage", arn("MailQueue")), {"OnMail"}),
    "take S3's events": (Ask.of("sqs:ReceiveMessage", arn("UploadQueue")), {"OnUpload"}),
    "send e-mails": (
        Ask.of("ses:SendEmail", IDENTITY, {"ses:FromAddress": "MailFrom"}),
        {"OnMail"},
    ),
    "send in another's name": (
        Ask.of("ses:SendEmail", IDENTITY, {"ses:FromAddress": "ceo@x"}),
        set(),
    ),
    "store objects": (Ask.of("s3:PutObject", OBJECT), {"ApiHandler"}),
    "store them elsewhere": (Ask.of("s3:PutObject", f"{arn('FilesBucket')}/other/x"), set()),
    "read objects": (Ask.of("s3:GetObjectVersion", OBJECT), {"ApiHandler", "OnUpload", "Sweep"} | NAMED),
    "delete objects": (Ask.of("s3:DeleteObjectVersion", OBJECT), {"ApiHandler", "OnUpload", "Sweep", "Privacy"}),
    "make data keys": (key_use("GenerateDataKey", OF_A_FILE), {"ApiHandler"}),
    "open data keys": (key_use("Decrypt", OF_A_FILE), {"ApiHandler", "OnUpload", "Sweep"} | NAMED),
    "open bodies of mails": (key_use("Decrypt", OF_A_BODY), {"ApiHandler", "Privacy"}),
    "pepper PINs, derive links": (key_use("GenerateMac", {}, key="PepperKey"), {"ApiHandler", "OnMail", "CreateUser"}),
}


@pytest.mark.parametrize("thing", WHO_MAY)
def test_r1_whoever_got_at_one_function_cannot_do_what_another_does(thing: str) -> None:
    ask, roles = WHO_MAY[thing]
    assert who_may(ask) == roles


ADMINISTRATION = {
    "dynamodb": ("DeleteTable", "ExportTableToPointInTime", "PutResourcePolicy", "UpdateTable"),
    "iam": ("AttachRolePolicy", "PassRole", "PutRolePolicy", "UpdateAssumeRolePolicy"),
    "kms": ("CreateGrant", "DisableKey", "PutKeyPolicy", "ScheduleKeyDeletion"),
    "lambda": ("InvokeFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration"),
    "logs": ("DeleteLogGroup", "DeleteLogStream", "PutRetentionPolicy"),
    "s3": ("DeleteBucket", "DeleteBucketPolicy", "PutBucketPolicy", "PutBucketVersioning", "PutLifecycleConfiguration"),
    "sts": ("AssumeRole",),
}


@pytest.mark.parametrize("role", sorted(RIGHTS))
def test_r1_no_function_administers_anything(role: str) -> None:
    """Nor makes itself wider: whatever the resource."""
    granted = {action for right in RIGHTS[role] for action in right.actions}
    assert not granted & {f"{service}:{action}" for service, actions in ADMINISTRATION.items() for action in actions}
    assert not any("*" in action for action in granted)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_r1_nobody_reads_without_the_service_unless_they_are_named(name: str) -> None:
    role = RESOURCES[f"{name}Role"]
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert role["Condition"] == f"Has{name}Principal"
    assert trust["Principal"] == {"AWS": {"Ref": f"{name}Principal"}}
    assert (
        template.load(template.TEMPLATE.with_name("permissions.yaml"))["Parameters"][f"{name}Principal"]["Default"]
        == ""
    )


def kinds_of_records() -> set[str]:
    """How the keys of all that is in the metadata table begin."""
    modules = (
        importlib.import_module(it.name) for it in pkgutil.iter_modules(adapters.__path__, "chalicelib.adapters.")
    )
    keys = (value for module in modules for value in vars(module).values() if isinstance(value, KeyOfId))
    return {key("x")[0].partition("#")[0] for key in keys}


PARTITIONS_OF = {  # what of the metadata table is whose, except the API's, which serves all of it
    "CreateUser": {"GetItem": {"ACCOUNT"}, "PutItem": {"ACCOUNT", "EMAIL", "PURSE", "TOKEN", "TOKENS", "USER"}},
    "OnMail": {
        "DeleteItem": {"DOWNLOAD", "INBOX", "MAIL"},
        "GetItem": {"DOWNLOAD", "EMAIL", "INBOX", "MAIL", "USER"},
        "PutItem": {"DOWNLOAD", "DOWNLOADKEY", "INBOX", "MAIL"},
        "UpdateItem": {"DOWNLOAD", "DOWNLOADKEY", "INBOX", "MAIL"},
    },
    "OnUpload": {"GetItem": {"FILE"}, "PutItem": {"FILE", "PURSE"}, "UpdateItem": {"FILE", "PURSE"}},
    "Sweep": {
        "DeleteItem": {"DOWNLOAD", "FILE", "INBOX", "MAIL", "PURGED", "PURSE"},
        "GetItem": {"FILE", "MAIL"},
        "PutItem": {"DOWNLOAD", "FILE", "INBOX", "MAIL", "PURGED", "PURSE"},
        "UpdateItem": {"DOWNLOAD", "FILE", "INBOX", "MAIL", "PURGED", "PURSE"},
    },
    "OnWebhook": {"GetItem": {"DELIVERY", "WEBHOOK"}, "PutItem": {"DELIVERY"}},
    "OnChange": {"GetItem": {"ACCOUNT"}, "BatchGetItem": {"WEBHOOK"}, "PutItem": {"DELIVERY"}},
}


@pytest.mark.parametrize("action", ["BatchGetItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem"])
@pytest.mark.parametrize("role", PARTITIONS_OF)
def test_r5_each_has_its_own_records_of_the_one_table(role: str, action: str) -> None:
    """Wherever among others a foreign one may stand. None can ask for a token, and an operator alone makes one."""
    allowed, kinds = PARTITIONS_OF[role].get(action, set()), kinds_of_records()
    assert len(kinds) > 20
    for kind in kinds:
        for keys in ((f"{kind}#x",), (f"{kind}#x", "DELIVERY#x"), ("DELIVERY#x", f"{kind}#x")):
            ask = Ask.of(f"dynamodb:{action}", arn("MetadataTable"), {"dynamodb:LeadingKeys": keys})
            assert (role in who_may(ask)) == ({key.partition("#")[0] for key in keys} <= allowed), keys


# --- R2 --------------------------------------------------------------------------------------------------------------

CONFUSED = {
    "no context": key_use("Decrypt", {}),
    "a file without its account": key_use("Decrypt", {"file": "f"}),
    "an account alone": key_use("Decrypt", {"account": "a"}),
    "something more": key_use("Decrypt", {**OF_A_FILE, "purpose": "other"}),
    "a file and a body": key_use("Decrypt", {**OF_A_FILE, "body": "b"}),
    "another service's context": key_use("Decrypt", {"aws:s3:arn": arn("FilesBucket")}),
    "S3, for another bucket": key_use("Decrypt", {"aws:s3:arn": "arn:aws:s3:::theirs"}, S3),
    "S3, for an object alone": key_use("Decrypt", {"aws:s3:arn": OBJECT}, S3),
    "DynamoDB, for another table": key_use("Decrypt", {"aws:dynamodb:tableName": "theirs"}, DYNAMODB),
    "DynamoDB, in S3's name": key_use("Decrypt", {"aws:dynamodb:tableName": "MetadataTable"}, S3),
    "a key for nothing": key_use("GenerateDataKey", {}),
    "a key for another bucket": key_use("GenerateDataKey", {"aws:s3:arn": "arn:aws:s3:::theirs"}, S3),
    "another key": key_use("Decrypt", OF_A_FILE, key="EventsKey"),
}


@pytest.mark.parametrize("name", CONFUSED)
def test_r2_the_key_opens_nothing_under_another_context(name: str) -> None:
    assert who_may(CONFUSED[name]) == set()


# --- R3 --------------------------------------------------------------------------------------------------------------

ADMIN = "arn:aws:iam::123456789012:role/administrator"  # whom IAM allows everything
OPENING = ("Decrypt", "ReEncryptFrom")
MAKING = ("Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "ReEncryptTo")
TAKING_CARE = ("DescribeKey", "DisableKey", "EnableKey", "GetKeyPolicy", "PutKeyPolicy", "ScheduleKeyDeletion")


def policy(key: str) -> Any:
    return NAMES.resolve(RESOURCES[key]["Properties"]["KeyPolicy"])


@pytest.mark.parametrize("action", [*OPENING, *MAKING, "CreateGrant"])
@pytest.mark.parametrize("key", KEYS)
def test_r3_whoever_administers_a_key_opens_and_signs_nothing_with_it(key: str, action: str) -> None:
    """Neither by asking KMS, nor by having S3 ask. A grant would be another way to the same."""
    for context, via in ((OF_A_FILE, None), (OF_A_BODY, None), ({}, None), ({"aws:s3:arn": arn("FilesBucket")}, S3)):
        assert not allowed_by_key(policy(key), ADMIN, key_use(action, context, via))


@pytest.mark.parametrize("key", KEYS)
def test_r3_somebody_can_take_care_of_it(key: str) -> None:
    """A key that nobody administers is lost; what IAM allows an administrator is IAM's to say."""
    assert all(allowed_by_key(policy(key), ADMIN, key_use(action, {})) for action in TAKING_CARE)


def test_r3_tables_are_made_restored_and_read_by_whom_iam_lets() -> None:
    """DynamoDB opens a table's key for them, and nothing else with it."""
    for action in ("CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKey"):
        assert allowed_by_key(policy("DataKey"), ADMIN, key_use(action, {}, DYNAMODB))


def test_r3_auditors_verify_and_do_not_sign() -> None:
    assert allowed_by_key(policy("EventsKey"), ADMIN, key_use("VerifyMac", {}))
    assert not allowed_by_key(policy("PepperKey"), ADMIN, key_use("VerifyMac", {})), "it would tell a right PIN"


# --- R4 --------------------------------------------------------------------------------------------------------------

BUCKET_POLICY = json.dumps(NAMES.resolve(RESOURCES["FilesBucketPolicy"]["Properties"]["PolicyDocument"])).encode()


def denied(method: str, age: timedelta) -> str:
    """By which statement, if any."""
    date = (NOW - age).strftime("%Y%m%dT%H%M%SZ")
    try:
        refuse_denied(BUCKET_POLICY, AwsRequest(method, "/FilesBucket/files/x", f"X-Amz-Date={date}", []), NOW)
    except S3Error as refused:
        return str(refused).rpartition(": ")[2]
    return ""


@pytest.mark.parametrize(
    ("method", "lifetime", "statement"),
    [("GET", DOWNLOAD_URL_LIFETIME, "NoOldDownload"), ("PUT", UPLOAD_URL_LIFETIME, "NoOldSignature")],
)
def test_r4_no_url_outlives_what_we_sign(method: str, lifetime: timedelta, statement: str) -> None:
    """Whoever has a function's credentials could sign for as long as they live."""
    assert denied(method, lifetime) == ""
    assert denied(method, lifetime + timedelta(seconds=1)) == statement
    assert denied("DELETE", lifetime + timedelta(hours=1)) == "NoOldSignature"
