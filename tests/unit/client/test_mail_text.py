"""A mail's body between HTML and text; links and recipients as people write them."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from sealdrop import UsageError
from sealdrop.html_text import as_html, as_text
from sealdrop.mail_models import MailFile
from sealdrop.mail_text import state_of, writing
from sealdrop.mailing import recipient_of
from sealdrop.targets import Key, parse_target

KEY = "K" * 43


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("Hello", "<p>Hello</p>"),
        ("one\ntwo", "<p>one<br>two</p>"),
        ("one\n\n \n\ntwo\n", "<p>one</p><p>two</p>"),
        ('1 < 2 & "x" <script>', '<p>1 &lt; 2 &amp; "x" &lt;script&gt;</p>'),
    ],
)
def test_text_becomes_paragraphs(text: str, html: str) -> None:
    assert as_html(text) == html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<p>one<br>two</p><p>three</p>", "one\ntwo\n\nthree"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ('<a href="https://x.example/">here</a>', "here <https://x.example/>"),
        ('<a href="https://x.example/">https://x.example/</a>', "https://x.example/"),
        ("<a>x</a>", "x"),
        ("1 &lt; 2 &amp; 3", "1 < 2 & 3"),
        ("a<hr>b", "a\nb"),
    ],
)
def test_a_body_becomes_text(html: str, text: str) -> None:
    assert as_text(html) == text


def test_a_long_body_is_read_in_one_go() -> None:
    """A service may answer megabytes: what each piece costs must not grow with those before it."""
    started = time.process_time()
    assert as_text("<a href='x'>" + "wordwordword<b></b>" * 200_000).startswith("wordword")
    assert time.process_time() - started < 10


def test_what_was_typed_is_what_is_read() -> None:
    typed = "Dear Carol,\n\n1 < 2 & so on.\nYours\n\nAlice"
    assert as_text(as_html(typed)) == typed


@pytest.mark.parametrize(
    ("text", "recipient"),
    [
        ("carol@example.net", {"email": "carol@example.net"}),
        ("Carol Carter <carol@example.net>", {"email": "carol@example.net", "name": "Carol Carter"}),
        ('"Carter, Carol" <carol@example.net>', {"email": "carol@example.net", "name": "Carter, Carol"}),
        ("<carol@example.net>", {"email": "carol@example.net"}),
        (" Ång Ström<a.b+c@\u00fc.example> ", {"email": "a.b+c@\u00fc.example", "name": "Ång Ström"}),
    ],
)
def test_recipients_as_people_write_them(text: str, recipient: dict[str, str]) -> None:
    assert recipient_of(text) == recipient


@pytest.mark.parametrize(
    "text",
    [
        "",
        "carol",
        "Carol Carter",
        "<>",
        "bob@example.com,carol@example.com",
        "bob@example.com; carol@example.com",
        "bob@exa mple.com",
        "Bob <bob@example.com",
        "carol@example.net (comment) <bob@example.com>",
        "Bob <bob@example.com> <carol@example.com>",
    ],
)
def test_what_is_no_recipient(text: str) -> None:
    with pytest.raises(UsageError):
        recipient_of(text)


def test_a_mails_link_says_where_its_api_is() -> None:
    assert parse_target(f"https://sealdrop.test/d#{KEY}") == Key(KEY, "https://sealdrop.test/api")
    assert parse_target(f" http://127.0.0.1:8080/d#{KEY}\n") == Key(KEY, "http://127.0.0.1:8080/api")


@pytest.mark.parametrize("link", [f"https://h.test/d?{KEY}", f"https://h.test/e#{KEY}", "https://h.test/d#short"])
def test_what_is_no_link(link: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(link)
    assert KEY not in str(caught.value)


def test_a_mail_at_a_terminal() -> None:
    files = [MailFile("1", "a\x1b[2J.pdf", 42)]
    shown = writing([("From", "Eve\x1b[31m"), ("Subject", "x")], "one\n\x1b]0;two", files)
    assert "\x1b" not in shown
    assert shown.splitlines()[0].startswith("From:    Eve")


def test_states() -> None:
    now = datetime.now(UTC)
    later, earlier = now + timedelta(hours=1), now - timedelta(hours=1)
    assert [state_of(None, later), state_of(None, earlier), state_of(now, later)] == ["open", "expired", "revoked"]
