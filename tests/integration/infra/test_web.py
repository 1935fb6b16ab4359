"""infra/web.yaml: what CloudFront answers for the pages is what the local site does, and the API hears who asks."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from chalicelib.routes.call import EDGE_HEADER, VIEWER_HEADER
from infra import template
from infra.package import ROOT, joined_template
from infra.pages import ALL, DOCS, RECEIVING, SECURITY_HEADERS

WEB = template.load(ROOT / "infra" / "web.yaml")["Resources"]
DISTRIBUTION = WEB["Web"]["Properties"]["DistributionConfig"]
HSTS = "StrictTransportSecurity"  # no matter for a machine of one's own


def headers(policy: str) -> dict[str, str]:
    """As CloudFront sends them."""
    config = WEB[policy]["Properties"]["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    assert all(one["Override"] for one in (*security.values(), *config["CustomHeadersConfig"]["Items"]))
    return {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        "Content-Security-Policy": security["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        **{item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]},
    }


def behaviour(path: str) -> dict[str, Any]:
    """The first that matches, as CloudFront chooses; all of our patterns end with the one star that they have."""
    for each in DISTRIBUTION["CacheBehaviors"]:
        if path.startswith(each["PathPattern"].removesuffix("*")):
            return dict(each)
    return dict(DISTRIBUTION["DefaultCacheBehavior"])


@pytest.mark.parametrize("pages", ALL, ids=lambda pages: pages.path)
def test_w1_pages_have_one_set_of_headers_everywhere(pages: Any) -> None:
    expected = {**SECURITY_HEADERS, "Content-Security-Policy": pages.policy}
    for path in (pages.path, f"{pages.path}/", f"{pages.path}/page.js"):
        assert headers(behaviour(path)["ResponseHeadersPolicyId"]["Ref"]) == expected


@pytest.mark.parametrize("policy", ["DocsHeaders", "ReceivingHeaders"])
def test_browsers_come_by_tls_from_then_on(policy: str) -> None:
    config = WEB[policy]["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert config[HSTS]["AccessControlMaxAgeSec"] >= 365 * 24 * 3600
    assert "ContentTypeOptions" in config


def test_paths_of_the_api_go_to_the_api_uncached() -> None:
    api = behaviour("/api/public/downloads/x")
    assert (api["TargetOriginId"], api["ViewerProtocolPolicy"]) == ("api", "https-only")
    assert api["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    assert "Logging" not in DISTRIBUTION


def test_w4_one_callers_error_is_not_anothers_answer() -> None:
    """CloudFront keeps errors for ten seconds under the path alone, also where caching is disabled, and of most of them
    also against `no-store`.
    """
    kept = {404, 405, 414, 500, 501, 502, 503, 504}
    never = {
        one["ErrorCode"] for one in DISTRIBUTION["CustomErrorResponses"] if one == {**one, "ErrorCachingMinTTL": 0}
    }
    assert never == kept
    assert not any("ResponseCode" in one for one in DISTRIBUTION["CustomErrorResponses"])


def test_l2_the_distribution_and_the_function_know_one_secret_and_one_header() -> None:
    (origin,) = [one for one in DISTRIBUTION["Origins"] if one["Id"] == "api"]
    (header,) = origin["OriginCustomHeaders"]
    told = WEB["APIHandler"]["Properties"]["Environment"]["Variables"]["EDGE_SECRET"]
    assert header == {"HeaderName": EDGE_HEADER, "HeaderValue": told}


def test_functions_are_told_what_they_need_and_no_more() -> None:
    joined = joined_template("prod")["Resources"]
    variables = {
        name: set(resource["Properties"]["Environment"]["Variables"])
        for name, resource in joined.items()
        if "Environment" in resource.get("Properties", {})
    }
    assert [name for name, known in variables.items() if "WEB_URL" in known] == ["OnMail"]
    assert [name for name, known in variables.items() if "EDGE_SECRET" in known] == ["APIHandler"]
    assert all("METADATA_TABLE" in known for known in variables.values())


def run(function: str, event: Any) -> Any:
    """What a CloudFront function makes of an event."""
    node = shutil.which("node")
    assert node, "npm, which the pages need, brings node"
    code = WEB[function]["Properties"]["FunctionCode"]
    script = f"{code}\nconsole.log(JSON.stringify(handler({json.dumps(event)})))"
    return json.loads(subprocess.run([node, "-e", script], capture_output=True, check=True, timeout=60).stdout)  # noqa: S603 - our script


@pytest.mark.parametrize(
    ("path", "asked_for"), [("/d/", "/d/index.html"), ("/docs/", "/docs/index.html"), ("/d/page.js", "/d/page.js")]
)
def test_a_folder_answers_with_its_page(path: str, asked_for: str) -> None:
    assert run("PagePaths", {"request": {"uri": path}}) == {"uri": asked_for}


@pytest.mark.parametrize("pages", [DOCS, RECEIVING], ids=lambda pages: pages.path)
def test_a_folder_without_its_slash_leads_there(pages: Any) -> None:
    answer = run("PagePaths", {"request": {"uri": pages.path}})
    assert (answer["statusCode"], answer["headers"]["location"]["value"]) == (308, f"{pages.path}/")


def test_l2_a_viewer_does_not_say_who_it_is() -> None:
    forged = {VIEWER_HEADER: {"value": "192.0.2.1"}, "accept": {"value": "*/*"}}
    passed = run("ViewerAddress", {"request": {"headers": forged}, "viewer": {"ip": "2001:db8::7"}})
    assert passed["headers"] == {VIEWER_HEADER: {"value": "2001:db8::7"}, "accept": {"value": "*/*"}}
