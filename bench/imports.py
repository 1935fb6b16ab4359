"""Importing the app in a fresh interpreter, against the sum of what it cannot do without."""

import subprocess
import sys
import time

from bench.tables import table

ROUNDS = 9
PARTS = {"interpreter alone": "pass", "chalice.app": "import chalice.app", "pydantic": "import pydantic"}


def report() -> str:
    jobs = {**PARTS, "app": "import app"}
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(ROUNDS):
        for name, code in jobs.items():
            best[name] = min(best[name], _run(code))
    bare = best["interpreter alone"]
    unavoidable = sum(best[name] - bare for name in ("chalice.app", "pydantic"))
    whole = best["app"] - bare
    rows = [
        ["interpreter alone", f"{bare * 1000:.0f}", ""],
        ["chalice.app, net", f"{(best['chalice.app'] - bare) * 1000:.0f}", ""],
        ["pydantic, net", f"{(best['pydantic'] - bare) * 1000:.0f}", ""],
        ["app, net", f"{whole * 1000:.0f}", f"{whole / unavoidable:.2f} × the sum of chalice and pydantic"],
    ]
    return table(f"Import: best of {ROUNDS}, each in a fresh interpreter", ["what", "ms", "ratio"], rows)


def _run(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started
