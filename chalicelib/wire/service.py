"""What the service says of itself."""

from typing import Literal

from chalicelib.wire.base import Out


class HealthView(Out):
    status: Literal["ok"]
