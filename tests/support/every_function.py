"""Every function of the app, run on emulated AWS through all that it does, with each call of AWS written down.

The API by every route's good request and by what else makes a difference; the others by what really sets them off: the
queues' messages, the stream's records, orders. tests/integration/infra/test_permissions.py says whether all was met.
"""

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore.handlers
import pytest

import app as sealdrop
import chalicelib
from bench.calls import Bench, Bucket, Measured, every_route, variants
from bench.units import Units
from chalicelib import bootstrap
from chalicelib.adapters import dynamo_search, kms_pins
from chalicelib.bootstrap import World
from chalicelib.domain import webhook
from chalicelib.domain.errors import Busy
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.pin import ScryptCost
from infra.local import pump as pumping
from infra.local.functions import Functions
from infra.local.pump import QueuePump, Ticker, queue_sources
from infra.local.stack import EmulatedAws, emulated_aws
from infra.local.stream_pump import StreamPump, stream_sources
from tests.support import every_operator as operators
from tests.support.app_client import Answer, AppClient
from tests.support.asking import Call
from tests.support.builders import PIN, enrol
from tests.support.clock import Clock

API = "api_handler"
ADAPTERS = Path(chalicelib.__file__).parent / "adapters"
_IN_ADAPTERS = f"{ADAPTERS}{os.sep}"
Place = tuple[str, int]  # a module of the adapters, and a line of it


class Recorder:
    """botocore tells it of each call, and of each URL that is signed. What no function does is not written down."""

    def __init__(self) -> None:
        self.calls: dict[str, list[Call]] = {}
        self.places: set[Place] = set()
        self._function: str | None = None
        self._lock = threading.Lock()

    @contextmanager
    def during(self, function: str) -> Iterator[None]:
        assert self._function is None, "one at a time: the pool's threads work for whoever runs"
        self._function = function
        try:
            yield
        finally:
            self._function = None

    def __call__(self, *, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        if self._function is None:
            return
        places, frame = set(), sys._getframe()
        while frame:
            if frame.f_code.co_filename.startswith(_IN_ADAPTERS):
                places.add((Path(frame.f_code.co_filename).name, frame.f_lineno))
            frame = frame.f_back
        with self._lock:
            call = Call(model.service_model.service_name, model.name, dict(params))
            self.calls.setdefault(self._function, []).append(call)
            self.places |= places


class Recorded(Functions):
    def __init__(self, app: Any, recorder: Recorder) -> None:
        super().__init__(app)
        self._recorder = recorder

    def invoke(self, name: str, event: dict[str, Any]) -> Any:
        with self._recorder.during(name):
            return super().invoke(name, event)


@dataclass(frozen=True)
class RecordedBench(Bench):
    """Only the requests themselves are the API's: what a test prepares past it is not."""

    recorder: Recorder

    def measure(self, name: str, job: Callable[[], Answer], status: int) -> Measured:
        with self.recorder.during(API):
            answer = job()
        assert answer.status == status, f"{name}: {answer.status} {answer.text}"
        return Measured(name, [], Units())

    def get(self, path: str, **query: str) -> Any:
        return self.ask("GET", path, 200, query=query)

    def ask(self, method: str, path: str, status: int, json: Any = None, **more: Any) -> Any:
        """The answer's data, if it has any."""
        answers: list[Answer] = []

        def job() -> Answer:
            answers.append(self.api.call(method, path, json=json, **more))
            return answers[0]

        self.measure(f"{method} {path}", job, status)
        return answers[0].json.get("data") if answers[0].text else None


@dataclass(frozen=True)
class Stage:
    aws: EmulatedAws
    bench: RecordedBench
    functions: Recorded
    recorder: Recorder

    def pump(self) -> None:
        """Until nothing waits in a queue or the stream, as far as it may be taken now."""
        sqs = self.aws.clients("sqs")
        urls = self.aws.queue_urls
        for source in queue_sources(self.functions.app, self.aws.overrides, urls.__getitem__):
            while QueuePump(source, sqs, self.functions, self.aws.region).once():
                continue

    def settle(self) -> None:
        self.pump()
        self.pump_stream()

    def pump_stream(self) -> None:
        """All that has changed since it was last asked."""
        for pump in self._stream_pumps:
            while pump.once():
                continue
            assert not any(lane.batches for lane in pump._lanes), "a change could not be handled"

    @functools.cached_property
    def _stream_pumps(self) -> list[StreamPump]:
        streams = self.aws.clients("dynamodbstreams")
        sources = stream_sources(self.functions.app, self.aws.overrides)
        return [StreamPump(source, streams, _not_expected, self.functions) for source in sources]


def _not_expected(letter: str) -> None:
    raise AssertionError(f"a change could not be handled: {letter}")


def record() -> tuple[Recorder, EmulatedAws]:
    """What each function called, and where."""
    with _stage() as stage:
        _api(stage.bench)
        _create_users(stage)
        _uploads_and_mails(stage)
        _sweeps(stage)
        operators.all_they_do(stage.bench, stage.aws, stage.recorder.during, stage.settle)
        hook = {"url": "http://127.0.0.1:9", "types": ["file.ready"]}  # nobody is there: it will be tried again
        stage.bench.ask("POST", "/webhooks", 201, hook)
        stage.bench.ready(sealing=False)
        stage.settle()
        stage.pump()
        return stage.recorder, stage.aws


@contextmanager
def _stage() -> Iterator[Stage]:
    recorder = Recorder()
    with emulated_aws() as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in aws.env.items():
            patch.setenv(name, value)
        heard = [*botocore.handlers.BUILTIN_HANDLERS, ("provide-client-params", recorder)]
        patch.setattr(botocore.handlers, "BUILTIN_HANDLERS", heard)  # of every session that is made from now on
        patch.setattr(dynamo_search, "FIRST_LOOK", 1)  # else the search table is asked when there is much to search
        patch.setattr(dynamo_search, "FURTHER_LOOK", 1)
        patch.setattr(kms_pins, "SCRYPT_COST", ScryptCost(2, 1, 1))  # no attacker is near
        patch.setattr(pumping, "_POLL_SECONDS", 0)  # nobody but us puts anything in
        # In seconds of the queue's own clock: on a busy machine orders would come back faster than they are pumped.
        patch.setattr(webhook, "PAUSES", (timedelta(hours=1),) * len(webhook.PAUSES))
        clock = Clock()
        clock.rule(patch)
        world: Any = World()
        vars(world)["objects"] = Bucket(world._client("s3"), world.settings.files_bucket)
        previous = bootstrap.use(world)
        functions = Recorded(sealdrop.app, recorder)
        try:
            user = enrol(world, "bench@example.com", "Bench")
            api = AppClient(sealdrop.app, token=user.text)
            unmeasured: Any = None
            bench = RecordedBench(world, unmeasured, clock, api, user, aws, unmeasured, recorder)
            yield Stage(aws, bench, functions, recorder)
        finally:
            bootstrap.use(previous)
            world.pool.shutdown()
            for client in world._clients.values():
                client.close()


def _api(bench: RecordedBench) -> None:
    for _ in every_route(bench):
        continue
    other = bench.for_another_user()
    for it in variants(other):
        if it.request == "GET /files, without a token":
            break  # what follows floods the limiter, by the same call as ever
    _lists(other)
    _more_of_files(other)
    _more_of_downloads(other)


def _lists(bench: RecordedBench) -> None:
    bench.ready(sealing=False)
    for field in ("created_at", "filename_original", "size", "encrypted_size"):
        bench.get("/files", sort=field)
    bench.get("/files", keyword="nowhere", limit="1")
    for field in ("created_at", "sent_at", "subject", "recipient_email"):
        bench.get("/mails", sort=field, include="download.files")
    for field in ("received_at", "subject", "created_by_email"):
        bench.get("/inbox", sort=field)
    bench.get("/mails", keyword="nowhere", limit="1")
    bench.get("/inbox", keyword="nowhere", limit="1")
    bench.get("/events", type="file.created")
    bench.get("/events", file="7c9e6679-7425-40de-944b-e07fc1f90ae7")
    bench.get("/events", mail="7c9e6679-7425-40de-944b-e07fc1f90ae7")


def _more_of_files(bench: RecordedBench) -> None:
    label = bench.ask("POST", "/categories", 201, {"name": "Contracts", "color": "#1F5FA8"})["id"]
    file = bench.ready(sealing=True)
    bench.ask("PATCH", f"/files/{file}", 200, {"category_id": label})
    bench.get("/files", include="category")
    in_parts = {"filename": "a.pdf", "size": 6 * 2**20, "part_size": 5 * 2**20}
    begun = bench.ask("POST", "/files", 201, in_parts)["id"]
    bench.get(f"/files/{begun}")
    bench.ask("POST", f"/files/{begun}/parts", 200, {"parts": [{"number": 1}]})
    bench.ask("DELETE", f"/files/{begun}", 204, query={"permanent": "true"})
    short = bench.upload(sealing=False, size=5)
    _overwrite(bench, short, b"other than declared")
    bench.ask("POST", f"/files/{short}/complete", 422)


def _overwrite(bench: RecordedBench, file_id: str, data: bytes) -> None:
    """As nobody can through the API."""
    bench.world.objects.put(f"files/{file_id}", data)


def _more_of_downloads(bench: RecordedBench) -> None:
    bench.ask("PATCH", "/user", 200, {"pin": PIN})
    download = bench.ask("POST", "/downloads", 201, {"files": [bench.ready(sealing=True)], "pin": PIN})["id"]
    pin_key = bench.ask("POST", "/keys", 201, {"pin": PIN})["key"]
    key = bench.ask("POST", f"/downloads/{download}/keys", 201, {"pinKey": pin_key})["key"]
    bench.ask("POST", f"/public/downloads/{key}", 422, {"pin": "not this one"})
    bench.ask("POST", f"/public/downloads/{key}", 200, {"pin": PIN})
    bench.ask("PATCH", "/user", 200, {"pin": None, "current_pin": PIN})


def _create_users(stage: Stage) -> None:
    order = {"email": "carol@example.com", "name": "Carol Cook", "pin": PIN}
    made = stage.functions.invoke("create_user", order)
    order = {"email": "dave@example.com", "name": "Dave Cook", "account_id": made["account_id"]}
    assert "error" not in stage.functions.invoke("create_user", order)


def _uploads_and_mails(stage: Stage) -> None:
    """What has arrived so far, what is rejected, and what was purged; mails to a user, to others, and back."""
    bench = stage.bench
    declared = bench.upload(sealing=False)
    _overwrite(bench, declared, b"other than declared")
    purged = bench.upload(sealing=False)
    bench.ask("DELETE", f"/files/{purged}", 204, query={"permanent": "true"})
    _overwrite(bench, purged, b"late")
    bench.upload(sealing=True)
    for address in ("carol@example.com", "erin@example.net", "bounce@simulator.amazonses.com"):
        _send(bench, address)
    stage.pump()


def _send(bench: RecordedBench, address: str) -> str:
    mail = {"recipients": [{"email": address}], "subject": "Yours", "body": "<p>Hi</p>"}
    (sent,) = bench.ask("POST", "/mails", 201, {**mail, "files": [bench.ready(sealing=False)]})
    return str(sent["id"])


def _sweeps(stage: Stage) -> None:
    """What was never finished, has arrived untold or fails, the trash; mails whose order was lost, reminders."""
    bench, clock = stage.bench, stage.bench.clock
    bench.ask("POST", "/files", 201, {"filename": "never.pdf", "size": 5})
    soon = rfc3339(clock.now + timedelta(days=1))
    bench.ask("POST", "/files", 201, {"filename": "expires.pdf", "size": 5, "expires_at": soon})
    bench.ask("POST", "/files", 201, {"filename": "a.bin", "size": 6 * 2**20, "part_size": 5 * 2**20})
    bench.upload(sealing=True)
    wrong = bench.upload(sealing=False)
    _overwrite(bench, wrong, b"other than declared")
    bench.ask("DELETE", f"/files/{bench.ready(sealing=True)}", 204)
    _send(bench, "frank@example.net")
    stage.aws.clients("sqs").purge_queue(QueueUrl=stage.aws.queue_url)  # S3's events are lost,
    stage.aws.clients("sqs").purge_queue(QueueUrl=stage.aws.mail_queue_url)  # and so is the order
    clock.tick(days=1.5)
    with pytest.MonkeyPatch.context() as patch:  # what fails is put off
        patch.setattr(type(bench.world.objects), "delete_versions", _fails)
        assert _swept(stage)["failed"] > 0
    for days in (0.5, 11, 30):
        clock.tick(days=days)
        _sweep(stage)
        stage.pump()


def _sweep(stage: Stage) -> None:
    assert _swept(stage)["failed"] == 0


def _swept(stage: Stage) -> Any:
    return stage.functions.invoke("sweep", Ticker(stage.functions, stage.aws.region)._event("sweep"))


def _fails(*_: Any) -> None:
    raise Busy
