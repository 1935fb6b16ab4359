"""Load on the stack of one machine: requests a second, p50 and p99 by route, and what must be exact afterwards.

Bounded, and on the loopback alone. The figures are those of the emulators (moto, one process), so they compare two runs
on one machine; docs/cost.md says what AWS carries. What holds anywhere is checked: no 5xx, of one download's uses
exactly those there were, an account's usage to the byte, and no more requests than an address's bucket has.
"""

import base64
import hashlib
import itertools
import json
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import urllib3

from bench.tables import table
from infra.local.process import stack_process

SECONDS = 20
WORKERS = 8
USES = 40  # of the one download that all workers want
ADDRESS_REQUESTS = 200  # then a worker comes from another address: the limit is measured apart
FLOOD = 400
LIMIT, REFILL_A_SECOND = 300, 5


class Broken(AssertionError):
    """Something that must be exact is not."""


@dataclass
class Tally:
    """Seconds by route, and what was made."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    files: int = 0
    bytes: int = 0
    mails: int = 0
    won: int = 0  # uses of the one download
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, route: str, seconds: float, status: int) -> None:
        with self.lock:
            self.seconds[route].append(seconds)
            self.statuses[status] += 1

    def made(self, size: int, mails: int) -> None:
        with self.lock:
            self.files, self.bytes, self.mails = self.files + 1, self.bytes + size, self.mails + mails

    def win(self, status: int) -> None:
        with self.lock:
            self.won += status == 200


class Client:
    """One connection after another, each from another address of the loopback."""

    def __init__(self, url: str, token: str, tally: Tally, number: int) -> None:
        self._url, self._token, self._tally, self._number = url, token, tally, number
        self._addresses = itertools.count()
        self._left = 0
        self._pool = urllib3.PoolManager(retries=False)

    def __call__(self, method: str, path: str, body: Any = None, *, route: str = "", token: bool = True) -> Any:
        """What it answered: status, and `data` if there is any."""
        if self._left == 0:
            address = f"127.{1 + self._number}.{next(self._addresses) % 250}.1"
            self._pool = urllib3.PoolManager(retries=False, timeout=30, source_address=(address, 0))
            self._left = ADDRESS_REQUESTS
        self._left -= 1
        headers = {"Authorization": f"Bearer {self._token}"} if token else {}
        sent = json.dumps(body) if body is not None else None
        if sent is not None:
            headers["Content-Type"] = "application/json"
        began = time.perf_counter()
        answer = self._pool.request(method, self._url + path, body=sent, headers=headers)
        self._tally.note(f"{method} {route or path}", time.perf_counter() - began, answer.status)
        return answer.status, json.loads(answer.data or b"{}").get("data")

    def put(self, upload: Mapping[str, Any], data: bytes) -> None:
        began = time.perf_counter()
        answer = self._pool.request("PUT", upload["url"], body=data, headers=upload["headers"])
        self._tally.note("PUT to S3", time.perf_counter() - began, answer.status)


def report() -> str:
    """Raises Broken."""
    with tempfile.TemporaryDirectory(prefix="sealdrop-load-") as folder, stack_process(Path(folder)) as stack:
        url, users = stack.ready["api_url"], stack.ready["users"]
        tally, seconds = run(url, users[0], SECONDS, WORKERS)
        passed, lasted = flood(url)
    title = f"Load: {seconds:.0f} s, {WORKERS} clients at once, {_requests(tally) / seconds:.0f} requests a second"
    head = ["route", "requests", "a second", "p50 ms", "p99 ms"]
    rows = [_row(route, seconds, tally.seconds[route]) for route in sorted(tally.seconds)]
    exact = (
        f"No 5xx among {_requests(tally):,} answers. Exact: {tally.won} of {USES} uses; {tally.files} files, "
        f"{tally.bytes:,} bytes and {tally.mails} mails in the account's quota; of {FLOOD} requests from one address "
        f"within {lasted:.1f} s {passed} passed."
    )
    return f"{table(title, head, rows)}\n\n{exact}"


def run(url: str, user: Mapping[str, str], seconds: float, workers: int) -> tuple[Tally, float]:
    """Load for so long, by a user whose account nobody else uses; what was measured, in how many seconds.

    Raises Broken.
    """
    tally, token = Tally(), user["token"]
    owner = Client(url, token, Tally(), 0)
    before = _used(owner)
    download, key = _wanted(owner, user["pin"])
    began = time.monotonic()
    ends = began + seconds
    fewest = USES // workers + 1  # so that all together want one use more than there is
    clients = [Client(url, token, tally, number) for number in range(1, workers + 1)]
    _at_once([partial(_work, client, key, tally, ends, fewest) for client in clients])
    took = time.monotonic() - began
    if failures := {status: count for status, count in tally.statuses.items() if status >= 500 or status == 429}:
        raise Broken(f"answers that nobody should get: {failures}")
    left = owner("GET", f"/public/downloads/{key}", token=False)[0]
    if tally.won != USES or left != 410:
        raise Broken(f"{tally.won} of {USES} uses were performed, and showing it answers {left}")
    owner("DELETE", f"/downloads/{download}")
    after = _used(owner)
    made = {"bytes": tally.bytes + 5, "files": tally.files + 1, "mails_today": tally.mails}
    if {name: after[name] - before[name] for name in made} != made:
        raise Broken(f"made: {made}; used before {before}, and after {after}")
    return tally, took


def flood(url: str) -> tuple[int, float]:
    """One address asks as fast as it can; how many requests passed, in how many seconds. Raises Broken."""
    statuses: list[int] = []
    moments: list[float] = []

    def ask() -> None:
        pool = urllib3.PoolManager(retries=False, source_address=("127.99.0.1", 0))
        for _ in range(FLOOD // WORKERS):
            moments.append(time.monotonic())
            statuses.append(pool.request("GET", f"{url}/health").status)
            moments.append(time.monotonic())

    _at_once([ask] * WORKERS)
    lasted, passed = max(moments) - min(moments), statuses.count(200)
    most = LIMIT + int(lasted * REFILL_A_SECOND) + 1
    if not min(LIMIT, len(statuses)) <= passed <= most or set(statuses) - {200, 429}:
        raise Broken(f"{passed} requests passed within {lasted:.2f} s, where {LIMIT} to {most} may")
    return passed, lasted


def _wanted(owner: Client, pin: str) -> tuple[str, str]:
    """A download of one file, and its key."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"files": [_upload(owner)], "max_downloads": USES, "expires_at": tomorrow}
    download = owner("POST", "/downloads", body)[1]["id"]
    pin_key = owner("POST", "/keys", {"pin": pin})[1]["key"]
    return download, owner("POST", f"/downloads/{download}/keys", {"pinKey": pin_key})[1]["key"]


def _mail(client: Client, file: str) -> None:
    to = [{"email": "carol@example.net"}]
    client("POST", "/mails", {"recipients": to, "subject": "Load", "body": "<p>Hi</p>", "files": [file]})


def _work(client: Client, key: str, tally: Tally, ends: float, fewest: int) -> None:
    """What a client does all day, until the time is over, and `fewest` times at least."""
    for turn in itertools.count():
        if time.monotonic() >= ends and turn >= fewest:
            return
        file = _upload(client)
        if sends := turn % 5 == 0:
            _mail(client, file)
        tally.made(5, int(sends))
        client("GET", "/files?limit=20", route="/files")
        client("GET", f"/files/{file}", route="/files/{id}")
        client("GET", f"/public/downloads/{key}", route="/public/downloads/{key}", token=False)
        tally.win(client("POST", f"/public/downloads/{key}", {}, route="/public/downloads/{key}", token=False)[0])
        client("PATCH", f"/files/{file}", {"filename": f"{turn}.txt"}, route="/files/{id}")
        client("GET", "/user")


def _upload(client: Client) -> str:
    data = b"hello"
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    body = {"filename": "load.txt", "size": len(data), "checksum_sha256": digest}
    made = client("POST", "/files", body)[1]
    client.put(made["upload"], data)
    client("POST", f"/files/{made['id']}/complete", route="/files/{id}/complete")
    return str(made["id"])


def _used(client: Client) -> dict[str, int]:
    quota = client("GET", "/user")[1]["quota"]
    return {name: quota[name]["used"] for name in ("bytes", "files", "mails_today")}


def _at_once(jobs: Sequence[Callable[[], object]]) -> None:
    """Each in a thread of its own. Raises what the first of them raised that failed."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()


def _requests(tally: Tally) -> int:
    return sum(tally.statuses.values())


def _row(route: str, seconds: float, took: list[float]) -> list[str]:
    took = sorted(took)
    p50, p99 = took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)]
    return [route, f"{len(took):,}", f"{len(took) / seconds:.1f}", f"{1000 * p50:,.0f}", f"{1000 * p99:,.0f}"]
