"""GET /mails and GET /mails/{id}: what an account has sent."""

from dataclasses import replace
from datetime import datetime

from chalicelib.domain.folding import fold
from chalicelib.domain.ids import AccountId
from chalicelib.domain.mail import Mail
from chalicelib.domain.page import Order, Page, Position
from chalicelib.ports import BodySealer, MailStore
from chalicelib.services.open_mail import ReadMail, body_of
from chalicelib.services.own_mails import own_mail


def list_mails(
    account_id: AccountId,
    keyword: str | None,
    order: Order,
    limit: int,
    after: Position | None,
    now: datetime,
    *,
    mails: MailStore,
) -> Page[Mail]:
    """One page. Forgotten ones are left out, so a page can be short and not the last."""
    if keyword is None:
        page = mails.list_of(account_id, order, limit, after)
    else:
        page = mails.search(account_id, fold(keyword), order, limit, after)
    return replace(page, rows=[mail for mail in page.rows if mail.forgotten_at > now])


def show_mail(account_id: AccountId, mail_id: str, now: datetime, *, mails: MailStore, bodies: BodySealer) -> ReadMail:
    """Raises NotFound."""
    mail = own_mail(account_id, mail_id, now, mails=mails)
    return ReadMail(mail, body_of(mail, mails=mails, bodies=bodies))
