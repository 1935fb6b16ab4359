"""Where moto's model of S3 has to be told what the edge does in its place."""

from moto.iam.access_control import PermissionResult
from moto.s3 import models


def install() -> None:
    """Idempotent. The pinned version of moto is what this was written for."""
    # moto ignores a policy's Condition, so that "deny without TLS" would deny everything: the edge judges policies.
    models.FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL  # type: ignore[method-assign]
