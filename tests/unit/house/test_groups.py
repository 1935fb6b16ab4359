"""Tests that share something slow or large run on one worker: `--dist loadgroup` does what it says."""

import pytest


@pytest.mark.xdist_group("house")
def test_a_group_is_one_workers(request: pytest.FixtureRequest) -> None:
    """pytest-xdist writes groups into the tests' ids; where it cannot, it says nothing and deals them out singly."""
    if getattr(request.config.option, "loadgroup", False):
        assert request.node.nodeid.endswith("@house")
    else:
        assert "@" not in request.node.nodeid
