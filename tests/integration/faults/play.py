"""One schedule: clients that ask again, queues that bring again, sweeps, and a clock. What became of it is judged in
invariants.py.
"""

import base64
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

import app as table_of_contents
from chalicelib.bootstrap import World
from chalicelib.domain.errors import SealdropError
from chalicelib.domain.pin import MAX_TRIES
from chalicelib.domain.sealing import WrappedKey
from chalicelib.routes import triggers
from tests.integration.faults.cloud import CONFIGURATION_SET, Cloud
from tests.integration.faults.receiver import Receiver
from tests.integration.faults.weather import Fault, Kind, Weather
from tests.support import sealed
from tests.support.app_client import Answer, AppClient, LambdaContext
from tests.support.builders import PIN, Caller
from tests.support.clock import Clock

PATIENCE = 12  # more than a plan has faults
RECEIVES = 5  # then SQS puts a message away
CONTEXT = LambdaContext("11111111-2222-4333-8444-555555555555", "a function")
DONE = frozenset({200, 201, 204})


@dataclass(frozen=True)
class Schedule:
    faults: Sequence[Fault]
    choices: Sequence[int]  # of everything else: orders, copies, sizes
    sdk_retries: bool = False


@dataclass
class Message:
    body: str
    received: int = 0
    due_at: datetime | None = None  # held back until then


@dataclass
class Perform:
    """What a performer was told, if anything."""

    download_id: str
    answer: Answer | None
    faults: int  # that befell it


@dataclass
class Play:
    cloud: Cloud
    world: World
    clock: Clock
    schedule: Schedule
    bytes_of: dict[str, bytes] = field(default_factory=dict)  # by file
    key_of: dict[str, bytes] = field(default_factory=dict)  # of sealed files, as their owner was told
    uses_of: dict[str, int] = field(default_factory=dict)  # by download
    performs: list[Perform] = field(default_factory=list)
    uploads: list[Message] = field(default_factory=list)  # S3's events on their way
    orders: list[Message] = field(default_factory=list)  # mails' orders on theirs
    tries: list[Message] = field(default_factory=list)  # webhooks' tries
    mail_letters: list[Message] = field(default_factory=list)  # orders and bounces that were put away
    letters: list[Message] = field(default_factory=list)  # tries that were
    bounced: set[str] = field(default_factory=set)  # e-mails
    receiver: Receiver = field(default_factory=Receiver)
    rivals: list[Callable[[], object]] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)  # mails, as their sender was told
    ordered_again: int = 0  # deliveries
    wrong_pins: int = 0  # that were told to be wrong, since a right one

    def __post_init__(self) -> None:
        self.weather = Weather(self.schedule.faults, self._rival)
        self.cloud.sky.weather = self.weather
        self._choices = list(self.schedule.choices)
        self.app = AppClient(table_of_contents.app)
        self.world.send_webhook = self.receiver
        self.bytes_of |= self.cloud.bytes_of
        self.key_of |= self.cloud.key_of
        self.alice, self.bob = self.cloud.alice, self.cloud.bob

    @contextmanager
    def shelter(self) -> Iterator[None]:
        """What a schedule begins with: nothing befalls it."""
        sky, self.cloud.sky.weather = self.cloud.sky.weather, Weather()
        self.weather, kept = self.cloud.sky.weather, self.weather
        yield
        self.weather, self.cloud.sky.weather = kept, sky

    def choose(self, count: int) -> int:
        return self._choices.pop(0) % count if self._choices else 0

    def _rival(self) -> None:
        if self.rivals:
            self.rivals[self.choose(len(self.rivals))]()

    # -- clients -----------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, body: Any = None, *, by: Caller | None = None, **more: Any) -> Answer | None:
        """None where no answer came."""
        answer = None
        with self.weather.life() as life:
            answer = self.app.call(method, path, json=body, token=by.text if by else None, **more)
        return None if life.is_over else answer

    def insist(
        self, method: str, path: str, body: Any = None, *, good: Collection[int] = DONE, key: str = "", **more: Any
    ) -> Answer:
        """As a good client does: again after no answer, 5xx or 409, under the same Idempotency-Key."""
        headers = {"Idempotency-Key": key} if key else {}
        for _ in range(PATIENCE):
            answer = self.ask(method, path, body, headers=headers, **more)
            if answer is not None and answer.status < 500 and answer.status != 409:
                assert answer.status in good, f"{method} {path}: {answer.status} {answer.text}"
                return answer
        raise AssertionError(f"{method} {path} had no good answer")

    def put(self, made: Any, data: bytes) -> None:
        """The bytes of a file arrive, and S3 tells of it: once, twice, or never."""
        if terms := made.get("encryption"):
            wrapped = WrappedKey(terms["key_arn"], base64.b64decode(terms["encrypted_data_key"]))
            self.key_of[made["id"]] = data_key = base64.b64decode(terms["data_key"])
            data = sealed.seal(data, data_key, wrapped, terms["encryption_context"])
        self.bytes_of[made["id"]] = data
        self.cloud.bare["s3"].put_object(Bucket=self.cloud.bucket, Key=f"files/{made['id']}", Body=data)
        self.uploads += [Message(self._s3_event(made["id"])) for _ in range((1, 2, 0)[self.choose(3)])]

    def put_parts(self, made: Any, sizes: Sequence[int]) -> None:
        self.bytes_of[made["id"]] = bytes(sum(sizes))
        self.cloud.put_parts(f"files/{made['id']}", sizes)
        self.uploads.append(Message(self._s3_event(made["id"])))  # which comes before the object is whole

    def _s3_event(self, file_id: str) -> str:
        detail = {"bucket": {"name": self.cloud.bucket}, "object": {"key": f"files/{file_id}"}}
        return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})

    def perform(self, download_id: str, key: str) -> Answer | None:
        before = len(self.weather.struck)
        answer = self.ask("POST", f"/public/downloads/{key}")
        self.performs.append(Perform(download_id, answer, len(self.weather.struck) - before))
        return answer

    def revoke(self, mail_id: str) -> None:
        answer = self.ask("DELETE", f"/mails/{mail_id}", by=self.alice)
        if answer is not None and answer.status == 204:
            self.revoked.add(mail_id)

    def redeliver(self, webhook_path: str) -> None:
        """What its log has, newest first; of one that is being tried the service says so."""
        listed = self.ask("GET", f"{webhook_path}/deliveries", by=self.alice)
        if listed is not None and listed.status == 200 and listed.data:
            path = f"{webhook_path}/deliveries/{listed.data[0]['id']}/redeliver"
            answer = self.ask("POST", path, by=self.alice)
            self.ordered_again += 1
            assert answer is None or answer.status in {200, 404, 409, 503}

    def guess(self, pin: str) -> None:
        """A right one may have been taken, whatever was heard of it. One that was given up may be, later."""
        answer = self.ask("POST", "/keys", {"pin": pin}, by=self.bob)
        status = answer.status if answer else 503
        assert status in ({201, 429, 503} if pin == PIN else {422, 429, 503}), "a PIN is not taken for what it is"
        self.wrong_pins = 0 if pin == PIN and status != 429 else self.wrong_pins + (status == 422)
        late = sum(kind is Kind.LATE for kind, _ in self.weather.struck)
        assert self.wrong_pins <= MAX_TRIES * (1 + late), "more guesses are looked at than may be"

    # -- functions ---------------------------------------------------------------------------------------------------

    def hear_of_uploads(self) -> None:
        self._bring(self.uploads, table_of_contents.on_upload)

    def deliver(self) -> None:
        self.orders += [Message(body) for body in self.cloud.taken_orders()]
        self._bring(self.orders, table_of_contents.on_mail, self.mail_letters)

    def post(self) -> None:
        """What is due of the tries at webhooks' deliveries; nothing else is waited for."""
        now = self.clock.now
        self.tries += [Message(body, due_at=now + timedelta(seconds=delay)) for body, delay in self.cloud.taken_tries()]
        self._bring(self.tries, table_of_contents.on_webhook, self.letters)

    def _bring(
        self, queue: list[Message], function: Callable[[Any, Any], Any], letters: list[Message] | None = None
    ) -> None:
        """One message to its function; it comes again unless that says that it is done, until it is a letter."""
        due = [message for message in queue if message.due_at is None or message.due_at <= self.clock.now]
        if not due:
            return
        message = due[self.choose(len(due))]
        queue.remove(message)
        message.received += 1
        event = {"Records": [{"messageId": "m", "receiptHandle": "r", "body": message.body}]}
        is_done = self._run(partial(function, event, CONTEXT)) == {"batchItemFailures": []}
        if not is_done and message.received < RECEIVES:
            queue.append(message)
        elif not is_done and letters is not None:
            letters.append(message)

    def bounce(self) -> None:
        """One of the e-mails that went out comes back; SES says so, perhaps before it is known to be sent."""
        letters = [letter for letter in self.cloud.letters() if letter.id not in self.bounced]
        if not letters:
            return
        letter = letters[self.choose(len(letters))]
        self.bounced.add(letter.id)
        (mail_id,) = (
            mail["pk"].partition("#")[2]
            for mail in self.cloud.records("MAIL")
            if mail["recipient"]["email"] in letter.destinations["ToAddresses"]
        )
        tags = {"mail": [mail_id], "occasion": ["delivery"], "ses:configuration-set": [CONFIGURATION_SET]}
        detail = {"mail": {"messageId": letter.id, "tags": tags}, "bounce": {"bounceType": "Permanent"}}
        event = {"source": "aws.ses", "detail-type": "Email Bounced", "detail": detail}
        self.orders.append(Message(json.dumps(event)))

    def sweep(self) -> None:
        self._run(triggers.handle_sweep)

    def _run(self, function: Callable[[], Any]) -> Any:
        """What a function answers; None where it was killed, or failed: Lambda says so, and asks again."""
        answer = None
        with self.weather.life() as life, suppress(SealdropError, ClientError, triggers.ChangeFailed):
            answer = function()
        return None if life.is_over else answer

    def tell_changes(self) -> None:
        """The stream, in batches, one of them again. The function is asked until it has taken all."""
        records = self.cloud.taken_changes()
        cut = (len(records) // 2 + self.choose(len(records) + 1)) % (len(records) + 1)
        for batch in (records[:cut], records[:cut], records[cut:]):
            self._tell(batch)

    def _tell(self, records: list[Any]) -> None:
        answers = (
            self._run(partial(table_of_contents.on_change, {"Records": records}, CONTEXT)) for _ in range(PATIENCE)
        )
        assert not records or {"batchItemFailures": []} in answers, "on_change never took its batch"

    # -- the end -----------------------------------------------------------------------------------------------------

    def settle(self) -> datetime:
        """The weather clears up, all that is on its way arrives, and the sweep comes as often as it does."""
        self.weather.clear_up()
        self.rivals.clear()
        self._arrive()
        for days in (*[1 / 24] * 5, 2, 8, 31):  # leases, and orders again; silence; the longest upload; the trash
            self.clock.tick(days=days)
            self.sweep()
            self._arrive()
        self.sweep()
        self._arrive()
        return self.clock.now

    def _arrive(self) -> None:
        while self.uploads:
            self.hear_of_uploads()
        for letters, queue in ((self.mail_letters, self.orders), (self.letters, self.tries)):
            queue += [Message(letter.body) for letter in letters]  # as infra.redrive does
            letters.clear()
        self.deliver()
        while self.orders:
            self.deliver()
        self.tell_changes()
        self.post()
        while self.tries:
            self.clock.now = max([self.clock.now, *_nearest(self.tries)])
            self.post()


def _nearest(queue: Sequence[Message]) -> list[datetime]:
    """When the next of them is due: nothing if one is due at any time."""
    times = [message.due_at for message in queue]
    return [] if None in times else [min(filter(None, times))]
