"""Every property of infra/template.yaml is found again on the emulated AWS, asked by the services' own calls."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra import template
from infra.local.apply import apply
from infra.local.resources import MAKERS
from infra.local.stack import MAIL_FROM, EmulatedAws

SOURCE = template.load(template.TEMPLATE)


def of_type(kind: str) -> list[str]:
    return [logical for logical, resource in SOURCE["Resources"].items() if resource["Type"] == kind]


def wanted(aws: EmulatedAws, logical: str) -> dict[str, Any]:
    """The template's properties, intrinsics resolved."""
    properties: dict[str, Any] = aws.applied.resources[logical]
    return properties


@pytest.mark.parametrize("logical", of_type("AWS::KMS::Key"))
def test_key(aws: EmulatedAws, logical: str) -> None:
    kms, properties, key = aws.clients("kms"), wanted(aws, logical), aws.applied.refs[logical]
    made = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert made["Description"] == properties["Description"]
    assert made["KeySpec"] == properties.get("KeySpec", "SYMMETRIC_DEFAULT")
    assert made["KeyUsage"] == properties.get("KeyUsage", "ENCRYPT_DECRYPT")
    assert json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]) == properties["KeyPolicy"]
    if properties.get("EnableKeyRotation"):
        assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]


def test_the_data_key_rotates_and_the_pepper_is_a_mac_key(aws: EmulatedAws) -> None:
    assert wanted(aws, "DataKey")["EnableKeyRotation"] is True
    mac = aws.clients("kms").generate_mac(KeyId=aws.pepper_key_arn, MacAlgorithm="HMAC_SHA_256", Message=b"x")["Mac"]
    assert len(mac) == 32


@pytest.mark.parametrize("logical", of_type("AWS::KMS::Alias"))
def test_alias(aws: EmulatedAws, logical: str) -> None:
    properties = wanted(aws, logical)
    found = aws.clients("kms").describe_key(KeyId=properties["AliasName"])["KeyMetadata"]
    assert found["KeyId"] == properties["TargetKeyId"]


class TestBucket:
    @pytest.fixture
    def asked(self, aws: EmulatedAws) -> Any:
        s3 = aws.clients("s3")
        return lambda call: getattr(s3, f"get_{call}")(Bucket=aws.bucket)

    @pytest.fixture
    def properties(self, aws: EmulatedAws) -> dict[str, Any]:
        return wanted(aws, "FilesBucket")

    def test_name(self, aws: EmulatedAws, properties: dict[str, Any]) -> None:
        assert aws.bucket == properties["BucketName"] == "sealdrop-dev-files-123456789012-eu-west-1"

    def test_region(self, aws: EmulatedAws, asked: Any) -> None:
        assert asked("bucket_location")["LocationConstraint"] == aws.region

    def test_versions(self, asked: Any, properties: dict[str, Any]) -> None:
        assert asked("bucket_versioning")["Status"] == properties["VersioningConfiguration"]["Status"] == "Enabled"

    def test_no_public_access(self, aws: EmulatedAws, properties: dict[str, Any]) -> None:
        made = aws.clients("s3").get_public_access_block(Bucket=aws.bucket)["PublicAccessBlockConfiguration"]
        assert made == properties["PublicAccessBlockConfiguration"]
        assert set(made.values()) == {True}

    def test_owner(self, asked: Any, properties: dict[str, Any]) -> None:
        made = asked("bucket_ownership_controls")["OwnershipControls"]
        assert made == properties["OwnershipControls"]
        assert made["Rules"][0]["ObjectOwnership"] == "BucketOwnerEnforced"

    def test_encryption(self, aws: EmulatedAws, asked: Any) -> None:
        rule = asked("bucket_encryption")["ServerSideEncryptionConfiguration"]["Rules"][0]
        assert rule["ApplyServerSideEncryptionByDefault"] == {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": aws.kms_key_arn,
        }
        assert rule["BucketKeyEnabled"] is True

    def test_cors(self, asked: Any, properties: dict[str, Any]) -> None:
        (made,), (rule,) = asked("bucket_cors")["CORSRules"], properties["CorsConfiguration"]["CorsRules"]
        assert made == {
            "AllowedMethods": rule["AllowedMethods"],
            "AllowedOrigins": rule["AllowedOrigins"],
            "AllowedHeaders": rule["AllowedHeaders"],
            "ExposeHeaders": rule["ExposedHeaders"],
            "MaxAgeSeconds": rule["MaxAge"],
        }

    def test_lifecycle(self, asked: Any) -> None:
        rules = {rule["ID"]: rule for rule in asked("bucket_lifecycle_configuration")["Rules"]}
        assert {rule["Status"] for rule in rules.values()} == {"Enabled"}
        assert rules["abort-multiparts"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 8}
        assert rules["drop-old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
        assert rules["drop-old-versions"]["Expiration"] == {"ExpiredObjectDeleteMarker": True}

    def test_policy(self, aws: EmulatedAws, asked: Any) -> None:
        assert json.loads(asked("bucket_policy")["Policy"]) == wanted(aws, "FilesBucketPolicy")["PolicyDocument"]


@pytest.mark.parametrize("logical", of_type("AWS::DynamoDB::Table"))
class TestTable:
    def test_keys_and_indexes(self, aws: EmulatedAws, logical: str) -> None:
        properties = wanted(aws, logical)
        made = aws.clients("dynamodb").describe_table(TableName=aws.applied.refs[logical])["Table"]
        assert made["TableName"] == properties["TableName"]
        assert made["KeySchema"] == properties["KeySchema"]
        assert made["AttributeDefinitions"] == properties["AttributeDefinitions"]
        assert made["BillingModeSummary"]["BillingMode"] == properties["BillingMode"] == "PAY_PER_REQUEST"
        named = ("IndexName", "KeySchema", "Projection")
        indexes = [{name: index[name] for name in named} for index in made.get("GlobalSecondaryIndexes", [])]
        assert indexes == properties.get("GlobalSecondaryIndexes", [])

    def test_time_to_live(self, aws: EmulatedAws, logical: str) -> None:
        made = aws.clients("dynamodb").describe_time_to_live(TableName=aws.applied.refs[logical])
        declared = wanted(aws, logical).get("TimeToLiveSpecification")
        enabled = {"AttributeName": "ttl", "TimeToLiveStatus": "ENABLED"}
        assert made["TimeToLiveDescription"] == (enabled if declared else {"TimeToLiveStatus": "DISABLED"})
        assert bool(declared) == (logical != "SearchTable")

    def test_recovery(self, aws: EmulatedAws, logical: str) -> None:
        declared = wanted(aws, logical).get("PointInTimeRecoverySpecification", {})
        made = aws.clients("dynamodb").describe_continuous_backups(TableName=aws.applied.refs[logical])
        status = made["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        assert (status == "ENABLED") == declared.get("PointInTimeRecoveryEnabled", False)

    def test_stream_and_protection(self, aws: EmulatedAws, logical: str) -> None:
        properties = wanted(aws, logical)
        made = aws.clients("dynamodb").describe_table(TableName=aws.applied.refs[logical])["Table"]
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        assert made.get("StreamSpecification") == (stream if logical == "MetadataTable" else None)
        assert bool(properties.get("StreamSpecification")) == (logical == "MetadataTable")
        assert made["DeletionProtectionEnabled"] is properties.get("DeletionProtectionEnabled", False)
        assert made["DeletionProtectionEnabled"] is (logical in {"EventsTable", "MetadataTable"})

    def test_encryption(self, aws: EmulatedAws, logical: str) -> None:
        declared = wanted(aws, logical).get("SSESpecification")
        made = aws.clients("dynamodb").describe_table(TableName=aws.applied.refs[logical])["Table"]
        if declared:
            assert made["SSEDescription"]["KMSMasterKeyArn"] == declared["KMSMasterKeyId"] == aws.kms_key_arn
        assert bool(declared) == (logical != "RateLimitTable")


@pytest.mark.parametrize("logical", of_type("AWS::SQS::Queue"))
def test_queue(aws: EmulatedAws, logical: str) -> None:
    properties = wanted(aws, logical)
    url = aws.applied.refs[logical]
    made = aws.clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert made["SqsManagedSseEnabled"] == "true"
    assert url.endswith("/" + properties["QueueName"])
    for name in ("VisibilityTimeout", "MessageRetentionPeriod"):
        if name in properties:
            assert made[name] == str(properties[name])
    if "RedrivePolicy" in properties:
        assert json.loads(made["RedrivePolicy"]) == properties["RedrivePolicy"]


@pytest.mark.parametrize("logical", of_type("AWS::SQS::QueuePolicy"))
def test_queue_policy(aws: EmulatedAws, logical: str) -> None:
    properties = wanted(aws, logical)
    for url in properties["Queues"]:
        made = aws.clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
        assert json.loads(made) == properties["PolicyDocument"]


@pytest.mark.parametrize("logical", of_type("AWS::SQS::Queue"))
def test_every_queue_is_spoken_to_by_tls_alone(aws: EmulatedAws, logical: str) -> None:
    asked = ["Policy", "QueueArn"]
    made = aws.clients("sqs").get_queue_attributes(QueueUrl=aws.applied.refs[logical], AttributeNames=asked)[
        "Attributes"
    ]
    denied = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": made["QueueArn"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    assert denied in json.loads(made["Policy"])["Statement"]


@pytest.mark.parametrize("logical", of_type("AWS::Events::Rule"))
def test_rule(aws: EmulatedAws, logical: str) -> None:
    events, properties = aws.clients("events"), wanted(aws, logical)
    made = events.describe_rule(Name=properties["Name"])
    assert json.loads(made["EventPattern"]) == properties["EventPattern"]
    assert (made["State"], made["Description"]) == (properties["State"], properties["Description"])
    assert events.list_targets_by_rule(Rule=properties["Name"])["Targets"] == properties["Targets"]


def test_email_identity(aws: EmulatedAws) -> None:
    """Of its two properties the second is the local SES's to know: moto has no word for it."""
    properties = wanted(aws, "MailIdentity")
    assert set(properties) == {"EmailIdentity", "FeedbackAttributes"}
    assert aws.clients("sesv2").list_email_identities()["EmailIdentities"][0]["IdentityName"] == MAIL_FROM
    assert properties["FeedbackAttributes"] == {"EmailForwardingEnabled": False}


def test_configuration_set(aws: EmulatedAws) -> None:
    properties = wanted(aws, "MailConfigurationSet")
    made = aws.clients("sesv2").get_configuration_set(ConfigurationSetName=properties["Name"])
    assert made["DeliveryOptions"] == properties["DeliveryOptions"] == {"TlsPolicy": "REQUIRE"}
    assert made["SuppressionOptions"] == properties["SuppressionOptions"]
    assert "TrackingOptions" not in properties


def test_an_object_that_arrives_is_announced(aws: EmulatedAws) -> None:
    """Bucket, EventBridge, rule and queue together: moto does not tell the bucket's notification setting."""
    sqs = aws.clients("sqs")
    aws.clients("s3").put_object(Bucket=aws.bucket, Key="files/announced", Body=b"x")
    message = sqs.receive_message(QueueUrl=aws.queue_url, WaitTimeSeconds=5)["Messages"][0]
    assert json.loads(message["Body"])["detail"]["object"]["key"] == "files/announced"


class TestTemplate:
    def test_every_type_in_it_has_a_maker_and_a_test_above(self) -> None:
        types = {resource["Type"] for resource in SOURCE["Resources"].values()}
        assert types == set(MAKERS)

    def test_outputs(self, aws: EmulatedAws) -> None:
        assert set(aws.applied.outputs) == set(SOURCE["Outputs"])
        assert aws.applied.outputs["DataKeyArn"] == aws.kms_key_arn

    def test_what_holds_data_is_kept(self) -> None:
        for logical in ("DataKey", "PepperKey", "FilesBucket", "MetadataTable"):
            resource = SOURCE["Resources"][logical]
            assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"

    def test_only_the_queue_may_send_to_the_dead_letters(self, aws: EmulatedAws) -> None:
        allowed = wanted(aws, "UploadDeadLetters")["RedriveAllowPolicy"]
        assert allowed == {"redrivePermission": "byQueue", "sourceQueueArns": [aws.queue_arn]}

    def test_a_second_stage_fits_in_the_account(self, aws: EmulatedAws) -> None:
        second = apply(aws.clients, given={"Stage": "prod", "MailFrom": "sealdrop@example.org"})
        assert not set(second.refs.values()) & set(aws.applied.refs.values())
        assert second.outputs["FilesBucketName"] == "sealdrop-prod-files-123456789012-eu-west-1"


class TestRefusals:
    """Nothing is left out in silence."""

    def _template(self, tmp_path: Path, text: str) -> Path:
        path = tmp_path / "template.yaml"
        path.write_text(text)
        return path

    def test_an_unknown_type(self, aws: EmulatedAws, tmp_path: Path) -> None:
        path = self._template(tmp_path, "Resources: {Odd: {Type: 'AWS::Odd::Thing', Properties: {}}}\nOutputs: {}")
        with pytest.raises(ValueError, match=r"Odd: no maker for AWS::Odd::Thing"):
            apply(aws.clients, path)

    def test_an_unknown_intrinsic(self, aws: EmulatedAws, tmp_path: Path) -> None:
        text = "Resources: {K: {Type: 'AWS::KMS::Alias', Properties: {AliasName: !Join ['-', [a]]}}}\nOutputs: {}"
        with pytest.raises(ValueError, match="Fn::Join"):
            apply(aws.clients, self._template(tmp_path, text))

    def test_an_unknown_parameter(self, aws: EmulatedAws) -> None:
        with pytest.raises(ValueError, match="Color"):
            apply(aws.clients, given={"Color": "red"})

    def test_a_parameter_without_a_value(self, aws: EmulatedAws) -> None:
        with pytest.raises(ValueError, match="a value for MailFrom"):
            apply(aws.clients)
