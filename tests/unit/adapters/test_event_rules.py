"""What each change of a record means to the audit log, and whom it names."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.adapters import (
    dynamo_categories,
    dynamo_deliveries,
    dynamo_downloads,
    dynamo_files,
    dynamo_inbox,
    dynamo_mails,
    dynamo_people,
    dynamo_tokens,
    dynamo_webhooks,
)
from chalicelib.adapters.dynamo_touch import TOUCHED, mark_of
from chalicelib.adapters.event_rules import RULES, read_events
from chalicelib.domain.act import Actor
from chalicelib.domain.event import EventType
from chalicelib.domain.ids import is_uuid
from chalicelib.domain.mail import MailStatus, entry_of
from chalicelib.domain.people import Account, User
from chalicelib.ports import Change, Item
from tests.support.builders import (
    ALICE_ID,
    ALICES,
    BOB_ID,
    BOBS,
    NOW,
    a_category,
    a_delivery,
    a_download,
    a_file,
    a_mail,
    a_ready_file,
    a_token,
    a_verifier,
    a_webhook,
    an_act,
)

EARLIER = NOW - timedelta(seconds=5)
FILE, OTHER = a_ready_file(), a_ready_file()
DOWNLOAD = a_download(FILE, OTHER)
TOKEN = a_token()
CATEGORY, MAIL, KEY_HASH = a_category(name="Salaries"), a_mail(subject="Your dismissal"), "c0ffee" * 10
WEBHOOK, DELIVERY = a_webhook(), a_delivery()
FIRST_PIN, SECOND_PIN = a_verifier(), a_verifier()
USER = User(id=ALICE_ID, account_id=ALICES, email="a@example.com", name="A", timezone="UTC", created_at=NOW)


def file(**changes: Any) -> Item:
    return dynamo_files.to_item(replace(FILE, **changes))


def download(**changes: Any) -> Item:
    released = {"released": changes.pop("released")} if "released" in changes else {}
    return dynamo_downloads._to_item(replace(DOWNLOAD, **changes)) | released


def token(**more: Any) -> Item:
    return dynamo_tokens.token_item(TOKEN) | more


def user(**changes: Any) -> Item:
    return dynamo_people._user_item(replace(USER, **changes))


def category(**more: Any) -> Item:
    return dynamo_categories._to_item(CATEGORY) | more


def mail(**changes: Any) -> Item:
    return dynamo_mails.to_item(replace(MAIL, **changes))


def entry(**more: Any) -> Item:
    return dynamo_inbox.entry_item(entry_of(MAIL, BOB_ID, ALICES, NOW)) | more


def delivery(**more: Any) -> Item:
    return dynamo_deliveries._to_item(DELIVERY) | more


def webhook(**more: Any) -> Item:
    return dynamo_webhooks._to_item(WEBHOOK) | more


def key(**more: Any) -> Item:
    whose = {"account_id": ALICES, "user_id": ALICE_ID}
    return {"pk": f"TEMPORARYKEY#{KEY_HASH}", "sk": "TEMPORARYKEY", **whose, "expires_at": "later", **more}


def change(old: Item | None, new: Item | None, **fields: Any) -> Change:
    keys = new or old or {"pk": "", "sk": ""}
    whole = {"id": "e1", "sequence": "1", "at": EARLIER, "pk": keys["pk"], "sk": keys["sk"], "expired": False}
    return Change(**{**whole, "old": old, "new": new, **fields})


def meant(old: Item | None, new: Item | None, **fields: Any) -> list[str]:
    return [event.type for event in read_events(change(old, new, **fields))]


PENDING = dynamo_files.to_item(replace(a_file(), id=FILE.id))
CASES: dict[str, tuple[Item | None, Item | None, list[str]]] = {
    "a file made": (None, PENDING, ["file.created"]),
    "ready": (PENDING, file(), ["file.ready"]),
    "rejected": (PENDING, {**PENDING, "status": "rejected", "rejected_reason": "no"}, ["file.rejected"]),
    "renamed": (file(), file(filename="other.pdf"), ["file.renamed"]),
    "given an expiry": (file(), file(expires_at=NOW), ["file.expiry_changed"]),
    "put into a category": (file(), file(category_id=CATEGORY.id), ["file.category_changed"]),
    "taken out of it": (file(category_id=CATEGORY.id), file(), ["file.category_changed"]),
    "rid of its expiry": (file(expires_at=NOW), file(), ["file.expiry_changed"]),
    "trashed": (file(), file(trashed_at=NOW), ["file.trashed"]),
    "restored": (file(trashed_at=NOW), file(), ["file.restored"]),
    "purged": (file(), file(purging_at=NOW), ["file.purged"]),
    "several at once": (
        file(),
        file(filename="o.pdf", expires_at=NOW, trashed_at=NOW),
        ["file.renamed", "file.expiry_changed", "file.trashed"],
    ),
    "a sign of life": (PENDING, {**PENDING, "alive_at": "later", "revision": 2}, []),
    "the record of a purged file going": (file(purging_at=NOW), None, []),
    "the record of a file going": (file(), None, ["file.erased"]),
    "a download made": (None, download(), ["download.created"] * 2),
    "keyed": (download(), download(key_hash="h"), ["download.keyed"]),
    "keyed again": (download(key_hash="h"), download(key_hash="i"), ["download.keyed"]),
    "performed": (
        download(),
        download(sessions={"s": NOW}, uses_left=0, released=[FILE.id]),
        ["download.performed"],
    ),
    "performed again": (
        download(sessions={"s": NOW}, released=[FILE.id]),
        download(sessions={"s": NOW, "t": NOW}, released=[FILE.id, OTHER.id]),
        ["download.performed"] * 2,
    ),
    "given back": (
        download(sessions={"s": NOW}, released=[FILE.id]),
        download(released=[FILE.id]),
        ["download.returned"],
    ),
    "revoked": (download(), download(revoked_at=NOW), ["download.revoked"]),
    "the record of a download going": (download(), None, ["download.erased"]),
    "a token made": (None, token(), ["token.created"]),
    "used": (token(), token(last_used_at="now"), []),
    "revoked, a token": (token(), token(revoked_at="now"), ["token.revoked"]),
    "the record of a revoked token going": (token(revoked_at="now"), None, []),
    "the record of a token going": (token(), None, ["token.erased"]),
    "a user made": (None, user(), ["user.created"]),
    "changed": (user(), user(name="B"), ["user.changed"]),
    "moved": (user(), user(timezone="Europe/Vienna"), ["user.changed"]),
    "the record of a user going": (user(), None, ["user.erased"]),
    "a user erased by an operator": (user(), user() | {"erased_at": "2026-03-01T12:00:00Z"}, ["user.erased"]),
    "and the record going after that": (user() | {"erased_at": "2026-03-01T12:00:00Z"}, None, []),
    "given a PIN": (user(), user(pin=FIRST_PIN), ["pin.changed"]),
    "another PIN": (user(pin=FIRST_PIN), user(pin=SECOND_PIN), ["pin.changed"]),
    "rid of the PIN": (user(pin=FIRST_PIN), user(), ["pin.changed"]),
    "a try at the PIN": (user(pin=FIRST_PIN), {**user(pin=FIRST_PIN), "pin_tries": {"t"}}, []),
    "a category made": (None, category(), ["category.created"]),
    "a category renamed": (category(), category(name="Fees"), ["category.changed"]),
    "a category painted": (category(), category(color="#000000"), ["category.changed"]),
    "a category deleted": (category(), category(removed_at="now"), ["category.deleted"]),
    "the record of a deleted category going": (category(removed_at="now"), None, []),
    "the record of a category going": (category(), None, ["category.erased"]),
    "categories counted": (None, {"pk": f"ACCOUNT#{ALICES}", "sk": "CATEGORIES", "category_count": 1}, []),
    "a mail sent": (None, mail(), ["mail.sent"]),
    "a mail tried": (mail(), mail(tried_at=NOW), []),
    "a mail delivered": (mail(), mail(status=MailStatus.SUCCESS, sent_at=NOW), ["mail.delivered"]),
    "a mail failed": (mail(), mail(status=MailStatus.FAILED, failed_reason="carol@example.net"), ["mail.failed"]),
    "a mail opened": (mail(), mail(opened_at=NOW), ["mail.opened"]),
    "a mail reminded of": (mail(), mail(reminded_at=NOW), ["mail.reminded"]),
    "a mail revoked": (mail(), mail(revoked_at=NOW), ["mail.revoked"]),
    "the record of a mail going": (mail(), None, ["mail.erased"]),
    "received": (None, entry(), ["inbox.received"]),
    "out of the inbox": (entry(), entry(is_removed=True), ["inbox.deleted"]),
    "the record of what is out of the inbox going": (entry(is_removed=True), None, []),
    "the record in an inbox going": (entry(), None, ["inbox.erased"]),
    "a key bought": (None, key(), ["key.bought"]),
    "a key dropped": (key(), key(dropped_at="now"), ["key.dropped"]),
    "the record of a dropped key going": (key(dropped_at="now"), None, []),
    "the record of a key going": (key(), None, ["key.erased"]),
    "a webhook made": (None, webhook(), ["webhook.created"]),
    "a webhook deleted": (webhook(), webhook(removed_at="now"), ["webhook.deleted"]),
    "the record of a deleted webhook going": (webhook(removed_at="now"), None, []),
    "the record of a webhook going": (webhook(), None, ["webhook.erased"]),
    "a delivery made": (None, delivery(), []),
    "a delivery tried": (delivery(), delivery(attempts=1), []),
    "a delivery ordered again": (delivery(), delivery(ordered_at="now"), ["webhook.redelivered"]),
    "an account made": (
        None,
        dynamo_people._account_item(Account(id=ALICES, name="A", created_at=NOW)),
        ["account.created"],
    ),
    "an address made": (None, dynamo_people._address_item(USER), []),
    "of no kind that is known": (None, {"pk": "COUNT#1", "sk": "COUNT"}, []),
    "without a kind": (None, {"pk": "x", "sk": "x"}, []),
}


@pytest.mark.parametrize(("old", "new", "types"), CASES.values(), ids=CASES)
def test_what_is_meant(old: Item | None, new: Item | None, types: list[str]) -> None:
    assert meant(old, new) == types


@pytest.mark.parametrize(("old", "new", "types"), CASES.values(), ids=CASES)
def test_told_again_it_is_the_same(old: Item | None, new: Item | None, types: list[str]) -> None:
    once, again = read_events(change(old, new)), read_events(change(old, new))
    assert once == again
    ids = {event.id for event in once}
    assert len(ids) == len(types)
    assert all(map(is_uuid, ids))
    assert ids.isdisjoint(event.id for event in read_events(change(old, new, id="e2")))


@pytest.mark.parametrize(("old", "new", "types"), CASES.values(), ids=CASES)
def test_what_the_table_itself_removes_is_no_event(old: Item | None, new: Item | None, types: list[str]) -> None:
    assert meant(old or new, None, expired=True) == []


@pytest.mark.parametrize(("old", "new", "types"), CASES.values(), ids=CASES)
def test_every_event_has_its_account(old: Item | None, new: Item | None, types: list[str]) -> None:
    assert {event.account_id for event in read_events(change(old, new))} <= {ALICES}


def test_every_type_comes_from_a_rule_or_a_note() -> None:
    noted = {
        EventType.DOWNLOAD_REFUSED,
        EventType.DOWNLOAD_RESUMED,
        EventType.PIN_LOCKED,
        EventType.PIN_REFUSED,
        EventType.TOKEN_REFUSED,
        EventType.UPLOAD_SIGNED,
    }
    assert {rule.type for rules in RULES.values() for rule in rules} == set(EventType) - noted
    assert {event for _, _, events in CASES.values() for event in events} == set(EventType) - noted


class TestSubjects:
    def test_a_file(self) -> None:
        (event,) = read_events(change(file(), file(filename="o.pdf")))
        assert event.subject == {"file": FILE.id}

    def test_a_download_is_told_once_for_each_file_handed_out(self) -> None:
        performed = download(sessions={"s": NOW}, uses_left=0, released=[OTHER.id])
        (event,) = read_events(change(download(), performed))
        assert event.subject == {"download": DOWNLOAD.id, "file": OTHER.id}
        assert event.detail == {"uses_left": 0}
        made = read_events(change(None, download()))
        assert [event.subject["file"] for event in made] == [FILE.id, OTHER.id]

    def test_a_download_of_a_mail(self) -> None:
        events = read_events(change(None, download() | {"mail_id": "m"}))
        assert {event.subject["mail"] for event in events} == {"m"}

    def test_a_token_and_its_user(self) -> None:
        (event,) = read_events(change(None, token()))
        assert event.subject == {"token": TOKEN.id, "user": ALICE_ID}
        assert event.detail["scopes"] == " ".join(sorted(TOKEN.scopes))

    def test_a_mail_and_its_download(self) -> None:
        (event,) = read_events(change(None, mail()))
        assert event.subject == {"mail": MAIL.id, "download": MAIL.download_id}
        assert event.detail["file_count"] == 1

    def test_a_mail_in_an_inbox(self) -> None:
        (event,) = read_events(change(None, entry()))
        assert event.subject == {"mail": MAIL.id, "user": BOB_ID}

    def test_e6_a_temporary_key_is_not_named(self) -> None:
        (event,) = read_events(change(None, key()))
        assert event.subject == {"user": ALICE_ID}

    @pytest.mark.parametrize(
        ("before", "after", "what"),
        [(None, FIRST_PIN, "made"), (FIRST_PIN, SECOND_PIN, "replaced"), (FIRST_PIN, None, "removed")],
    )
    def test_what_became_of_a_pin(self, before: Any, after: Any, what: str) -> None:
        (event,) = read_events(change(user(pin=before), user(pin=after)))
        assert (event.subject, event.detail) == ({"user": ALICE_ID}, {"change": what})


NOTE: Item = {
    "pk": "NOTE#n",
    "sk": "NOTE",
    "account_id": ALICES,
    "type": "download.resumed",
    "outcome": "ok",
    "subject": {"download": "d"},
    "file_ids": ["f", "g"],
    "detail": {"reason": "r"},
}


class TestNotes:
    def test_it_says_itself_what_it_means(self) -> None:
        events = read_events(change(None, NOTE))
        assert [event.type for event in events] == ["download.resumed"] * 2
        assert [event.subject for event in events] == [{"download": "d", "file": "f"}, {"download": "d", "file": "g"}]
        assert {event.outcome for event in events} == {"ok"}
        assert events[0].detail == {"reason": "r"}
        assert len({event.id for event in events}) == 2

    def test_a_refusal(self) -> None:
        (event,) = read_events(change(None, {**NOTE, "outcome": "gone", "file_ids": []}))
        assert (event.outcome, event.subject) == ("gone", {"download": "d"})

    def test_its_going_means_nothing(self) -> None:
        assert meant(NOTE, None) == []


class TestWho:
    ACT = an_act()

    def test_the_mark_says_it(self) -> None:
        (event,) = read_events(change(file(), file(filename="o.pdf") | {TOUCHED: mark_of(self.ACT)}))
        assert event.act == self.ACT

    @pytest.mark.parametrize("actor", Actor)
    def test_also_where_there_is_little_to_say(self, actor: Actor) -> None:
        act = an_act(actor=actor, user_id=None, token_id=None, ip=None, request_id=None)
        (event,) = read_events(change(file(), file(filename="o.pdf") | {TOUCHED: mark_of(act)}))
        assert event.act == act

    def test_m3_who_acts_from_another_account_is_a_performer_to_this_one(self) -> None:
        """So no sender learns whether a recipient has an account here."""
        act = replace(self.ACT, account_id=BOBS, user_id=BOB_ID)
        (event,) = read_events(change(mail(), mail(opened_at=NOW) | {TOUCHED: mark_of(act)}))
        assert event.act == replace(act, actor=Actor.PERFORMER, account_id=None, user_id=None, token_id=None)
        (event,) = read_events(
            change(mail(), mail(opened_at=NOW) | {TOUCHED: mark_of(replace(act, account_id=ALICES))})
        )
        assert event.act == replace(act, account_id=None)

    def test_m3_a_recipients_key_is_in_the_recipients_log(self) -> None:
        """In the sender's it would say that they have an account, for who has none is sent a link."""
        mails = download(mail_id="m")
        for account_id in (BOBS, ALICES):
            act = replace(self.ACT, account_id=account_id)
            (event,) = read_events(change(mails, {**mails, "key_hash": "h", TOUCHED: mark_of(act)}))
            assert (event.type, event.account_id, event.subject["mail"]) == ("download.keyed", account_id, "m")
            assert event.act == replace(act, account_id=None)

    def test_e3_a_write_past_the_service_is_an_event_too_and_nobodys(self) -> None:
        """The mark that stands there is that of the write before."""
        mark = {TOUCHED: mark_of(self.ACT)}
        (event,) = read_events(change(file() | mark, file(trashed_at=NOW) | mark))
        assert (event.type, event.act.actor, event.act.user_id, event.at) == (
            "file.trashed",
            Actor.UNKNOWN,
            None,
            EARLIER,
        )

    def test_e3_so_is_a_removal(self) -> None:
        (event,) = read_events(change(file() | {TOUCHED: mark_of(self.ACT)}, None))
        assert (event.type, event.act.actor) == ("file.erased", Actor.UNKNOWN)

    def test_two_writes_of_one_act_are_told_apart(self) -> None:
        one, two = {TOUCHED: mark_of(self.ACT)}, {TOUCHED: mark_of(self.ACT)}
        (event,) = read_events(change(file() | one, file(filename="o.pdf") | two))
        assert event.act == self.ACT


def test_e6_no_event_holds_a_secret_or_a_name() -> None:
    """Of all that these records hold, only ids and what the rules name go on."""
    secrets = [TOKEN.secret_hash, TOKEN.name, FILE.filename, "other.pdf", "o.pdf", "a@example.com", "Alice", FILE.type]
    secrets += [CATEGORY.name, MAIL.subject, "carol@", "Carol", KEY_HASH, FIRST_PIN.version, FIRST_PIN.mac.hex()]
    told = "".join(str(read_events(change(old, new))) for old, new, _ in CASES.values())
    assert FILE.id in told
    assert [secret for secret in secrets if secret in told] == []
