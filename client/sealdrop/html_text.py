"""A mail's body between HTML, as the service keeps it, and text, as people type and terminals show it."""

import html
import re
from html.parser import HTMLParser

_BLOCKS = frozenset("blockquote dd div dl dt h1 h2 h3 h4 li ol p pre ul".split())  # noqa: SIM905 - it reads better


def as_html(text: str) -> str:
    """Paragraphs of plain text."""
    paragraphs = [html.escape(part, quote=False) for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]
    return "".join("<p>" + part.replace("\n", "<br>") + "</p>" for part in paragraphs)


def as_text(body: str) -> str:
    """Without its tags; a link's address follows it, unless it is what the link says."""
    reader = _Reader()
    reader.feed(body)
    reader.close()
    lines = ["" if not line.strip() else line.rstrip() for line in "".join(reader.pieces).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._link: str | None = None
        self._said: list[str] = []  # by the link

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._link, self._said = dict(attrs).get("href"), []
        elif tag in {"br", "hr"}:
            self.pieces.append("\n")
        elif tag in _BLOCKS:
            self.pieces.append("\n- " if tag == "li" else "\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link and self._link != "".join(self._said):
            self.pieces.append(f" <{self._link}>")
        if tag == "a":
            self._link = None
        elif tag in _BLOCKS and tag != "li":
            self.pieces.append("\n\n")

    def handle_data(self, data: str) -> None:
        self._said.append(data)
        self.pieces.append(data)
