"""A request as it was sent: nothing decoded, folded or dropped, because signatures cover every byte."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from infra.local.http_server import HEADERS


@dataclass(frozen=True)
class AwsRequest:
    method: str
    raw_path: str
    raw_query: str
    header_pairs: list[tuple[str, str]]

    @classmethod
    def of(cls, environ: dict[str, Any]) -> "AwsRequest":
        raw_path, _, raw_query = environ["REQUEST_URI"].partition("?")
        return cls(environ["REQUEST_METHOD"], raw_path, raw_query, environ[HEADERS])

    @cached_property
    def headers(self) -> dict[str, str]:
        """By lower-case name; a repeated header's values joined by commas, as they are signed."""
        joined: dict[str, str] = {}
        for name, value in self.header_pairs:
            name = name.lower()
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        return joined

    @cached_property
    def query_pairs(self) -> list[tuple[str, str]]:
        pieces = (piece.partition("=") for piece in self.raw_query.split("&") if piece)
        return [(unquote(name), unquote(value)) for name, _, value in pieces]

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(self.query_pairs)

    @cached_property
    def bucket(self) -> str:
        return unquote(self.raw_path).removeprefix("/").partition("/")[0]

    @cached_property
    def key(self) -> str:
        return unquote(self.raw_path).removeprefix("/").partition("/")[2]

    @cached_property
    def resource(self) -> str:
        return unquote(self.raw_path)
