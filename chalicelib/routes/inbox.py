"""/inbox: what a user has received."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import Conflict
from chalicelib.domain.mail import INBOX_SORTS
from chalicelib.domain.page import Position
from chalicelib.routes.call import Call
from chalicelib.routes.embedding import embedded
from chalicelib.routes.endpoint import endpoint
from chalicelib.routes.paging import cursors_of
from chalicelib.services.embed_downloads import bounded
from chalicelib.services.read_inbox import hide_inbox_mail, list_inbox, read_inbox_mail
from chalicelib.wire.inbox import InboxMailView, InboxQuery
from chalicelib.wire.lists import Listing, Meta
from chalicelib.wire.mails import IncludeQuery

bp = Blueprint(__name__)


@endpoint(bp, "GET", "/inbox", scope=Scope.INBOX_READ, query=InboxQuery)
def index(call: Call, query: InboxQuery) -> Listing[InboxMailView]:
    """List the mails that you have received."""
    user_id, world = call.token.user_id, call.world
    cursors = cursors_of(call, query, "inbox", user_id)
    after = cursors.read(query.cursor)
    page = list_inbox(
        user_id,
        query.keyword,
        query.order,
        query.limit,
        after,
        call.now,
        inbox=world.inbox,
        mails=world.mails,
    )
    if "download.files" in query.include:
        field = query.order.field
        page = bounded(page, lambda it: it.mail, lambda it: Position.of_row(INBOX_SORTS, field, it.entry))
    readable = [it.mail for it in page.rows if it.mail.is_open(call.now)]
    downloads = embedded(call, query.include, readable, to_recipient=True)
    return Listing([InboxMailView.of(it, query.include, downloads) for it in page.rows], Meta.of(page, cursors))


@endpoint(bp, "GET", "/inbox/{mail_id}", scope=Scope.INBOX_READ, query=IncludeQuery, raises=(Conflict,))
def show(call: Call, mail_id: str, query: IncludeQuery) -> InboxMailView:
    """Read a mail. The first time marks it opened, for its sender too.

    One with a PIN is read, and opened, once its download was performed with the PIN.
    """
    world = call.world
    received = read_inbox_mail(
        call.token.user_id,
        mail_id,
        call.now,
        inbox=world.inbox,
        mails=world.mails,
        bodies=world.bodies,
        downloads=world.downloads,
        files=world.files,
        pool=world.pool,
    )
    readable = [received.mail] if received.mail.is_open(call.now) else []
    downloads = embedded(call, query.include, readable, to_recipient=True)
    return InboxMailView.of_read(received, query.include, downloads)


@endpoint(bp, "DELETE", "/inbox/{mail_id}", scope=Scope.INBOX_READ)
def hide(call: Call, mail_id: str) -> None:
    """Take a mail out of the inbox. Its sender keeps it."""
    hide_inbox_mail(call.token.user_id, mail_id, inbox=call.world.inbox)
