"""What the tests of mails share: a post office that reads what the stack's SES has sent."""

import re
import secrets
from collections.abc import Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from tests.e2e.api_kit import eventually
from tests.e2e.conftest import Api, User


class Outbox:
    """The folder that the ready file names."""

    def __init__(self, ready: Mapping[str, Any]) -> None:
        self._folder = Path(ready["outbox"])
        self._read: dict[Path, EmailMessage] = {}

    def to(self, address: str) -> list[EmailMessage]:
        for path in self._folder.glob("*.eml"):
            if path not in self._read:
                self._read[path] = message_from_bytes(path.read_bytes(), policy=default)
        return [message for _, message in sorted(self._read.items()) if message["To"] == address]

    def first(self, address: str) -> EmailMessage:
        return eventually(lambda: self.to(address), f"an e-mail to {address}")[0]

    def key(self, address: str) -> str:
        """Of the link in the first e-mail to this address."""
        return link_in(self.first(address)).partition("#")[2]


def text_of(message: EmailMessage) -> str:
    part: Any = message.get_body(("plain",))
    return str(part.get_content())


def link_in(message: EmailMessage) -> str:
    (link,) = re.findall(r"https?://\S+/d#\S+", text_of(message))
    return str(link)


def somebody() -> str:
    """An address that no other test knows, and that no user has."""
    return f"{secrets.token_hex(6)}@example.net"


def mailed(sender: User, to: str | list[str], file: Any, **fields: Any) -> list[Any]:
    addresses = [to] if isinstance(to, str) else to
    order = {
        "recipients": [{"email": address} for address in addresses],
        "subject": "Your invoice",
        "body": "<p>Hello</p>",
        "files": [file["id"]],
    }
    answer = sender.api("POST", "/mails", order | fields)
    assert answer.status == 201, answer.body
    sent: list[Any] = answer.data
    return sent


def settled(sender: Api, mail: Any) -> Any:
    """The mail once it was sent, or has failed."""

    def look() -> Any:
        found = sender("GET", f"/mails/{mail['id']}").data
        return found if found["status"] != "queued" else None

    return eventually(look, "the mail to be sent")
