"""A cold start of the packaged app, against what it cannot do without: Chalice, pydantic and boto3's clients.

Each is a fresh interpreter that knows the unpacked `out/deployment.zip` and the standard library. The app does what
Lambda does before the first answer of a route: it is imported, bootstrap makes the ports that the route asks for, and
pydantic the models. Chalice, pydantic with one model, and the same clients by boto3 alone are each taken by themselves,
and once all in one interpreter, where what they share is counted once.

All take turns, and the best of each counts, in seconds of the processor: on a busy machine they wait longer, and do not
work more.
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
_SPENT = "\nimport time; print(time.process_time())"


@dataclass(frozen=True)
class ColdStart:
    """Seconds of the processor, net of the interpreter's own."""

    app: float
    apart: tuple[float, float, float]  # Chalice, pydantic, clients
    together: float

    @property
    def ratio(self) -> float:
        return self.app / sum(self.apart)


def measure(first: FirstRequest, path: Path | None = None, more: str = "") -> Iterator[ColdStart]:
    """The best so far, once a round, without end. `more` is code that the app runs, too.

    `path` has the unpacked archive; None: this tree, with the packages of this interpreter.
    """
    parts = ["import chalice.app", ONE_MODEL, _clients(first)]
    jobs = ["pass", _app(first, more), *parts, "\n".join(parts)]
    best = [float("inf")] * len(jobs)
    while True:
        best = [min(least, _spent(code, path)) for least, code in zip(best, jobs, strict=True)]
        app, chalice, pydantic, clients, together = (spent - best[0] for spent in best[1:])
        yield ColdStart(app, (chalice, pydantic, clients), together)


def _app(first: FirstRequest, more: str) -> str:
    ports = "; ".join(f"w.{port}" for port in first.ports)
    models = "; ".join(f"downloads.{model}.model_rebuild()" for model in first.models)
    world = "from chalicelib.bootstrap import world\nfrom chalicelib.wire import downloads\nw = world()"
    return f"import app\n{world}\n{ports}\n{models}\n{more}"


def _clients(first: FirstRequest) -> str:
    services = sorted({CLIENTS.get(port, "dynamodb") for port in first.ports})
    return f"import boto3\ns = boto3.Session(region_name='eu-west-1')\nfor name in {services}: s.client(name)"


def _spent(code: str, path: Path | None) -> float:
    apart = ["-I", "-S"] if path else []  # knows no installed packages
    prepared = f"import sys; sys.path.insert(0, {str(path or ROOT)!r})\n{code}{_SPENT}"
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
    head = ["first request", "app", "Chalice", "pydantic", "clients", "of their sum", "of all in one"]
    return table(title, head, rows)


def _row(route: str, path: Path) -> list[str]:
    *_, it = (found for _, found in zip(range(ROUNDS), measure(ROUTES[route], path), strict=False))
    milliseconds = [f"{seconds * 1000:.0f}" for seconds in (it.app, *it.apart)]
    return [route, *milliseconds, f"{it.ratio:.2f}", f"{it.app / it.together:.2f}"]
