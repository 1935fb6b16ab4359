"""GET /files."""

from dataclasses import replace
from datetime import datetime

from chalicelib.domain.file import File, Shelf
from chalicelib.domain.folding import fold
from chalicelib.domain.ids import AccountId
from chalicelib.domain.page import Order, Page, Position
from chalicelib.ports import FileStore


def list_files(
    account_id: AccountId,
    shelf: Shelf,
    keyword: str | None,
    order: Order,
    limit: int,
    after: Position | None,
    now: datetime,
    *,
    files: FileStore,
) -> Page[File]:
    """One page, of the files whose names hold the keyword where there is one.

    Files past their expiry are left out, so a page can be short and not the last.
    """
    if keyword is None:
        page = files.list_of(account_id, shelf, order, limit, after)
    else:
        page = files.search(account_id, shelf, fold(keyword), order, limit, after)
    return replace(page, rows=[file for file in page.rows if file.is_visible(now)])
