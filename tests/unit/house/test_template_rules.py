"""Rules of the templates that no emulator holds: what would go wrong on AWS alone."""

from pathlib import Path

from chalicelib.routes.triggers import SWEEP_SECONDS
from infra import template

INFRA = Path(__file__).parents[3] / "infra"


def test_the_sweep_ends_before_its_function_is_ended() -> None:
    """With time for the file that it is at: three calls of S3 that each wait for their answer in vain."""
    functions = template.load(INFRA / "overrides.yaml")["Resources"]
    assert functions["Sweep"]["Properties"]["Timeout"] >= SWEEP_SECONDS + 3 * 25
