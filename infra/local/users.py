"""The two people who live on the stack: made as an operator makes users, by the create_user function."""

from dataclasses import dataclass
from typing import Any

from infra.local.functions import Functions

PEOPLE = (
    {"email": "alice@example.com", "name": "Alice Archer", "account_name": "Archer & Co", "pin": "1a2s3d"},
    {"email": "bob@example.com", "name": "Bob Baker", "account_name": "Baker Ltd", "pin": "4f5g6h"},
)


@dataclass(frozen=True)
class SeededUser:
    email: str
    name: str
    pin: str
    token: str


def seed(functions: Functions) -> list[SeededUser]:
    """Raises RuntimeError when the function refuses."""
    return [_made(functions.invoke("create_user", dict(person)), person["pin"]) for person in PEOPLE]


def _made(answer: Any, pin: str) -> SeededUser:
    if "error" in answer:
        raise RuntimeError(f"create_user refused: {answer['error']}")
    return SeededUser(email=answer["email"], name=answer["name"], pin=pin, token=answer["token"])
