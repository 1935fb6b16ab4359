"""MailStore and InboxStore: what their ports promise, of the fakes and of the DynamoDB adapters."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.download import Download
from chalicelib.domain.folding import fold
from chalicelib.domain.ids import BodyId, MailId
from chalicelib.domain.mail import (
    INBOX_SORTS,
    MAIL_SORTS,
    MAX_RECIPIENTS,
    SEND_AGAIN_AFTER,
    InboxEntry,
    Mail,
    MailBody,
    MailStatus,
    entry_of,
)
from chalicelib.domain.page import NEWEST_FIRST, Order, Page, Position
from chalicelib.ports import IdentifiersTaken, StaleRecord
from infra.local.stack import EmulatedAws
from tests.integration.hooks import Hooks
from tests.integration.pages import pages, rows
from tests.integration.stream import Stream
from tests.support.builders import ALICE_ID, ALICES, BOB_ID, BOBS, NOW, a_download, a_mail, a_ready_file, new_id

KINDS: dict[str, dict[str, Any]] = {
    "queued": {},
    "being sent": {"tried_at": NOW + timedelta(microseconds=1)},
    "sent": {"status": MailStatus.SUCCESS, "sent_at": NOW, "message_id": "0102-ab", "pin_required": True},
    "failed": {"status": MailStatus.FAILED, "failed_reason": "It came back: the mailbox is full."},
    "read, reminded of, revoked": {"opened_at": NOW, "reminded_at": NOW, "revoked_at": NOW},
    "odd": {"subject": "\u00dcn\u00efc\u00f6d\u00e9 🗂 " + "x" * 190, "file_count": 100, "max_downloads": 100},
}
RECEIVED = Order("received_at", descending=True)


def a_body(mail: Mail, sealed: bytes = b"sealed") -> MailBody:
    return MailBody(mail.body_id, mail.account_id, sealed, mail.forgotten_at)


def add(ports: World, *mails: Mail) -> list[Mail]:
    """With the body of the first."""
    return ports.mails.add(mails, a_body(mails[0]))


def download_of(mail: Mail) -> Download:
    fields = {"id": mail.download_id, "mail_id": mail.id, "expires_at": mail.expires_at}
    return a_download(a_ready_file(), **fields)


def added(ports: World, **changes: Any) -> Mail:
    """A mail with its download."""
    mail = a_mail(**changes)
    ports.downloads.add(download_of(mail))
    return add(ports, mail)[0]


def received(ports: World, **changes: Any) -> InboxEntry:
    """In Bob's inbox."""
    mail = added(ports, **changes)
    entry = entry_of(mail, BOB_ID, BOBS, mail.created_at)
    ports.mails.save(mail, entry)
    return entry


# -- records -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)
def test_a_mail_comes_back_as_it_was(ports: World, changes: dict[str, Any]) -> None:
    mail = a_mail(**changes)
    (stored,) = add(ports, mail)
    assert stored == replace(mail, revision=1)
    assert ports.mails.find(mail.id) == stored


def test_unknown_ids_find_nothing(ports: World) -> None:
    assert ports.mails.find(MailId(new_id())) is None
    assert ports.mails.find_body(BodyId(new_id())) is None
    assert ports.mails.find_many([MailId(new_id())]) == []
    assert ports.mails.find_many([]) == []
    assert ports.inbox.find(MailId(new_id())) is None


def test_a_hundred_come_in_the_order_asked_for(ports: World) -> None:
    stored = [mail for _ in range(2) for mail in add(ports, *(a_mail() for _ in range(50)))]
    wanted = stored[::-1]
    asked = [*(mail.id for mail in wanted[:99]), MailId(new_id())]
    assert ports.mails.find_many(asked) == wanted[:99]


def test_a_body_comes_back_as_it_was(ports: World) -> None:
    mail = a_mail()
    body = a_body(mail, bytes(range(256)) * 900)
    ports.mails.add([mail], body)
    assert ports.mails.find_body(mail.body_id) == body


# -- add ---------------------------------------------------------------------------------------------------------------


def test_as_many_as_there_are_recipients(ports: World) -> None:
    mails = [a_mail() for _ in range(MAX_RECIPIENTS)]
    stored = add(ports, *mails)
    assert [mail.id for mail in stored] == [mail.id for mail in mails]
    assert ports.mails.find_many([mail.id for mail in mails]) == stored


def test_an_identifier_that_is_taken_stops_all_of_them(ports: World) -> None:
    (standing,) = add(ports, a_mail())
    rival, other = a_mail(identifier=standing.identifier), a_mail()
    with pytest.raises(IdentifiersTaken) as caught:
        add(ports, other, rival)
    assert caught.value.taken == {standing.identifier}
    assert ports.mails.find(standing.id) == standing
    assert ports.mails.find(other.id) is None
    assert ports.mails.find_body(other.body_id) is None


def test_another_account_may_have_the_same(ports: World) -> None:
    (mine,) = add(ports, a_mail())
    (theirs,) = add(ports, a_mail(account_id=BOBS, identifier=mine.identifier))
    assert mine.id != theirs.id


def test_many_downloads_at_once(ports: World) -> None:
    downloads = [download_of(a_mail()) for _ in range(MAX_RECIPIENTS)]
    ports.downloads.add_many(downloads)
    assert ports.downloads.find_many([it.id for it in downloads][::-1]) == downloads[::-1]
    assert ports.downloads.find_many([]) == []


# -- save --------------------------------------------------------------------------------------------------------------


def test_a_change_is_stored_once(ports: World) -> None:
    mail = added(ports)
    opened = ports.mails.save(mail.opened(NOW))
    assert opened == replace(mail, opened_at=NOW, revision=2)
    assert ports.mails.find(mail.id) == opened
    with pytest.raises(StaleRecord):
        ports.mails.save(mail.revoked(NOW))
    assert ports.mails.find(mail.id) == opened


def test_a_mail_that_went_does_not_come_back(ports: World) -> None:
    with pytest.raises(StaleRecord):
        ports.mails.save(replace(a_mail(), revision=1))


def test_it_is_sent_and_in_its_inbox_by_one_write(ports: World) -> None:
    mail = added(ports)
    entry = entry_of(mail, BOB_ID, BOBS, NOW)
    sent = ports.mails.save(mail.was_sent("m", NOW), entry)
    assert ports.mails.find(mail.id) == sent
    assert ports.inbox.find(mail.id) == entry


def test_what_is_stale_reaches_no_inbox(ports: World) -> None:
    mail = added(ports)
    ports.mails.save(mail.opened(NOW))
    with pytest.raises(StaleRecord):
        ports.mails.save(mail.was_sent("m", NOW), entry_of(mail, BOB_ID, BOBS, NOW))
    assert ports.inbox.find(mail.id) is None


# -- withdraw ----------------------------------------------------------------------------------------------------------


def test_revoking_ends_the_download_by_the_same_write(ports: World) -> None:
    entry = received(ports)
    mail = ports.mails.find(entry.mail_id)
    assert mail is not None
    revoked = ports.mails.withdraw(mail.revoked(NOW), NOW)
    assert ports.mails.find(mail.id) == revoked
    download = ports.downloads.find(mail.download_id)
    assert download is not None
    assert download.revoked_at == NOW
    assert ports.inbox.find(mail.id) == entry


def test_failing_takes_it_out_of_its_inbox_too(ports: World) -> None:
    entry = received(ports)
    mail = ports.mails.find(entry.mail_id)
    assert mail is not None
    ports.mails.withdraw(mail.failed("why"), NOW)
    assert ports.inbox.find(mail.id) is None
    download = ports.downloads.find(mail.download_id)
    assert download is not None
    assert download.revoked_at == NOW


def test_the_first_revocation_of_a_download_stands(ports: World) -> None:
    mail = ports.mails.withdraw(added(ports).revoked(NOW), NOW)
    ports.mails.withdraw(mail.failed("why"), NOW + timedelta(hours=1))
    download = ports.downloads.find(mail.download_id)
    assert download is not None
    assert download.revoked_at == NOW


def test_what_is_stale_withdraws_nothing(ports: World) -> None:
    mail = added(ports)
    ports.mails.save(mail.opened(NOW))
    with pytest.raises(StaleRecord):
        ports.mails.withdraw(mail.revoked(NOW), NOW)
    download = ports.downloads.find(mail.download_id)
    assert download is not None
    assert download.revoked_at is None


# -- lists -------------------------------------------------------------------------------------------------------------


def some(ports: World) -> list[Mail]:
    emails = ("dora@example.net", "Carl@example.net", "anna@example.net", "bert@example.net")
    mails = []
    for number, email in enumerate(emails):
        recipient = replace(a_mail().recipient, email=email, name=email.partition("@")[0])
        created = NOW + timedelta(minutes=number)
        mail = added(ports, recipient=recipient, subject=f"{'bADC'[number]} of four", created_at=created)
        mails.append(ports.mails.save(mail.was_sent("m", NOW - timedelta(minutes=number))) if number else mail)
    return mails


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("field", MAIL_SORTS)
def test_each_order_page_by_page(ports: World, field: str, descending: bool) -> None:
    mails = some(ports)
    added(ports, account_id=BOBS)
    order = Order(field, descending)

    def read(after: Position | None) -> Page[Mail]:
        return ports.mails.list_of(ALICES, order, 3, after)

    wanted = sorted(mails, key=lambda mail: Position.of_row(MAIL_SORTS, field, mail).key, reverse=descending)
    assert rows(read) == wanted
    assert max(map(len, pages(read))) == 3


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("field", INBOX_SORTS)
def test_each_order_of_an_inbox(ports: World, field: str, descending: bool) -> None:
    authors = [replace(a_mail().author, email=f"{letter}@example.org") for letter in "bca"]
    entries = [
        received(ports, author=author, subject=f"{3 - number}", created_at=NOW + timedelta(minutes=number))
        for number, author in enumerate(authors)
    ]
    order = Order(field, descending)

    def read(after: Position | None) -> Page[InboxEntry]:
        return ports.inbox.list_of(BOB_ID, order, 2, after)

    wanted = sorted(entries, key=lambda entry: Position.of_row(INBOX_SORTS, field, entry).key, reverse=descending)
    assert rows(read) == wanted
    assert ports.inbox.list_of(ALICE_ID, RECEIVED, 5, None).rows == []


def settle(request: pytest.FixtureRequest) -> Any:
    """Tells the search table what happened since; call it before, too."""
    if request.node.callspec.params["ports"] == "fakes":
        return lambda: None
    return Stream(request.getfixturevalue("aws"), request.getfixturevalue("world")).settle


KEYWORDS = {"identifier": None, "subject": "r INV", "address": "OL@EXAMPLE", "name": "carter", "author": "archer"}


@pytest.mark.parametrize("keyword", KEYWORDS.values(), ids=KEYWORDS)
def test_a_keyword_in_mails(ports: World, request: pytest.FixtureRequest, keyword: str | None) -> None:
    follow = settle(request)
    mail = added(ports)
    added(ports, subject="other", recipient=replace(mail.recipient, email="x@y.example", name="X"), author=other())
    added(ports, account_id=BOBS)
    follow()

    def read(after: Position | None) -> Page[Mail]:
        return ports.mails.search(ALICES, fold(keyword or mail.identifier.lower()), NEWEST_FIRST, 1, after)

    assert rows(read) == [mail]


@pytest.mark.parametrize("keyword", ["your", "ALICE@", "Archer", None], ids=str)
def test_a_keyword_in_an_inbox(ports: World, request: pytest.FixtureRequest, keyword: str | None) -> None:
    follow = settle(request)
    entry = received(ports)
    received(ports, subject="other", author=other())
    follow()

    def read(after: Position | None) -> Page[InboxEntry]:
        return ports.inbox.search(BOB_ID, fold(keyword or entry.identifier), RECEIVED, 1, after)

    assert rows(read) == [entry]
    assert ports.inbox.search(ALICE_ID, "your", RECEIVED, 5, None).rows == []


def other() -> Any:
    return replace(a_mail().author, name="Zoe", email="zoe@example.org")


# -- inbox -------------------------------------------------------------------------------------------------------------


def test_an_entry_goes_once_and_for_its_user_alone(ports: World) -> None:
    entry = received(ports)
    assert not ports.inbox.remove(entry.mail_id, ALICE_ID)
    assert ports.inbox.find(entry.mail_id) == entry
    assert ports.inbox.remove(entry.mail_id, BOB_ID)
    assert not ports.inbox.remove(entry.mail_id, BOB_ID)
    assert ports.inbox.find(entry.mail_id) is None


# -- due ---------------------------------------------------------------------------------------------------------------


def test_what_is_due(ports: World) -> None:
    queued = added(ports)
    sent = ports.mails.save(added(ports).was_sent("m", NOW))
    added(ports, status=MailStatus.FAILED)
    assert ports.mails.due(NOW + SEND_AGAIN_AFTER - timedelta(seconds=1), 9) == []
    assert ports.mails.due(NOW + SEND_AGAIN_AFTER, 9) == [queued.id]
    assert set(ports.mails.due(NOW + timedelta(days=12), 9)) == {queued.id, sent.id}
    assert len(ports.mails.due(NOW + timedelta(days=12), 1)) == 1
    ports.mails.save(sent.opened(NOW))
    assert ports.mails.due(NOW + timedelta(days=12), 9) == [queued.id]


def test_files_that_are_due_are_not_among_them(ports: World) -> None:
    ports.files.add(a_ready_file(expires_at=NOW))
    assert ports.mails.due(NOW, 9) == []
    added(ports, expires_at=NOW)
    assert len(ports.files.due(NOW, 9)) == len(ports.mails.due(NOW, 9)) == 1


# -- users by address --------------------------------------------------------------------------------------------------


def test_a_user_is_found_by_any_spelling_of_the_address(ports: World) -> None:
    from tests.integration.test_user_store import a_user, an_account, first_token

    account = an_account()
    user = a_user(account, email="Alice@Example.com")
    ports.users.add(user, account, first_token(user))
    for spelling in ("alice@example.com", "ALICE@EXAMPLE.COM", " Alice@Example.com "):
        assert ports.users.find_by_email(spelling) == user.id
    assert ports.users.find_by_email("bob@example.com") is None


# -- DynamoDB alone ----------------------------------------------------------------------------------------------------


def items(aws: EmulatedAws) -> dict[str, dict[str, Any]]:
    found = aws.clients("dynamodb").scan(TableName=aws.metadata_table)["Items"]
    return {item["pk"]["S"].partition("#")[0]: item for item in found}


def test_all_of_a_mail_is_tidied_up_at_one_time(world: World, aws: EmulatedAws) -> None:
    entry = received(world)
    end = {"N": str(int((NOW + timedelta(days=14 + 90)).timestamp()))}
    assert entry.forgotten_at == NOW + timedelta(days=104)
    assert {kind: item["ttl"] for kind, item in items(aws).items()} == dict.fromkeys(
        ["MAIL", "MAILBODY", "DOWNLOAD", "INBOX"], end
    )


def test_a_body_is_in_no_index(world: World, aws: EmulatedAws) -> None:
    """Else every page of a list would be read with all the bodies."""
    added(world)
    stored = items(aws)
    assert set(stored["MAILBODY"]) == {"pk", "sk", "ttl", "account_id", "sealed", "forgotten_at"}
    assert "sealed" not in stored["MAIL"]


def test_a_page_is_one_query(world: World, hooks: Hooks) -> None:
    added(world)
    calls = hooks.count("dynamodb")
    world.mails.list_of(ALICES, NEWEST_FIRST, 5, None)
    world.inbox.list_of(BOB_ID, RECEIVED, 5, None)
    assert calls == ["dynamodb.Query"] * 2
