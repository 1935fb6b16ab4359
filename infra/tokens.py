"""`python -m infra.tokens EMAIL`: a user's API tokens; end all of them, or make one for who has none left.

For a token that leaked while its owner has no other, and for a user who lost every token, or the PIN, which a thief may
also have set. What users do with their own tokens and PIN, they do by the API.
"""

import argparse
import json
import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chalicelib.domain.act import Act, Actor
from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.errors import Busy, Conflict
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.people import User
from chalicelib.ports import TokenStore, UserStore
from chalicelib.services.manage_tokens import operator_token
from infra import operating
from infra.deployed import deployed
from infra.personal_data import address, find_person

DONE, FAILED = 0, 1
PAGE = 100
PATIENCE = 20  # so many times more
NEW_NAME = "from the operator"
Told = Mapping[str, Any]
EXAMPLES = f"""examples:
  python -m infra.tokens carol@example.com --stage prod             which tokens she has, and when each was used last
  python -m infra.tokens carol@example.com --stage prod --end-all   ends all of them: the next request is refused
  python -m infra.tokens carol@example.com --stage prod --new       makes one with every scope, and shows it this once
  python -m infra.tokens carol@example.com --stage prod --end-all --new     both, in this order
  python -m infra.tokens carol@example.com --stage prod --clear-pin takes a PIN away that she forgot, or never set

The audit log of her account says that it was the operator. Make sure that who asks for a new token is who they say,
and hand it over by a safe channel.

{operating.CREDENTIALS} They need kms:DescribeKey, and to read and write
the table metadata, with kms:Decrypt by way of DynamoDB.
"""


class NoSuchUser(Exception):
    """The text says which."""


def tokens_of(user: User, now: datetime, *, tokens: TokenStore) -> Iterator[ApiToken]:
    """Those that can be used, newest first."""
    after = None
    while True:
        page = tokens.list_of(user.id, PAGE, after)
        yield from (token for token in page.rows if token.is_live(now))
        if page.next is None:
            return
        after = page.next


def end_all(user: User, now: datetime, *, tokens: TokenStore) -> int:
    """Answers how many ended: all that there are at one moment, and none of them makes another after it.

    Raises Busy: run again, it ends those that are left. Whoever has a leaked one can keep changing the tree, so this
    does not give up as soon as a request would.
    """
    for _ in range(PATIENCE):
        with suppress(Busy):
            return len(tokens.revoke_all(user.id, now))
    return len(tokens.revoke_all(user.id, now))


def clear_pin(user: User, *, users: UserStore) -> bool:
    """Answers whether there was one. Raises Conflict where it was changed meanwhile."""
    if user.pin is None:
        return False
    users.save(user, replace(user, pin=None))
    return True


def told_of(token: ApiToken) -> Told:
    moments = {"created_at": token.created_at, "expires_at": token.expires_at, "last_used_at": token.last_used_at}
    told = {"id": token.id, "name": token.name, "scopes": sorted(token.scopes)}
    return told | {name: rfc3339(at) if at else None for name, at in moments.items()}


def for_people(told: Told) -> str:
    lines = []
    if "ended" in told:
        lines.append(f"{told['ended']} ended")
    if "pin_cleared" in told:
        lines.append("the PIN is taken away" if told["pin_cleared"] else "there was no PIN")
    if "token" in told:
        lines.append(f"{told['token_id']}  {told['token']}  (shown this once)")
    if "tokens" in told:
        lines += [_row(each) for each in told["tokens"]] or ["there is none: --new makes one"]
    return "\n".join(lines)


def _row(token: Told) -> str:
    used = f"used {token['last_used_at']}" if token["last_used_at"] else "never used"
    life = f"until {token['expires_at']}" if token["expires_at"] else "no expiry"
    return f"{token['id']}  {token['name']}  {used}, {life}, {' '.join(token['scopes'])}"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.tokens",
        description="Show a user's API tokens, end all of them, or make one; take a PIN away.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("email", type=address, help="the user's address")
    parser.add_argument("--stage", type=operating.stage, required=True, help="the deployment")
    parser.add_argument("--end-all", action="store_true", help="end every token that the user has")
    parser.add_argument("--clear-pin", action="store_true", help="take the user's PIN away: they can set another")
    parser.add_argument("--new", action="store_true", help="make one with every scope and no expiry, and show it")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser.parse_args(arguments)


def _do(options: argparse.Namespace, told: dict[str, Any], unseen: ExitStack) -> None:
    """Writes into `told` what was done, one by one; `unseen` takes back what nobody came to see.

    Raises NoSuchUser, Busy, Conflict, ClientError.
    """
    here, now = deployed(options.stage), datetime.now(UTC)
    world = here.acting(Act(actor=Actor.OPERATOR, at=now, request_id=str(uuid.uuid4())))
    user = find_person(options.email, world.table, world).user
    if user is None:
        raise NoSuchUser(f"there is no user {options.email} in the stage {options.stage}")
    if options.end_all:
        told["ended"] = end_all(user, now, tokens=world.tokens)
    if options.clear_pin:
        told["pin_cleared"] = clear_pin(world.users.find(user.id) or user, users=world.users)
    if options.new:
        issued = operator_token(user, NEW_NAME, now)
        unseen.callback(_take_back, issued.token, now, world.tokens)
        world.tokens.add(issued.token)
        told |= {"token_id": issued.token.id, "token": issued.text}
    if not (options.end_all or options.clear_pin or options.new):
        told["tokens"] = [told_of(each) for each in tokens_of(user, now, tokens=world.tokens)]


def _take_back(token: ApiToken, now: datetime, tokens: TokenStore) -> None:
    try:
        with operating.uninterrupted():
            tokens.revoke(token.id, token.user_id, now)
    except (Busy, *operating.REFUSALS):
        print(f"the new token {token.id} may be there, and nobody saw it: --end-all ends it", file=sys.stderr)


def _show(told: Told, options: argparse.Namespace) -> None:
    """Raises OSError: nobody reads it, or there is no room for it."""
    if not told:
        return
    try:
        print(json.dumps(told, indent=2) if options.json else for_people(told), flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer, at the exit
        raise


def main(arguments: list[str] | None = None) -> int:
    options, told = _options(arguments), dict[str, Any]()
    try:
        with ExitStack() as unseen:
            try:
                _do(options, told, unseen)
            finally:
                _show(told, options)  # also what was done before it failed
            unseen.pop_all()
    except (NoSuchUser, Busy, Conflict, *operating.REFUSALS, OSError) as error:
        print(f"failed: {_in_words(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("broken off. Without these options it shows which tokens stand.", file=sys.stderr)
        return FAILED
    return DONE


def _in_words(error: Exception) -> str:
    if isinstance(error, Busy):
        return f"{error.reason or error}: run it again"
    return operating.explained(error)


if __name__ == "__main__":
    sys.exit(main())
