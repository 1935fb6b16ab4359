"""Who loses to another request at the same time, or is at a limit, is told 409, by every route that can lose so."""

import pytest

from chalicelib.domain.errors import Conflict
from chalicelib.domain.mail import entry_of
from chalicelib.ports import IdentifiersTaken, StaleRecord, TooManyCategories, TooManyWebhooks
from chalicelib.routes.registry import ROUTES
from tests.support.builders import NOW, a_mail, stored_mail
from tests.support.every_route import GOOD, name_of, send
from tests.support.fakes import raises

TIMES = 5  # as often as any service tries
LOSING = {
    ("PATCH", "/files/{file_id}"): ("files", "save", StaleRecord()),
    ("DELETE", "/files/{file_id}"): ("files", "save", StaleRecord()),
    ("POST", "/categories"): ("categories", "add", TooManyCategories()),
    ("PATCH", "/categories/{category_id}"): ("categories", "save", StaleRecord()),
    ("DELETE", "/categories/{category_id}"): ("categories", "remove", StaleRecord()),
    ("POST", "/mails"): ("mails", "add", IdentifiersTaken(frozenset())),
    ("DELETE", "/mails/{mail_id}"): ("mails", "withdraw", StaleRecord()),
    ("GET", "/inbox/{mail_id}"): ("mails", "save", StaleRecord()),
    ("POST", "/tokens"): ("tokens", "add", Conflict()),
    ("PATCH", "/user"): ("users", "save", Conflict()),
    ("POST", "/webhooks"): ("webhooks", "add", TooManyWebhooks()),
    ("POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver"): ("deliveries", "save", StaleRecord()),
}
HERE_BELOW = {
    ("POST", "/downloads/{download_id}/keys"),
    ("GET", "/public/downloads/{key}"),
    ("POST", "/public/downloads/{key}"),
}
ELSEWHERE = {  # tests of their services
    ("POST", "/files/{file_id}/parts"),
    ("POST", "/files/{file_id}/complete"),
    ("DELETE", "/downloads/{download_id}"),
}


@pytest.fixture
def hers(api, alice):
    return api.with_token(alice.text)


def test_every_route_that_says_so_is_here() -> None:
    saying = {name for name, route in ROUTES.items() if Conflict in route.raises}
    assert saying == set(LOSING) | HERE_BELOW | ELSEWHERE


@pytest.mark.parametrize("route", sorted(LOSING), ids=name_of)
def test_the_loser_is_told(world, hers, alice, route) -> None:
    store, method, error = LOSING[route]
    good = GOOD[route](world, alice)
    getattr(world, store).before(method, *[raises(error)] * TIMES)
    answer = send(hers, route, good)
    assert (answer.status, answer.json["code"]) == (409, "conflict"), answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_download_whose_mail_others_keep_changing(world, hers, alice, method) -> None:
    """Using the key opens the mail."""
    mail = stored_mail(world)
    world.mails.save(mail.was_sent("m", NOW), entry_of(mail, alice.user_id, alice.account_id, NOW))
    key = hers.post(f"/downloads/{mail.download_id}/keys", {}).data["key"]
    world.mails.before("save", *[raises(StaleRecord())] * TIMES)
    assert hers.call(method, f"/public/downloads/{key}").json["code"] == "conflict"
    assert hers.call(method, f"/public/downloads/{key}").data["uses_left"] == (10 if method == "GET" else 9)


def test_a_senders_key_to_a_mail(world, hers, alice) -> None:
    mail = stored_mail(world, a_mail(account_id=alice.account_id))
    assert hers.post(f"/downloads/{mail.download_id}/keys", {}).json["code"] == "conflict"
