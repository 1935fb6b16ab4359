"""A large file up and down by the command line, beside the same bytes sent and fetched by nothing but HTTP.

Client, service and storage share this machine, so that the figures say what the client costs, and no network's speed.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from bench.tables import table
from infra.local.process import clean_environment, stack_process
from tests.support import peak

SIZE = 2 * 2**30
PATIENCE_SECONDS = 600
MODES = {"client": "sealed", "server": "unsealed"}

_BARE_PUT = """
import http.client, sys, urllib.parse
url, path = sys.argv[1:]
parts = urllib.parse.urlsplit(url)
with open(path, "rb") as file:
    line = http.client.HTTPConnection(parts.netloc, blocksize=2**20)
    line.request("PUT", f"{parts.path}?{parts.query}", body=file, headers={"content-length": str(%d)})
    assert line.getresponse().status == 200
"""
_BARE_GET = """
import shutil, sys, urllib.request
url, path = sys.argv[1:]
with urllib.request.urlopen(url) as answer, open(path, "wb") as file:
    shutil.copyfileobj(answer, file, 2**20)
"""


def report() -> str:
    with tempfile.TemporaryDirectory(prefix="sealdrop-bench-") as name:
        folder = Path(name)
        with stack_process(folder, "--rate-limit", "1000000") as stack:
            runs = dict(_runs(stack.ready, folder))
    rows = []
    for what, run in runs.items():
        bare = runs[f"bare HTTP {'PUT' if 'put' in what or 'PUT' in what else 'GET'}"]
        speed, share = SIZE / peak.MIB / run.seconds, bare.seconds / run.seconds
        rows.append([what, f"{run.seconds:.1f}", f"{speed:,.0f}", f"{share:.2f}", f"{run.peak_bytes / peak.MIB:.0f}"])
    head = ["command", "s", "MiB/s", "of bare HTTP", "peak RSS, MiB"]
    return table(f"Transfer: {SIZE / 2**30:g} GiB, client, service and storage on this machine", head, rows)


def _runs(ready: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, peak.Run]]:
    peak.sparse_file(folder / "large.bin", SIZE)
    user = ready["users"][0]
    environment = clean_environment() | {
        "SEALDROP_URL": ready["api_url"],
        "SEALDROP_TOKEN": user["token"],
        "SEALDROP_PIN": user["pin"],
        "HOME": str(folder),
    }

    def run(*command: str) -> peak.Run:
        done = peak.run([sys.executable, *command], environment, folder, PATIENCE_SECONDS)
        if done.code:
            raise RuntimeError(f"{command[:3]} ended with {done.code}: {done.err}")
        return done

    put_url, get_url = _signed(ready)
    yield "bare HTTP PUT", run("-c", _BARE_PUT % SIZE, put_url, "large.bin")
    for mode, name in MODES.items():
        put = run("-m", "sealdrop", "put", "large.bin", "--encryption", mode)
        yield f"sealdrop put, {name}", put
        yield f"sealdrop get, {name}", run("-m", "sealdrop", "get", put.out.strip(), "-o", "back.bin")
        run("-m", "sealdrop", "rm", "--permanent", put.out.strip())
    yield "bare HTTP GET", run("-c", _BARE_GET, get_url, "back.bin")


def _signed(ready: Mapping[str, Any]) -> tuple[str, str]:
    """URLs of an object beside the service's own, signed with the operator's credentials."""
    s3 = boto3.Session().client(
        "s3",
        endpoint_url=ready["aws_endpoint_url"],
        region_name=ready["region"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - the emulator's
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    place = {"Bucket": ready["bucket"], "Key": "bench/bare"}
    put = s3.generate_presigned_url("put_object", Params={**place, "ContentLength": SIZE}, ExpiresIn=3600)
    get = s3.generate_presigned_url("get_object", Params=place, ExpiresIn=3600)
    s3.close()
    return put, get
