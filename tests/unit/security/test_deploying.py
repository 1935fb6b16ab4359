"""Checks B of docs/threat-model.md: what is deployed is what was packaged."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.artefacts import ArtefactBucket, bucket_name

OURS, ATTACKERS = "123456789012", "666666666666"


class AttackersBucket:
    """S3 in which somebody else guessed the name first, and lets everybody read and write there."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    def head_bucket(self, **given: Any) -> None:
        self._answer("HeadBucket", given)

    def head_object(self, **given: Any) -> None:
        """Whatever is looked for, it is there: with the attacker's code in it."""
        self._answer("HeadObject", given)

    def put_object(self, **given: Any) -> None:
        self._answer("PutObject", given)
        self.got.append(given["Body"])

    def put_public_access_block(self, **given: Any) -> None:
        self._answer("PutPublicAccessBlock", given)

    def put_bucket_versioning(self, **given: Any) -> None:
        self._answer("PutBucketVersioning", given)

    def put_bucket_policy(self, **given: Any) -> None:
        self._answer("PutBucketPolicy", given)

    @staticmethod
    def _answer(operation: str, given: dict[str, Any]) -> None:
        if given.get("ExpectedBucketOwner", ATTACKERS) != ATTACKERS:
            raise ClientError({"Error": {"Code": "403"}}, operation)


def test_b1_code_is_neither_sent_to_nor_taken_from_anothers_bucket() -> None:
    s3 = AttackersBucket()
    bucket = ArtefactBucket(s3, bucket_name("sealdrop", OURS, "eu-west-1"), account=OURS)
    with pytest.raises(ClientError, match="403"):
        bucket.make()
    with pytest.raises(ClientError, match="403"):
        bucket.put(b"code", ".zip")
    assert s3.got == []
