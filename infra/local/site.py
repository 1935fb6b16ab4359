"""Static pages in front of the gateway, as a CDN serves them beside the API."""

import http
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from wsgiref.types import StartResponse, WSGIApplication

from infra.local.http_server import answer_early
from infra.pages import CONTENT_TYPES, SECURITY_HEADERS, Pages

Headers = list[tuple[str, str]]
_TEXT = ("Content-Type", "text/plain; charset=utf-8")


class Site:
    """A WSGI app. What may be asked for is listed once, at the start: no path from outside ever names a file."""

    def __init__(self, api: WSGIApplication, pages: Iterable[Pages]) -> None:
        """Raises ValueError for a file of a type that browsers would have to guess."""
        self._api, self._pages = api, {each.path: each for each in pages}
        self._files = {path: file for each in self._pages.values() for path, file in _listed(each).items()}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = unquote(environ["REQUEST_URI"].partition("?")[0])
        pages = self._pages.get("/" + path.removeprefix("/").partition("/")[0])
        if pages is None:
            return self._api(environ, start_response)
        status, headers, body = self._answer(environ["REQUEST_METHOD"], path, pages)
        headers += [*SECURITY_HEADERS.items(), ("Content-Security-Policy", pages.policy)]
        phrase = http.HTTPStatus(status).phrase
        return answer_early(environ, start_response, f"{status} {phrase}", headers, body)

    def _answer(self, method: str, path: str, pages: Pages) -> tuple[int, Headers, bytes]:
        if method not in {"GET", "HEAD"}:
            return 405, [_TEXT, ("Allow", "GET, HEAD")], b"Only GET and HEAD.\n"
        if path == pages.path:  # so that the page's relative addresses lead into its folder
            return 308, [_TEXT, ("Location", f"{path}/")], b""
        file = self._files.get(path)
        if file is None:
            hint = "" if self._files else " The pages are not built: run `make web`."
            return 404, [_TEXT], f"There is no such page.{hint}\n".encode()
        kind = ("Content-Type", CONTENT_TYPES[file.suffix])
        return 200, [kind, ("Cache-Control", "no-cache")], file.read_bytes()


def _listed(pages: Pages) -> dict[str, Path]:
    found = {}
    for file in sorted(pages.folder.rglob("*")):
        if file.is_symlink() or not file.is_file():
            continue
        if file.suffix not in CONTENT_TYPES:
            raise ValueError(f"no content type is known for {file.name}")
        name = file.relative_to(pages.folder).as_posix()
        found[f"{pages.path}/{name}"] = file
        if file.name == "index.html":
            found[f"{pages.path}/{name.removesuffix('index.html')}"] = file
    return found
