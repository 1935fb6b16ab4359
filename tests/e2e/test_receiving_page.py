"""The receiving page in a browser: what a link opens, from the e-mail to the bytes, and what nobody can make it do."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from chalicelib.domain.pin import MAX_TRIES
from infra.pages import RECEIVING, SECURITY_HEADERS
from tests.e2e.api_kit import content, perform, uploaded
from tests.e2e.browser import Visit, visit
from tests.e2e.conftest import Api, Stack, User
from tests.e2e.mail_kit import Outbox, link_in, mailed, somebody

pytestmark = pytest.mark.xdist_group("browser")  # one Chromium for all of these

TOTAL = b"Total: 42.00 EUR\n"
PIN = "7294"
SCREAM = "window.hit = true"
RLO = "\u202e"  # what follows is shown from right to left: "gpj.exe" as "exe.jpg"
# What the console tells of, and is meant to happen.
STATUS = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
NOT_RUN = re.compile(r"(Executing inline event handler|Applying inline style|Setting the document's base URI) ")


class Post:
    """Alice's mails to people without an account, and the links that they get."""

    def __init__(self, alice: User, outbox: Outbox) -> None:
        self._alice, self._outbox = alice, outbox

    def link(self, *files: Any, **fields: Any) -> str:
        address = somebody()
        mailed(self._alice, address, files[0], files=[file["id"] for file in files], **fields)
        return link_in(self._outbox.first(address))

    def file(self, data: bytes = TOTAL, name: str = "invoice.txt", **fields: Any) -> Any:
        return uploaded(self._alice.api, data, name, **fields)


@pytest.fixture(autouse=True)
def _built(stack: Stack, anyone: Api) -> None:
    page = anyone.fetch("GET", f"{stack.ready['web_url']}d/")
    assert page.status == 200, page.body.decode()


@pytest.fixture
def post(stack: Stack, alice: User) -> Post:
    return Post(alice, Outbox(stack.ready))


def key_of(link: str) -> str:
    return link.partition("#")[2]


def uses_left(anyone: Api, link: str) -> int:
    left: int = anyone("GET", f"/public/downloads/{key_of(link)}").data["uses_left"]
    return left


@contextmanager
def opened(stack: Stack, link: str, meant: re.Pattern[str] = STATUS, **options: Any) -> Iterator[Page]:
    """The page behind a link, which must stay as innocent as this whatever a test has it do (W1, W2)."""
    with visit(link, **options) as visiting:
        settled(visiting.page)
        yield visiting.page
        assert_innocent(stack, visiting, key_of(link), meant)


def settled(page: Page) -> None:
    page.locator("main > section:not([hidden]):not(#loading)").wait_for()


def assert_innocent(stack: Stack, visiting: Visit, key: str, meant: re.Pattern[str]) -> None:
    web, storage = stack.ready["web_url"], stack.ready["aws_endpoint_url"]
    saved = [error for error in visiting.errors if error.startswith(f"GET {storage}") and "ERR_ABORTED" in error]
    assert [error for error in visiting.errors if error not in saved and not meant.match(error)] == []
    assert [url for url in visiting.asked if not url.startswith((f"{web}d", f"{web}api/", f"{storage}/"))] == []
    for request in visiting.requests:
        before_fragment = request.url.partition("#")[0]
        assert key not in before_fragment or before_fragment == f"{stack.api_url}/public/downloads/{key}"
        assert "referer" not in request.all_headers()
    assert key not in visiting.page.url
    assert visiting.page.evaluate("window.hit") is None


def save(page: Page, name: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    assert download.value.suggested_filename == name
    return Path(download.value.path()).read_bytes()


def download(page: Page) -> None:
    page.get_by_role("button", name="Download").click()
    page.locator("#taken").wait_for()


def guess(page: Page, pin: str) -> None:
    page.get_by_label("PIN").fill(pin)
    page.get_by_role("button", name="Download").click()


class TestTheWholeWay:
    def test_from_the_e_mail_to_the_bytes_once(self, stack: Stack, anyone: Api, post: Post) -> None:
        table = content(300_000)
        link = post.link(
            post.file(), post.file(table, "Tabelle März خطاب.csv"),
            subject="Your invoice", body="<p>As <b>agreed</b>.</p>", max_downloads=1,
        )  # fmt: skip
        with opened(stack, link) as page:
            expect(page.get_by_role("heading", level=1)).to_have_text("Your invoice")
            expect(page.locator(".sender")).to_contain_text("Alice Archer alice@example.com")
            assert page.locator("#body").inner_html() == "<p>As <b>agreed</b>.</p>"
            shown = page.locator("#files li").all_inner_texts()
            assert [text.split("\n") for text in shown] == [
                ["invoice.txt", "17 B"],
                ["Tabelle März خطاب.csv", "293.0 KB"],
            ]
            expect(page.locator("#before")).to_contain_text("This link works once. Downloading uses it up")
            assert uses_left(anyone, link) == 1, "looking is free"
            download(page)
            assert save(page, "invoice.txt") == TOTAL
            assert save(page, "Tabelle März خطاب.csv") == table
        assert perform(anyone, key_of(link)).status == 410
        with opened(stack, link) as page:
            expect(page.get_by_role("heading", level=1)).to_have_text("This link cannot be used any more")
            expect(page.locator("#gone")).to_contain_text("has been used, has expired, or was withdrawn")

    def test_a_reload_loses_nothing_and_spends_nothing(self, stack: Stack, anyone: Api, post: Post) -> None:
        link = post.link(post.file(), subject="Your invoice", body="<p>Hello</p>", max_downloads=2)
        with opened(stack, link) as page:
            page.reload()
            download(page)
            page.reload()
            page.locator("#taken").wait_for()
            expect(page.get_by_role("heading", level=1)).to_have_text("Your invoice")
            expect(page.locator("#body")).to_have_text("Hello")
            expect(page.locator("#facts")).to_have_text("The link itself works once more.")
            assert save(page, "invoice.txt") == TOTAL
        assert uses_left(anyone, link) == 1

    def test_urls_that_grew_old_are_renewed_when_they_are_needed(self, stack: Stack, post: Post) -> None:
        link = post.link(post.file(), max_downloads=1)
        with opened(stack, link) as page:
            page.clock.install()
            download(page)
            page.clock.fast_forward("05:00")
            with page.expect_request(lambda request: "session" in (request.post_data or "")):
                assert save(page, "invoice.txt") == TOTAL

    def test_a_session_that_ended_leaves_the_uses_that_are_left(self, stack: Stack, post: Post) -> None:
        link = post.link(post.file(), max_downloads=2)
        with opened(stack, link) as page:
            download(page)
            page.evaluate("""() => {
                const tab = JSON.parse(sessionStorage.sealdrop);
                tab.taken.session = "0".repeat(43);
                sessionStorage.sealdrop = JSON.stringify(tab);
            }""")
            page.reload()
            expect(page.locator("#before")).to_contain_text("This link works once.")

    def test_another_link_in_the_same_tab(self, stack: Stack, post: Post) -> None:
        first, second = (post.link(post.file(), subject=subject) for subject in ("One", "Two"))
        with opened(stack, first) as page:
            page.evaluate("key => { location.hash = key }", key_of(second))
            expect(page.get_by_role("heading", level=1)).to_have_text("Two")

    def test_times_are_the_readers(self, stack: Stack, post: Post) -> None:
        link = post.link(post.file(), expires_at="2026-12-31T23:30:00Z")
        with opened(stack, link, timezone_id="Asia/Tokyo") as page:
            expect(page.locator("#facts")).to_have_text("This link is good until 1 January 2027 at 08:30 GMT+9.")


class TestPin:
    def test_wrong_then_right(self, stack: Stack, anyone: Api, post: Post) -> None:
        link = post.link(post.file(), subject="For your eyes", pin=PIN, max_downloads=1)
        with opened(stack, link) as page:
            expect(page.get_by_role("heading", level=1)).to_have_text("Files for you")
            expect(page.locator("#files")).to_be_hidden()
            guess(page, "0000")
            expect(page.get_by_role("alert")).to_contain_text("That is not the PIN.")
            expect(page.get_by_label("PIN")).to_be_focused()
            expect(page.get_by_label("PIN")).to_have_attribute("aria-invalid", "true")
            assert uses_left(anyone, link) == 1
            guess(page, PIN)
            expect(page.get_by_role("heading", level=1)).to_have_text("For your eyes")
            assert save(page, "invoice.txt") == TOTAL
            assert PIN not in page.evaluate("JSON.stringify(sessionStorage)")

    def test_locked_after_five(self, stack: Stack, anyone: Api, post: Post) -> None:
        link = post.link(post.file(), pin=PIN)
        for number in range(MAX_TRIES):
            assert perform(anyone, key_of(link), pin=f"000{number}").status == 422
        with opened(stack, link) as page:
            guess(page, PIN)
            expect(page.get_by_role("alert")).to_have_text(
                re.compile(r"^Too many wrong PINs: no other is looked at before \d\d:\d\d \S+\.$")
            )


class TestSealed:
    @pytest.mark.parametrize("pin", [None, PIN])
    def test_d7_what_a_browser_cannot_open_is_not_spent(
        self, stack: Stack, anyone: Api, post: Post, pin: str | None
    ) -> None:
        files = post.file(), post.file(b"sealed", "contract.pdf", encryption="client")
        link = post.link(*files, max_downloads=1, **({"pin": pin} if pin else {}))
        with opened(stack, link) as page:
            if pin:
                guess(page, pin)
            expect(page.get_by_role("heading", name="These files are sealed")).to_be_visible()
            expect(page.locator("#command")).to_have_text(f"sealdrop get '{link}'")
            expect(page.get_by_role("button", name="Download")).to_be_hidden()
            expect(page.get_by_role("link")).to_have_count(0)
        assert uses_left(anyone, link) == 1
        assert len(perform(anyone, key_of(link), **({"pin": pin} if pin else {})).data["files"]) == 2

    def test_the_command_is_copied(self, stack: Stack, post: Post) -> None:
        link = post.link(post.file(encryption="client"))
        with opened(stack, link, permissions=["clipboard-read", "clipboard-write"]) as page:
            page.get_by_role("button", name="Copy the command").click()
            expect(page.get_by_role("status")).to_have_text("Copied.")
            assert page.evaluate("navigator.clipboard.readText()") == f"sealdrop get '{link}'"


HOSTILE_BODY = (
    f"<script>{SCREAM}</script><img src=x onerror='{SCREAM}'><svg onload='{SCREAM}'>"
    f"<a href='javascript:{SCREAM}'>s</a></svg><a id=title href='javascript:{SCREAM}' onclick='{SCREAM}'>run</a>"
    f"<iframe srcdoc='<script>{SCREAM}</script>'></iframe><style>*{{display:none}}</style>"
    "<form action='/d'><input name=pin><button>PIN</button></form>"
    f"<p style='position:fixed' class=problem onclick='{SCREAM}'>text {RLO}txet</p><math><mtext></mtext></math>"
    "<a href='https://evil.example/login'>https://bank.example/</a><base href='https://evil.example/'>"
    "<meta http-equiv=refresh content='0;url=https://evil.example/'><link rel=stylesheet href=//evil.example/x.css>"
)


class TestHostile:
    def test_w2_what_a_sender_writes_is_shown_and_does_nothing(self, stack: Stack, post: Post) -> None:
        name = f"<img src=x onerror={SCREAM}>.txt"
        subject = f"<script>{SCREAM}</script> javascript:{SCREAM}"
        link = post.link(post.file(name=name), subject=subject, body=HOSTILE_BODY)
        with opened(stack, link) as page:
            expect(page.get_by_role("heading", level=1)).to_have_text(subject)
            expect(page.locator("#files bdi")).to_have_text(name)
            download(page)
            with page.expect_download() as saved:
                page.locator("#files a").click()
            assert Path(saved.value.path()).read_bytes() == TOTAL

    def test_w2_nor_does_a_body_that_nobody_cleaned(self, stack: Stack, post: Post) -> None:
        """The service's own cleaning taken away: what the page is answered is as the sender wrote it."""
        link = post.link(post.file())

        def uncleaned(route: Route) -> None:
            answer = route.fetch()
            shown = answer.json()
            shown["data"]["mail"] |= {"body": HOSTILE_BODY, "subject": f"{RLO}<b>x</b>"}
            shown["data"]["files"][0]["full_filename"] = f"holiday{RLO}gpj.exe"
            shown["data"]["sender"]["name"] = f"Alice{RLO}<img src=x onerror={SCREAM}>"
            route.fulfill(response=answer, body=json.dumps(shown))

        with opened(stack, link, meant=NOT_RUN) as page:
            page.route("**/api/**", uncleaned)
            page.reload()
            settled(page)
            assert page.locator("#body").evaluate("""body => [...body.querySelectorAll("*")].map((element) =>
                [element.localName, ...element.getAttributeNames()].join(" "))""") == [
                "span",
                "p",
                "a href target rel",
            ]
            expect(page.locator("#body a")).to_have_text("https://bank.example/ (evil.example)")
            page.locator("#body span").click()
            assert page.locator("#files li").evaluate("""item => {
                const name = item.querySelector("bdi").getBoundingClientRect();
                return name.right <= item.querySelector("span").getBoundingClientRect().left
                    && getComputedStyle(item.querySelector("bdi")).unicodeBidi === "isolate";
            }""")

    def test_w1_markup_from_text_is_refused_by_the_browser(self, stack: Stack) -> None:
        with visit(f"{stack.ready['web_url']}d") as visiting:
            settled(visiting.page)
            said = visiting.page.evaluate("""() => {
                try { document.body.innerHTML = "<p>x</p>" } catch (error) { return error.name }
            }""")
            assert said == "TypeError"
            assert any("TrustedHTML" in error for error in visiting.errors)

    def test_w1_every_answer_says_what_a_browser_may_do(self, stack: Stack, anyone: Api) -> None:
        for path in ("d", "d/", "d/page.js", "d/nothing"):
            headers = anyone.fetch("GET", stack.ready["web_url"] + path).headers
            assert headers["Content-Security-Policy"] == RECEIVING.policy
            assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


class TestOtherStates:
    @pytest.mark.parametrize("fragment", ["", "#", "#abc", f"#{'a' * 42}", f"#{'a' * 43}%20", "#../../health"])
    def test_a_link_without_a_whole_key_asks_nothing(self, stack: Stack, fragment: str) -> None:
        with visit(f"{stack.ready['web_url']}d{fragment}") as visiting:
            settled(visiting.page)
            expect(visiting.page.get_by_role("heading", level=1)).to_have_text("This link is incomplete")
            assert [url for url in visiting.asked if "/api/" in url] == []

    def test_a_key_that_leads_nowhere(self, stack: Stack) -> None:
        with opened(stack, f"{stack.ready['web_url']}d#{'a' * 43}") as page:
            expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing at this link")

    def test_a_revoked_mail(self, stack: Stack, alice: User, post: Post) -> None:
        link = post.link(post.file(), subject="Withdrawn")
        with opened(stack, link) as page:
            (mail,) = alice.api("GET", "/mails?keyword=Withdrawn").data
            assert alice.api("DELETE", f"/mails/{mail['id']}").status == 204
            page.get_by_role("button", name="Download").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("This link cannot be used any more")

    @pytest.mark.parametrize("status", [0, 500, 502])
    def test_no_answer_and_again(self, post: Post, status: int) -> None:
        link = post.link(post.file(), subject="At last")
        with visit("about:blank") as visiting:
            page = visiting.page
            page.route("**/api/**", lambda route: route.fulfill(status=status) if status else route.abort(), times=1)
            page.goto(link)
            expect(page.get_by_role("heading", level=1)).to_have_text("That did not work")
            page.get_by_role("button", name="Try again").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("At last")

    def test_too_many_requests_says_when(self, post: Post) -> None:
        link = post.link(post.file(), subject="At last")
        with visit("about:blank") as visiting:
            page = visiting.page
            refusal = {"code": "rate_limited", "message": "Too many requests."}
            page.route(
                "**/api/**", lambda it: it.fulfill(status=429, json=refusal, headers={"Retry-After": "3"}), times=1
            )
            page.goto(link)
            expect(page.locator("#trouble")).to_contain_text("Too many requests come from your network. Try again at")
            page.get_by_role("button", name="Try again").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("At last")


class TestForEverybody:
    def test_the_focus_goes_where_the_page_goes(self, stack: Stack, post: Post) -> None:
        with opened(stack, post.link(post.file())) as page:
            expect(page.get_by_role("heading", level=1)).to_be_focused()
            page.keyboard.press("Tab")
            expect(page.get_by_role("button", name="Download")).to_be_focused()
            page.keyboard.press("Enter")
            page.locator("#taken").wait_for()
            expect(page.get_by_role("heading", level=1)).to_be_focused()
            expect(page.get_by_role("list", name="Files")).to_be_visible()

    def test_a_narrow_screen_scrolls_one_way(self, stack: Stack, post: Post) -> None:
        link = post.link(post.file(name=f"{'long' * 40}.txt"), subject="word" * 40, body=f"<pre>{'code' * 60}</pre>")
        with opened(stack, link, width=320, height=640) as page:
            assert page.evaluate("document.documentElement.scrollWidth") == 320

    def test_without_javascript_it_says_so(self, stack: Stack) -> None:
        with visit(f"{stack.ready['web_url']}d#{'a' * 43}", java_script_enabled=False) as visiting:
            expect(visiting.page.locator("noscript h1")).to_have_text("This page needs JavaScript")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_text_stands_out(self, stack: Stack, scheme: Any) -> None:
        """WCAG 2: 4.5 to 1, for each colour of text on what it stands on."""
        pairs = (("text", "card"), ("quiet", "card"), ("strong", "card"), ("problem", "card"), ("text", "ground"),
                 ("on-strong", "strong"))  # fmt: skip
        with visit(f"{stack.ready['web_url']}d", color_scheme=scheme) as visiting:
            style = visiting.page.evaluate_handle("getComputedStyle(document.documentElement)")
            for pair in pairs:
                one, other = (luminance(style.evaluate(f"it => it.getPropertyValue('--{name}')")) for name in pair)
                assert (max(one, other) + 0.05) / (min(one, other) + 0.05) >= 4.5, pair


def luminance(colour: str) -> float:
    digits = colour.strip().removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
