"""Checks H of docs/threat-model.md: what is sent to addresses that users name."""

import io
import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from standardwebhooks import Webhook as Receiver
from standardwebhooks import WebhookVerificationError

from chalicelib.adapters import dynamo_webhooks
from chalicelib.adapters.standard_webhooks import signed_headers
from chalicelib.adapters.webhook_http import WebhookHttp, _Status
from chalicelib.domain.public_address import is_public
from chalicelib.domain.webhook import MAX_WEBHOOKS, Outcome, secret_text
from chalicelib.ports import NotReached, WrongContext
from chalicelib.services.deliver_webhook import deliver_webhook
from chalicelib.services.manage_webhooks import redeliver
from infra import template
from tests.support.builders import ALICES, NOW, a_delivery, a_webhook, new_id, trying, webhook_of

# --- H1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/webhooks/{webhook}"),
        ("GET", "/webhooks/{webhook}/deliveries"),
        ("POST", "/webhooks/{webhook}/deliveries/{delivery}/redeliver"),
        ("POST", "/webhooks/{own}/deliveries/{delivery}/redeliver"),
    ],
)
def test_h1_anothers_webhooks_and_deliveries_are_not_there(api, world, alice, bob, method: str, path: str) -> None:
    webhook, own = webhook_of(world, bob.account_id), webhook_of(world, alice.account_id)
    done = a_delivery(webhook_id=webhook.id, account_id=bob.account_id).tried(Outcome(204), NOW)
    delivery = world.deliveries.add(done)
    answer = api.call(method, path.format(webhook=webhook.id, own=own.id, delivery=delivery.id), token=alice.text)
    assert answer.status == 404
    assert world.webhooks.find(webhook.id) == webhook
    assert world.deliveries.find(delivery.id) == delivery
    assert world.webhook_queue.orders == []
    assert [row["id"] for row in api.get("/webhooks", token=alice.text).data] == [own.id]


# --- H2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com:70/",
        "//example.com/",
        "example.com",
        "https://",
        "https:///path",
        "https://localhost/",
        "https://metadata/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com@169.254.169.254/",
        "https://example.com\\@169.254.169.254/",
        "https://example.com/#fragment",
        "https://example.com:25/",
        "https://example.com:22/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://exam ple.com/",
        "https://example.com/\r\nHost: elsewhere",
        "https://ex\u00e4mple.com/",
        "https://example\u3002com/",
        "https://example.com/\u2028",
        f"https://example.com/{'x' * 2000}",
        "http://127.0.0.1:8080/",
    ],
)
def test_h2_nothing_but_https_at_a_name(api, world, alice, url: str) -> None:
    answer = api.post("/webhooks", {"url": url}, token=alice.text)
    assert (answer.status, list(answer.json["errors"])) == (422, ["url"])
    assert world.webhooks.records == {}
    with pytest.raises(NotReached):  # also where somebody wrote it into the table
        WebhookHttp(resolve=lambda *_, **__: leads_to("93.184.216.34"))(url, {}, "{}")


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://example.com/", "it must begin with https://"),
        ("https://10.0.0.1/", "the host must be a name with a dot in it, not an IP address"),
        ("https://user@example.com/", "it must not hold a user name or a fragment (#…)"),
        ("https://example.com:25/", "the port must be 443, or 1024 or higher"),
        ("https://example.com:0/", "the port must be 443, or 1024 or higher"),
        (
            "https://exämple.com/",
            "only printable ASCII and no backslash: write other characters as %C3%A9, and in a host's name as xn--",
        ),
        ("https://example.com:x/", "its host or port is malformed"),
    ],
)
def test_h2_it_says_which_rule(api, alice, url: str, rule: str) -> None:
    answer = api.post("/webhooks", {"url": url}, token=alice.text)
    assert answer.json["errors"] == {"url": [f"Write an address as in https://example.com/hooks: {rule}."]}


def test_h2_only_the_stack_on_one_machine_sends_to_itself() -> None:
    for path in (template.TEMPLATE, template.OVERRIDES):
        assert "WEBHOOKS_TO_LOOPBACK" not in path.read_text(encoding="utf-8")


# --- H3 --------------------------------------------------------------------------------------------------------------


def leads_to(*addresses: str) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]


INSIDE = [
    "0.0.0.0",  # noqa: S104 - one that must be refused
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "4000::1",
    "",
    "localhost",
]


@pytest.mark.parametrize("address", INSIDE)
def test_h3_an_address_that_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:2800:220:1::1", "2a00:1450::1"])
def test_h3_one_that_is(address: str) -> None:
    assert is_public(address)


class Network:
    """What would be connected to; nothing is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[Any]) -> None:
        self.looked_up, self.connected = 0, []
        self._answers = list(answers)
        monkeypatch.setattr("chalicelib.adapters.webhook_http.socket.create_connection", self._connect)

    def resolve(self, *_: Any, **__: Any) -> list[Any]:
        self.looked_up += 1
        return self._answers.pop(0)

    def _connect(self, where: tuple[str, int], **_: float) -> None:
        self.connected.append(where)
        raise ConnectionRefusedError


@pytest.mark.parametrize("others", [(), ("8.8.8.8",)])
@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe"])
def test_h3_a_name_that_leads_inside_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, address: str, others: tuple[str, ...]
) -> None:
    """By one of its addresses: which of them is taken would be chance."""
    network = Network(monkeypatch, leads_to(*others, address))
    with pytest.raises(NotReached, match="not public"):
        WebhookHttp(resolve=network.resolve)("https://example.com/", {}, "{}")
    assert network.connected == []


def test_h3_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And leads inside the next time."""
    network = Network(monkeypatch, leads_to("2606:2800:220:1::1", "93.184.216.34"), leads_to("169.254.169.254"))
    with pytest.raises(NotReached, match="connection failed"):
        WebhookHttp(resolve=network.resolve)("https://example.com:8443/", {}, "{}")
    assert (network.looked_up, network.connected) == (1, [("93.184.216.34", 8443)])


def test_h3_a_name_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror

    for resolve in (unknown, lambda *_, **__: []):
        with pytest.raises(NotReached):
            WebhookHttp(resolve=resolve)("https://example.com/", {}, "{}")


def test_h3_certificates_are_checked() -> None:
    trust = WebhookHttp()._trust
    assert (trust.check_hostname, trust.verify_mode) == (True, ssl.CERT_REQUIRED)


HEADS = [
    b"Content-Type: multipart/x; boundary*=undefined''a",
    b"Content-Type: multipart/x; boundary*=idna''a",
    b"Content-Type: multipart/x; boundary*=a\0b''c",
    b'Content-Type: multipart/x; a="' + b";" * 60_000,  # a parser of parameters takes seconds
    b"\n".join([b"a: b"] * 300),
]


@pytest.mark.parametrize("head", HEADS, ids=["codec", "idna", "null", "quadratic", "many"])
def test_h3_what_follows_the_status_is_not_looked_at(head: bytes) -> None:
    """It would be parsed by the rules of e-mail, which fail with whatever they like, and can take without end."""
    response = _Status(cast(Any, SimpleNamespace(makefile=lambda *_: io.BytesIO(b"HTTP/1.1 410 Gone\r\n" + head))))
    response.begin()
    assert response.status == 410
    assert response.fp.read() == head


def test_h3_who_switches_protocols_says_no_more() -> None:
    """To wait for another answer would be to wait for the whole time."""
    response = _Status(cast(Any, SimpleNamespace(makefile=lambda *_: io.BytesIO(b"HTTP/1.1 101 Switching\r\n\r\n"))))
    response.begin()
    assert response.status == 101


# --- H4 --------------------------------------------------------------------------------------------------------------


def test_h4_a_secret_is_shown_once_and_kept_wrapped(api, world, alice) -> None:
    made = api.post("/webhooks", {"url": "https://example.com/"}, token=alice.text)
    secret = made.data["secret"]
    (webhook,) = world.webhooks.records.values()
    plain = world.keys.unwrap(webhook.secret, {"webhook": webhook.id, "account": alice.account_id})
    assert (secret, len(plain)) == (secret_text(plain), 32)
    assert plain not in repr(dynamo_webhooks._to_item(webhook)).encode()
    assert secret not in repr(dynamo_webhooks._to_item(webhook))
    assert secret not in api.get("/webhooks", token=alice.text).text
    for context in ({"webhook": new_id(), "account": alice.account_id}, {"webhook": webhook.id, "account": new_id()}):
        with pytest.raises(WrongContext):
            world.keys.unwrap(webhook.secret, context)


# --- H5 --------------------------------------------------------------------------------------------------------------


def test_h5_whoever_has_the_secret_knows_that_it_was_us_and_when() -> None:
    secret, delivery, now = bytes(range(32)), a_delivery(), datetime.now(UTC)
    headers = dict(signed_headers(secret, delivery.id, now, delivery.body))
    receiver = Receiver(secret_text(secret))
    assert receiver.verify(delivery.body, headers)["type"] == "file.ready"
    earlier = str(int((now - timedelta(hours=1)).timestamp()))
    changed: list[tuple[str, dict[str, str]]] = [
        (delivery.body.replace("file.ready", "file.reads"), headers),
        (delivery.body, {**headers, "webhook-id": new_id()}),
        (delivery.body, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}),
        (delivery.body, dict(signed_headers(bytes(32), delivery.id, now, delivery.body))),
        (delivery.body, {**headers, "webhook-timestamp": earlier}),
    ]
    for body, shown in changed:
        with pytest.raises(WebhookVerificationError):
            receiver.verify(body, shown)


# --- H6 --------------------------------------------------------------------------------------------------------------


def test_h6_an_account_has_ten_at_most(api, world, alice) -> None:
    answers = [
        api.post("/webhooks", {"url": "https://example.com/"}, token=alice.text) for _ in range(MAX_WEBHOOKS + 1)
    ]
    assert [answer.status for answer in answers] == [201] * MAX_WEBHOOKS + [409]
    assert len(world.webhooks.records) == MAX_WEBHOOKS


def test_h6_ordered_again_and_again_there_is_one_order(world) -> None:
    """Each that waits comes back within a quarter of an hour, and would order itself anew for a day."""
    webhook, queue, now = webhook_of(world, ALICES), world.webhook_queue, NOW
    delivery = world.deliveries.add(a_delivery(webhook_id=webhook.id))
    world.send_webhook.answers = [500] * 100
    deliver_webhook(delivery.id, delivery.number, now, **trying(world))
    for _ in range(9):
        now += timedelta(seconds=1)
        ports = {"webhooks": world.webhooks, "deliveries": world.deliveries, "queue": queue}
        redeliver(ALICES, webhook.id, delivery.id, now, **ports)
        _, number, _ = queue.orders.pop()
        deliver_webhook(delivery.id, number, now, **trying(world))
    assert len(queue.orders) == 10
    for _ in range(2):
        waiting, queue.orders = queue.orders, []
        for _, number, _ in waiting:
            deliver_webhook(delivery.id, number, now, **trying(world))
    assert len(queue.orders) == 1


def test_h6_the_count_is_a_condition_of_the_write() -> None:
    """Not read before it: of two at one time one would be too many."""

    class Table:
        name = "t"

        def __init__(self) -> None:
            self.client = self
            self.writes: list[Any] = []

        def transact_write_items(self, *, TransactItems: list[Any]) -> None:  # noqa: N803 - boto3's name
            self.writes += TransactItems

    table: Any = Table()
    dynamo_webhooks.DynamoWebhooks(table).add(replace(a_webhook(), account_id=ALICES))
    put, count = (next(iter(write.values())) for write in table.writes)
    assert put["ConditionExpression"] == "attribute_not_exists(pk)"
    assert count["ConditionExpression"].endswith("size(webhook_ids) < :most")
    assert count["ExpressionAttributeValues"][":most"] == {"N": str(MAX_WEBHOOKS)}
