"""/health and /openapi.json: about the service itself."""

import functools
from pathlib import Path

from chalice.app import Blueprint

from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import PUBLIC, endpoint
from chalicelib.wire.base import RawJson
from chalicelib.wire.service import HealthView

bp = Blueprint(__name__)


@endpoint(bp, "GET", "/health", scope=PUBLIC)
def health(call: Call) -> HealthView:  # noqa: ARG001 - alive is all there is to say
    """Say that the service is alive."""
    return HealthView(status="ok")


@endpoint(bp, "GET", "/openapi.json", scope=PUBLIC)
def openapi(call: Call) -> RawJson:  # noqa: ARG001 - the same for everybody
    """Answer this document, OpenAPI 3.1, as it stands: not under `data`."""
    return RawJson(_document())


@functools.cache
def _document() -> str:
    """Written by `make openapi` (infra/openapi), never at run time."""
    return (Path(__file__).parents[1] / "openapi.json").read_text(encoding="utf-8")
