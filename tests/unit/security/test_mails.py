"""Checks M of docs/threat-model.md: what mails could be made to say, tell or open."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.adapters.ses_letters import letter_of
from chalicelib.adapters.ses_mailer import SesMailer
from chalicelib.domain.download import DOWNLOAD_URL_LIFETIME, SESSION_LIFETIME
from chalicelib.domain.errors import Conflict, Gone, NotFound
from chalicelib.domain.mail import Mail, MailStatus, body_context, entry_of
from chalicelib.domain.secret import hash_secret
from chalicelib.ports import NeverSendable, StaleRecord, WrongContext
from chalicelib.services.create_download import create_download_key
from chalicelib.services.deliver_mail import BeingSent, deliver_mail
from chalicelib.services.on_bounce import NotSentYet, on_bounce
from chalicelib.services.open_mail import open_mail
from chalicelib.services.own_mails import own_mail, received_mail
from chalicelib.services.perform_download import find_download_key, perform_download, resume_download, show_download
from chalicelib.services.read_inbox import hide_inbox_mail, read_inbox_mail
from chalicelib.services.read_mails import show_mail
from chalicelib.services.revoke_mail import revoke_mail
from chalicelib.wire.html_body import sanitised
from chalicelib.wire.mail_events import NotOurMailEvent, parse_mail_event
from tests.support.adapters import downloads_on, mails_on
from tests.support.app_client import AppClient
from tests.support.builders import (
    ALICES,
    BOB_ID,
    BOBS,
    NOW,
    PIN,
    Caller,
    a_mail,
    a_notification,
    a_ready_file,
    a_user,
    an_act,
    delivering,
    keying,
    new_id,
    performing,
    reading,
    resuming,
    showing,
    stored,
    stored_mail,
)
from tests.support.fake_mails import CONFIGURATION_SET, WEB_URL
from tests.support.fakes import FakeWorld, raises

EVIL = "x\r\nBcc: everybody@example.net"
SECOND = timedelta(seconds=1)


def deliver(world: FakeWorld, mail: Mail) -> Any:
    return deliver_mail(mail.id, WEB_URL, NOW, **delivering(world))


def sent_by_link(world: FakeWorld, **changes: Any) -> tuple[Mail, str]:
    """A mail that was sent, and the key in its link."""
    mail = stored_mail(world, a_mail(**changes))
    deliver(world, mail)
    return mail, str(world.mailer.sent[-1].link).partition("#")[2]


def received(world: FakeWorld, user_id: Any) -> Mail:
    mail = stored_mail(world)
    world.inbox.records[mail.id] = entry_of(mail, user_id, BOBS, NOW)
    return mail


def order(world: FakeWorld, alice: Caller, **changes: Any) -> dict[str, Any]:
    files = [stored(world, a_ready_file(account_id=alice.account_id)).id]
    recipients = [{"email": "carol@example.net"}]
    return {"recipients": recipients, "subject": "Yours", "body": "<p>Hi</p>", "files": files} | changes


# --- M1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
        '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
        "<a href='javascript:alert(1)'>x</a>",
        "<a href=' &#106;avascript:alert(1)'>x</a>",
        "<p style='background:url(https://x.example/)' onclick=alert(1)>x",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<form action='https://x.example/'><input name=pin></form>",
        "<template><script>alert(1)</script></template>",
        "<!--><script>alert(1)</script>-->",
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<meta http-equiv=refresh content='0;url=https://x.example/'>",
    ],
)
def test_m1_nothing_in_a_body_runs_loads_or_asks(evil: str) -> None:
    kept = sanitised(evil).lower()
    for word in ("<script", "<img", "<svg", "<style", "<iframe", "<form", "<input", "<meta", "javascript:"):
        assert word not in kept
    assert not {"onerror=", "onclick=", "style=", "srcdoc="} & set(kept.partition("&lt;")[0].split())


def test_m1_a_link_leads_only_where_it_says() -> None:
    assert "href" not in sanitised('<a href="/inbox/1">x</a>')
    assert "href" not in sanitised('<a href="//x.example/">x</a>')
    link = sanitised('<a href="https://x.example/" target=_blank>x</a>')
    assert 'rel="noopener noreferrer nofollow"' in link
    assert "target" not in link


def test_m1_it_is_sanitised_on_the_way_in(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    body = "<p>Hi<script>alert(1)</script></p>"
    (mail,) = api.post("/mails", order(world, alice, body=body), token=alice.text).data
    assert api.get(f"/mails/{mail['id']}", token=alice.text).data["body"] == "<p>Hi</p>"


# --- M2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": EVIL},
        {"subject": "x\u2028y"},
        {"recipients": [{"email": f"a@b.example{EVIL}"}]},
        {"recipients": [{"email": "a@b.example", "name": EVIL}]},
    ],
)
def test_m2_a_line_is_one_line(api: AppClient, world: FakeWorld, alice: Caller, changes: dict[str, Any]) -> None:
    answer = api.post("/mails", order(world, alice, **changes), token=alice.text)
    assert (answer.status, world.mails.records) == (422, {})


def test_m2_a_subject_does_not_turn_around(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    answer = api.post("/mails", order(world, alice, subject="invoice\u202efdp.exe"), token=alice.text)
    assert answer.status == 422


def test_m2_a_letter_folds_what_slipped_through() -> None:
    letter = letter_of(a_notification(subject=EVIL, sender_name=EVIL))
    assert letter.subject == "x Bcc: everybody@example.net"
    assert "\r" not in letter.text + letter.html


def test_m2_what_people_wrote_is_text_in_html() -> None:
    letter = letter_of(a_notification(subject="</strong><script>alert(1)</script>", sender_name="<img src=x>"))
    assert "<script" not in letter.html
    assert "<img" not in letter.html


class SesClient:
    def __init__(self) -> None:
        self.sent: dict[str, Any] = {}

    def send_email(self, **request: Any) -> Any:
        self.sent.update(request)
        return {"MessageId": "m"}


SEVERAL = (
    "a@b.example\uff0cvictim\uff20c.example",  # full-width , and @, which the name system reads as those
    "a@b.example\uff1e\uff1cvictim",
    "a@b.c,d",
    'a@b.c>"',
    "(a)c@b.example",
)


@pytest.mark.parametrize("email", SEVERAL)
def test_m2_an_address_is_one_address(api: AppClient, world: FakeWorld, alice: Caller, email: str) -> None:
    answer = api.post("/mails", order(world, alice, recipients=[{"email": email}]), token=alice.text)
    assert (answer.status, world.mails.records) == (422, {})


@pytest.mark.parametrize("email", ["a@stra\u00dfe.example", "wei\u00df@b.example", "a@b\u03c2.example"])
def test_m2_nobody_is_sent_what_was_for_their_namesake(
    api: AppClient, world: FakeWorld, alice: Caller, email: str
) -> None:
    """Python's `idna` makes strasse.example of the first, as names were read before 2008; their owners are two."""
    answer = api.post("/mails", order(world, alice, recipients=[{"email": email}]), token=alice.text)
    assert (answer.status, world.mails.records) == (422, {})
    assert "xn--" in answer.json["errors"]["recipients.0.email"][0]
    known = api.post("/mails", order(world, alice, recipients=[{"email": "a@xn--strae-oqa.example"}]), token=alice.text)
    assert known.status == 201


@pytest.mark.parametrize("email", SEVERAL)
def test_m2_nothing_is_sent_to_what_is_none(email: str) -> None:
    client = SesClient()
    with pytest.raises(NeverSendable):
        SesMailer(client, "sealdrop@example.com", None).send(a_notification(recipient_email=email))
    assert client.sent == {}


def test_m2_a_name_is_no_second_address() -> None:
    client = SesClient()
    SesMailer(client, "sealdrop@example.com", None).send(a_notification(sender_name="A <a@evil.example>, B"))
    assert client.sent["FromEmailAddress"] == '"A <a@evil.example>, B by Sealdrop" <sealdrop@example.com>'
    assert client.sent["Destination"] == {"ToAddresses": ["carol@example.net"]}


# --- M3 --------------------------------------------------------------------------------------------------------------


def test_m3_the_answer_and_the_work_are_the_same(api: AppClient, world: FakeWorld, alice: Caller, bob: Caller) -> None:
    told, worked = [], []
    for email in (bob.email, "bab@example.com"):
        before = len(world.users.calls), len(world.inbox.calls)
        (mail,) = api.post("/mails", order(world, alice, recipients=[{"email": email}]), token=alice.text).data
        told.append(json.dumps(mail | dict.fromkeys(("id", "identifier", "download_id"))).replace(email, "…"))
        worked.append((len(world.users.calls) - before[0], len(world.inbox.calls) - before[1]))
    assert told[0] == told[1]
    assert worked[0] == worked[1]


def test_m3_nobody_is_looked_up_by_the_request(api: AppClient, world: FakeWorld, alice: Caller, bob: Caller) -> None:
    api.post("/mails", order(world, alice, recipients=[{"email": bob.email}]), token=alice.text)
    assert "find_by_email" not in world.users.calls


def test_m3_the_senders_log_names_no_recipient(api: AppClient, world: FakeWorld, bob: Caller) -> None:
    """Whoever opens it is a performer there, with a token or with the link."""
    from chalicelib.adapters.dynamo_mails import to_item
    from chalicelib.adapters.dynamo_touch import TOUCHED, mark_of
    from chalicelib.adapters.event_rules import read_events
    from chalicelib.domain.act import Actor
    from chalicelib.ports import Change

    sent = received(world, bob.user_id)
    assert api.get(f"/inbox/{sent.id}", token=bob.text).status == 200
    opened, mark = to_item(world.mails.records[sent.id]), mark_of(world.acts[-1])
    assert mark["user_id"] == bob.user_id
    where = {"pk": opened["pk"], "sk": opened["sk"], "expired": False}
    change = Change(id="1", sequence="1", at=NOW, old=to_item(sent), new=opened | {TOUCHED: mark}, **where)
    (event,) = read_events(change)
    assert (event.type, event.account_id, event.act.actor) == ("mail.opened", sent.account_id, Actor.PERFORMER)
    assert bob.user_id not in repr(event)
    assert bob.token.id not in repr(event)


def test_m3_no_key_of_a_recipients_shows_in_it(world: FakeWorld, bob: Caller) -> None:
    """Who has no account makes none: the link has one."""
    from chalicelib.adapters.dynamo_downloads import _to_item as to_item
    from chalicelib.adapters.dynamo_touch import TOUCHED, mark_of
    from chalicelib.adapters.event_rules import read_events
    from chalicelib.ports import Change

    before = to_item(world.downloads.records[received(world, bob.user_id).download_id])
    act = an_act(account_id=BOBS, user_id=bob.user_id)
    where = {"pk": before["pk"], "sk": before["sk"], "expired": False}
    after = before | {"key_hash": "of a key", TOUCHED: mark_of(act)}
    (event,) = read_events(Change(id="1", sequence="1", at=NOW, old=before, new=after, **where))
    assert (event.type, event.account_id, event.act.user_id) == ("download.keyed", BOBS, bob.user_id)


def look(api: AppClient, world: FakeWorld, mail: Mail, bob: Caller, pin: str | None) -> None:
    """All that a recipient can do with it: in an inbox, and with a key of their own, or by the link."""
    links = [str(sent.link) for sent in world.mailer.sent if sent.mail_id == mail.id and sent.link]
    keys = [link.partition("#")[2] for link in links]
    if api.get(f"/inbox/{mail.id}", token=bob.text).status == 200:
        keys = [api.post(f"/downloads/{mail.download_id}/keys", {}, token=bob.text).data["key"]]
    for key in keys:
        api.get(f"/public/downloads/{key}")
        if pin:
            api.post(f"/public/downloads/{key}", {"pin": pin})


@pytest.mark.parametrize("emptied", [False, True], ids=["with files", "with its files in the trash"])
@pytest.mark.parametrize("given", [None, "wrong", PIN], ids=["no PIN", "wrong PIN", "right PIN"])
@pytest.mark.parametrize("pin", [None, PIN], ids=["open", "locked"])
@pytest.mark.parametrize("fate", ["delivered", "looked at", "refused", "came back"])
def test_m3_what_becomes_of_it_shows_the_same(
    api: AppClient, world: FakeWorld, alice: Caller, bob: Caller, fate: str, pin: str | None, given: str, emptied: bool
) -> None:
    """A mail to a user, whose inbox has it, and one to nobody we know, who has a link."""
    told = []
    for email in (bob.email, "bab@example.com"):
        sent = order(world, alice, recipients=[{"email": email}]) | ({"pin": pin} if pin else {})
        (made,) = api.post("/mails", sent, token=alice.text).data
        mail = world.mails.records[made["id"]]
        if fate == "refused":
            world.mailer.before("send", raises(NeverSendable("no")))
        deliver(world, mail)
        if fate == "came back":
            on_bounce(mail.id, world.mails.records[mail.id].message_id or "", "no", NOW, mails=world.mails)
        if emptied:
            assert api.delete(f"/files/{sent['files'][0]}", token=alice.text).status == 204
        if fate != "delivered":
            look(api, world, mail, bob, given)
        shown = api.get(f"/mails/{mail.id}", token=alice.text, query={"include": "download,author"}).data
        was_opened = shown["opened_at"] is not None
        assert was_opened == (fate == "looked at" and not emptied and (pin is None or given == PIN))
        shown |= dict.fromkeys(("id", "identifier", "download_id"))
        shown["download"] |= {"id": None}
        told.append(json.dumps(shown).replace(email, "…"))
    assert told[0] == told[1]


def test_m3_revoked_at_the_moment_of_sending_it_shows_the_same(
    api: AppClient, world: FakeWorld, alice: Caller, bob: Caller
) -> None:
    """At whatever moment: only a link has to be opened before it is sent."""
    for moment in ("downloads.find", "downloads.make_key_current", "mailer.send"):
        told = []
        for email in (bob.email, "bab@example.com"):
            (made,) = api.post("/mails", order(world, alice, recipients=[{"email": email}]), token=alice.text).data
            port, method = moment.split(".")
            has_moment = port == "mailer" or email != bob.email
            getattr(world, port if has_moment else "mailer").before(
                method if has_moment else "send",
                lambda mail_id=made["id"]: api.delete(f"/mails/{mail_id}", token=alice.text),
            )
            deliver(world, world.mails.records[made["id"]])
            shown = api.get(f"/mails/{made['id']}", token=alice.text).data
            assert (shown["status"], bool(shown["revoked_at"])) == ("success", True)
            told.append(json.dumps(shown | dict.fromkeys(("id", "identifier", "download_id"))).replace(email, "…"))
        assert told[0] == told[1]
        key = str(world.mailer.sent[-1].link).partition("#")[2]
        assert api.get(f"/public/downloads/{key}").status in {404, 410}


def test_m3_a_sender_ends_no_key_of_a_users(world: FakeWorld, alice: Caller) -> None:
    """No link would end: what is refused afterwards would tell."""
    mail = received(world, BOB_ID)
    bob, sender = a_user(id=BOB_ID, account_id=BOBS), a_user(id=alice.user_id)
    text, _ = create_download_key(bob, mail.download_id, None, NOW, **keying(world))
    with pytest.raises(Conflict, match="its recipient makes the key"):
        create_download_key(sender, mail.download_id, None, NOW, **keying(world))
    assert show_download(find_download_key(text, downloads=world.downloads), NOW, **showing(world)).files


def test_m3_what_failed_is_not_opened_afterwards(world: FakeWorld, bob: Caller) -> None:
    """That would be somebody with an inbox."""
    mail = stored_mail(world, a_mail(recipient=replace(a_mail().recipient, email=bob.email)))
    deliver(world, mail)
    on_bounce(mail.id, "message-1", "no", NOW, mails=world.mails)
    with pytest.raises(NotFound):
        read_inbox_mail(bob.user_id, mail.id, NOW, **reading(world))
    assert world.mails.records[mail.id].opened_at is None


# --- M4 --------------------------------------------------------------------------------------------------------------


def test_m4_anothers_mail_is_as_if_it_were_not_there(world: FakeWorld) -> None:
    mail = stored_mail(world)
    assert own_mail(ALICES, mail.id, NOW, mails=world.mails) == mail
    for account, mail_id in ((BOBS, mail.id), (BOBS, new_id()), (ALICES, "x"), (ALICES, new_id())):
        with pytest.raises(NotFound) as caught:
            own_mail(account, mail_id, NOW, mails=world.mails)
        assert caught.value.message == NotFound.default_message
    with pytest.raises(NotFound):
        revoke_mail(BOBS, mail.id, NOW, mails=world.mails)
    assert world.mails.records[mail.id] == mail


def test_m4_anothers_inbox_is_as_if_it_were_not_there(world: FakeWorld, alice: Caller) -> None:
    """Also to its own sender."""
    mail = received(world, BOB_ID)
    for user in (alice.user_id, a_user().id):
        with pytest.raises(NotFound):
            received_mail(user, mail.id, NOW, inbox=world.inbox, mails=world.mails)
        with pytest.raises(NotFound):
            hide_inbox_mail(user, mail.id, inbox=world.inbox)
    assert world.mails.records[mail.id].opened_at is None


def test_m4_only_its_user_takes_it_out_of_an_inbox(table: Any) -> None:
    from chalicelib.adapters.dynamo_inbox import DynamoInbox, entry_item

    mail = a_mail()
    table.put(entry_item(entry_of(mail, BOB_ID, BOBS, NOW)), "attribute_not_exists(pk)")
    inbox = DynamoInbox(table, None)  # type: ignore[arg-type] # nothing is searched here
    assert not inbox.remove(mail.id, a_user().id)
    assert inbox.find(mail.id)
    assert inbox.remove(mail.id, BOB_ID)


def test_m4_its_download_is_keyed_by_its_recipient_alone(world: FakeWorld) -> None:
    mail = received(world, BOB_ID)
    bob, other = a_user(id=BOB_ID, account_id=BOBS), a_user(id=new_id(), account_id=BOBS)
    assert create_download_key(bob, mail.download_id, None, NOW, **keying(world))
    with pytest.raises(NotFound):
        create_download_key(other, mail.download_id, None, NOW, **keying(world))
    hide_inbox_mail(BOB_ID, mail.id, inbox=world.inbox)
    with pytest.raises(NotFound):
        create_download_key(bob, mail.download_id, None, NOW, **keying(world))


# --- M5 --------------------------------------------------------------------------------------------------------------


def test_m5_a_links_key_is_in_the_email_and_nowhere_else(world: FakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
    _, key = sent_by_link(world)
    kept = repr([world.mails.records, world.downloads.records, world.downloads.keys, world.mail_queue.to_deliver])
    assert key not in kept + repr(world.mailer.sent) + capsys.readouterr().out
    assert hash_secret(key) in kept


def test_m5_who_reads_the_tables_makes_no_link(world: FakeWorld) -> None:
    """It takes KMS: what the key is made from is all in the tables."""
    mail, key = sent_by_link(world)
    elsewhere = FakeWorld()
    again = stored_mail(elsewhere, mail)
    elsewhere.mailer.sent.clear()
    deliver(elsewhere, again)
    assert str(elsewhere.mailer.sent[0].link).partition("#")[2] != key


def test_m5_each_mail_has_a_key_of_its_own(world: FakeWorld) -> None:
    assert len({sent_by_link(world)[1] for _ in range(3)}) == 3


def test_m5_the_key_stands_in_the_fragment(world: FakeWorld) -> None:
    """Which browsers send to no server, and link previews never see."""
    _, key = sent_by_link(world)
    address, mark, fragment = str(world.mailer.sent[0].link).partition("#")
    assert (address, mark, fragment) == ("https://sealdrop.test/d", "#", key)


def test_m5_a_user_is_sent_no_key(world: FakeWorld, bob: Caller) -> None:
    mail = stored_mail(world, a_mail(recipient=replace(a_mail().recipient, email=bob.email.upper())))
    deliver(world, mail)
    assert world.mailer.sent[0].link is None
    assert world.downloads.records[mail.download_id].link_hash is None


def test_m5_neither_key_ends_the_other(world: FakeWorld) -> None:
    mail, link = sent_by_link(world)
    world.inbox.records[mail.id] = entry_of(mail, BOB_ID, BOBS, NOW)
    bob = a_user(id=BOB_ID, account_id=BOBS)
    made, _ = create_download_key(bob, mail.download_id, None, NOW, **keying(world))
    for text in (link, made):
        key = find_download_key(text, downloads=world.downloads)
        assert show_download(key, NOW, **showing(world)).files
        assert perform_download(key, NOW, **performing(world)).files


# --- M6 --------------------------------------------------------------------------------------------------------------


def all_refused(world: FakeWorld, text: str, session: str, now: Any) -> None:
    key = find_download_key(text, downloads=world.downloads)
    with pytest.raises(Gone):
        show_download(key, now, **showing(world))
    with pytest.raises(Gone):
        perform_download(key, now, **performing(world))
    with pytest.raises(Gone):
        resume_download(key, session, now, **resuming(world))


def test_m6_revoking_ends_all_of_it_at_once(world: FakeWorld) -> None:
    mail, text = sent_by_link(world)
    session = perform_download(find_download_key(text, downloads=world.downloads), NOW, **performing(world)).session
    revoke_mail(ALICES, mail.id, NOW + SECOND, mails=world.mails)
    all_refused(world, text, session, NOW + SECOND)
    world.inbox.records[mail.id] = entry_of(mail, BOB_ID, BOBS, NOW)
    with pytest.raises(Gone):
        create_download_key(a_user(id=BOB_ID, account_id=BOBS), mail.download_id, None, NOW + SECOND, **keying(world))


def test_m6_expiry_ends_all_of_it_at_once(world: FakeWorld) -> None:
    end = NOW + timedelta(hours=1)
    _, text = sent_by_link(world, expires_at=end)
    key = find_download_key(text, downloads=world.downloads)
    performed = perform_download(key, NOW, **performing(world))
    assert performed.session_expires_at == end
    assert resume_download(key, performed.session, end - SECOND, **resuming(world)).files
    all_refused(world, text, performed.session, end)


def test_m6_no_url_outlives_it(world: FakeWorld) -> None:
    end = NOW + timedelta(minutes=2)
    _, text = sent_by_link(world, expires_at=end)
    performed = perform_download(find_download_key(text, downloads=world.downloads), NOW, **performing(world))
    assert performed.urls_expire_at == end
    signed = [world.objects.signed[released.url]["lifetime"] for released in performed.files]
    assert signed == [end - NOW] != [DOWNLOAD_URL_LIFETIME]


def test_m6_the_last_use_is_the_last(world: FakeWorld) -> None:
    """Its own session goes on: else nothing of any size could be received."""
    _, text = sent_by_link(world, max_downloads=1)
    key = find_download_key(text, downloads=world.downloads)
    session = perform_download(key, NOW, **performing(world)).session
    with pytest.raises(Gone):
        perform_download(key, NOW, **performing(world))
    assert resume_download(key, session, NOW + SESSION_LIFETIME - SECOND, **resuming(world)).files
    with pytest.raises(Gone):
        resume_download(key, session, NOW + SESSION_LIFETIME, **resuming(world))


def test_m6_what_came_back_opens_nothing(world: FakeWorld) -> None:
    """Whoever was handed the returned message has the link."""
    mail, text = sent_by_link(world)
    session = perform_download(find_download_key(text, downloads=world.downloads), NOW, **performing(world)).session
    on_bounce(mail.id, "message-1", "no", NOW, mails=world.mails)
    all_refused(world, text, session, NOW)


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_m6_nor_is_its_text_read_any_more(world: FakeWorld, end: str) -> None:
    mail = received(world, BOB_ID)
    assert read_inbox_mail(BOB_ID, mail.id, NOW, **reading(world)).body
    if end == "revoked":
        revoke_mail(ALICES, mail.id, NOW, mails=world.mails)
    now = mail.expires_at if end == "expired" else NOW
    assert read_inbox_mail(BOB_ID, mail.id, now, **reading(world)).body is None
    assert show_mail(ALICES, mail.id, now, mails=world.mails, bodies=world.bodies).body, "its sender's own copy"


def test_m6_the_write_that_revokes_is_the_downloads_too(table: Any) -> None:
    from chalicelib.domain.mail import MailBody
    from tests.support.builders import a_download

    mails, downloads, mail = mails_on(table), downloads_on(table), a_mail()
    downloads.add(a_download(id=mail.download_id, mail_id=mail.id))
    (stored_,) = mails.add([mail], MailBody(mail.body_id, ALICES, b"x", NOW))
    mails.withdraw(stored_.revoked(NOW), NOW)
    download = downloads.find(mail.download_id)
    assert download
    assert download.revoked_at == NOW


def test_m6_what_failed_is_not_read(world: FakeWorld) -> None:
    """Not even by who had looked it up an instant before it failed."""
    mail = replace(stored_mail(world), status=MailStatus.FAILED)
    assert open_mail(mail, NOW, mails=world.mails, bodies=world.bodies).body is None
    assert "open" not in world.bodies.calls


# --- M7 --------------------------------------------------------------------------------------------------------------


def bounce(mail_id: str, message_id: str = "message-1", **changes: Any) -> str:
    tags = {"ses:configuration-set": [CONFIGURATION_SET], "mail": [mail_id], "occasion": ["delivery"]}
    detail = {
        "mail": {"messageId": message_id, "tags": tags | changes.pop("tags", {})},
        "bounce": {"bounceType": "Permanent", "bounceSubType": "General"},
    }
    event = {"source": "aws.ses", "detail-type": "Email Bounced", "detail": detail}
    return json.dumps(event | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "my.own"},
        {"source": "aws.s3"},
        {"detail-type": "Email Delivered"},
        {"tags": {"ses:configuration-set": ["another-stage"]}},
        {"tags": {"ses:configuration-set": []}},
        {"tags": {"mail": ["../other"]}},
        {"tags": {"mail": []}},
    ],
)
def test_m7_an_event_of_ones_own_is_not_taken(changes: dict[str, Any]) -> None:
    mail_id = new_id()
    assert parse_mail_event(bounce(mail_id), CONFIGURATION_SET)
    with pytest.raises(NotOurMailEvent):
        parse_mail_event(bounce(mail_id, **changes), CONFIGURATION_SET)


def test_m7_a_report_has_to_know_the_message(world: FakeWorld) -> None:
    """Mail ids are known to senders and recipients; SES's ids to us and SES."""
    mail, _ = sent_by_link(world)
    on_bounce(mail.id, "message-2", "no", NOW, mails=world.mails)
    assert world.mails.records[mail.id].status is MailStatus.SUCCESS
    on_bounce(mail.id, "message-1", "no", NOW, mails=world.mails)
    assert world.mails.records[mail.id].status is MailStatus.FAILED


def test_m7_no_report_ends_what_was_not_sent(world: FakeWorld) -> None:
    mail = stored_mail(world)
    with pytest.raises(NotSentYet):
        on_bounce(mail.id, "", "no", NOW, mails=world.mails)
    assert world.mails.records[mail.id].status is MailStatus.QUEUED


# --- M8 --------------------------------------------------------------------------------------------------------------


def test_m8_two_orders_at_once_are_one_email(world: FakeWorld) -> None:
    mail = stored_mail(world)

    def rival() -> None:
        with pytest.raises(BeingSent):
            deliver(world, mail)

    world.mailer.before("send", rival)
    deliver(world, mail)
    assert len(world.mailer.sent) == 1


def test_m8_who_writes_second_does_not_send(world: FakeWorld) -> None:
    mail = stored_mail(world)
    world.mails.before("save", lambda: deliver(world, mail))
    with pytest.raises(StaleRecord):
        deliver(world, mail)
    assert len(world.mailer.sent) == 1


def test_m8_the_write_refuses_what_changed(table: Any) -> None:
    from chalicelib.domain.mail import MailBody

    mails, mail = mails_on(table), a_mail()
    (stored_,) = mails.add([mail], MailBody(mail.body_id, ALICES, b"x", NOW))
    mails.save(stored_.tried(NOW))
    with pytest.raises(StaleRecord):  # also what would write the very same
        mails.save(stored_.tried(NOW))


def test_m8_an_email_that_is_sent_again_has_the_link_that_works(world: FakeWorld) -> None:
    mail = stored_mail(world)
    world.mailer.after("send", raises(RuntimeError("the function dies")))
    with pytest.raises(RuntimeError):
        deliver(world, mail)
    deliver_mail(mail.id, WEB_URL, NOW + timedelta(minutes=2), **delivering(world))
    links = {told.link for told in world.mailer.sent}
    assert (len(world.mailer.sent), len(links)) == (2, 1)
    text = str(links.pop()).partition("#")[2]
    assert perform_download(find_download_key(text, downloads=world.downloads), NOW, **performing(world)).files


# --- M9 --------------------------------------------------------------------------------------------------------------


def test_m9_a_body_is_stored_sealed(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    api.post("/mails", order(world, alice, body="<p>confidential</p>"), token=alice.text)
    (body,) = world.mails.bodies.values()
    assert "confidential" not in repr(world.mails.records) + repr(world.mails.bodies)
    assert world.bodies.open(body.sealed, body_context(body.id, alice.account_id)) == "<p>confidential</p>"


def test_m9_another_records_body_does_not_open(world: FakeWorld) -> None:
    mine, other = stored_mail(world), stored_mail(world, body="<p>other</p>")
    world.mails.bodies[mine.body_id] = replace(world.mails.bodies[other.body_id], id=mine.body_id)
    with pytest.raises(WrongContext):
        show_mail(ALICES, mine.id, NOW, mails=world.mails, bodies=world.bodies)


def test_m9_the_sdk_is_told_which_context_it_has_to_be() -> None:
    """The message says its context itself, and would open under it."""
    import boto3
    from moto import mock_aws

    from chalicelib.adapters.sealed_bodies import SealedBodies

    with mock_aws():
        kms = boto3.client("kms")
        bodies = SealedBodies(kms, kms.create_key()["KeyMetadata"]["Arn"])
        sealed = bodies.seal("<p>x</p>", {"body": "a", "account": "b"})
        assert b"<p>" not in sealed
        assert bodies.open(sealed, {"body": "a", "account": "b"}) == "<p>x</p>"
        with pytest.raises(WrongContext):
            bodies.open(sealed, {"body": "other", "account": "b"})
        kms.close()
