"""GET /user: who the caller is."""

from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.errors import NotFound
from chalicelib.domain.people import Account, User
from chalicelib.ports import UserStore


def show_user(caller: ApiToken, *, users: UserStore) -> tuple[User, Account]:
    """Raises NotFound when the user or account was erased after the token was made."""
    user, account = users.find(caller.user_id), users.find_account(caller.account_id)
    if user is None or account is None:
        raise NotFound
    return user, account
