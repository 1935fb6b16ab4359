"""What each call of AWS asks IAM for, in the caller's name: itself, and what the service then does on its behalf.

No emulator checks rights, so this is the one place where AWS's pages are written down; each part names its page. A call
that is not known here is an error.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

from infra.local.apply import Applied
from tests.support.iam import Ask, Values

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """As botocore was asked for it, signing a URL included: whoever signs one lends it their rights."""

    service: str
    operation: str
    params: Params


@dataclass(frozen=True)
class Estate:
    """Where things are, and under which key."""

    region: str
    account: str
    table_arns: Mapping[str, str]
    table_keys: Mapping[str, str]  # of those under a key of ours
    table_partitions: Mapping[str, str]  # the attribute that is the partition key
    bucket_arns: Mapping[str, str]
    bucket_keys: Mapping[str, str]
    queue_arns: Mapping[str, str]  # by URL
    key_arns: Mapping[str, str]  # by alias

    @classmethod
    def of(cls, applied: Applied, region: str, account: str) -> "Estate":
        def named(name: str) -> dict[str, str]:
            """The logical ids of what has a name of this sort."""
            return {made[name]: logical for logical, made in applied.resources.items() if name in made}

        def arns(logicals: Mapping[str, str]) -> dict[str, str]:
            return {name: applied.names.attributes[logical, "Arn"] for name, logical in logicals.items()}

        tables = {name: applied.resources[logical] for name, logical in named("TableName").items()}
        buckets = {name: applied.resources[logical] for name, logical in named("BucketName").items()}
        return cls(
            region,
            account,
            arns(named("TableName")),
            {name: it["SSESpecification"]["KMSMasterKeyId"] for name, it in tables.items() if "SSESpecification" in it},
            {name: it["KeySchema"][0]["AttributeName"] for name, it in tables.items()},
            arns(named("BucketName")),
            {name: _key_of_bucket(it) for name, it in buckets.items()},
            arns({applied.refs[logical]: logical for logical in named("QueueName").values()}),
            {
                alias: f"arn:aws:kms:{region}:{account}:key/{applied.resources[logical]['TargetKeyId']}"
                for alias, logical in named("AliasName").items()
            },
        )

    def partitions(self, table: str, items: Iterable[Params]) -> Values:
        """Of these items, as `dynamodb:LeadingKeys` has them."""
        attribute = self.table_partitions[table]
        return tuple(sorted({value for item in items for value in item[attribute].values()}))

    def asks(self, call: Call) -> Iterator[Ask]:
        yield from _SERVICES[call.service](self, call.operation, call.params)


def _key_of_bucket(bucket: Params) -> str:
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"], "else the context is the object's ARN"
    key: str = rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    return key


def _dynamodb(estate: Estate, operation: str, params: Params) -> Iterator[Ask]:
    """Of a transaction each write by its own name; of each item, the partition that it is in.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    for action, table, place, partitions in _of_tables(estate, operation, params):
        told = {"dynamodb:LeadingKeys": partitions} if partitions else {}
        yield Ask.of(f"dynamodb:{action}", estate.table_arns[table] + place, told)
        yield from opening_table(estate, table)


OfTable = tuple[str, str, str, Values]  # action, table, what of the table, partitions


def _of_tables(estate: Estate, operation: str, params: Params) -> Iterator[OfTable]:
    match operation:
        case "Query" | "Scan":  # whose partitions no right of ours asks for, so they are not told
            index = params.get("IndexName")
            yield operation, params["TableName"], f"/index/{index}" if index else "", ()
        case "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem":
            yield _of_item(estate, operation, params)
        case "BatchGetItem" | "BatchWriteItem":
            for table, of_table in params["RequestItems"].items():
                yield operation, table, "", estate.partitions(table, _in_batch(of_table))
        case "TransactWriteItems":
            yield from _of_transaction(estate, params["TransactItems"])
        case _:
            raise ValueError(f"what does {operation} of DynamoDB need?")


def _of_transaction(estate: Estate, items: Sequence[Params]) -> Iterator[OfTable]:
    """AWS does not say whether a write is judged by its own partition or by those of all: either must be allowed."""
    writes = [_of_item(estate, f"{kind}Item", write) for entry in items for kind, write in entry.items()]
    for action, table, place, _ in writes:
        touched = [write[3] for write in writes if write[1] == table]
        yield action, table, place, tuple(sorted({key for keys in touched for key in keys}))
        yield from ((action, table, place, keys) for keys in touched)


def _of_item(estate: Estate, action: str, params: Params) -> OfTable:
    table = params["TableName"]
    return action, table, "", estate.partitions(table, [params["Item" if action == "PutItem" else "Key"]])


def _in_batch(of_table: Any) -> Iterator[Params]:
    """The items that one table's part of a batch names."""
    if isinstance(of_table, list):  # writes
        for write in of_table:
            yield write["PutRequest"]["Item"] if "PutRequest" in write else write["DeleteRequest"]["Key"]
    else:
        yield from of_table["Keys"]


def opening_table(estate: Estate, table: str) -> Iterator[Ask]:
    """DynamoDB opens the table's key in the name of whoever uses the table, its indexes or its stream.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    """
    if key := estate.table_keys.get(table):
        context = {"aws:dynamodb:tableName": table, "aws:dynamodb:subscriberId": estate.account}
        yield _using(key, "Decrypt", context, via=f"dynamodb.{estate.region}.amazonaws.com")


# On the object, on the bucket, and what S3 does with the key on the caller's behalf. Each operation's own page in
# https://docs.aws.amazon.com/AmazonS3/latest/API/ has a part "Permissions"; whoever may not list is told 403 of what is
# not there.
_S3: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "AbortMultipartUpload": (("AbortMultipartUpload",), (), ()),
    "CompleteMultipartUpload": (("PutObject",), (), ("Decrypt", "GenerateDataKey")),
    "CreateMultipartUpload": (("PutObject",), (), ("Decrypt", "GenerateDataKey")),
    "DeleteObjects": (("DeleteObjectVersion",), (), ()),
    "GetBucketEncryption": ((), ("GetEncryptionConfiguration",), ()),
    "HeadObject": (("GetObject",), ("ListBucket",), ("Decrypt",)),
    "ListObjectVersions": ((), ("ListBucketVersions",), ()),
    "ListParts": (("ListMultipartUploadParts",), (), ("Decrypt",)),
    "PutObject": (("PutObject",), (), ("Decrypt", "GenerateDataKey")),
    "UploadPart": (("PutObject",), (), ("Decrypt", "GenerateDataKey")),
}


def _s3(estate: Estate, operation: str, params: Params) -> Iterator[Ask]:
    bucket = estate.bucket_arns[params["Bucket"]]
    if operation == "GetObject":
        of_version = "VersionId" in params
        on_object, on_bucket, with_key = (
            ("GetObjectVersion" if of_version else "GetObject",),
            ("ListBucket",),
            ("Decrypt",),
        )
    else:
        on_object, on_bucket, with_key = _S3[operation]
    if operation == "DeleteObjects":
        keys = {doomed["Key"] for doomed in params["Delete"]["Objects"] if doomed["VersionId"]}
    else:
        keys = {params.get("Key", "")}
    yield from (Ask.of(f"s3:{action}", f"{bucket}/{key}") for action in on_object for key in keys)
    prefix = {"s3:prefix": params["Prefix"]} if "Prefix" in params else {}
    yield from (Ask.of(f"s3:{action}", bucket, prefix) for action in on_bucket)
    for action in with_key:  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html: the bucket's ARN
        yield _using(
            estate.bucket_keys[params["Bucket"]],
            action,
            {"aws:s3:arn": bucket},
            via=f"s3.{estate.region}.amazonaws.com",
        )


def _kms(estate: Estate, operation: str, params: Params) -> Iterator[Ask]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html"""
    assert operation in {"Decrypt", "DescribeKey", "GenerateDataKey", "GenerateMac", "VerifyMac"}
    key = estate.key_arns.get(params["KeyId"], params["KeyId"])
    yield _using(key, operation, params.get("EncryptionContext", {}))


def _using(key: str, action: str, context: Mapping[str, str], via: str | None = None) -> Ask:
    """https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html"""
    asked: dict[str, str | Values] = {f"kms:EncryptionContext:{name}": value for name, value in context.items()}
    asked |= {"kms:EncryptionContextKeys": tuple(sorted(context))} if context else {}
    return Ask.of(f"kms:{action}", key, asked | ({"kms:ViaService": via} if via else {}))


def _sqs(estate: Estate, operation: str, params: Params) -> Iterator[Ask]:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html"""
    assert operation in {"SendMessage", "SendMessageBatch"}
    yield Ask.of("sqs:SendMessage", estate.queue_arns[params["QueueUrl"]])


def _sesv2(estate: Estate, operation: str, params: Params) -> Iterator[Ask]:
    """Of the sender's identity, and of the configuration set.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
    """
    assert operation == "SendEmail"
    sender = parseaddr(params["FromEmailAddress"])[1]
    for resource in (f"identity/{sender}", f"configuration-set/{params['ConfigurationSetName']}"):
        arn = f"arn:aws:ses:{estate.region}:{estate.account}:{resource}"
        yield Ask.of("ses:SendEmail", arn, {"ses:FromAddress": sender})


def _sts(_: Estate, operation: str, __: Params) -> Iterator[Ask]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: whoever it is may ask."""
    assert operation == "GetCallerIdentity"
    yield from ()


_SERVICES: Mapping[str, Callable[[Estate, str, Params], Iterator[Ask]]] = {
    "dynamodb": _dynamodb,
    "kms": _kms,
    "s3": _s3,
    "sesv2": _sesv2,
    "sqs": _sqs,
    "sts": _sts,
}
