"""`python -m infra.recover FILE_ID -o PATH`: a file from the bucket, by S3 and KMS alone.

For the day on which the API, or the whole metadata table, is gone. Needs neither: the object carries its wrapped key
in the sealed message's header. The AWS Encryption SDK opens it as it comes, with the operator's own rights to KMS.

The bucket alone does not say which files are sealed, so that is told by how the object begins, and printed. Who can
write to the bucket could put plain bytes in a sealed file's place: where it is known to be sealed, say --sealed.
"""

import argparse
import logging
import os
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.domain.file import object_key
from chalicelib.domain.ids import FileId
from chalicelib.domain.sealing import FRAME_LENGTH
from infra import operating

MAGIC = b"\x02\x04\x78"  # format version 2, suite 0x0478: how every sealed file begins
SUCCESS, FAILED = 0, 1
OPENED = "Its seal was opened, and every part of it verified."
AS_IS = """Written as it lies in the bucket: no seal was opened, and nothing proves who put it there.
If the file ought to be sealed, somebody has replaced it: list its versions, and name one with --version-id."""


EXAMPLES = f"""examples:
  export FILES_BUCKET=sealdrop-prod-files-123456789012-eu-west-1
  python -m infra.recover 7c9e6679-7425-40de-944b-e07fc1f90ae7 -o invoice.pdf
  python -m infra.recover 7c9e6679-7425-40de-944b-e07fc1f90ae7 -o invoice.pdf --sealed --version-id 3sL4kqtJlcpXroDT

{operating.CREDENTIALS} On AWS they are those of the role
that is made while RecoveryPrincipal names somebody: docs/operations.md, "A file without the service".
"""


class NotRecovered(Exception):
    """The file cannot be had; the text says why. Nothing is left at the destination."""


@dataclass(frozen=True)
class Recovered:
    size_bytes: int  # of what was written
    seal_opened: bool  # else it lies in the bucket as it was written here
    version: str  # of the object


def recover(
    bucket: str,
    file_id: str,
    destination: Path,
    *,
    s3: Any,
    key_arn: str,
    sealed: bool | None = None,
    version: str | None = None,
) -> Recovered:
    """Write the file's content to `destination`, whole or not at all.

    With `sealed` it must be a sealed message, and is opened; without, the bytes are written as they are. None: what
    begins as a sealed message is one. `version` is the newest one where none is named. Raises NotRecovered.
    """
    pinned = {"VersionId": version} if version else {}
    try:
        answer = s3.get_object(Bucket=bucket, Key=object_key(FileId(file_id)), **pinned)
    except ClientError as error:
        if error.response["Error"].get("Code") not in {"NoSuchKey", "NoSuchVersion"}:
            raise
        raise NotRecovered(f"there is no file {file_id} in {bucket}, or no such version of it") from None
    with closing(answer["Body"]) as body:  # its own `with` would hand out the raw stream, which checks no length
        start = body.read(len(MAGIC))
        source = _Joined(start, body)
        is_sealed = start == MAGIC if sealed is None else sealed
        pieces = _opened(source, key_arn, file_id) if is_sealed else _plain(source, answer["ContentLength"])
        return Recovered(_write(pieces, destination), is_sealed, answer.get("VersionId", "null"))


class _Joined:
    """The bytes that were looked at, followed by the rest."""

    def __init__(self, start: bytes, rest: Any) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int = -1) -> bytes:
        start, self._start = self._start, b""
        if 0 <= size < len(start):
            self._start = start[size:]
            return start[:size]
        return start + bytes(self._rest.read() if size < 0 else self._rest.read(size - len(start)))


def _plain(source: _Joined, size_bytes: int) -> Iterator[bytes]:
    came = 0
    while piece := source.read(FRAME_LENGTH):
        came += len(piece)
        yield piece
    if came != size_bytes:
        raise NotRecovered(f"{came} bytes came instead of {size_bytes}")


def _opened(source: _Joined, key_arn: str, file_id: str) -> Iterator[bytes]:
    import aws_encryption_sdk
    from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError
    from cryptography.exceptions import InvalidTag

    logging.getLogger("aws_encryption_sdk").setLevel(logging.CRITICAL)  # the refusal is raised; no traceback beside it
    sdk: Any = aws_encryption_sdk  # ships no types
    client = sdk.EncryptionSDKClient(
        commitment_policy=sdk.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, max_encrypted_data_keys=1
    )
    provider = sdk.StrictAwsKmsMasterKeyProvider(key_ids=[key_arn])
    try:
        with client.stream(mode="d", source=source, key_provider=provider, max_body_length=FRAME_LENGTH) as stream:
            if stream.header.encryption_context.get("file") != file_id:
                raise NotRecovered("the object was sealed as another file")
            while piece := stream.read(FRAME_LENGTH):
                yield piece
    except InvalidTag:
        raise NotRecovered("a part of the object was changed") from None
    except AWSEncryptionSDKClientError as error:
        raise NotRecovered(f"the seal cannot be opened ({type(error).__name__})") from None
    if source.read(1):
        raise NotRecovered("something follows the end of the sealed message")


def _write(pieces: Iterator[bytes], destination: Path) -> int:
    """A temporary file beside the destination, renamed once the last piece has been verified."""
    size = 0
    handle, name = tempfile.mkstemp(dir=destination.parent, prefix=".recover-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            for piece in pieces:
                size += out.write(piece)
        temporary.replace(destination)
    finally:
        temporary.unlink(missing_ok=True)
    return size


def _key_of(bucket: str, s3: Any) -> str:
    """infra/template.yaml gives the bucket the same key that wraps the data keys."""
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    return str(rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"])


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.recover",
        description="Recover a file from the bucket with S3 and KMS alone; the API and its tables are not needed.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file_id", type=uuid.UUID, help="the file's id, as in its object key files/ID")
    parser.add_argument("-o", "--output", type=Path, required=True, help="where to write it; replaced if it is there")
    parser.add_argument("--bucket", default=os.environ.get("FILES_BUCKET"), help="the files bucket (FILES_BUCKET)")
    parser.add_argument("--key", help="ARN of the KMS key that wraps data keys (the bucket's default key)")
    parser.add_argument("--version-id", metavar="ID", help="an older version of the object (the newest)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--sealed", dest="sealed", action="store_true", default=None, help="it must be sealed: write nothing else"
    )
    mode.add_argument(
        "--as-is", dest="sealed", action="store_false", default=None, help="open no seal: write the bytes as they are"
    )
    options = parser.parse_args(arguments)
    if not options.bucket:
        parser.error("name the bucket: --bucket, or the environment variable FILES_BUCKET")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        s3 = operating.session().client("s3")
        recovered = recover(
            options.bucket,
            str(options.file_id),
            options.output,
            s3=s3,
            key_arn=options.key or _key_of(options.bucket, s3),
            sealed=options.sealed,
            version=options.version_id,
        )
    except (NotRecovered, *operating.REFUSALS, OSError) as error:
        print(f"not recovered: {operating.explained(error)}", file=sys.stderr)
        return FAILED
    print(f"{recovered.size_bytes:,} bytes in {options.output}, from version {recovered.version}")
    print(OPENED if recovered.seal_opened else AS_IS)
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
