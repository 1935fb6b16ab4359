"""Bodies of mails, sealed by the stock AWS Encryption SDK. Imported only by who seals or opens one: it is heavy."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import aws_encryption_sdk
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError, DecryptKeyError, GenerateKeyError
from aws_encryption_sdk.key_providers.kms import KMSMasterKey
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidTag

from chalicelib.adapters.aws_call import call, code_of
from chalicelib.adapters.kms_keys import NOT_OURS
from chalicelib.domain.sealing import ALGORITHM, FRAME_LENGTH
from chalicelib.ports import WrongContext

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class SealedBodies:
    def __init__(self, client: "KMSClient", key_arn: str) -> None:
        logging.getLogger("aws_encryption_sdk").setLevel(logging.CRITICAL)  # it logs what it also raises
        sdk: Any = aws_encryption_sdk  # ships no types
        self._sdk = sdk.EncryptionSDKClient(
            commitment_policy=sdk.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, max_encrypted_data_keys=1
        )
        self._algorithm = getattr(sdk.Algorithm, ALGORITHM)
        make_key: Any = _Key
        self._key = make_key(key_id=key_arn, client=client)

    def seal(self, text: str, context: Mapping[str, str]) -> bytes:
        sealed, _ = self._sdk.encrypt(
            source=text.encode(),
            key_provider=self._key,
            encryption_context=dict(context),
            algorithm=self._algorithm,
            frame_length=FRAME_LENGTH,
        )
        return bytes(sealed)

    def open(self, sealed: bytes, context: Mapping[str, str]) -> str:
        try:
            plain, header = self._sdk.decrypt(source=sealed, key_provider=self._key)
        except (AWSEncryptionSDKClientError, InvalidTag) as error:
            raise WrongContext from error
        except ClientError as error:
            if code_of(error) in NOT_OURS:
                raise WrongContext from error
            raise
        if header.encryption_context != context:  # the SDK takes it from the message, and the message may be another
            raise WrongContext
        return bytes(plain).decode()


class _Key(KMSMasterKey):
    """Lets out what AWS answered: the SDK makes one error of a key that is not ours and of KMS that is busy."""

    def _generate_data_key(self, *given: Any, **named: Any) -> Any:
        return call(_undressed, super()._generate_data_key, *given, **named)

    def _decrypt_data_key(self, *given: Any, **named: Any) -> Any:
        return call(_undressed, super()._decrypt_data_key, *given, **named)


def _undressed(operation: Any, *given: Any, **named: Any) -> Any:
    try:
        return operation(*given, **named)
    except (DecryptKeyError, GenerateKeyError) as error:
        raise error.__cause__ or error from error
