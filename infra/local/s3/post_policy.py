"""A browser's form upload (POST Object): what the signed policy says, the form has to keep.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.local.s3.errors import S3Error, access_denied

# What need not stand in the policy: the form's own machinery.
_FREE = {"policy", "x-amz-signature", "bucket", "file"}
_IGNORED = "x-ignore-"


@dataclass(frozen=True)
class Policy:
    expires_at: datetime
    conditions: list[tuple[str, Any, Any]]  # (operator, field or lowest, value or highest)


def parse(encoded: str) -> Policy:
    """Raises S3Error InvalidPolicyDocument."""
    try:
        document = json.loads(base64.b64decode(encoded, validate=True))
        expires_at = datetime.fromisoformat(document["expiration"])
        if expires_at.tzinfo is None:
            raise ValueError("the expiration has no zone")
        return Policy(expires_at, [_condition(it) for it in document["conditions"]])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise S3Error(400, "InvalidPolicyDocument", f"Invalid Policy: {error}") from None


def _condition(given: Any) -> tuple[str, Any, Any]:
    if isinstance(given, dict):
        ((name, value),) = given.items()
        return "eq", name.lower(), str(value)
    operator, name, value = given[0].lower(), given[1], given[2]
    if operator == "content-length-range":
        return operator, int(name), int(value)
    if operator not in {"eq", "starts-with"} or not name.startswith("$"):
        raise ValueError(f"unknown condition {given[0]}")
    return operator, name[1:].lower(), str(value)


def enforce(policy: Policy, fields: Mapping[str, str], size: int, now: datetime) -> None:
    """`fields` by lower-case name, with `bucket`. Raises S3Error."""
    if now > policy.expires_at:
        raise access_denied("Invalid according to Policy: Policy expired.")
    for operator, first, second in policy.conditions:
        if operator == "content-length-range":
            _within(size, first, second)
        elif not _kept(operator, first, second, fields):
            condition = json.dumps([operator, f"${first}", second])
            raise access_denied(f"Invalid according to Policy: Policy Condition failed: {condition}")
    _no_extra_fields(fields, {first for operator, first, _ in policy.conditions if operator != "content-length-range"})


def _within(size: int, lowest: int, highest: int) -> None:
    if size > highest:
        message = "Your proposed upload exceeds the maximum allowed size"
        raise S3Error(400, "EntityTooLarge", message, ProposedSize=str(size), MaxSizeAllowed=str(highest))
    if size < lowest:
        message = "Your proposed upload is smaller than the minimum allowed size"
        raise S3Error(400, "EntityTooSmall", message, ProposedSize=str(size), MinSizeAllowed=str(lowest))


def _kept(operator: str, name: str, value: str, fields: Mapping[str, str]) -> bool:
    given = fields.get(name)
    if given is None:
        return False
    return given == value if operator == "eq" else given.startswith(value)


def _no_extra_fields(fields: Mapping[str, str], covered: Iterable[str]) -> None:
    extra = sorted(name for name in set(fields) - set(covered) - _FREE if not name.startswith(_IGNORED))
    if extra:
        raise access_denied(f"Invalid according to Policy: Extra input fields: {', '.join(extra)}")
