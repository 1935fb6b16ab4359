"""The two people who live on the stack: made as an operator makes users, by the create_user function."""

from dataclasses import dataclass
from typing import Any

from infra.local.functions import Functions

PEOPLE = (
    {"email": "alice@example.com", "name": "Alice Archer", "account_name": "Archer & Co"},
    {"email": "bob@example.com", "name": "Bob Baker", "account_name": "Baker Ltd"},
)


@dataclass(frozen=True)
class SeededUser:
    email: str
    name: str
    token: str
    pin: str | None = None


def seed(functions: Functions) -> list[SeededUser]:
    """Raises RuntimeError when the function refuses."""
    return [_made(functions.invoke("create_user", dict(person))) for person in PEOPLE]


def _made(answer: Any) -> SeededUser:
    if "error" in answer:
        raise RuntimeError(f"create_user refused: {answer['error']}")
    return SeededUser(email=answer["email"], name=answer["name"], token=answer["token"])
