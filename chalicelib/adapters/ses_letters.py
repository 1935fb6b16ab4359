"""A notification as a letter: subject, text and HTML, from the templates in letters/.

Plain on purpose: no images, no style, nothing remote, no tracking; links are spelt out. Whatever comes from people is
escaped where it goes into HTML, and one line everywhere.
"""

import functools
import html
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from string import Template

from chalicelib.domain.notification import Notification, Occasion

_FOLDER = Path(__file__).parent / "letters"


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    text: str = field(repr=False)  # may hold the link
    html: str = field(repr=False)


def letter_of(notification: Notification) -> Letter:
    parts = _parts(notification)
    escaped = {name: html.escape(part) for name, part in parts.items()}
    if notification.link:
        escaped["place"] = f'<a href="{html.escape(notification.link)}">{html.escape(notification.link)}</a>'
    else:
        escaped["place"] = f"<code>{escaped['place']}</code>"
    text = re.sub(r"\n{3,}", "\n\n", _template("letter.txt").substitute(parts))
    return Letter(parts["title"], text, _template("letter.html").substitute(escaped).replace("<p></p>\n", ""))


def _parts(notification: Notification) -> dict[str, str]:
    sender = f"{notification.sender_name} ({notification.sender_email})"
    files, them = ("a file", "it") if notification.file_count == 1 else (f"{notification.file_count} files", "them")
    reminds = notification.occasion is Occasion.REMINDER
    parts = {
        "title": f"Reminder: {notification.subject}" if reminds else notification.subject,
        "opening": f"You have not opened yet what {sender} sent you: {files}."
        if reminds
        else f"{sender} has sent you {files}.",
        "subject": notification.subject,
        "identifier": notification.identifier,
        "how": f"Get {them} by this link, which is for you alone:"
        if notification.link
        else "It is in your Sealdrop inbox. To read it, type:",
        "place": notification.link or f"sealdrop inbox {notification.mail_id}",
        "until": f"This is possible until {_spelt(notification.expires_at)}.",
        "pin": f"You will be asked for a PIN. {notification.sender_name} tells you that by another way."
        if notification.pin_required
        else "",
        "warning": "If you do not know the sender, or expect nothing from them, delete this message.",
        "sender_name": notification.sender_name,
        "sender_email": notification.sender_email,
    }
    return {name: " ".join(part.split()) for name, part in parts.items()}


def _spelt(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"


@functools.cache
def _template(name: str) -> Template:
    return Template((_FOLDER / name).read_text(encoding="utf-8"))
