"""A real browser: Debian's Chromium, driven by Playwright. Nothing of it leaves this machine."""

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

FLAGS = [
    "--no-sandbox",  # tests may run as root, which Chromium's own sandbox refuses
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Visit:
    """A page, and what happened while it was open. Policy violations are errors of the console."""

    page: Page
    errors: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # every address that was asked for
    requests: list[Request] = field(default_factory=list)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(message.text)

    def _failed(self, request: Request) -> None:
        self.errors.append(f"{request.method} {request.url}: {request.failure}")

    def watch(self) -> None:
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", self._failed)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("request", lambda request: self.requests.append(request))


@cache
def browser() -> Browser:
    """One for all visits: to start it takes longer than most of them. Raises LookupError without Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise LookupError("the tests of pages need Chromium: apt-get install chromium")
    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    return playwright.chromium.launch(executable_path=chromium, args=FLAGS)


@contextmanager
def visit(url: str, width: int = 1280, height: int = 1000, **options: Any) -> Iterator[Visit]:
    """An empty profile, on this page, until the block ends. `options` are Playwright's of a new page."""
    page = browser().new_page(viewport={"width": width, "height": height}, **options)
    try:
        page.set_default_timeout(60_000)  # a busy machine is no failure
        visiting = Visit(page)
        visiting.watch()
        page.goto(url)
        yield visiting
    finally:
        page.close()
