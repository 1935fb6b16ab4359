"""Reading, revoking and hiding mails, on both sides."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import Busy, Conflict, NotFound
from chalicelib.domain.mail import KEPT_AFTER_EXPIRY, Mail, MailStatus
from chalicelib.domain.page import Order
from chalicelib.ports import StaleRecord, WrongContext
from chalicelib.services.deliver_mail import deliver_mail
from chalicelib.services.read_inbox import InboxMail, hide_inbox_mail, list_inbox, read_inbox_mail
from chalicelib.services.read_mails import list_mails, show_mail
from chalicelib.services.revoke_mail import revoke_mail
from tests.support.builders import ALICES, BOBS, NOW, Caller, a_mail, delivering, new_id, reading, stored_mail
from tests.support.fake_mails import WEB_URL
from tests.support.fakes import FakeWorld, raises

LATER = NOW + timedelta(hours=1)
NEWEST_RECEIVED = Order("received_at", descending=True)


def read(world: FakeWorld, user: Caller, mail: Mail, now: Any = LATER) -> InboxMail:
    return read_inbox_mail(user.token.user_id, mail.id, now, **reading(world))


def received(world: FakeWorld, bob: Caller, **changes: Any) -> Mail:
    recipient = replace(a_mail().recipient, email=bob.email)
    mail = stored_mail(world, a_mail(recipient=recipient, **changes))
    deliver_mail(mail.id, WEB_URL, mail.created_at, **delivering(world))
    return world.mails.records[mail.id]


class TestSendersSide:
    def test_one_with_its_body(self, world: FakeWorld) -> None:
        mail = stored_mail(world, body="<p>Hello</p>")
        shown = show_mail(ALICES, mail.id, NOW, mails=world.mails, bodies=world.bodies)
        assert (shown.mail, shown.body) == (mail, "<p>Hello</p>")

    def test_looking_opens_nothing(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        show_mail(ALICES, mail.id, NOW, mails=world.mails, bodies=world.bodies)
        assert world.mails.records[mail.id].opened_at is None

    @pytest.mark.parametrize("account", [BOBS, ALICES])
    def test_anothers_and_none(self, world: FakeWorld, account: Any) -> None:
        mail_id = stored_mail(world).id if account == BOBS else new_id()
        with pytest.raises(NotFound):
            show_mail(account, mail_id, NOW, mails=world.mails, bodies=world.bodies)

    def test_a_body_under_another_context_is_not_shown(self, world: FakeWorld) -> None:
        mail, other = stored_mail(world), stored_mail(world)
        world.mails.bodies[mail.body_id] = replace(world.mails.bodies[other.body_id], id=mail.body_id)
        with pytest.raises(WrongContext):
            show_mail(ALICES, mail.id, NOW, mails=world.mails, bodies=world.bodies)

    def test_forgotten_ones_are_not_there(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        gone = mail.expires_at + KEPT_AFTER_EXPIRY
        order = Order("created_at", descending=True)
        assert list_mails(ALICES, None, order, 5, None, gone - timedelta(seconds=1), mails=world.mails).rows == [mail]
        assert list_mails(ALICES, None, order, 5, None, gone, mails=world.mails).rows == []
        with pytest.raises(NotFound):
            show_mail(ALICES, mail.id, gone, mails=world.mails, bodies=world.bodies)


class TestRevoking:
    def test_it_is_one_write_that_ends_the_download(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        revoke_mail(ALICES, mail.id, LATER, mails=world.mails)
        assert world.mails.records[mail.id].revoked_at == LATER
        assert world.downloads.records[mail.download_id].revoked_at == LATER
        assert world.mails.calls[-1] == "withdraw"

    def test_again_is_harmless(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        for hour in range(2):
            revoke_mail(ALICES, mail.id, NOW + timedelta(hours=hour), mails=world.mails)
        assert world.mails.records[mail.id].revoked_at == NOW

    def test_anothers(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        with pytest.raises(NotFound):
            revoke_mail(BOBS, mail.id, NOW, mails=world.mails)
        assert world.mails.records[mail.id].revoked_at is None

    def test_what_changes_meanwhile_is_revoked_all_the_same(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        world.mails.before("withdraw", lambda: world.mails.save(mail.opened(NOW)))
        revoke_mail(ALICES, mail.id, NOW, mails=world.mails)
        after = world.mails.records[mail.id]
        assert (after.revoked_at, after.opened_at) == (NOW, NOW)

    def test_others_who_keep_changing_it(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        world.mails.before("withdraw", *(raises(StaleRecord()) for _ in range(5)))
        with pytest.raises(Conflict):
            revoke_mail(ALICES, mail.id, NOW, mails=world.mails)


class TestInbox:
    def test_a_page_has_the_mails_as_they_stand(self, world: FakeWorld, bob: Caller) -> None:
        first, second = received(world, bob), received(world, bob, created_at=LATER)
        revoke_mail(ALICES, first.id, LATER, mails=world.mails)
        user = bob.token.user_id
        page = list_inbox(user, None, NEWEST_RECEIVED, 5, None, LATER, inbox=world.inbox, mails=world.mails)
        assert [it.mail for it in page.rows] == [second, world.mails.records[first.id]]
        assert [it.body for it in page.rows] == [None, None]
        assert world.mails.records[first.id].opened_at is None

    def test_reading_marks_it_opened_once(self, world: FakeWorld, bob: Caller) -> None:
        mail = received(world, bob)
        assert read(world, bob, mail).body == "<p>Hello</p>"
        assert read(world, bob, mail, LATER + timedelta(hours=1)).mail.opened_at == LATER
        assert world.mails.records[mail.id].opened_at == LATER

    def test_two_who_read_at_once_open_it_once(self, world: FakeWorld, bob: Caller) -> None:
        mail = received(world, bob)
        world.mails.before("save", lambda: read(world, bob, mail, LATER))
        assert read(world, bob, mail, LATER + timedelta(seconds=1)).mail.opened_at == LATER

    @pytest.mark.parametrize(
        "changes",
        [{"revoked_at": NOW}, {"expires_at": LATER}, {"status": MailStatus.FAILED}],
        ids=["revoked", "expired", "failed"],
    )
    def test_what_is_not_open_is_neither_read_nor_marked(
        self, world: FakeWorld, bob: Caller, changes: dict[str, Any]
    ) -> None:
        mail = received(world, bob)
        world.mails.records[mail.id] = replace(mail, **changes)
        shown = read(world, bob, mail)
        assert (shown.body, shown.mail.opened_at) == (None, None)
        assert "open" not in world.bodies.calls

    def test_what_is_revoked_just_then_is_not_read(self, world: FakeWorld, bob: Caller) -> None:
        mail = received(world, bob)
        world.mails.before("save", lambda: revoke_mail(ALICES, mail.id, LATER, mails=world.mails))
        shown = read(world, bob, mail)
        assert (shown.body, shown.mail.opened_at, shown.mail.revoked_at) == (None, None, LATER)

    def test_a_mark_that_cannot_be_made_is_told(self, world: FakeWorld, bob: Caller) -> None:
        mail = received(world, bob)
        world.mails.before("save", raises(Busy()))
        with pytest.raises(Busy):
            read(world, bob, mail)

    def test_anothers_inbox(self, world: FakeWorld, alice: Caller, bob: Caller) -> None:
        mail = received(world, bob)
        with pytest.raises(NotFound):
            read(world, alice, mail)
        with pytest.raises(NotFound):
            hide_inbox_mail(alice.token.user_id, mail.id, inbox=world.inbox)
        assert world.mails.records[mail.id].opened_at is None
        assert world.inbox.find(mail.id)

    def test_hiding_is_for_this_side_alone(self, world: FakeWorld, bob: Caller) -> None:
        mail = received(world, bob)
        hide_inbox_mail(bob.token.user_id, mail.id, inbox=world.inbox)
        assert world.mails.records[mail.id] == mail
        assert world.downloads.records[mail.download_id].revoked_at is None
        for act in (
            lambda: read(world, bob, mail),
            lambda: hide_inbox_mail(bob.token.user_id, mail.id, inbox=world.inbox),
        ):
            with pytest.raises(NotFound):
                act()

    def test_what_is_forgotten_is_not_there(self, world: FakeWorld, bob: Caller) -> None:
        mail = received(world, bob)
        gone, user = mail.forgotten_at, bob.token.user_id
        with pytest.raises(NotFound):
            read(world, bob, mail, gone)
        assert list_inbox(user, None, NEWEST_RECEIVED, 5, None, gone, inbox=world.inbox, mails=world.mails).rows == []
        del world.mails.records[mail.id]
        with pytest.raises(NotFound):
            read(world, bob, mail)
        assert list_inbox(user, None, NEWEST_RECEIVED, 5, None, NOW, inbox=world.inbox, mails=world.mails).rows == []
