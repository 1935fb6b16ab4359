"""The text of notifications: plain, spelt out, escaped, the same in both forms."""

import html
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from chalicelib.adapters.ses_letters import letter_of
from chalicelib.domain.ids import MailId
from chalicelib.domain.notification import Notification, Occasion, link_to

LINK = link_to("https://sealdrop.test/", "K" * 43)
BY_LINK = Notification(
    occasion=Occasion.DELIVERY,
    mail_id=MailId("a11ce000-0000-4000-8000-0000000000aa"),
    identifier="JXRMWYN",
    recipient_email="carol@example.net",
    sender_name="Alice Archer",
    sender_email="alice@example.com",
    subject="Your invoice",
    file_count=1,
    expires_at=datetime(2026, 3, 15, 12, 5, tzinfo=UTC),
    pin_required=False,
    link=LINK,
)
TO_INBOX = replace(BY_LINK, link=None)
REMINDER = replace(BY_LINK, occasion=Occasion.REMINDER)


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def words(letter_html: str) -> str:
    body = letter_html.partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_a_link_is_the_web_address_with_the_key_in_its_fragment() -> None:
    assert LINK == f"https://sealdrop.test/d#{'K' * 43}" == link_to("https://sealdrop.test", "K" * 43)


def test_by_link() -> None:
    letter = letter_of(BY_LINK)
    assert letter.subject == "Your invoice"
    assert letter.text == (
        "Alice Archer (alice@example.com) has sent you a file.\n\n"
        "Subject:    Your invoice\n"
        "Reference:  JXRMWYN\n\n"
        "Get it by this link, which is for you alone:\n\n"
        f"{LINK}\n\n"
        "This is possible until 15 March 2026, 12:05 UTC.\n\n"
        "If you do not know the sender, or expect nothing from them, delete this message.\n\n"
        "-- \nSent by Sealdrop for Alice Archer <alice@example.com>. Replies go to them.\n"
    )
    assert f'<a href="{LINK}">{LINK}</a>' in letter.html


def test_into_an_inbox_without_any_key() -> None:
    letter = letter_of(TO_INBOX)
    assert "sealdrop inbox a11ce000-0000-4000-8000-0000000000aa" in letter.text
    assert "http" not in letter.text + letter.html
    assert "href" not in letter.html


def test_a_reminder_says_so() -> None:
    letter = letter_of(REMINDER)
    assert letter.subject == "Reminder: Your invoice"
    assert letter.text.startswith("You have not opened yet what Alice Archer (alice@example.com) sent you: a file.")
    assert LINK in letter.text


def test_several_files_are_counted_and_not_named() -> None:
    text = letter_of(replace(BY_LINK, file_count=3)).text
    assert "has sent you 3 files." in text
    assert "Get them by this link" in text


def test_a_pin_is_announced_where_it_is_asked_for() -> None:
    assert "PIN" not in letter_of(BY_LINK).text
    asked = letter_of(replace(BY_LINK, pin_required=True))
    assert "You will be asked for a PIN. Alice Archer tells you that by another way." in asked.text
    assert "PIN" in asked.html


@pytest.mark.parametrize("notification", [BY_LINK, TO_INBOX, REMINDER, replace(BY_LINK, pin_required=True)])
def test_both_forms_say_the_same(notification: Notification) -> None:
    letter = letter_of(notification)
    plain = " ".join(letter.text.replace("-- \n", "").split())
    assert words(letter.html).replace("( ", "(") == plain


@pytest.mark.parametrize("notification", [BY_LINK, TO_INBOX, REMINDER])
def test_it_is_plain_and_accessible(notification: Notification) -> None:
    letter = letter_of(notification)
    seen = Tags(letter.html)
    assert set(seen.tags) <= {"html", "head", "meta", "title", "body", "p", "strong", "br", "a", "code", "hr"}
    assert {name for name, _ in seen.attributes} <= {"lang", "charset", "name", "content", "href"}
    assert letter.html.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "<p></p>" not in letter.html
    assert "\n\n\n" not in letter.text


def test_what_people_wrote_is_escaped() -> None:
    evil = "</strong><img src=x onerror=alert(1)>\"'&amp; $link $place"
    named = replace(BY_LINK, subject=evil, sender_name=evil, sender_email="a&b@example.com")
    letter = letter_of(named)
    assert "<img" not in letter.html
    assert html.escape(evil) in letter.html
    assert evil in letter.text
    assert Tags(letter.html).tags == Tags(letter_of(BY_LINK).html).tags


def test_what_people_wrote_stays_on_its_line() -> None:
    letter = letter_of(replace(BY_LINK, subject="one\r\n\r\ntwo\u2028three", sender_name="A\nB"))
    assert letter.subject == "one two three"
    assert "Subject:    one two three\n" in letter.text
    assert letter.text.startswith("A B (alice@example.com)")


def test_the_link_is_not_printed_by_accident() -> None:
    assert "K" * 43 not in repr(BY_LINK) + repr(letter_of(BY_LINK))
