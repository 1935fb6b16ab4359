"""The pages that are served beside the API: which folder under which path, and what a browser may do there."""

from dataclasses import dataclass
from pathlib import Path

BUILD = Path(__file__).parents[1] / "build" / "web"  # `make web` fills it


@dataclass(frozen=True, slots=True)
class Pages:
    """A folder of files, served as they are. Its index.html answers for the path itself."""

    path: str  # as in /docs, without a slash at the end
    folder: Path
    policy: str  # Content-Security-Policy of everything in it


STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DOCS = Pages("/docs", BUILD / "docs", STRICT)
RECEIVING = Pages(  # where a link leads: nothing becomes markup there but by the one policy that body.js makes
    "/d",
    BUILD / "d",
    f"{STRICT.replace(' data:', '')}; require-trusted-types-for 'script'; trusted-types mail-body",
)
ALL = (DOCS, RECEIVING)

SECURITY_HEADERS = {  # of every page, beside its policy
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
