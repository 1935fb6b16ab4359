"""Importing the app in a fresh interpreter, against what it cannot do without.

That is Chalice, and pydantic with a model: `import pydantic` alone loads next to nothing of it. Both are imported in
one interpreter, for what they share must not be counted twice.
"""

import subprocess
import sys
import time

from bench.tables import table

ROUNDS = 15
ONE_MODEL = "from pydantic import BaseModel\nclass Model(BaseModel):\n    size: int"
JOBS = {
    "interpreter alone": "pass",
    "chalice.app": "import chalice.app",
    "pydantic, one model": ONE_MODEL,
    "both": f"import chalice.app\n{ONE_MODEL}",
    "both, and our models": f"import chalice.app\n{ONE_MODEL}\n"
    "import chalicelib.wire.downloads, chalicelib.wire.files, chalicelib.wire.people",
    "app": "import app",
}


def report() -> str:
    best = dict.fromkeys(JOBS, float("inf"))
    for _ in range(ROUNDS):
        for name, code in JOBS.items():
            best[name] = min(best[name], _run(code))
    bare = best.pop("interpreter alone")
    net = {name: seconds - bare for name, seconds in best.items()}
    rows = [[name, f"{seconds * 1000:.0f}", f"{seconds / net['both']:.2f}"] for name, seconds in net.items()]
    title = f"Import: best of {ROUNDS}, each in a fresh interpreter, net of its own {bare * 1000:.0f} ms"
    return table(title, ["what", "ms", "of both"], rows)


def _run(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started
