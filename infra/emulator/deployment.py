"""What `make package` leaves, deployed to MiniStack: the very archive, and the template as SAM expands it.

The steps are those of `infra.deploy`, with its own bucket, change set and parameters. AWS expands a SAM template by the
translator that is used here; an emulator has one of its own at best.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from boto3.session import Session
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from infra.artefacts import ArtefactBucket, bucket_name, point_at
from infra.create_user import create_user, function_name
from infra.deploy import Package, stack_name
from infra.emulator.fitting import fit
from infra.emulator.ministack import REGION, Emulator
from infra.local.users import PEOPLE, SeededUser
from infra.stacks import Stack, values

STAGE = "dev"
MAIL_FROM = "sealdrop@example.com"
POLL_SECONDS = 0.2


def expand(template: Mapping[str, Any]) -> dict[str, Any]:
    """A SAM template, whose code is at S3, as plain CloudFormation. It names no policies that SAM would look up."""
    translator = Translator({}, Parser(), boto_session=Session(region_name=REGION))
    expanded: dict[str, Any] = translator.translate(deepcopy(dict(template)), {})
    return expanded


@dataclass(frozen=True)
class Deployed:
    api_url: str
    outputs: Mapping[str, str]
    resources: Counter[str]  # how many of each type
    users: list[SeededUser]


def deploy(package: Package, emulator: Emulator, rate_limit: int, say: Callable[[str], None] = print) -> Deployed:
    """Raises StackFailed, NotCreated and what the emulator refuses."""
    with ExitStack() as opened:
        services = ("sts", "s3", "cloudformation", "lambda")
        clients = {name: opened.enter_context(closing(emulator.client(name))) for name in services}
        template, url = _upload(package, emulator, clients)
        given = {"Stage": STAGE, "MailFrom": MAIL_FROM, "RateLimit": str(rate_limit)}
        name = stack_name(template, STAGE)
        stack = Stack(clients["cloudformation"], name, say=say, pause=lambda _: time.sleep(POLL_SECONDS))
        stack.change(url, values(template["Parameters"], given, None))
        outputs = stack.outputs()
        return Deployed(
            api_url=f"{emulator.url}/restapis/{outputs['RestAPIId']}/api/_user_request_",
            outputs=outputs,
            resources=Counter(each["ResourceType"] for each in stack.resources()),
            users=[_enrol(person, clients["lambda"]) for person in PEOPLE],
        )


def _upload(package: Package, emulator: Emulator, clients: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The template as it is deployed, and its address."""
    account = clients["sts"].get_caller_identity()["Account"]
    service = package.template["Parameters"]["ServiceName"]["Default"]
    bucket = ArtefactBucket(clients["s3"], bucket_name(service, account, REGION), account=account)
    bucket.make()
    code = bucket.put(package.archive, ".zip")
    template = expand(json.loads(point_at(deepcopy(package.template), f"s3://{bucket.name}/{code}")))
    fit(template)
    return template, f"{emulator.url}/{bucket.name}/{bucket.put(json.dumps(template).encode(), '.json')}"


def _enrol(person: Mapping[str, str], functions: Any) -> SeededUser:
    """By the packaged function, as an operator does it."""
    made = create_user(person, function_name(STAGE), functions=functions)
    return SeededUser(email=made["email"], name=made["name"], pin=person["pin"], token=made["token"])
