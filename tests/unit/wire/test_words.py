"""What is told of a field that cannot be taken: the field's name, and what to send instead, in our own words."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from chalicelib.wire.base import as_invalid
from chalicelib.wire.categories import PatchCategory
from chalicelib.wire.events import EventsQuery
from chalicelib.wire.files import CreateFile, FilesQuery, PatchFile
from chalicelib.wire.mails import CreateMails
from chalicelib.wire.user import PatchUser

A_TIME = "Write a time with its zone, as in 2026-12-31T23:59:00Z."
KEPT = "This cannot be null: leave it out to keep what is there."
ONE = "Ask for one of type, file and mail at a time."
ID = "3f0d2b6e-8c1a-4c57-9d21-5a7e6f1b0c42"


def words(model: type[BaseModel], **sent: Any) -> dict[str, Any]:
    """Of each field sent, and of none that was not."""
    with pytest.raises(ValidationError) as refused:
        model.model_validate(sent)
    errors = as_invalid(refused.value).errors
    return {field: reasons for field, reasons in errors.items() if field.partition(".")[0] in sent}


@pytest.mark.parametrize(
    ("model", "field", "value", "said"),
    [
        (CreateFile, "size", "17", "Write a whole number, without quotes."),
        (CreateFile, "size", 1.5, "Write a whole number, without quotes."),
        (CreateFile, "size", -1, "Write a number from 0 up."),
        (CreateFile, "size", 6 * 10**12, "Write a number up to 5497558138880."),
        (CreateFile, "part_checksums", "yes", "Write true or false, without quotes."),
        (CreateFile, "encryption", "none", "Write one of these: 'server' or 'client'."),
        (CreateFile, "filename", "..", "This file name means a folder: send a file's own."),
        (CreateFile, "expires_at", "tomorrow", A_TIME),
        (CreateFile, "expires_at", "2030-12-31", A_TIME),
        (CreateFile, "expires_at", "2030-12-31T23:59:00", A_TIME),
        (CreateFile, "expires_at", "2030-02-31T23:59:00Z", A_TIME),
        (CreateFile, "expires_at", 1924905540, A_TIME),
        (CreateMails, "subject", "", "Write 1 or more characters."),
        (CreateMails, "subject", "s" * 10_000, "Write 200 or fewer characters."),
        (CreateMails, "body", 5, "Write text, in quotes."),
        (CreateMails, "files", ID, "Send a list, in [ and ]."),
        (CreateMails, "files", [], "Name 1 or more."),
        (CreateMails, "files", [ID] * 101, "Name 100 or fewer."),
        (FilesQuery, "limit", "ten", "Write a whole number."),
        (FilesQuery, "limit", "101", "Write a number up to 100."),
        (PatchFile, "filename", None, KEPT),
        (PatchFile, "trashed", None, KEPT),
        (PatchCategory, "name", None, KEPT),
        (PatchCategory, "color", None, KEPT),
        (PatchUser, "name", None, KEPT),
        (PatchUser, "timezone", None, KEPT),
    ],
)
def test_a_field_is_named_with_what_to_send_instead(model: type[BaseModel], field: str, value: Any, said: str) -> None:
    assert words(model, **{field: value}) == {field: [said]}


def test_an_object_in_a_list() -> None:
    assert words(CreateMails, recipients=["bob@example.com"]) == {"recipients.0": ["Send an object, in { and }."]}


def test_what_may_be_cleared_is() -> None:
    assert PatchFile.model_validate({"category_id": None, "expires_at": None}).changes().sets_expiry


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"type": "file.ready", "file": ID}, "file"),
        ({"file": ID, "mail": ID}, "mail"),
        ({"type": "file.ready", "mail": ID}, "mail"),
    ],
)
def test_of_parameters_that_exclude_each_other_the_later_one_is_named(sent: dict[str, str], field: str) -> None:
    assert words(EventsQuery, **sent) == {field: [ONE]}


def test_the_trash_has_no_status() -> None:
    reason = "The trash holds ready files only: leave out status or trashed."
    assert words(FilesQuery, status="pending", trashed="true") == {"trashed": [reason]}
