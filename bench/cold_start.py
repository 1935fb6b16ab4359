"""A cold start of the packaged app, against what it cannot do without: Chalice, pydantic and boto3's clients.

Each is a fresh interpreter that knows the unpacked `out/deployment.zip` and the standard library. The app does what
Lambda does before the first answer of a route: it is imported, bootstrap makes the ports that the route asks for, and
pydantic the models. Chalice, pydantic with one model, and the same clients by boto3 alone are each taken by themselves,
and once all in one interpreter, where what they share is counted once.

All take turns, and the best of each counts, in seconds of the processor: on a busy machine they wait longer, and do not
work more. What no machine can move is how many functions are called, Python's and C's: the tests compare that.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.imports import ONE_MODEL
from bench.tables import table
from infra import template

ROUNDS = 9
ROOT = Path(__file__).parents[1]
ARCHIVE = ROOT / "out" / "deployment.zip"


@dataclass(frozen=True)
class FirstRequest:
    """What it asks for: attributes of the world, models of chalicelib.wire.downloads."""

    ports: tuple[str, ...]
    models: tuple[str, ...]


ROUTES = {
    "GET /public/downloads/{key}": FirstRequest(("limiter", "downloads", "files"), ("PublicDownloadView",)),
    "POST /public/downloads/{key}": FirstRequest(
        ("limiter", "downloads", "files", "keys", "objects"), ("Perform", "PerformedView")
    ),
}
CLIENTS = {"keys": "kms", "objects": "s3"}  # of a port; of the others: dynamodb
SECONDS = "{code}\nimport time; print(time.process_time())"
CALLS = """
import sys
calls = 0
def count(frame, event, argument):
    global calls
    calls += event in ("call", "c_call")
sys.setprofile(count)
{code}
sys.setprofile(None); print(calls)
"""


@dataclass(frozen=True)
class ColdStart:
    """Seconds of the processor or calls of functions, net of the interpreter's own."""

    app: float
    apart: tuple[float, float, float]  # Chalice, pydantic, clients
    together: float

    @property
    def ratio(self) -> float:
        return self.app / sum(self.apart)


def measure(first: FirstRequest, path: Path) -> Iterator[ColdStart]:
    """The best seconds so far, once a round, without end. `path` has the unpacked archive."""
    jobs = _jobs(first)
    best = [float("inf")] * len(jobs)
    while True:
        best = [min(least, _cost(code, SECONDS, path)) for least, code in zip(best, jobs, strict=True)]
        yield _net(best)


def calls(first: FirstRequest, more: str = "") -> ColdStart:
    """Of this tree, with the packages of this interpreter. `more` is code that the app runs, too."""
    return _net([_cost(code, CALLS) for code in _jobs(first, more)])


def _jobs(first: FirstRequest, more: str = "") -> list[str]:
    parts = ["import chalice.app", ONE_MODEL, _clients(first)]
    return ["pass", _app(first, more), *parts, "\n".join(parts)]


def _net(costs: list[float]) -> ColdStart:
    app, chalice, pydantic, clients, together = (cost - costs[0] for cost in costs[1:])
    return ColdStart(app, (chalice, pydantic, clients), together)


def _app(first: FirstRequest, more: str) -> str:
    ports = "; ".join(f"w.{port}" for port in first.ports)
    models = "; ".join(f"downloads.{model}.model_rebuild()" for model in first.models)
    world = "from chalicelib.bootstrap import world\nfrom chalicelib.wire import downloads\nw = world()"
    return f"import app\n{world}\n{ports}\n{models}\n{more}"


def _clients(first: FirstRequest) -> str:
    services = sorted({CLIENTS.get(port, "dynamodb") for port in first.ports})
    return f"import boto3\ns = boto3.Session(region_name='eu-west-1')\nfor name in {services}: s.client(name)"


def _cost(code: str, counted: str, path: Path | None = None) -> float:
    apart = ["-I", "-S"] if path else []  # knows no installed packages
    prepared = f"import sys; sys.path.insert(0, {str(path or ROOT)!r})\n{counted.format(code=code)}"
    command = [sys.executable, *apart, "-c", prepared]
    ended = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=True)
    return float(ended.stdout)


def _environment() -> Mapping[str, str]:
    """What the function is told, with a value that is a name, an address and a number."""
    functions = template.load(template.OVERRIDES)["Resources"]
    told = dict.fromkeys(functions["APIHandler"]["Properties"]["Environment"]["Variables"], "1")
    aws = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    return {"PATH": os.environ["PATH"], **aws, **told}


def report() -> str:
    title = f"Cold start of the packaged app: best of {ROUNDS}, CPU ms, net of the interpreter's own"
    if not ARCHIVE.is_file():
        return f"## {title}\n\nThere is no {ARCHIVE.relative_to(ROOT)}: `make package` makes it."
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(ARCHIVE) as packed:
            packed.extractall(folder)
        rows = [_row(route, Path(folder)) for route in ROUTES]
    head = ["first request", "app", "Chalice", "pydantic", "clients", "of their sum", "in calls", "of all in one"]
    return table(title, head, rows)


def _row(route: str, path: Path) -> list[str]:
    *_, it = (found for _, found in zip(range(ROUNDS), measure(ROUTES[route], path), strict=False))
    milliseconds = [f"{seconds * 1000:.0f}" for seconds in (it.app, *it.apart)]
    of_their_sum = [f"{found.ratio:.2f}" for found in (it, calls(ROUTES[route]))]
    return [route, *milliseconds, *of_their_sum, f"{it.app / it.together:.2f}"]
