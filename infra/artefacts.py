"""What a deployment puts into buckets: archive and template into one that it makes, pages into the stack's."""

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.pages import CONTENT_TYPES

NO_CACHE = "no-cache"  # pages name one another without versions: browsers and CloudFront ask each time


def bucket_name(service: str, account: str, region: str) -> str:
    return f"{service}-artefacts-{account}-{region}"


class ArtefactBucket:
    """Private, by TLS alone, versioned; one for all stages of an account and region.

    Its name can be guessed, so each call says whose it must be: another's bucket of that name is refused.
    """

    def __init__(self, s3: Any, name: str, *, account: str, partition: str = "aws") -> None:
        self.s3, self.name, self.partition = s3, name, partition
        self._ours = {"Bucket": name, "ExpectedBucketOwner": account}

    def make(self) -> None:
        """Harmless to repeat: what somebody loosened is made tight again."""
        if not self._answers(self.s3.head_bucket, **self._ours):
            region = self.s3.meta.region_name
            place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            self.s3.create_bucket(Bucket=self.name, **place)
        private = dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        )
        self.s3.put_public_access_block(**self._ours, PublicAccessBlockConfiguration=private)
        self.s3.put_bucket_versioning(**self._ours, VersioningConfiguration={"Status": "Enabled"})
        self.s3.put_bucket_policy(**self._ours, Policy=json.dumps(self._policy()))

    def put(self, content: bytes, suffix: str) -> str:
        """The object's key, which is made of the content: what is there already is the same, and not sent again."""
        key = f"{hashlib.sha256(content).hexdigest()}{suffix}"
        if not self._answers(self.s3.head_object, **self._ours, Key=key):
            self.s3.put_object(**self._ours, Key=key, Body=content, ChecksumAlgorithm="SHA256")
        return key

    def _policy(self) -> dict[str, Any]:
        arn = f"arn:{self.partition}:s3:::{self.name}"
        deny = {"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
        return {
            "Version": "2012-10-17",
            "Statement": [{**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}],
        }

    @staticmethod
    def _answers(head: Any, **names: str) -> bool:
        try:
            head(**names)
        except ClientError as error:
            if error.response["Error"].get("Code") not in {"404", "NoSuchBucket", "NoSuchKey"}:
                raise
            return False
        return True


def point_at(template: dict[str, Any], code: str) -> bytes:
    """The template with its functions' code at this S3 address instead of beside it.

    As JSON: CloudFormation does not take the aliases that YAML has for what stands twice.
    """
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = code
    return json.dumps(template).encode()


def sync_pages(s3: Any, bucket: str, folder: Path) -> tuple[int, int]:
    """Make the bucket hold what the folder does, pages after what they use. How many files were sent, and removed."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if _is_page(path)}
    for key in sorted(files, key=lambda key: (key.endswith(".html"), key)):
        kind = CONTENT_TYPES[files[key].suffix]
        s3.put_object(Bucket=bucket, Key=key, Body=files[key].read_bytes(), ContentType=kind, CacheControl=NO_CACHE)
    gone = [key for key in _keys(s3, bucket) if key not in files]
    for key in gone:
        s3.delete_object(Bucket=bucket, Key=key)
    return len(files), len(gone)


def _is_page(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _keys(s3: Any, bucket: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from (found["Key"] for found in page.get("Contents", []))


def forget_pages(cloudfront: Any, distribution: str) -> None:
    """Have CloudFront ask the bucket anew."""
    paths = {"Quantity": 1, "Items": ["/*"]}
    batch = {"Paths": paths, "CallerReference": f"deploy-{time.time_ns()}"}
    cloudfront.create_invalidation(DistributionId=distribution, InvalidationBatch=batch)
