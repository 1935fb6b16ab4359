"""`python -m infra.create_user --email … --name …`: the operator makes a user, and gets the user's first token.

It invokes the function create_user, which no HTTP request reaches: IAM alone says who may (lambda:InvokeFunction).
"""

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from infra import operating, template

PATIENCE_SECONDS = 40  # more than the function's own time
SUCCESS, FAILED = 0, 1

EXAMPLES = f"""examples:
  python -m infra.create_user --email alice@example.com --name 'Alice Archer' --account-name 'Archer & Co'
  python -m infra.create_user --email carol@example.com --name 'Carol Cook' --account-id ID --timezone Europe/Vienna
  python -m infra.create_user --email ci@example.com --name CI --stage prod --json | jq -r .token

Without --account-id the user gets an account of their own. The token has every scope and no expiry, and is shown this
once: hand it over by a safe channel.

{operating.CREDENTIALS} They need lambda:InvokeFunction.
"""


class NotCreated(Exception):
    """The text says why, and what to do."""


def create_user(order: Mapping[str, str], function: str, *, functions: Any) -> dict[str, str]:
    """The user with the first token. `functions` is a Lambda client. Raises NotCreated."""
    try:
        answer = functions.invoke(FunctionName=function, Payload=json.dumps(order))
        made: dict[str, Any] = json.loads(answer["Payload"].read())
    except ReadTimeoutError:
        raise NotCreated(
            "no answer came: the user may be there all the same, without anybody knowing the token"
        ) from None
    except ClientError as error:
        raise NotCreated(_explained(error, function, functions.meta.region_name)) from None
    if "FunctionError" in answer:
        raise NotCreated(f"{function} failed ({made.get('errorType')}: {made.get('errorMessage')}); its log has more")
    if "error" in made:
        raise NotCreated(_refusal(made["error"]))
    return made


def function_name(stage: str) -> str:
    """As infra/overrides.yaml deploys it."""
    overrides = template.load(template.OVERRIDES)
    return template.deployed_name(overrides, "CreateUser", "FunctionName", stage)


def _explained(error: ClientError, function: str, region: str) -> str:
    code = error.response["Error"].get("Code", "")
    if code == "ResourceNotFoundException":
        return f"there is no function {function} in {region}: name the stage (--stage) or the function (--function)"
    if code in {"AccessDeniedException", "AccessDenied"}:
        return f"these credentials may not call {function}: they need lambda:InvokeFunction on it"
    return operating.explained(error)


def _refusal(error: Mapping[str, Any]) -> str:
    fields = [f"\n  {name}: {reason}" for name, reasons in error.get("errors", {}).items() for reason in reasons]
    return f"{error['message']}{''.join(fields)}"


def for_people(made: Mapping[str, str]) -> str:
    lines = {
        "user": f"{made['name']} <{made['email']}>, {made['timezone']}",
        "user id": made["user_id"],
        "account id": made["account_id"],
        "token id": made["token_id"],
        "token": f"{made['token']}  (shown this once)",
    }
    return "\n".join(f"{name:10}  {value}" for name, value in lines.items())


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.create_user",
        description="Make a user, and print the user's first API token.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--email", required=True, help="the user's address: no other user's, in any account")
    parser.add_argument("--name", required=True, help="the user's name, as others see it")
    parser.add_argument("--timezone", metavar="ZONE", help="the user's, of the IANA list, as in Europe/Vienna (UTC)")
    account = parser.add_mutually_exclusive_group()
    account.add_argument("--account-id", metavar="ID", help="the account to join (a new one)")
    account.add_argument("--account-name", metavar="NAME", help="what the new account is called (as the user)")
    parser.add_argument("--stage", type=operating.stage, default="dev", help="the deployment (dev)")
    parser.add_argument("--function", metavar="NAME", help="the function's name (sealdrop-STAGE-create-user)")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    names = ("email", "name", "timezone", "account_id", "account_name")
    order = {name: value for name in names if (value := getattr(options, name)) is not None}
    try:
        # Once, and no second time: a repeated order is refused, and the token of the first one would be lost.
        config = Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE_SECONDS)
        with closing(operating.session().client("lambda", config=config)) as functions:
            made = create_user(order, options.function or function_name(options.stage), functions=functions)
    except (NotCreated, *operating.REFUSALS) as error:
        print(f"not created: {operating.explained(error)}", file=sys.stderr)
        return FAILED
    print(json.dumps(made, indent=2) if options.json else for_people(made))
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
