"""The operator's act: an account, a user in it, and the user's first API token."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.errors import invalid
from chalicelib.domain.ids import AccountId, UserId
from chalicelib.domain.people import Account, User
from chalicelib.domain.pin import Pin
from chalicelib.ports import PinHasher, UserStore
from chalicelib.services.manage_tokens import IssuedToken, operator_token

FIRST_TOKEN_NAME = "first token"  # noqa: S105 - a label


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    email: str
    name: str
    timezone: str
    account_id: AccountId | None  # join this account, or
    account_name: str | None  # open a new one
    pin: Pin | None = None


def create_user(new: NewUser, now: datetime, *, users: UserStore, pin_hasher: PinHasher) -> tuple[User, IssuedToken]:
    """Raises Conflict for an address that has a user, Invalid for an account that does not exist."""
    account = None
    account_id = new.account_id
    if account_id is None:
        account = Account(id=AccountId(str(uuid.uuid4())), name=new.account_name or new.name, created_at=now)
        account_id = account.id
    elif users.find_account(account_id) is None:
        raise invalid("account_id", "There is no such account.")
    user = User(
        id=UserId(str(uuid.uuid4())),
        account_id=account_id,
        email=new.email,
        name=new.name,
        timezone=new.timezone,
        created_at=now,
    )
    if new.pin:
        [verifier] = pin_hasher.make(new.pin, [user.pin_holder])
        user = replace(user, pin=verifier)
    issued = operator_token(user, FIRST_TOKEN_NAME, now)
    users.add(user, account, issued.token)
    return user, issued
