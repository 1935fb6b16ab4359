"""What API Gateway answers by itself, as infra/overrides.yaml declares it: no function of ours is asked."""

import json
from dataclasses import dataclass
from typing import Any

from infra import template

_NO_STATUS = {"DEFAULT_4XX": "other 4xx", "DEFAULT_5XX": "other 5xx"}  # they keep the one that API Gateway chose


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    type: str  # AWS's name of it
    status: str
    code: str
    message: str


def gateway_answers() -> list[GatewayAnswer]:
    definition = template.load(template.OVERRIDES)["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    return [_answer(*each) for each in definition["x-amazon-apigateway-gateway-responses"].items()]


def _answer(kind: str, declared: dict[str, Any]) -> GatewayAnswer:
    body = json.loads(declared["responseTemplates"]["application/json"])
    return GatewayAnswer(kind, str(declared.get("statusCode") or _NO_STATUS[kind]), body["code"], body["message"])
