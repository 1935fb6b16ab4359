"""The Deny statements of a bucket policy, conditions included; moto's own reading of policies has none.

TLS is taken as given: on AWS there is no other way in, and on this machine no wire to listen on.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from infra.local.s3.errors import access_denied
from infra.local.s3.request import AwsRequest

_HEADERS = (
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
)


def refuse_denied(policy: bytes | None, request: AwsRequest, now: datetime) -> None:
    """Raises S3Error AccessDenied. Who signed is the account itself: what is not denied is allowed."""
    if policy is None:
        return
    context = _context(request, now)
    action, resource = _action(request), "arn:aws:s3:::" + "/".join(filter(None, (request.bucket, request.key)))
    for statement in json.loads(policy)["Statement"]:
        if (
            statement["Effect"] == "Deny"
            and _matches(statement["Action"], action)
            and _matches(statement["Resource"], resource)
            and _holds(statement.get("Condition", {}), context)
        ):
            raise access_denied(f"with an explicit deny in a resource-based policy: {statement.get('Sid', '')}")


def _context(request: AwsRequest, now: datetime) -> dict[str, str]:
    sent = {f"s3:{name}": request.headers[name] for name in _HEADERS if name in request.headers}
    age = {"s3:signatureAge": _milliseconds_since(date, now)} if (date := request.query.get("X-Amz-Date")) else {}
    return {"aws:SecureTransport": "true", "s3:signatureversion": "AWS4-HMAC-SHA256", **sent, **age}


def _milliseconds_since(date: str, now: datetime) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html"""
    signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return str(int((now - signed_at).total_seconds() * 1000))


def _action(request: AwsRequest) -> str:
    if request.key and (request.method == "PUT" or {"uploads", "uploadId"} & set(request.query)):
        return "s3:PutObject"
    return f"s3:{request.method.title()}Object" if request.key else f"s3:{request.method.title()}Bucket"


def _matches(patterns: Any, value: str) -> bool:
    listed = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatchcase(value, pattern) for pattern in listed)


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """All of them. An operator that nobody needed yet is an error, not a pass."""
    return all(
        _compare(operator, context.get(key), [wanted] if isinstance(wanted, str) else wanted)
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _compare(operator: str, actual: str | None, wanted: list[str]) -> bool:
    if operator == "Null":
        return str(actual is None).lower() in wanted
    if operator in {"Bool", "StringEquals"}:
        return actual in wanted
    if operator == "StringNotEquals":  # true where there is no value, as IAM has it
        return actual not in wanted
    if operator == "NumericGreaterThan":
        return actual is not None and any(int(actual) > int(value) for value in wanted)
    raise ValueError(f"the bucket policy uses {operator}: teach it to infra/local/s3/policy.py")
