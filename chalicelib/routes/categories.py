"""/categories: labels for files."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import Conflict
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import endpoint
from chalicelib.routes.idempotency import once, takes_key
from chalicelib.routes.paging import cursors_of
from chalicelib.services.manage_categories import (
    create_category,
    delete_category,
    list_categories,
    own_category,
    update_category,
)
from chalicelib.wire.categories import CategoriesQuery, CategoryView, CreateCategory, PatchCategory
from chalicelib.wire.lists import Listing, Meta

bp = Blueprint(__name__)
READ, WRITE = Scope.FILES_READ, Scope.FILES_WRITE


@endpoint(bp, "GET", "/categories", scope=READ, query=CategoriesQuery)
def index(call: Call, query: CategoriesQuery) -> Listing[CategoryView]:
    """List the account's categories."""
    account_id, categories = call.token.account_id, call.world.categories
    cursors = cursors_of(call, query, "categories", account_id)
    page = list_categories(account_id, query.order, query.limit, cursors.read(query.cursor), categories=categories)
    return Listing([CategoryView.of(category) for category in page.rows], Meta.of(page, cursors))


@endpoint(bp, "POST", "/categories", scope=WRITE, body=CreateCategory, status=201, raises=(Conflict,))
@takes_key
def create(call: Call, body: CreateCategory) -> CategoryView:
    """Make a category."""
    account_id, categories = call.token.account_id, call.world.categories
    category = once(
        call,
        lambda claim: create_category(account_id, body.name, body.color, call.now, claim, categories=categories),
        lambda ids: own_category(account_id, ids[0], categories=categories),
    )
    return CategoryView.of(category)


@endpoint(bp, "PATCH", "/categories/{category_id}", scope=WRITE, body=PatchCategory, raises=(Conflict,))
def update(call: Call, category_id: str, body: PatchCategory) -> CategoryView:
    """Rename a category, or change its color."""
    account_id, categories = call.token.account_id, call.world.categories
    return CategoryView.of(update_category(account_id, category_id, body.changes(), categories=categories))


@endpoint(bp, "DELETE", "/categories/{category_id}", scope=WRITE, raises=(Conflict,))
def delete(call: Call, category_id: str) -> None:
    """Delete a category. Its files stay, without one."""
    delete_category(call.token.account_id, category_id, call.now, categories=call.world.categories)
