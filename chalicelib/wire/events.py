"""The audit log on the wire. What an entry's hash is made of is its JSON here, without `hash`: see domain/chain.py."""

from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from chalicelib.domain.chain import Entry, fields_of
from chalicelib.domain.event import About, EventType
from chalicelib.domain.ids import is_uuid
from chalicelib.wire.base import Out
from chalicelib.wire.lists import ListQuery


def _id(text: str) -> str:
    if not is_uuid(text):
        raise ValueError("This is not an id.")
    return text


def _event_type(text: str) -> str:
    if text not in set(EventType):
        raise ValueError(f"There is no such type. There are: {', '.join(sorted(EventType))}.")
    return text


Id = Annotated[str, AfterValidator(_id)]


class EventsQuery(ListQuery):
    type: Annotated[str, AfterValidator(_event_type)] | None = None
    file: Id | None = None
    mail: Id | None = None

    @model_validator(mode="after")
    def _one_index(self) -> Self:
        if sum(value is not None for value in (self.type, self.file, self.mail)) > 1:
            raise ValueError("Narrow the list down by one of type, file and mail.")
        return self

    @property
    def about(self) -> About | None:
        given = {"type": self.type, "file": self.file, "mail": self.mail}
        return next((About(kind, value) for kind, value in given.items() if value is not None), None)


class EventView(Out):
    id: str
    sequence: int  # its place in the account's chain, from 1
    type: str
    at: str
    account_id: str
    actor: str
    user_id: str | None
    token_id: str | None
    ip: str | None
    request_id: str | None
    outcome: str  # ok, or the code of the refusal
    subject: dict[str, str]  # ids by kind
    detail: dict[str, str | int]
    kept_until: str  # a day
    previous: str  # hash of the event before
    previous_kept_until: str | None
    hash: str

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls(**fields_of(entry), hash=entry.hash)
