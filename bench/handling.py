"""What our own code costs a warm request: the real app on in-memory ports, so no AWS call and no network is in it.

The reference is Chalice alone, answering a constant: what the framework costs whoever uses it.
"""

import contextlib
import io
import time
from collections.abc import Callable

from chalice.app import Chalice

import app as sealdrop
from bench.tables import table
from chalicelib import bootstrap
from tests.support.app_client import AppClient
from tests.support.builders import enrol
from tests.support.fakes import FakeObjects, FakeWorld

ROUNDS = 2_000
WARM_UP = 200
PAGE = 50


def report() -> str:
    world = FakeWorld(rate_limit=1_000_000_000)
    previous = bootstrap.use(world)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the log lines are made, not printed
            measured = _alternating(_jobs(world))
    finally:
        bootstrap.use(previous)
    base = measured["chalice alone"][0]
    rows = [[name, f"{p50:,.0f}", f"{p99:,.0f}", f"{p50 / base:.1f}"] for name, (p50, p99) in measured.items()]
    head = ["request", "p50 µs", "p99 µs", "p50 of chalice alone"]
    return table(f"Handling: routing, limit, token, validation, answer; {ROUNDS:,} warm requests each", head, rows)


def _jobs(world: FakeWorld) -> dict[str, Callable[[], object]]:
    client = AppClient(sealdrop.app, token=enrol(world, "bench@example.com", "Bench").text)
    objects = world.objects
    assert isinstance(objects, FakeObjects)
    new = {"filename": "invoice.pdf", "size": 5}
    first = client.post("/files", new).data["id"]
    for _ in range(PAGE):
        file = client.post("/files", new).data
        objects.put(f"files/{file['id']}", b"hello")
        client.post(f"/files/{file['id']}/complete")
    bare = AppClient(_chalice_alone())
    return {
        "chalice alone": lambda: bare.get("/constant"),
        "GET /health": lambda: client.get("/health"),
        "GET /files?limit=0, refused (422)": lambda: client.get("/files", query={"limit": "0"}),
        "GET /files?limit=1": lambda: client.get("/files", query={"limit": "1"}),
        f"GET /files, a page of {PAGE}": lambda: client.get("/files"),
        "PATCH /files/{id}, refused (422)": lambda: client.patch(f"/files/{first}", {"filename": "a/b"}),
        "GET /files without a token (401)": lambda: client.with_token(None).get("/files"),
    }


def _chalice_alone() -> Chalice:
    bare = Chalice("bare")

    @bare.route("/constant")
    def constant() -> dict[str, str]:
        return {"status": "ok"}

    return bare


def _alternating(jobs: dict[str, Callable[[], object]]) -> dict[str, tuple[float, float]]:
    """(p50, p99) of each in microseconds, the jobs taking turns so that a slow moment hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(WARM_UP + ROUNDS):
        for name, job in jobs.items():
            started = time.perf_counter()
            job()
            if turn >= WARM_UP:
                times[name].append((time.perf_counter() - started) * 1e6)
    return {name: (_percentile(values, 0.5), _percentile(values, 0.99)) for name, values in times.items()}


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]
