"""GET /user: who the caller is, and what is left of the account's quota."""

from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.errors import NotFound
from chalicelib.domain.people import Account, User
from chalicelib.domain.quota import Quota, Usage
from chalicelib.ports import QuotaStore, UserStore


@dataclass(frozen=True, slots=True)
class ShownUser:
    user: User
    account: Account
    quota: Quota
    used: Usage


def show_user(caller: ApiToken, now: datetime, *, users: UserStore, quotas: QuotaStore, pool: Executor) -> ShownUser:
    """Reads everything in one step. Raises NotFound when the user or account was erased after the token was made."""
    finding_account = pool.submit(users.find_account, caller.account_id)
    finding_quota = pool.submit(quotas.find, caller.account_id, now)
    user, account = users.find(caller.user_id), finding_account.result()
    quota, used = finding_quota.result()
    if user is None or account is None:
        raise NotFound
    return ShownUser(user, account, quota, used)
