"""One maker for each resource type of the template: every property goes to the service that owns it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from boto3.session import Session
from botocore.config import Config


@dataclass(frozen=True)
class Made:
    """What Ref and GetAtt answer for a resource."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class Clients:
    """Clients of one endpoint, made when first asked for."""

    def __init__(self, endpoint_url: str, region: str) -> None:
        self.endpoint_url, self.region = endpoint_url, region
        self._session: Any = Session("testing", "testing", region_name=region)
        self._made: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        if service not in self._made:
            # SQS long polls and the retries of a stack that is still starting must not add up to minutes.
            config = Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=30, max_pool_connections=40)
            self._made[service] = self._session.client(service, endpoint_url=self.endpoint_url, config=config)
        return self._made[service]

    def close(self) -> None:
        for client in self._made.values():
            client.close()


Properties = Mapping[str, Any]


def _key(clients: Clients, properties: Properties) -> Made:
    kms = clients("kms")
    made = kms.create_key(
        Policy=json.dumps(properties["KeyPolicy"]),
        Description=properties["Description"],
        KeySpec=properties.get("KeySpec", "SYMMETRIC_DEFAULT"),
        KeyUsage=properties.get("KeyUsage", "ENCRYPT_DECRYPT"),
    )["KeyMetadata"]
    if properties.get("EnableKeyRotation"):
        kms.enable_key_rotation(KeyId=made["KeyId"])
    return Made(made["KeyId"], {"Arn": made["Arn"]})


def _alias(clients: Clients, properties: Properties) -> Made:
    clients("kms").create_alias(AliasName=properties["AliasName"], TargetKeyId=properties["TargetKeyId"])
    return Made(properties["AliasName"])


def _bucket(clients: Clients, properties: Properties) -> Made:
    s3, name = clients("s3"), properties["BucketName"]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": clients.region})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"])
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=properties["OwnershipControls"])
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": _encryption(properties)})
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": _cors(properties)})
    s3.put_bucket_lifecycle_configuration(
        Bucket=name, LifecycleConfiguration={"Rules": [_lifecycle(rule) for rule in _lifecycle_rules(properties)]}
    )
    if properties["NotificationConfiguration"]["EventBridgeConfiguration"]["EventBridgeEnabled"]:
        s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    return Made(name, {"Arn": f"arn:aws:s3:::{name}"})


def _encryption(properties: Properties) -> list[Any]:
    rules = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    return [_renamed(rule, ServerSideEncryptionByDefault="ApplyServerSideEncryptionByDefault") for rule in rules]


def _cors(properties: Properties) -> list[Any]:
    rules = properties["CorsConfiguration"]["CorsRules"]
    return [_renamed(rule, ExposedHeaders="ExposeHeaders", MaxAge="MaxAgeSeconds") for rule in rules]


def _lifecycle_rules(properties: Properties) -> list[Any]:
    rules: list[Any] = properties["LifecycleConfiguration"]["Rules"]
    return rules


def _lifecycle(rule: Properties) -> dict[str, Any]:
    out = _renamed(rule, Id="ID")
    if "ExpiredObjectDeleteMarker" in out:
        out["Expiration"] = {"ExpiredObjectDeleteMarker": out.pop("ExpiredObjectDeleteMarker")}
    return out | {"Filter": {"Prefix": out.pop("Prefix", "")}}


def _renamed(properties: Properties, **names: str) -> dict[str, Any]:
    """CloudFormation and the S3 API differ in a few words."""
    return {names.get(key, key): value for key, value in properties.items()}


def _bucket_policy(clients: Clients, properties: Properties) -> Made:
    clients("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"]))
    return Made(properties["Bucket"])


def _table(clients: Clients, properties: Properties) -> Made:
    dynamodb, name = clients("dynamodb"), properties["TableName"]
    apart = {"TimeToLiveSpecification", "PointInTimeRecoverySpecification", "SSESpecification"}
    arguments = {key: value for key, value in properties.items() if key not in apart}
    if encryption := properties.get("SSESpecification"):
        arguments["SSESpecification"] = _renamed(encryption, SSEEnabled="Enabled")
    if stream := properties.get("StreamSpecification"):
        arguments["StreamSpecification"] = {"StreamEnabled": True, **stream}  # naming the view enables it
    made = dynamodb.create_table(**arguments)["TableDescription"]
    if "TimeToLiveSpecification" in properties:
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"])
    if recovery := properties.get("PointInTimeRecoverySpecification"):
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    stream_arn = {"StreamArn": made["LatestStreamArn"]} if stream else {}
    return Made(name, {"Arn": made["TableArn"], **stream_arn})


def _queue(clients: Clients, properties: Properties) -> Made:
    sqs = clients("sqs")
    attributes = {key: _text(value) for key, value in properties.items() if key != "QueueName"}
    url = sqs.create_queue(QueueName=properties["QueueName"], Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Made(url, {"Arn": arn, "QueueName": properties["QueueName"]})


def _text(value: Any) -> str:
    """SQS takes every attribute as text."""
    return value if isinstance(value, str) else json.dumps(value)


def _queue_policy(clients: Clients, properties: Properties) -> Made:
    policy = json.dumps(properties["PolicyDocument"])
    for url in properties["Queues"]:
        clients("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return Made(properties["Queues"][0])


def _rule(clients: Clients, properties: Properties) -> Made:
    events, name = clients("events"), properties["Name"]
    arguments = {key: value for key, value in properties.items() if key not in {"Targets", "EventPattern"}}
    made = events.put_rule(EventPattern=json.dumps(properties["EventPattern"]), **arguments)
    events.put_targets(Rule=name, Targets=properties["Targets"])
    return Made(name, {"Arn": made["RuleArn"]})


def _email_identity(clients: Clients, properties: Properties) -> Made:
    ses, identity = clients("sesv2"), properties["EmailIdentity"]
    ses.create_email_identity(EmailIdentity=identity)  # emulated, it is verified at once
    ses.put_email_identity_feedback_attributes(EmailIdentity=identity, **properties["FeedbackAttributes"])
    return Made(identity)


def _configuration_set(clients: Clients, properties: Properties) -> Made:
    arguments = {key: value for key, value in properties.items() if key != "Name"}
    clients("sesv2").create_configuration_set(ConfigurationSetName=properties["Name"], **arguments)
    return Made(properties["Name"])


def _event_destination(clients: Clients, properties: Properties) -> Made:
    destination = dict(properties["EventDestination"])
    name, kinds = destination.pop("Name"), destination["MatchingEventTypes"]
    configuration_set = properties["ConfigurationSetName"]
    clients("sesv2").create_configuration_set_event_destination(
        ConfigurationSetName=configuration_set,
        EventDestinationName=name,
        EventDestination=destination | {"MatchingEventTypes": [kind.upper() for kind in kinds]},
    )
    return Made(f"{configuration_set}|{name}")


MAKERS: dict[str, Callable[[Clients, Properties], Made]] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::Events::Rule": _rule,
    "AWS::KMS::Alias": _alias,
    "AWS::KMS::Key": _key,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SES::ConfigurationSet": _configuration_set,
    "AWS::SES::ConfigurationSetEventDestination": _event_destination,
    "AWS::SES::EmailIdentity": _email_identity,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
}
