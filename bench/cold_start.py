"""A cold start of the packaged app, against what it cannot do without: Chalice, pydantic and boto3's clients.

Each is a fresh interpreter that knows the unpacked `out/deployment.zip` and the standard library, and does what Lambda
does before the first answer of a route: imports the app, and has bootstrap make the ports that the route asks for. The
floor imports the same packages and makes the same clients by boto3 alone, in one interpreter, so that what they share
is not counted twice. The two take turns, and the best of each counts, in seconds of the processor: on a busy machine
they wait longer, and do not work more.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.imports import ONE_MODEL
from bench.tables import table
from infra import template

ROUNDS = 9
ARCHIVE = Path(__file__).parents[1] / "out" / "deployment.zip"
ROUTES = {  # and the ports that its first request asks for
    "GET /public/downloads/{key}": ("limiter", "downloads", "files"),
    "POST /public/downloads/{key}": ("limiter", "downloads", "files", "keys", "objects"),
}
CLIENTS = {"keys": "kms", "objects": "s3"}  # of a port; of the others: dynamodb
_SPENT = "\nimport time; print(time.process_time())"


@dataclass(frozen=True)
class ColdStart:
    """In seconds of the processor, net of the interpreter's own."""

    app: float
    floor: float

    @property
    def ratio(self) -> float:
        return self.app / self.floor


def measure(route: str, path: Path | None, rounds: int) -> ColdStart:
    """`path` has the unpacked archive; None: this tree, and the packages of this interpreter."""
    ports = ROUTES[route]
    jobs = {"nothing": "pass", "app": _app(ports), "floor": _floor(ports)}
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(rounds):
        for name, code in jobs.items():
            best[name] = min(best[name], _spent(code, path))
    return ColdStart(best["app"] - best["nothing"], best["floor"] - best["nothing"])


def _app(ports: tuple[str, ...]) -> str:
    return (
        f"import app\nfrom chalicelib.bootstrap import world\nw = world()\n{'; '.join(f'w.{port}' for port in ports)}"
    )


def _floor(ports: tuple[str, ...]) -> str:
    services = sorted({CLIENTS.get(port, "dynamodb") for port in ports})
    clients = (
        f"import boto3\nsession = boto3.Session(region_name='eu-west-1')\nfor name in {services}: session.client(name)"
    )
    return f"import chalice.app\n{ONE_MODEL}\n{clients}"


def _spent(code: str, path: Path | None) -> float:
    apart = ["-I", "-S"] if path else []  # knows no installed packages
    prepared = f"import sys; sys.path.insert(0, {str(path)!r})\n{code}" if path else code
    command = [sys.executable, *apart, "-c", prepared + _SPENT]
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
    head = ["first request", "app", "Chalice, pydantic, clients", "ratio"]
    if not ARCHIVE.is_file():
        return f"## {title}\n\nThere is no {ARCHIVE.relative_to(ARCHIVE.parents[1])}: `make package` makes it."
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(ARCHIVE) as packed:
            packed.extractall(folder)
        found = {route: measure(route, Path(folder), ROUNDS) for route in ROUTES}
    rows = [[route, f"{it.app * 1000:.0f}", f"{it.floor * 1000:.0f}", f"{it.ratio:.2f}"] for route, it in found.items()]
    return table(title, head, rows)
