"""Tests cannot touch the world: dummy credentials, an empty home, and no way out but to this machine."""

import functools
import gc
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from infra.local import shared_loader

HERE = Path(__file__).parent
LOOPBACK = "127.0.0.1"
GC_THRESHOLDS = (50_000, 20, 20)
"""So many new objects before the garbage collector looks through them: reference counts free nearly all of it."""
OURS = (
    "METADATA_TABLE",
    "RATE_LIMIT_TABLE",
    "SEARCH_TABLE",
    "FILES_BUCKET",
    "DATA_KEY_ARN",
    "PEPPER_KEY_ARN",
    "EVENTS_TABLE",
    "EVENTS_KEY_ARN",
    "EVENTS_DAYS",
    "RATE_LIMIT",
    "METRICS_NAMESPACE",
    "QUOTA_BYTES",
    "QUOTA_FILES",
    "QUOTA_MAILS_A_DAY",
    "SEALDROP_URL",
    "SEALDROP_TOKEN",
)
DUMMIES = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

settings.register_profile("house", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("house"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "house")


def pytest_addoption(parser: pytest.Parser) -> None:
    help_text = "which stack the end-to-end tests run on: `local` (default), or `emulator`, the package on MiniStack"
    parser.addoption("--stack", choices=["local", "emulator"], default="local", help=help_text)


def pytest_configure() -> None:
    """Before any fixture runs: what the developer's shell holds must not reach a test."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "SEALDROP_")) or name in OURS:
            del os.environ[name]
    os.environ |= DUMMIES
    os.environ["HOME"] = tempfile.mkdtemp(prefix="sealdrop-no-home-")
    shared_loader.install()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Unit tests open no socket; the client's may talk to a server of their own, the others to the local stack.

    What a module of integration tests sets up for itself, an AWS above all, is set up in one worker and not in each.
    """
    for item in items:
        kind, module = _place(item.path)
        alone = kind == "unit" and not module.startswith("client/")
        item.add_marker(pytest.mark.disable_socket if alone else pytest.mark.allow_hosts([LOOPBACK]))
        if kind == "integration" and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(module))


@functools.cache
def _place(path: Path) -> tuple[str, str]:
    """The folder of tests/ that it is in, and where there: asked for each of ten thousand tests."""
    kind, _, module = path.relative_to(HERE).as_posix().partition("/")
    return kind, module


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the garbage collector need not go through it time and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["HOME"], ignore_errors=True)
