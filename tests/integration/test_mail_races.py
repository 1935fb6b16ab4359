"""Races about mails, decided without luck: a rival acts between our read and our write.

As in test_races.py, each is run by the adapter and by a careless one, and has to tell them apart.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.download import DownloadKey
from chalicelib.domain.errors import Gone
from chalicelib.domain.mail import Mail, MailBody, MailStatus, body_context
from chalicelib.ports import IdentifiersTaken, StaleRecord
from chalicelib.services.deliver_mail import BeingSent, deliver_mail
from chalicelib.services.on_bounce import on_bounce
from chalicelib.services.open_mail import mark_opened
from chalicelib.services.perform_download import perform_download
from chalicelib.services.remind_recipient import remind_recipient
from chalicelib.services.revoke_mail import revoke_mail
from tests.integration import careless, careless_mails
from tests.integration.hooks import Hooks
from tests.integration.test_download_store import a_hash, a_key
from tests.integration.test_mail_store import add, added, download_of
from tests.integration.test_races import worked
from tests.integration.test_user_store import a_user, an_account, first_token
from tests.support.builders import (
    ALICES,
    CAROL,
    NOW,
    a_mail,
    a_ready_file,
    delivering,
    performing,
    reminding,
)
from tests.support.fake_mails import WEB_URL, FakeMailer

PUT, TRANSACTION = "dynamodb.PutItem", "dynamodb.TransactWriteItems"
SOON = NOW + timedelta(days=12)


def standing(world: World, mail: Mail) -> Mail:
    found = world.mails.find(mail.id)
    assert found is not None
    return found


def sent(world: World, **changes: Any) -> Mail:
    return world.mails.save(added(world, **changes).was_sent("m", NOW))


def messages(world: World) -> FakeMailer:
    world.mailer = FakeMailer()
    return world.mailer


def deliver(world: World, mail: Mail) -> bool:
    return worked(lambda: deliver_mail(mail.id, WEB_URL, NOW, **delivering(world)), StaleRecord, BeingSent)


def two_orders_for_one_mail(world: World, hooks: Hooks) -> int:
    """Two deliveries of one message. How many e-mails go out?"""
    mailer, mail = messages(world), added(world)
    hooks.rival_before(PUT, lambda: deliver(world, mail))
    deliver(world, mail)
    return len(mailer.sent)


def two_claims_at_one_instant(world: World, hooks: Hooks) -> int:
    """Both write the very same record. How many were told that it is theirs to send?"""
    mail = added(world)

    def claim() -> bool:
        return worked(lambda: world.mails.save(mail.tried(NOW)), StaleRecord)

    rival = hooks.rival_before(PUT, claim)
    return sum([claim(), *map(bool, rival)])


def two_reminders(world: World, hooks: Hooks) -> int:
    """How many e-mails go out?"""
    mailer, mail = messages(world), sent(world)
    link = replace(a_key(download_of(mail)), is_link=True)
    world.downloads.make_key_current(download_of(mail), link, NOW)

    def remind() -> bool:
        return worked(lambda: remind_recipient(mail.id, WEB_URL, SOON, **reminding(world)), StaleRecord)

    hooks.rival_before(PUT, remind)
    remind()
    return len(mailer.sent)


def revoked_while_it_is_sent(world: World, hooks: Hooks) -> bool:
    """Its sender revokes between our sending and our note of it. Is it revoked?"""
    mail = added(world)
    mailer = messages(world)
    mailer.after("send", lambda: hooks.rival_before(PUT, lambda: revoke_mail(ALICES, mail.id, NOW, mails=world.mails)))
    deliver(world, mail)
    after = standing(world, mail)
    assert after.status is MailStatus.SUCCESS
    return after.revoked_at is not None


def opened_while_it_is_revoked(world: World, hooks: Hooks) -> tuple[bool, bool]:
    """Is it opened, and is it revoked?"""
    mail = sent(world)
    hooks.rival_before(TRANSACTION, lambda: mark_opened(mail, NOW, mails=world.mails))
    revoke_mail(ALICES, mail.id, NOW, mails=world.mails)
    after = standing(world, mail)
    return after.opened_at is not None, after.revoked_at is not None


def opened_twice(world: World, hooks: Hooks) -> int:
    """Two readers, a minute apart. Whose minute stands?"""
    mail = sent(world)
    hooks.rival_before(PUT, lambda: mark_opened(mail, NOW, mails=world.mails))
    mark_opened(mail, NOW + timedelta(minutes=1), mails=world.mails)
    opened_at = standing(world, mail).opened_at
    assert opened_at is not None
    return int((opened_at - NOW) / timedelta(minutes=1))


def came_back_while_it_is_opened(world: World, hooks: Hooks) -> MailStatus:
    """SES reports a bounce between our read and our mark."""
    mail = sent(world)
    hooks.rival_before(PUT, lambda: on_bounce(mail.id, "m", "why", NOW, mails=world.mails))
    mark_opened(mail, NOW, mails=world.mails)
    return standing(world, mail).status


def one_identifier(world: World, hooks: Hooks) -> int:
    """Two mails of an account with one identifier. How many were told that theirs stands?"""
    mails = [a_mail(identifier="JXRMWYN") for _ in range(2)]

    def send(index: int) -> bool:
        return worked(lambda: add(world, mails[index]), IdentifiersTaken)

    rival = hooks.rival_before(TRANSACTION, lambda: send(0))
    return sum([send(1), *map(bool, rival)])


def performed_while_it_is_revoked(world: World, hooks: Hooks) -> bool:
    """Its sender revokes between a performer's read and the spending. Is the performer served?"""
    file = world.files.add(a_ready_file())
    mail = a_mail()
    link_hash = a_hash()
    download = replace(download_of(mail), file_ids=(file.id,), link_hash=link_hash)
    world.downloads.add(download)
    sealed = world.bodies.seal("x", body_context(mail.body_id, ALICES))
    mail = world.mails.add([mail], MailBody(mail.body_id, ALICES, sealed, mail.forgotten_at))[0]
    mail = world.mails.save(mail.was_sent("m", NOW))
    key = DownloadKey(link_hash, download.id, download.file_ids, download.forgotten_at, is_link=True)
    mark_opened(mail, NOW, mails=world.mails)  # else its mark would be the write that the rival comes before
    hooks.rival_before("dynamodb.UpdateItem", lambda: revoke_mail(ALICES, mail.id, NOW, mails=world.mails))
    return worked(lambda: perform_download(key, NOW, **performing(world)), Gone)


@dataclass(frozen=True)
class Race:
    run: Callable[[World, Hooks], object]
    right: object
    wrong: object  # what comes of it with the careless adapter
    careless: Callable[[World], None] = careless_mails.mails


RACES = [
    Race(two_orders_for_one_mail, 1, 2),
    Race(two_claims_at_one_instant, 1, 2),
    Race(two_reminders, 1, 2),
    Race(revoked_while_it_is_sent, True, False),
    Race(opened_while_it_is_revoked, (True, True), (False, True)),
    Race(opened_twice, 0, 1),
    Race(came_back_while_it_is_opened, MailStatus.FAILED, MailStatus.SUCCESS),
    Race(one_identifier, 1, 2),
    Race(performed_while_it_is_revoked, False, True, careless.downloads),
]
each_race = pytest.mark.parametrize("race", RACES, ids=lambda race: race.run.__name__)


@each_race
def test_the_rival_changes_nothing_for_the_worse(world: World, hooks: Hooks, race: Race) -> None:
    assert race.run(world, hooks) == race.right


@each_race
def test_the_same_race_finds_out_who_reads_and_then_writes(world: World, hooks: Hooks, race: Race) -> None:
    race.careless(world)
    assert race.run(world, hooks) == race.wrong


def test_a_user_who_enrols_while_a_mail_is_sent_has_the_link(world: World) -> None:
    """Who had no account when it was sent was sent a link, and nothing is in their inbox."""
    mailer, mail = messages(world), added(world)
    account = an_account()
    user = a_user(account, email=CAROL.email)
    mailer.after("send", lambda: world.users.add(user, account, first_token(user)))
    assert deliver(world, mail)
    assert mailer.sent[0].link
    assert world.inbox.find(mail.id) is None
