"""Pages beside the API: what is in a folder is served as it is, and nothing else on this machine is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse

import pytest
import urllib3

from infra.local.http_server import serving
from infra.local.site import Site
from infra.pages import ALL, SECURITY_HEADERS, STRICT, Pages
from tests.integration.edge.kit import line_to

SECRET = "not for anybody"


def api(environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "7")])
    return [b"the API"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    around = tmp_path_factory.mktemp("around")
    folder = around / "pages"
    (folder / "deep").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>Grüße</h1>", encoding="utf-8")
    (folder / "page.js").write_text("export {};")
    (folder / "a b.txt").write_text("space")
    (folder / "deep" / "index.html").write_text("deep")
    (around / "secret.txt").write_text(SECRET)
    (folder / "link.txt").symlink_to(around / "secret.txt")
    (folder / "linked").symlink_to(around)
    return folder


@pytest.fixture(scope="module")
def base(folder: Path) -> Iterator[str]:
    with serving(Site(api, [Pages("/docs", folder, STRICT), Pages("/d", folder / "deep", "default-src 'none'")])) as it:
        yield it.url


def ask(url: str, method: str = "GET") -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, url, redirect=False, retries=False)


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/docs/", "text/html; charset=utf-8", "<h1>Grüße</h1>"),
        ("/docs/index.html", "text/html; charset=utf-8", "<h1>Grüße</h1>"),
        ("/docs/?query=1", "text/html; charset=utf-8", "<h1>Grüße</h1>"),
        ("/docs/page.js", "text/javascript; charset=utf-8", "export {};"),
        ("/docs/a%20b.txt", "text/plain; charset=utf-8", "space"),
        ("/docs/deep/", "text/html; charset=utf-8", "deep"),
        ("/d/", "text/html; charset=utf-8", "deep"),
    ],
)
def test_what_is_there(base: str, path: str, kind: str, body: str) -> None:
    reply = ask(base + path)
    assert (reply.status, reply.headers["Content-Type"], reply.data.decode()) == (200, kind, body)


@pytest.mark.parametrize("path", ["/docs/", "/docs", "/docs/nothing", "/docs/page.js"])
def test_every_answer_says_what_a_browser_may_do(base: str, path: str) -> None:
    headers = ask(base + path).headers
    assert headers["Content-Security-Policy"] == STRICT
    assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_each_folder_has_its_own_policy(base: str) -> None:
    assert ask(f"{base}/d/").headers["Content-Security-Policy"] == "default-src 'none'"


def test_no_policy_of_ours_lets_inline_scripts_or_other_hosts_in() -> None:
    for pages in ALL:
        assert pages.policy.startswith("default-src 'none'; script-src 'self'; ")
        assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "https:", "http:"} & set(
            pages.policy.replace(";", "").split()
        )


def test_the_folder_without_its_slash_leads_there(base: str) -> None:
    reply = ask(f"{base}/docs")
    assert (reply.status, reply.headers["Location"]) == (308, "/docs/")


@pytest.mark.parametrize("path", ["/", "/api/health", "/docsx", "/x/docs/", "/doc", "/D/"])
def test_everything_else_is_the_apis(base: str, path: str) -> None:
    assert ask(base + path).data == b"the API"


@pytest.mark.parametrize(
    "path",
    [
        "/docs/nothing.html",
        "/docs/../secret.txt",
        "/docs/%2e%2e/secret.txt",
        "/docs/..%2fsecret.txt",
        "/docs/..%5csecret.txt",
        "/docs/deep/../../secret.txt",
        "/docs//secret.txt",
        "/docs/%2fetc/passwd",
        "/docs//etc/passwd",
        "/docs/link.txt",
        "/docs/linked/secret.txt",
        "/docs/page.js%00.txt",
        "/docs/./page.js",
        "/docs/deep",
        "/d/../docs/page.js",
    ],
)
def test_nothing_else_on_this_machine_is_served(base: str, path: str) -> None:
    """On a raw line: clients tidy such paths up before they send them."""
    with line_to(base) as line:
        line.say(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
        status, _, body = line.answer()
    assert status == 404
    assert SECRET.encode() not in body
    assert b"root:" not in body


def test_head_has_no_body(base: str) -> None:
    reply = ask(f"{base}/docs/page.js", "HEAD")
    assert (reply.status, reply.headers["Content-Length"], reply.data) == (200, "10", b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_pages_are_for_reading(base: str, method: str) -> None:
    reply = ask(f"{base}/docs/", method)
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")


def test_a_file_that_is_changed_is_served_changed(base: str, folder: Path) -> None:
    (folder / "page.js").write_text("export { };")
    try:
        assert ask(f"{base}/docs/page.js").data == b"export { };"
    finally:
        (folder / "page.js").write_text("export {};")


def test_a_type_that_browsers_would_guess_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "program.exe").write_bytes(b"MZ")
    with pytest.raises(ValueError, match=r"program\.exe"):
        Site(api, [Pages("/docs", tmp_path, STRICT)])


def test_pages_that_are_not_built_say_so(tmp_path: Path) -> None:
    with serving(Site(api, [Pages("/docs", tmp_path / "absent", STRICT)])) as server:
        reply = ask(f"{server.url}/docs/")
        assert reply.status == 404
        assert b"make web" in reply.data
        assert ask(f"{server.url}/api/health").data == b"the API"


class Careless(dict[str, Path]):
    """Joins what was asked for to the folder, as one would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, path: str, default: Any = None) -> Any:
        file = self.folder / path.removeprefix("/docs/")
        return file if file.is_file() else default


@pytest.mark.parametrize("path", ["/docs/../secret.txt", "/docs/%2e%2e/secret.txt", "/docs/linked/secret.txt"])
def test_a_site_that_joined_paths_would_serve_it(folder: Path, path: str) -> None:
    site = Site(api, [Pages("/docs", folder, STRICT)])
    site._files = Careless(folder)
    with serving(site) as server, line_to(server.url) as line:
        line.say(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.answer()[2] == SECRET.encode()
