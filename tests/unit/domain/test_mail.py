"""A mail's rules: when it is sent, opened, reminded of and withdrawn, and what it is called."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import Conflict
from chalicelib.domain.ids import AccountId, is_uuid
from chalicelib.domain.mail import (
    GIVE_UP_AFTER,
    IDENTIFIER_ALPHABET,
    IDENTIFIER_LENGTH,
    INBOX_SORTS,
    MAIL_SORTS,
    REMIND_BEFORE,
    SEND_AGAIN_AFTER,
    SENDING_LEASE,
    MailStatus,
    Sendable,
    body_context,
    entry_of,
    identifier_of,
    mail_id,
)
from tests.support.builders import ALICES, BOB_ID, BOBS, NOW, a_mail

SECOND = timedelta(seconds=1)
SENT = {"status": MailStatus.SUCCESS, "sent_at": NOW, "message_id": "m"}


class TestIdentifier:
    @given(st.binary(min_size=8, max_size=16))
    def test_it_is_short_and_unambiguous(self, random: bytes) -> None:
        identifier = identifier_of(random)
        assert len(identifier) == IDENTIFIER_LENGTH
        assert set(identifier) <= set(IDENTIFIER_ALPHABET)

    def test_no_character_looks_like_another(self) -> None:
        """Nor makes words: there are no vowels."""
        assert not set("0O1ILloil258AEIOUaeiou") & set(IDENTIFIER_ALPHABET)
        assert len(set(IDENTIFIER_ALPHABET)) == len(IDENTIFIER_ALPHABET)
        assert len({character.lower() for character in IDENTIFIER_ALPHABET}) == len(IDENTIFIER_ALPHABET)

    def test_every_character_can_come(self) -> None:
        seen = {c for number in range(2000) for c in identifier_of((number * 7919**4).to_bytes(16))}
        assert seen == set(IDENTIFIER_ALPHABET)

    def test_the_id_is_that_of_identifier_and_account(self) -> None:
        assert mail_id(ALICES, "JXRMWYN") == mail_id(ALICES, "JXRMWYN")
        others = {mail_id(ALICES, "JXRMWYN"), mail_id(BOBS, "JXRMWYN"), mail_id(ALICES, "JXRMWYM")}
        assert len(others) == 3
        assert all(map(is_uuid, others))

    def test_account_and_identifier_cannot_be_confused(self) -> None:
        assert mail_id(AccountId("a/b"), "c") != mail_id(AccountId("a"), "b/cx")


class TestSending:
    def test_a_queued_one_is_to_be_sent(self) -> None:
        assert a_mail().sendable(NOW) is Sendable.NOW

    @pytest.mark.parametrize("status", [MailStatus.SUCCESS, MailStatus.FAILED])
    def test_a_settled_one_is_not(self, status: MailStatus) -> None:
        assert a_mail(status=status).sendable(NOW) is Sendable.SETTLED

    def test_who_began_is_left_to_it_for_a_while(self) -> None:
        tried = a_mail().tried(NOW)
        assert tried.sendable(NOW + SENDING_LEASE - SECOND) is Sendable.BEING_SENT
        assert tried.sendable(NOW + SENDING_LEASE) is Sendable.NOW
        assert tried.not_tried().sendable(NOW) is Sendable.NOW

    def test_sent(self) -> None:
        sent = a_mail().was_sent("m", NOW)
        assert (sent.status, sent.message_id, sent.sent_at) == (MailStatus.SUCCESS, "m", NOW)

    @pytest.mark.parametrize("status", [MailStatus.SUCCESS, MailStatus.FAILED])
    def test_nothing_is_sent_twice(self, status: MailStatus) -> None:
        with pytest.raises(Conflict):
            a_mail(status=status).was_sent("m", NOW)

    def test_the_first_failure_stands(self) -> None:
        failed = a_mail().failed("first")
        assert (failed.status, failed.failed_reason) == (MailStatus.FAILED, "first")
        assert failed.failed("second") == failed

    @pytest.mark.parametrize(
        ("changes", "later", "word"),
        [
            ({}, timedelta(0), None),
            ({"revoked_at": NOW}, timedelta(0), "revoked"),
            ({"expires_at": NOW + SECOND}, timedelta(0), None),
            ({"expires_at": NOW}, timedelta(0), "expired"),
            ({}, GIVE_UP_AFTER - SECOND, None),
            ({}, GIVE_UP_AFTER, "24 hours"),
        ],
    )
    def test_what_is_not_worth_sending(self, changes: dict[str, Any], later: timedelta, word: str | None) -> None:
        reason = a_mail(**changes).why_not_to_send(NOW + later)
        assert (reason is None) if word is None else word in str(reason)


class TestDue:
    def test_a_queued_one_that_nobody_tries(self) -> None:
        assert a_mail().due_at == NOW + SEND_AGAIN_AFTER

    def test_a_queued_one_that_was_tried(self) -> None:
        assert a_mail(tried_at=NOW + SECOND).due_at == NOW + SECOND + SEND_AGAIN_AFTER

    def test_a_queued_one_that_expires(self) -> None:
        assert a_mail(expires_at=NOW + SECOND).due_at == NOW + SECOND

    def test_a_sent_one_two_days_before_it_expires(self) -> None:
        mail = a_mail(**SENT)
        assert mail.due_at == mail.expires_at - REMIND_BEFORE == NOW + timedelta(days=12)

    @pytest.mark.parametrize("changes", [{"opened_at": NOW}, {"revoked_at": NOW}, {"reminded_at": NOW}])
    def test_not_if_nobody_needs_it(self, changes: dict[str, Any]) -> None:
        assert a_mail(**SENT | changes).due_at is None

    def test_not_if_it_lives_no_longer_than_that(self) -> None:
        assert a_mail(**SENT, expires_at=NOW + REMIND_BEFORE).due_at is None
        assert a_mail(**SENT, expires_at=NOW + REMIND_BEFORE + SECOND).due_at == NOW + SECOND

    def test_a_failed_one_is_done_with(self) -> None:
        assert a_mail(status=MailStatus.FAILED).due_at is None

    @pytest.mark.parametrize(
        ("changes", "now", "allowed"),
        [
            (SENT, NOW + timedelta(days=12), True),
            (SENT, NOW + timedelta(days=12) - SECOND, False),
            (SENT | {"opened_at": NOW}, NOW + timedelta(days=13), False),
            ({}, NOW + timedelta(days=13), False),
        ],
    )
    def test_when_a_reminder_may_go(self, changes: dict[str, Any], now: datetime, allowed: bool) -> None:
        assert a_mail(**changes).may_be_reminded_of(now) is allowed


class TestOpening:
    def test_once(self) -> None:
        opened = a_mail().opened(NOW)
        assert opened.opened(NOW + SECOND) == opened
        assert opened.opened_at == NOW

    @pytest.mark.parametrize(
        ("changes", "is_open"),
        [
            ({}, True),
            ({"status": MailStatus.SUCCESS}, True),
            ({"status": MailStatus.FAILED}, False),
            ({"revoked_at": NOW}, False),
            ({"expires_at": NOW + SECOND}, True),
            ({"expires_at": NOW}, False),
        ],
    )
    def test_while_it_is_open(self, changes: dict[str, Any], is_open: bool) -> None:
        assert a_mail(**changes).is_open(NOW) is is_open

    def test_the_first_revocation_stands(self) -> None:
        revoked = a_mail().revoked(NOW)
        assert revoked.revoked(NOW + SECOND) == revoked

    def test_reminded_and_taken_back(self) -> None:
        mail = a_mail(**SENT)
        assert mail.reminded(NOW).reminded_at == NOW
        assert mail.reminded(NOW).not_reminded() == mail


class TestLists:
    def test_each_order_has_its_value(self) -> None:
        mail = a_mail(subject="ÄRGER", sent_at=NOW)
        values = {name: value(mail) for name, value in MAIL_SORTS.items()}
        assert values == {
            "created_at": "2026-03-01T12:00:00.000000Z",
            "sent_at": "2026-03-01T12:00:00.000000Z",
            "subject": "ärger",
            "recipient_email": "carol@example.net",
        }

    def test_what_was_not_sent_comes_before_what_was(self) -> None:
        sent_at = MAIL_SORTS["sent_at"]
        assert sent_at(a_mail()) < sent_at(a_mail(sent_at=datetime.min.replace(tzinfo=NOW.tzinfo)))

    def test_an_inbox_entry_is_the_senders_side(self) -> None:
        mail = a_mail()
        entry = entry_of(mail, BOB_ID, BOBS, NOW + SECOND)
        assert (entry.id, entry.user_id, entry.received_at) == (mail.id, BOB_ID, NOW + SECOND)
        assert entry.forgotten_at == mail.forgotten_at == mail.expires_at + timedelta(days=90)
        assert {name: value(entry) for name, value in INBOX_SORTS.items()} == {
            "received_at": "2026-03-01T12:00:01.000000Z",
            "subject": "your invoice",
            "created_by_email": "alice@example.com",
        }


def test_the_recipients_initials_come_from_what_the_sender_knows() -> None:
    named = a_mail().recipient
    assert (named.name, named.initials) == ("Carol Carter", "CC")
    assert replace(named, name=named.email).initials == "C"


def test_a_bodys_context_is_opaque() -> None:
    mail = a_mail()
    assert body_context(mail.body_id, mail.account_id) == {"body": mail.body_id, "account": ALICES}
