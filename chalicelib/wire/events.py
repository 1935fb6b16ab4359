"""The audit log on the wire. What an entry's hash is made of is its JSON here, without `hash`: see domain/chain.py."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from chalicelib.domain.chain import Entry, fields_of
from chalicelib.domain.event import About, EventType
from chalicelib.domain.ids import is_uuid
from chalicelib.wire.base import Id, Out, doc
from chalicelib.wire.lists import ListQuery


def _id(text: str) -> str:
    if not is_uuid(text):
        raise ValueError("This is not an id.")
    return text


def _event_type(text: str) -> str:
    if text not in set(EventType):
        raise ValueError(f"There is no such type. There are: {', '.join(sorted(EventType))}.")
    return text


GivenId = Annotated[Id, AfterValidator(_id)]
Hash = Annotated[str, Field(examples=["9f2b5d0c" * 8], json_schema_extra={"pattern": "^[0-9a-f]{64}$"})]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]

_SUBJECT = {"file": "3f0d2b6e-8c1a-4c57-9d21-5a7e6f1b0c42"}


class EventsQuery(ListQuery):
    type: Annotated[
        Annotated[str, AfterValidator(_event_type), Field(json_schema_extra={"enum": sorted(EventType)})] | None,
        doc("Events of this type.", "file.ready"),
    ] = None
    file: Annotated[GivenId | None, doc("Events about this file. One of `type`, `file` and `mail` at a time.")] = None
    mail: Annotated[GivenId | None, doc("Events about this mail.")] = None

    @field_validator("file", "mail")
    @classmethod
    def _one_index(cls, value: str | None, given: ValidationInfo) -> str | None:
        if value is not None and any(given.data.get(name) is not None for name in ("type", "file")):
            raise ValueError("Ask for one of type, file and mail at a time.")
        return value

    @property
    def about(self) -> About | None:
        given = {"type": self.type, "file": self.file, "mail": self.mail}
        return next((About(kind, value) for kind, value in given.items() if value is not None), None)


class EventView(Out):
    id: Id
    sequence: Annotated[int, doc("Its place in the account's chain, from 1 and without a gap.", 412)]
    type: Annotated[str, doc("More types may come.", "file.ready")]
    at: Annotated[str, doc("When it happened.", "2026-03-01T12:00:00.000000Z", format="date-time")]
    account_id: Id
    actor: Annotated[str, doc("Who did it: a user, a performer of a download, the service itself, …", "user")]
    user_id: Id | None
    token_id: Id | None
    ip: Annotated[str | None, Field(examples=["198.51.100.7"])]
    request_id: Annotated[str | None, doc("As in `X-Request-Id`.", "b3d0c1a2-5e6f-4a7b-8c9d-0e1f2a3b4c5d")]
    outcome: Annotated[str, doc("`ok`, or the code of the refusal.", "ok")]
    subject: Annotated[dict[str, str], doc("What it is about: ids by kind.", _SUBJECT)]
    detail: Annotated[dict[str, str | int], Field(examples=[{}])]
    kept_until: Annotated[Day, doc("The last day on which the log must have it.", "2027-03-01")]
    previous: Annotated[Hash, doc("The hash of the event before; zeros before the first.")]
    previous_kept_until: Annotated[Day | None, Field(examples=["2027-03-01"])]
    hash: Annotated[Hash, doc("SHA-256, in hex, of this object as canonical JSON (RFC 8785) without `hash`.")]

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls(**fields_of(entry), hash=entry.hash)
