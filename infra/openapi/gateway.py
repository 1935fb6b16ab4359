"""What API Gateway answers by itself, as infra/overrides.yaml declares it: no function of ours is asked."""

import json
from dataclasses import dataclass
from typing import Any

from infra.local import template
from infra.local.gateway_responses import OVERRIDES

_NO_STATUS = {"DEFAULT_4XX": "other 4xx", "DEFAULT_5XX": "other 5xx"}  # they keep the one that API Gateway chose


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    type: str  # AWS's name of it
    status: str
    code: str
    message: str


def gateway_answers() -> list[GatewayAnswer]:
    resources = template.load(OVERRIDES)["Resources"].values()
    made = [it["Properties"] for it in resources if it.get("Type") == "AWS::ApiGateway::GatewayResponse"]
    return [_answer(properties) for properties in made]


def _answer(properties: dict[str, Any]) -> GatewayAnswer:
    kind = properties["ResponseType"]
    body = json.loads(properties["ResponseTemplates"]["application/json"])
    return GatewayAnswer(kind, properties.get("StatusCode") or _NO_STATUS[kind], body["code"], body["message"])
