"""Data keys from KMS, each bound to its file by the encryption context."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.adapters.aws_call import call, code_of
from chalicelib.domain.sealing import DataKey, WrappedKey
from chalicelib.ports import WrongContext

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_NOT_OURS = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


class KmsKeys:
    def __init__(self, client: "KMSClient", key_arn: str) -> None:
        self._client, self._key_arn = client, key_arn

    def generate(self, context: Mapping[str, str]) -> DataKey:
        answer = call(
            self._client.generate_data_key,
            KeyId=self._key_arn,
            KeySpec="AES_256",
            EncryptionContext=dict(context),
        )
        return DataKey(answer["Plaintext"], WrappedKey(answer["KeyId"], answer["CiphertextBlob"]))

    def unwrap(self, key: WrappedKey, context: Mapping[str, str]) -> bytes:
        try:
            answer = call(
                self._client.decrypt,
                KeyId=key.key_arn,
                CiphertextBlob=key.blob,
                EncryptionContext=dict(context),
            )
        except ClientError as error:
            if code_of(error) in _NOT_OURS:
                raise WrongContext from error
            raise
        return answer["Plaintext"]
