"""What our own code costs a warm request: the real app on in-memory ports, so no AWS call and no network in it."""

import contextlib
import io
import statistics
import time
from datetime import UTC, datetime

from bench.tables import table
from chalicelib import bootstrap
from tests.support.app_client import AppClient
from tests.support.fakes import FakeWorld
