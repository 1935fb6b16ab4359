"""What is told to a mail's recipient by e-mail: that there is something, from whom, and how to get it. Never what."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.ids import MailId

WEB_DOWNLOADS = "d"  # the receiving page, under the web address


class Occasion(StrEnum):
    DELIVERY = "delivery"
    REMINDER = "reminder"  # unopened, and it expires soon


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    occasion: Occasion
    mail_id: MailId
    identifier: str
    recipient_email: str
    sender_name: str
    sender_email: str
    subject: str
    file_count: int
    expires_at: datetime
    pin_required: bool
    # Opens the mail for whoever has it: never stored, never logged. None for a user, who signs in instead.
    link: str | None = field(repr=False)


def link_to(web_url: str, download_key: str) -> str:
    """The key stands in the fragment, which browsers send to nobody."""
    return f"{web_url.rstrip('/')}/{WEB_DOWNLOADS}#{download_key}"
