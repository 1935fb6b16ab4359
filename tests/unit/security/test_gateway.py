"""Checks G of docs/threat-model.md: what API Gateway and CloudFront are told to keep, and to take."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra import template

INFRA = Path(__file__).parents[3] / "infra"
STAGE: dict[str, Any] = template.load(INFRA / "gateway.yaml")["Resources"]["RestAPI"]["Properties"]
SECRET = "5ecre7-of-somebody"
# A request to /public/downloads/SECRET, or to an unknown path under a token. Of what API Gateway knows of it, all that
# is not here can hold what the caller sent: https://docs.aws.amazon.com/apigateway/latest/developerguide/
# api-gateway-variables-for-access-logging.html
HARMLESS = {
    "requestTimeEpoch": "1764000000000",
    "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    "extendedRequestId": "bW9jayBpZA=",
    "httpMethod": "GET",
    "resourcePath": "/public/downloads/{key}",
    "status": "200",
    "error.responseType": "MISSING_AUTHENTICATION_TOKEN",
    "integration.status": "200",
    "integration.requestId": "7b61c6af-7b61-11e6-9a41-93e8deadbeef",
    "integration.latency": "41",
    "responseLatency": "44",
    "responseLength": "512",
    "identity.sourceIp": "192.0.2.7",
    "protocol": "HTTP/1.1",
    "tlsVersion": "TLSv1.3",
}


def test_t1_a_key_in_a_path_and_a_token_in_an_error_are_not_in_the_access_log() -> None:
    line = re.sub(
        r"\$context\.(\w+(?:\.\w+)*)", lambda name: HARMLESS.get(name[1], SECRET), STAGE["AccessLogSetting"]["Format"]
    )
    assert SECRET not in line
    assert "\n" not in line
    told = json.loads(line)
    assert told["route"] == "/public/downloads/{key}"
    assert set(HARMLESS.values()) == set(told.values()), "and everything else is there"


def test_t1_no_request_is_kept_as_a_whole() -> None:
    """A trace's segment of a stage has the URL; execution logs and data traces have headers and bodies besides."""
    (settings,) = STAGE["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*"), "of every method"
    assert (STAGE["TracingEnabled"], settings["LoggingLevel"], settings["DataTraceEnabled"]) == (False, "OFF", False)


def test_t2_the_apis_own_address_takes_no_tls_before_1_2() -> None:
    """TLS_1_0 is what a regional REST API takes that names none."""
    assert re.fullmatch(r"SecurityPolicy_TLS13_1_[23]_\w*2025_09", STAGE["SecurityPolicy"])
    assert STAGE["EndpointAccessMode"] in {"BASIC", "STRICT"}, "API Gateway wants it beside such a policy"


def test_t2_a_domain_of_ones_own_takes_no_tls_before_1_2() -> None:
    web = template.load(INFRA / "web.yaml")["Resources"]["Web"]["Properties"]["DistributionConfig"]
    _, ours, cloudfronts = web["ViewerCertificate"]["Fn::If"]
    assert ours["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert cloudfronts == {"CloudFrontDefaultCertificate": True}, "for which CloudFront chooses, and takes TLS 1.0"


@pytest.mark.parametrize("path", ["/api/*", "/docs*", None])
def test_t2_nothing_is_answered_by_plain_http(path: str | None) -> None:
    web = template.load(INFRA / "web.yaml")["Resources"]["Web"]["Properties"]["DistributionConfig"]
    (behaviour,) = [
        one for one in (web["DefaultCacheBehavior"], *web["CacheBehaviors"]) if one.get("PathPattern") == path
    ]
    assert behaviour["ViewerProtocolPolicy"] == ("https-only" if path == "/api/*" else "redirect-to-https")
    (api,) = [origin["CustomOriginConfig"] for origin in web["Origins"] if origin["Id"] == "api"]
    assert (api["OriginProtocolPolicy"], api["OriginSSLProtocols"]) == ("https-only", ["TLSv1.2"])
