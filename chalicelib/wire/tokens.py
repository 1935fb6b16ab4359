"""API tokens on the wire."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, field_validator

from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.secret import TOKEN_PREFIX
from chalicelib.wire.base import Id, In, Moment, Out, doc
from chalicelib.wire.people import Name

_EXAMPLE_TOKEN = "sdt_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf1Yo7hP"  # noqa: S105 - of the bytes 0 to 31


class CreateToken(In):
    EXAMPLES: ClassVar = {
        "for a script that uploads": {"name": "nightly upload", "scopes": ["files:read", "files:write"]},
        "for an hour's work": {"name": "audit", "scopes": ["files:read"], "expires_at": "2030-12-31T23:59:00Z"},
    }

    name: Name
    scopes: Annotated[list[Scope], doc("What it may do: no more than the token that makes it.", minItems=1)]
    expires_at: Annotated[Moment | None, doc("No later than the making token's; null: never.")] = None

    @field_validator("scopes", mode="before")
    @classmethod
    def _known(cls, scopes: object) -> object:
        if not isinstance(scopes, list) or not scopes:
            raise ValueError("Name at least one scope.")
        known = {str(scope) for scope in Scope}
        if unknown := [scope for scope in scopes if not isinstance(scope, str) or scope not in known]:
            raise ValueError(f"Not a scope: {str(unknown[0])[:40]!r}. There are: {', '.join(sorted(known))}.")
        return [Scope(scope) for scope in scopes]


class TokenView(Out):
    id: Id
    name: Annotated[str, Field(examples=["nightly upload"])]
    scopes: list[Scope]
    created_at: Moment
    expires_at: Annotated[Moment | None, Field(examples=[None])]
    last_used_at: Annotated[Moment | None, doc("Exact to an hour.")]

    @classmethod
    def of(cls, token: ApiToken) -> Self:
        return cls(**_token_fields(token))


class IssuedTokenView(TokenView):
    token: Annotated[
        str,
        doc("The secret, shown this once.", _EXAMPLE_TOKEN, pattern=rf"^{TOKEN_PREFIX}[0-9A-Za-z]{{49}}$"),
    ]

    @classmethod
    def of_issued(cls, token: ApiToken, text: str) -> Self:
        return cls(**_token_fields(token), token=text)


def _token_fields(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
    }
