"""`python -m bench.cost`: what the service costs and where it ends, as docs/cost.md; `--write` it, `--check` it.

From calls and capacity units measured on the real app over emulated AWS, prices and quotas of bench/prices.py, and the
simulations of bench/hot.py. bench/cost_page.py has the words.
"""

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import urllib3

import app as sealdrop
from bench import cost_page, prices
from bench.calls import Bench, Measured, every_route, on_emulated_aws, quietly
from bench.units import Units
from chalicelib.routes.registry import ROUTES
from infra.template import TEMPLATE, load
from tests.integration.stream import TableStream
from tests.support.app_client import LambdaContext

PAGE = Path(__file__).parents[1] / "docs" / "cost.md"
SIZE = 10_000_000
KEPT_MONTHS = 1  # of a file, and then it is purged
RECORDS_MONTHS, EVENTS_MONTHS = 4, 14  # a mail's record and an event are kept so long
LOG_LINE_BYTES = 900
CONTEXT = LambdaContext("11111111-2222-4333-8444-555555555555", "a function")
Dollars = dict[str, float]  # by what they are for


@dataclass(frozen=True)
class Work:
    """A request, or a function's run."""

    measured: Measured
    by_gateway: bool = True

    @property
    def seconds(self) -> float:
        """How long the function is supposed to take: its steps one after the other."""
        steps = sum(max(map(_step_ms, step)) for step in self.measured.steps)
        return (steps + prices.OWN_MS) / 1000

    @property
    def calls(self) -> Counter[str]:
        return Counter(call.partition(" ")[0] for step in self.measured.steps for call in step)

    @property
    def writes(self) -> int:
        return sum(self.measured.units.writes.values())

    @property
    def dollars(self) -> Dollars:
        """Of a million."""
        names = [call for step in self.measured.steps for call in step]
        s3 = sum(_s3_price(name) for name in names if name.startswith("S3 "))
        return {
            "API Gateway": prices.GATEWAY_REQUESTS if self.by_gateway else 0.0,
            "Lambda": prices.LAMBDA_REQUESTS
            + prices.MILLION * self.seconds * prices.MEMORY_GB * prices.LAMBDA_GB_SECOND,
            "DynamoDB": self.measured.units.reads * prices.READ_UNITS + self.writes * prices.WRITE_UNITS,
            "KMS": self.calls["KMS"] * prices.KMS_REQUESTS,
            "S3": s3,
            "SQS": self.calls["SQS"] * prices.SQS_REQUESTS,
            "SES": self.calls["SESv2"] * prices.EMAILS,
            "logs": prices.MILLION * LOG_LINE_BYTES / 1e9 * prices.LOG_GB,
        }


@dataclass(frozen=True)
class Transfer:
    """10 MB from one to another: works, and what is no function's."""

    works: Sequence[Work]
    records_bytes: int
    events_bytes: int
    extra: Dollars = field(default_factory=dict)  # of a million: the bytes' own requests, events, queues

    @property
    def units(self) -> Units:
        total = Units()
        for work in self.works:
            total.add(work.measured.units)
        return total

    @property
    def seconds(self) -> float:
        return sum(work.seconds for work in self.works)

    @property
    def calls(self) -> Counter[str]:
        return sum((work.calls for work in self.works), Counter())

    def month(self, count: int) -> Dollars:
        """Dollars of a month with so many."""
        total: Dollars = defaultdict(float)
        for dollars in (*(work.dollars for work in self.works), self.extra):
            for name, price in dollars.items():
                total[name] += price * count / prices.MILLION
        total["traffic to the internet"] = _traffic(count * SIZE / 1e9)
        total["storage of files"] = count * SIZE / 1e9 * KEPT_MONTHS * prices.BUCKET_GB_MONTH
        kept = self.records_bytes * RECORDS_MONTHS + self.events_bytes * EVENTS_MONTHS
        total["storage of records"] = count * kept / 1e9 * prices.TABLE_GB_MONTH
        total["fixed"] = fixed()
        return total


def fixed() -> float:
    """What a month costs without a request: keys, alarms, one dashboard, the metrics of each route."""
    kinds = Counter(
        resource["Type"]
        for path in (TEMPLATE, TEMPLATE.with_name("operations.yaml"))
        for resource in load(path)["Resources"].values()
    )
    return (
        kinds["AWS::KMS::Key"] * prices.KMS_KEY_MONTH
        + kinds["AWS::CloudWatch::Alarm"] * prices.ALARM_MONTH
        + kinds["AWS::CloudWatch::Dashboard"] * prices.DASHBOARD_MONTH
        + 2 * (1 + len({path for _, path in ROUTES})) * prices.METRIC_MONTH
    )


def transfer(bench: Bench) -> Transfer:
    """A sealed file is announced, sent and finished, mailed to somebody without an account, shown, performed, fetched,
    and purged in the end; each event brings its function.
    """
    settings, works = bench.world.settings, []
    tables = {name: getattr(settings, f"{name}_table") for name in ("metadata", "search", "events")}
    before = {name: bench.meter.stored_bytes(table) for name, table in tables.items()}
    stream = TableStream(bench.aws)

    def request(name: str, *sent: Any, by: Any = bench.api, **more: Any) -> Any:
        answers: list[Any] = []
        works.append(Work(bench.observe(name, lambda: answers.append(by.call(*sent, **more)))))
        assert answers[0].status < 300, answers[0].text
        return answers[0].json["data"] if answers[0].text else None

    def function(name: str, event: Any) -> None:
        works.append(Work(bench.observe(name, lambda: getattr(sealdrop, name)(event, CONTEXT)), by_gateway=False))

    body = {"filename": "report.pdf", "size": SIZE, "encryption": "client"}
    made = request("POST /files", "POST", "/files", json=body)
    stored = bench.sealed(made["encryption"], bytes(SIZE))
    sent = urllib3.request("PUT", made["upload"]["url"], body=stored, headers=made["upload"]["headers"])
    assert sent.status == 200, sent.data
    request("POST /files/{file_id}/complete", "POST", f"/files/{made['id']}/complete")
    function("on_upload", _message(_s3_event(settings.files_bucket, made["id"])))
    order = {"recipients": [{"email": "carol@example.net"}], "subject": "Yours", "body": "<p>Hi</p>"}
    (mail,) = request("POST /mails", "POST", "/mails", json={**order, "files": [made["id"]]})
    function("on_mail", _message(_order_of(bench, mail["id"])))
    key, anyone = _link_key(bench), bench.api.with_token(None)
    request("GET /public/downloads/{key}", "GET", f"/public/downloads/{key}", by=anyone)
    request("POST /public/downloads/{key}", "POST", f"/public/downloads/{key}", by=anyone)
    function("on_change", {"Records": stream.records()})
    grown = {name: bench.meter.stored_bytes(table) - before[name] for name, table in tables.items()}
    request("DELETE /files/{file_id}", "DELETE", f"/files/{made['id']}", query={"permanent": "true"})
    function("on_change", {"Records": stream.records()})
    return Transfer(works, grown["metadata"] + grown["search"], grown["events"], _extra())


def _message(body: str) -> dict[str, Any]:
    return {"Records": [{"messageId": "m", "receiptHandle": "r", "body": body}]}


def _s3_event(bucket: str, file_id: str) -> str:
    detail = {"bucket": {"name": bucket}, "object": {"key": f"files/{file_id}"}}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})


def _order_of(bench: Bench, mail_id: str) -> str:
    """The order to deliver it; those of other requests lie before it in the queue."""
    sqs = bench.aws.clients("sqs")
    while messages := sqs.receive_message(QueueUrl=bench.aws.mail_queue_url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            if mail_id in message["Body"]:
                return str(message["Body"])
    raise AssertionError("no order to deliver the mail")


def _link_key(bench: Bench) -> str:
    """Of the last e-mail."""
    newest = max(bench.aws.outbox.glob("*.eml"))
    message: Any = message_from_bytes(newest.read_bytes(), policy=default)
    found = re.search(r"/d#([0-9A-Za-z]{43})", message.get_body(("plain",)).get_content())
    assert found
    return found[1]


def _extra() -> Dollars:
    """Of a million: the PUT and the GET of the bytes, S3's event, and what two queues do for a message each."""
    queues = 2 * 2 + 1  # receive and delete; S3's event is also sent
    return {
        "S3": prices.S3_PUT_REQUESTS + prices.S3_GET_REQUESTS,
        "events": prices.S3_EVENTS,
        "SQS": queues * prices.SQS_REQUESTS,
    }


def _step_ms(call: str) -> float:
    return prices.TRANSACTION_MS if "TransactWriteItems" in call else prices.STEP_MS[call.partition(" ")[0]]


def _s3_price(call: str) -> float:
    operation = call.partition(" ")[2]
    if operation.startswith(("Delete", "Abort")):
        return 0.0
    return prices.S3_GET_REQUESTS if operation.startswith(("Get", "Head")) else prices.S3_PUT_REQUESTS


def _traffic(gigabytes: float) -> float:
    dollars = 0.0
    for tier, price in prices.TRANSFER_TIERS:
        taken = min(gigabytes, tier)
        dollars, gigabytes = dollars + taken * price, gigabytes - taken
    return dollars


def measure() -> tuple[list[Work], Transfer]:
    with quietly(), on_emulated_aws() as bench:
        routes = [Work(measured) for measured in every_route(bench)]
        return routes, transfer(bench.for_another_user("sender@example.com"))


def main() -> int:
    text = cost_page.page(*measure())
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(text, encoding="utf-8")
    elif sys.argv[1:] == ["--check"]:
        if text != PAGE.read_text(encoding="utf-8"):
            print(f"{PAGE.name} is not what is measured: python -m bench.cost --write", file=sys.stderr)
            return 1
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
