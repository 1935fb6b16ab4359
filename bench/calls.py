"""`python -m bench.calls`: what every route asks of AWS, as docs/aws-calls.md; a test compares the two.

The real app on emulated AWS. tests/support/steps.py counts, and says what a step is.
"""

import base64
import contextlib
import io
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import urllib3

import app as sealdrop
from bench.bucket import Bucket
from bench.units import Meter, Units
from chalicelib import bootstrap
from chalicelib.bootstrap import World
from chalicelib.bootstrap.aws import POOL_THREADS
from chalicelib.domain.mail import identifier_of
from chalicelib.domain.sealing import WrappedKey
from chalicelib.services import send_mails
from infra.local.stack import EmulatedAws, emulated_aws
from tests.support import sealed
from tests.support.app_client import Answer, AppClient
from tests.support.builders import Caller, enrol
from tests.support.clock import Clock
from tests.support.every_route import GOOD, PUBLIC, name_of, send
from tests.support.steps import Step, Steps

PAGE = Path(__file__).parents[1] / "docs" / "aws-calls.md"
PART = 5 * 2**20


class Measured(NamedTuple):
    request: str
    steps: list[Step]
    units: Units  # of DynamoDB's capacity

    @property
    def calls(self) -> int:
        return sum(map(len, self.steps))


@dataclass(frozen=True)
class Bench:
    """The app on emulated AWS, a user of it, and the clock."""

    world: Any  # the World, whose objects are a Bucket
    steps: Steps
    clock: Clock
    api: AppClient
    user: Caller
    aws: EmulatedAws
    meter: Meter

    def for_another_user(self, email: str = "another@example.com") -> "Bench":
        """One who has no PIN, whatever the first was given."""
        user = enrol(self.world, email, "Bench")
        api = self.api.with_token(user.text)
        api.get("/user")
        return replace(self, user=user, api=api)

    def measure(self, name: str, job: Callable[[], Answer], status: int) -> Measured:
        answers: list[Answer] = []
        measured = self.observe(name, lambda: answers.append(job()))
        assert answers[0].status == status, f"{name}: {answers[0].status} {answers[0].text}"
        return measured

    def observe(self, name: str, job: Callable[[], object]) -> Measured:
        with self.meter.measuring() as units, self.steps.recording() as steps:
            job()
        return Measured(name, steps, units)

    def upload(self, *, sealing: bool, size: int = 5, **more: Any) -> str:
        """A pending file whose bytes have arrived, or begun to; answers its id."""
        mode = "client" if sealing else "server"
        made = self.api.post("/files", {"filename": "a.pdf", "size": size, "encryption": mode, **more}).data
        body = self.sealed(made["encryption"], bytes(size)) if sealing else bytes(size)
        sent = made["upload"]
        for request in sent.get("parts", [sent]):
            data = body if "parts" not in sent else bytes(request["size"])
            put = urllib3.request("PUT", request["url"], body=data, headers=request["headers"], retries=False)
            assert put.status == 200, put.data
        return str(made["id"])

    @staticmethod
    def sealed(terms: Any, data: bytes) -> bytes:
        wrapped = WrappedKey(terms["key_arn"], base64.b64decode(terms["encrypted_data_key"]))
        return sealed.seal(data, base64.b64decode(terms["data_key"]), wrapped, terms["encryption_context"])

    def ready(self, *, sealing: bool) -> str:
        file_id = self.upload(sealing=sealing)
        assert self.api.post(f"/files/{file_id}/complete").status == 200
        return file_id

    def key(self, *, sealing: bool) -> str:
        """Of a download of one file."""
        download = self.api.post("/downloads", {"files": [self.ready(sealing=sealing)]}).data
        return str(self.api.post(f"/downloads/{download['id']}/keys").data["key"])


@contextmanager
def on_emulated_aws() -> Iterator[Bench]:
    with emulated_aws() as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in aws.env.items():
            patch.setenv(name, value)
        # One that is drawn may end as another text of its mail does, and then takes an entry less in the search table.
        numbers = itertools.count()
        patch.setattr(send_mails, "identifier_of", lambda _: identifier_of(next(numbers).to_bytes(16)))
        clock = Clock()
        clock.rule(patch)
        world: Any = World()
        services = ("dynamodb", "kms", "s3", "sqs", "sesv2")
        clients = {service: world._client(service) for service in services}  # noqa: SLF001 - those that it will use
        steps = Steps(list(clients.values()), POOL_THREADS)
        vars(world).update(pool=steps, objects=Bucket(clients["s3"], world.settings.files_bucket))
        previous = bootstrap.use(world)
        try:
            user = enrol(world, "bench@example.com", "Bench")
            api = AppClient(sealdrop.app, token=user.text)
            meter = Meter(clients["dynamodb"], aws.region)
            yield Bench(world, steps, clock, api, user, aws, meter)
        finally:
            bootstrap.use(previous)
            steps.shutdown()
            for client in clients.values():
                client.close()


def every_route(bench: Bench) -> Iterator[Measured]:
    """The good request that the tests know for each route, by a token that was used less than an hour ago."""
    bench.api.get("/user")
    for route in sorted(GOOD, key=lambda route: (route[1], route[0])):
        good = GOOD[route](bench.world, bench.user)
        api = bench.api.with_token(None) if route in PUBLIC else bench.api
        yield bench.measure(name_of(route), lambda: send(api, route, good), good.status)  # noqa: B023 - called at once


def variants(bench: Bench) -> Iterator[Measured]:
    """The same routes where another file, or another moment, makes a difference."""
    api, anyone, measure = bench.api, bench.api.with_token(None), bench.measure
    file = {"filename": "a.pdf", "size": 5}
    parts = {"size": PART + 1, "part_size": PART}
    yield measure("POST /files, server", lambda: api.post("/files", file), 201)
    yield measure("POST /files, client", lambda: api.post("/files", {**file, "encryption": "client"}), 201)
    yield measure("POST /files, server, in parts", lambda: api.post("/files", {**file, **parts}), 201)
    yield from creations(bench, file)
    pending = bench.upload(sealing=False)
    yield measure("GET /files/{file_id}, pending", lambda: api.get(f"/files/{pending}"), 200)
    for name, file_id in {
        "server": bench.upload(sealing=False),
        "client": bench.upload(sealing=True),
        "server, in parts": bench.upload(sealing=False, **parts),
    }.items():
        yield measure(f"POST /files/{{file_id}}/complete, {name}", post(api, f"/files/{file_id}/complete"), 200)
    doomed = bench.ready(sealing=True)
    purge = {"permanent": "true"}
    yield measure("DELETE /files/{file_id}, permanent", lambda: api.delete(f"/files/{doomed}", query=purge), 204)
    for mode in ("server", "client"):
        path = f"/public/downloads/{bench.key(sealing=mode == 'client')}"
        yield measure(f"POST /public/downloads/{{key}}, {mode}", post(anyone, path), 200)
    yield from moments(bench, path)


def creations(bench: Bench, file: dict[str, Any]) -> Iterator[Measured]:  # under a key, and at a quota's end
    api, measure, key = bench.api, bench.measure, {"Idempotency-Key": "c2c1b6a4-7d0e-4a51-9c5b-0f5c8c7e5d11"}
    sealed = {**file, "encryption": "client"}
    yield measure("POST /files, client, with a key", lambda: api.post("/files", sealed, headers=key), 201)
    yield measure("POST /files, client, with it again", lambda: api.post("/files", sealed, headers=key), 201)
    granted = {"files": [bench.ready(sealing=False)]}
    yield measure("POST /downloads, with a key", lambda: api.post("/downloads", granted, headers=key), 201)
    yield measure("POST /downloads, with it again", lambda: api.post("/downloads", granted, headers=key), 201)
    huge = {"filename": "huge.bin", "size": 5 * 2**40, "part_checksums": True}
    yield measure("POST /files, more than its purse has", lambda: api.post("/files", huge), 201)
    yield measure("POST /files, more than the quota has", lambda: api.post("/files", huge), 403)


def moments(bench: Bench, spent: str) -> Iterator[Measured]:
    """`spent` is the path of a download key without a use left."""
    api, anyone, measure = bench.api, bench.api.with_token(None), bench.measure
    fresh = bench.key(sealing=True)
    session = {"session": anyone.post(f"/public/downloads/{fresh}").data["session"]}
    resume = f"/public/downloads/{fresh}"
    yield measure("POST /public/downloads/{key}, client, again by its session", post(anyone, resume, session), 200)
    yield measure("POST /public/downloads/{key}, spent", post(anyone, spent), 410)
    bench.clock.tick(hours=2)
    yield measure("GET /files, the token's first use in an hour", lambda: api.get("/files"), 200)
    yield measure("GET /files, without a token", lambda: anyone.get("/files"), 401)
    flood, container = "198.51.100.7", vars(bench.world)
    for _ in range(bench.world.settings.rate_limit):
        anyone.get("/health", source_ip=flood)
    container.pop("limiter")  # another one that has heard nothing of this address
    for when in ("a container's first", "from then on"):
        name = f"GET /files, over the limit, {when}"
        yield measure(name, lambda: api.get("/files", source_ip=flood), 429)


def post(api: AppClient, path: str, body: Any = None) -> Callable[[], Answer]:
    return lambda: api.post(path, body)


def quietly() -> contextlib.AbstractContextManager[Any]:
    """Without the app's log lines."""
    return contextlib.redirect_stdout(io.StringIO())


def measure() -> list[Measured]:
    """Every route, then the variants."""
    with quietly(), on_emulated_aws() as bench:
        return [*every_route(bench), *variants(bench.for_another_user())]


HEAD = """# What a request asks of AWS

Made by `python -m bench.calls --write`; a test measures again and compares. The real app, on emulated AWS.

Calls of one *step* go at the same time: a request waits once for each step. How that is found without a clock is said
in [tests/support/steps.py](../tests/support/steps.py). Names after a DynamoDB call are those of the items' keys, as in
[architecture.md](architecture.md#storage). Signing a URL is no call; nor is a retry by botocore, after an error.

Some calls come on top, rarely. A token's first use in an hour is written down, beside the handler's calls. A container
that meets an address for the first time supposes its bucket to be full: when another container has drawn on it already,
the limiter writes twice. Whoever is over the limit costs no call, once the container knows. And where others write the
same items at the same moment, DynamoDB cancels a transaction, which then is sent again.
"""


def page(measured: list[Measured]) -> str:
    rows = [
        f"| `{it.request.partition(',')[0]}`{''.join(it.request.partition(',')[1:])} "
        f"| {it.calls} | {len(it.steps)} | {' → '.join(' ∥ '.join(step) for step in it.steps) or '–'} |"
        for it in measured
    ]
    head = ["| request | calls | steps | which; `→` then, `∥` at the same time |", "|---|---|---|---|"]
    return "\n".join([HEAD, *head, *rows]) + "\n"


def main() -> int:
    text = page(measure())
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
