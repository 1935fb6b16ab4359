"""Keys derived by KMS: an HMAC key that never leaves it, over a constant label."""

from typing import TYPE_CHECKING

from chalicelib.adapters.aws_call import call

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KmsMacs:
    def __init__(self, client: "KMSClient", key_arn: str) -> None:
        self._client, self._key_arn = client, key_arn

    def derive(self, label: bytes) -> bytes:
        answer = call(self._client.generate_mac, KeyId=self._key_arn, Message=label, MacAlgorithm="HMAC_SHA_256")
        return answer["Mac"]
