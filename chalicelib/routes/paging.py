"""What the lists share: the cursors of one list, for one caller."""

from chalicelib.domain.cursor import Cursors
from chalicelib.routes.call import Call
from chalicelib.wire.lists import ListQuery


def cursors_of(call: Call, query: ListQuery, name: str, owner: str) -> Cursors:
    """`owner` is the account or user whose list it is."""
    return Cursors(lambda: call.world.cursor_key, (name, owner, query.what))
