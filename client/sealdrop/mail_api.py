"""The endpoints of mails and inboxes, one method each. Every method may raise what Channel.call raises."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from sealdrop import fields
from sealdrop.channel import Channel
from sealdrop.fields import Json
from sealdrop.mail_models import InboxMail, Mail
from sealdrop.paths import segment

Row = TypeVar("Row")

WITH_FILES = {"include": "download,download.files"}


class MailApi:
    _channel: Channel

    def create_mails(self, body: Json) -> tuple[Mail, ...]:
        answer = self._channel.call("POST", "/mails", body=body, once=True)
        return fields.items(answer, "data", Mail.parse)

    def mail_page(self, query: Mapping[str, str]) -> tuple[tuple[Mail, ...], str | None]:
        return self._page_of("/mails", query, Mail.parse)

    def mail(self, mail_id: str) -> Mail:
        answer = self._channel.call("GET", f"/mails/{segment(mail_id)}", query=WITH_FILES)
        return Mail.parse(fields.take(answer, "data", dict))

    def revoke_mail(self, mail_id: str) -> None:
        self._channel.call("DELETE", f"/mails/{segment(mail_id)}")

    def inbox_page(self, query: Mapping[str, str]) -> tuple[tuple[InboxMail, ...], str | None]:
        return self._page_of("/inbox", query, InboxMail.parse)

    def inbox_mail(self, mail_id: str) -> InboxMail:
        answer = self._channel.call("GET", f"/inbox/{segment(mail_id)}", query=WITH_FILES)
        return InboxMail.parse(fields.take(answer, "data", dict))

    def hide_inbox_mail(self, mail_id: str) -> None:
        self._channel.call("DELETE", f"/inbox/{segment(mail_id)}")

    def _page_of(
        self, path: str, query: Mapping[str, str], parse: Callable[[Json], Row]
    ) -> tuple[tuple[Row, ...], str | None]:
        """A page and the cursor of the next one, None at the end."""
        record = self._channel.call("GET", path, query=query)
        meta = fields.take(record, "meta", dict)
        return fields.items(record, "data", parse), fields.optional(meta, "next_cursor", str)
