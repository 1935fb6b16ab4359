"""What the operator's commands share: AWS as the environment names it, and its refusals in words that help on."""

import argparse
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from infra import template

REFUSALS = (BotoCoreError, ClientError)  # what AWS, or the lack of it, ends a command with
CREDENTIALS = """\
AWS is found as every AWS tool finds it: a profile (AWS_PROFILE), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; the
region by AWS_REGION, AWS_DEFAULT_REGION or the profile."""

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"})
_UNKNOWN = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


def session() -> Any:
    """boto3 alone of the AWS tools does not know AWS_REGION."""
    return boto3.Session(region_name=os.environ.get("AWS_REGION"))


@cache
def _stage_pattern() -> str:
    return str(template.load(template.TEMPLATE)["Parameters"]["Stage"]["AllowedPattern"])


def stage(text: str) -> str:
    """From the command line: of a slip AWS would say no more than that a name is malformed."""
    if not re.fullmatch(_stage_pattern(), text):
        raise argparse.ArgumentTypeError(
            f"no deployment can be called {text!r}: its name is 2 to 8 small letters and digits, a letter first"
        )
    return text


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C does nothing meanwhile."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def explained(error: Exception) -> str:
    """What went wrong and what to do, for any of REFUSALS; any other error as it says itself."""
    if isinstance(error, NoRegionError):
        return "no region is named: set AWS_REGION, as in AWS_REGION=eu-west-1, or one in the profile (AWS_PROFILE)"
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, ProfileNotFound):
        return f"{error}: `aws configure list-profiles` names those that there are"
    if isinstance(error, ConnectionError):
        return f"AWS does not answer: {error}"
    return _refused(error) if isinstance(error, ClientError) else str(error)


def _refused(error: ClientError) -> str:
    told = error.response["Error"]
    code, words = told.get("Code", ""), told.get("Message", "")
    if code in _DENIED:
        return f"these credentials may not do {error.operation_name}: {words or code}"
    if code in _UNKNOWN:
        return f"{error.operation_name} found nothing ({words or code}): check the names, the stage and the region"
    if code in _BAD_CREDENTIALS:
        return f"AWS does not take these credentials ({code}): they are wrong, or have expired: log in again"
    return str(error)
