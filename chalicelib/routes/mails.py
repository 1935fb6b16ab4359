"""/mails: what an account sends."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import Conflict, QuotaExceeded
from chalicelib.domain.mail import MAIL_SORTS
from chalicelib.domain.page import Position
from chalicelib.logs import describe, log
from chalicelib.routes.call import Call
from chalicelib.routes.embedding import embedded
from chalicelib.routes.endpoint import endpoint
from chalicelib.routes.idempotency import once, takes_key
from chalicelib.routes.paging import cursors_of
from chalicelib.services.embed_downloads import bounded
from chalicelib.services.read_mails import list_mails, show_mail
from chalicelib.services.revoke_mail import revoke_mail
from chalicelib.services.send_mails import find_sent, send_mails
from chalicelib.wire.lists import Listing, Meta
from chalicelib.wire.mails import CreateMails, IncludeQuery, MailsQuery, MailView

bp = Blueprint(__name__)
READ, SEND = Scope.MAILS_READ, Scope.MAILS_SEND


@endpoint(bp, "GET", "/mails", scope=READ, query=MailsQuery)
def index(call: Call, query: MailsQuery) -> Listing[MailView]:
    """List the mails that the account has sent."""
    account_id = call.token.account_id
    cursors = cursors_of(call, query, "mails", account_id)
    after = cursors.read(query.cursor)
    page = list_mails(account_id, query.keyword, query.order, query.limit, after, call.now, mails=call.world.mails)
    if "download.files" in query.include:
        page = bounded(page, lambda mail: mail, lambda mail: Position.of_row(MAIL_SORTS, query.order.field, mail))
    downloads = embedded(call, query.include, page.rows, to_recipient=False)
    return Listing([MailView.of(mail, query.include, downloads) for mail in page.rows], Meta.of(page, cursors))


@endpoint(bp, "POST", "/mails", scope=SEND, body=CreateMails, status=201, raises=(Conflict, QuotaExceeded))
@takes_key
def create(call: Call, body: CreateMails) -> Listing[MailView]:
    """Send files to 1 to 50 recipients, each with a mail of their own: all of them, or none.

    Users find it in their inbox, others get a link by e-mail. The e-mails go out after the answer: see `status`.
    """
    world = call.world
    sent = once(
        call,
        lambda claim: send_mails(
            body.new_mails(),
            call.token,
            call.now,
            claim,
            files=world.files,
            downloads=world.downloads,
            mails=world.mails,
            bodies=world.bodies,
            pin_hasher=world.pin_hasher,
            queue=world.mail_queue,
            claims=world.claims,
            quotas=world.quotas,
        ),
        lambda ids: find_sent(call.token.account_id, ids, mails=world.mails),
    )
    if sent.not_queued:
        log("mails_not_queued", request_id=call.request_id, count=len(sent.mails), **describe(sent.not_queued))
    return Listing([MailView.of(mail, frozenset(), {}) for mail in sent.mails], Meta(next_cursor=None))


@endpoint(bp, "GET", "/mails/{mail_id}", scope=READ, query=IncludeQuery)
def show(call: Call, mail_id: str, query: IncludeQuery) -> MailView:
    """Show a mail that the account has sent."""
    world = call.world
    read = show_mail(call.token.account_id, mail_id, call.now, mails=world.mails, bodies=world.bodies)
    downloads = embedded(call, query.include, [read.mail], to_recipient=False)
    return MailView.of_read(read, query.include, downloads)


@endpoint(bp, "DELETE", "/mails/{mail_id}", scope=SEND, raises=(Conflict,))
def revoke(call: Call, mail_id: str) -> None:
    """Revoke a mail: every access through it ends at once."""
    revoke_mail(call.token.account_id, mail_id, call.now, mails=call.world.mails)
