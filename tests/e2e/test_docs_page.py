"""The reference page in a browser: it shows every operation, complains of nothing, and asks no other host."""

import json
import re
from collections.abc import Iterator

import pytest

from infra.openapi.__main__ import SHIPPED
from tests.e2e.browser import Visit, visit
from tests.e2e.conftest import Api, Stack, User

pytestmark = pytest.mark.xdist_group("browser")  # one Chromium for all of these

DOCUMENT = json.loads(SHIPPED.read_text(encoding="utf-8"))
OPERATIONS = {
    (method.upper(), name)  # a path, or what a webhook is told of
    for part in ("paths", "webhooks")
    for name, item in DOCUMENT[part].items()
    for method in item
}


@pytest.fixture
def docs(stack: Stack) -> Iterator[Visit]:
    """Whatever a test made the page do, it complained of nothing and asked no other host."""
    url = stack.ready["docs_url"]
    built = Api(url)("GET", "")
    assert built.status == 200, built.body.decode()
    with visit(url) as visiting:
        visiting.page.wait_for_selector(".opblock")
        yield visiting
        ours = (url, f"{stack.api_url}/", "data:")
        assert visiting.errors == []
        assert [asked for asked in visiting.asked if not asked.startswith(ours)] == []
        assert f"{url}openapi.json" in visiting.asked


def test_every_operation_is_shown(docs: Visit) -> None:
    shown = {
        (block.locator(".opblock-summary-method").inner_text(), block.locator(".opblock-summary-path").inner_text())
        for block in docs.page.locator(".opblock").all()
    }
    plain = {(method, re.sub("[\u200b\n]", "", path)) for method, path in shown}  # it breaks long paths
    assert plain == OPERATIONS
    assert docs.page.title() == "Sealdrop API"
    assert docs.page.locator(".info .title").inner_text().startswith("Sealdrop")


def test_an_operation_opens_and_shows_what_it_answers(docs: Visit) -> None:
    block = docs.page.locator("#operations-files-files_create")
    block.locator(".opblock-summary-control").click()
    block.locator(".responses-table").first.wait_for()
    codes = block.locator(".response-col_status").all_inner_texts()
    expected = DOCUMENT["paths"]["/files"]["post"]["responses"]
    assert [code for code in codes if code.strip().isdecimal()] == [code for code in expected if code.isdecimal()]
    assert "invoice.txt" in block.locator(".opblock-section-request-body").inner_text()
    assert "files:write" in block.locator(".opblock-description").inner_text()


def test_a_token_can_be_tried_out(docs: Visit, alice: User) -> None:
    page = docs.page
    page.locator(".btn.authorize").click()
    page.locator(".auth-container input").fill(alice.token)
    page.locator(".auth-btn-wrapper .authorize").click()
    page.locator(".btn-done").click()
    block = page.locator("#operations-user-user_show")
    block.locator(".opblock-summary-control").click()
    block.locator(".try-out__btn").click()
    block.locator(".execute").click()
    answer = block.locator(".live-responses-table .response .highlight-code").first
    answer.wait_for()
    assert alice.email in answer.inner_text()


def test_a_policy_violation_would_be_seen(stack: Stack) -> None:
    with visit(stack.ready["docs_url"]) as visiting:
        visiting.page.wait_for_selector(".opblock")
        visiting.page.evaluate(
            "() => { const s = document.createElement('script'); s.text = '1'; document.body.append(s) }"
        )
        assert any("Content Security Policy" in error for error in visiting.errors)
