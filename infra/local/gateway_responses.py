"""What API Gateway answers by itself, as infra/overrides.yaml declares it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import template

# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
_DEFAULT_STATUS = {
    "EXPIRED_TOKEN": 403,
    "INVALID_SIGNATURE": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "REQUEST_TOO_LARGE": 413,
    "DEFAULT_4XX": 400,
    "DEFAULT_5XX": 502,  # what a function's crash or malformed answer becomes
}
_HEADER = "gatewayresponse.header."


@dataclass(frozen=True)
class GatewayResponse:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class GatewayResponses:
    def __init__(self, declared: Mapping[str, Mapping[str, Any]]) -> None:
        self._declared = declared

    @classmethod
    def of(cls, path: Path = template.OVERRIDES) -> "GatewayResponses":
        definition = template.load(path)["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
        return cls(definition["x-amazon-apigateway-gateway-responses"])

    def render(self, response_type: str, request_id: str) -> GatewayResponse:
        """A type that nobody declared falls back on DEFAULT_4XX or DEFAULT_5XX, as on AWS."""
        natural = _DEFAULT_STATUS[response_type]
        declared = self._declared.get(response_type) or self._declared[f"DEFAULT_{natural // 100}XX"]
        context = {"context.requestId": request_id, "context.error.responseType": response_type}
        body = declared["responseTemplates"]["application/json"]
        for name, value in context.items():
            body = body.replace(f"${name}", value)
        headers = [
            (name.removeprefix(_HEADER), value[1:-1] if value.startswith("'") else context[value])
            for name, value in declared.get("responseParameters", {}).items()
        ]
        status = int(str(declared.get("statusCode", natural)))
        return GatewayResponse(status, [("Content-Type", "application/json"), *headers], body.encode())
