"""What models check by functions is said in their schemas, and both take and refuse the same."""

import base64
import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import TypeAdapter, ValidationError

from chalicelib.domain.filename import MAX_NAME_BYTES
from chalicelib.domain.ids import is_uuid
from chalicelib.domain.secret import SECRET_BYTES, looks_like_secret, looks_like_token, secret_text, token_text
from chalicelib.wire.base import Moment, Sha256
from chalicelib.wire.categories import Color
from chalicelib.wire.filenames import FileName, MediaType
from chalicelib.wire.people import Email
from tests.support.contract import document

AWKWARD = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from("/\\. \t\n\x00\x7f\x85\u2028\u202e\u2066\u061cabc\u0301")),
    max_size=12,
)
TEXTS = document()["components"]["schemas"]


def both(annotation, text: str) -> tuple[bool, bool]:
    """Whether the schema takes it, and whether the model does."""
    schema = TypeAdapter(annotation).json_schema()
    try:
        TypeAdapter(annotation).validate_json(json.dumps(text))
        taken = True
    except ValidationError:
        taken = False
    return Draft202012Validator(schema, format_checker=FormatChecker()).is_valid(text), taken


class TestFileNames:
    @given(AWKWARD)
    def test_without_space_around_the_schema_is_exact(self, text: str) -> None:
        """Half a character (a lone surrogate) is beyond what patterns can tell: none is drawn."""
        by_schema, by_model = both(FileName, text.strip())
        assert by_schema == by_model

    @given(AWKWARD)
    def test_with_it_the_schema_takes_nothing_that_the_model_refuses(self, text: str) -> None:
        by_schema, by_model = both(FileName, text)
        assert by_model or not by_schema

    @pytest.mark.parametrize(("name", "taken"), [("a" * MAX_NAME_BYTES, True), ("a" * (MAX_NAME_BYTES + 1), False)])
    def test_length(self, name: str, taken: bool) -> None:
        assert both(FileName, name) == (taken, taken)

    @pytest.mark.parametrize("name", ["", " ", ".", "..", " .. ", "a/b", "a\\b", "a\nb", "a\x85b", "x\u202efdp.exe"])
    def test_refused_by_both(self, name: str) -> None:
        assert both(FileName, name) == (False, False)


class TestDigests:
    @given(st.binary(min_size=32, max_size=32))
    def test_of_32_bytes(self, digest: bytes) -> None:
        assert both(Sha256, base64.b64encode(digest).decode()) == (True, True)

    @given(st.binary(max_size=40).filter(lambda it: len(it) != 32))
    def test_of_another_length(self, digest: bytes) -> None:
        assert both(Sha256, base64.b64encode(digest).decode()) == (False, False)

    def test_not_in_the_one_spelling_of_its_bytes(self) -> None:
        """The last digit holds four bits of the digest and two that have to be zero."""
        good = base64.b64encode(bytes(32)).decode()
        for digit in "BCDFGH+/":
            assert both(Sha256, good[:42] + digit + "=") == (False, False)


class TestMoments:
    @given(st.datetimes(timezones=st.timezones()), st.sampled_from(["seconds", "milliseconds", "microseconds"]))
    def test_of_any_zone(self, moment: datetime, precision: str) -> None:
        text = moment.isoformat(timespec=precision)
        if re.search(r"[+-]\d\d:\d\d$", text):  # zones of long ago had seconds, which RFC 3339 does not know
            by_schema, by_model = both(Moment, text)
            assert by_schema
            assert by_model or moment.year in {1, 9999}  # out of range in UTC

    @pytest.mark.parametrize("text", ["2026-12-31", "2026-12-31T23:59:00", "1798761540", "", "tomorrow"])
    def test_refused_by_both(self, text: str) -> None:
        assert both(Moment, text) == (False, False)

    @given(st.datetimes(timezones=st.just(UTC)))
    def test_that_go_out_have_one_form(self, moment: datetime) -> None:
        schema = TypeAdapter(Moment).json_schema(mode="serialization")
        text = TypeAdapter(Moment).dump_python(moment)
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(text)


@given(st.from_regex(r"[A-Za-z0-9!#$&^_.+-]{0,6}/?[A-Za-z0-9!#$&^_.+-]{0,6}( |;|\n)?", fullmatch=True))
def test_media_types(text: str) -> None:
    by_schema, by_model = both(MediaType, text)
    assert by_schema == by_model or text.endswith("\n")  # Python's own `$` stands before a line's end, ECMA's does not


@given(st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES))
def test_secrets_look_as_documented(random: bytes) -> None:
    key, token = secret_text(random), token_text(random)
    assert re.fullmatch(TEXTS["DownloadKey"]["properties"]["key"]["pattern"], key)
    assert re.fullmatch(TEXTS["IssuedToken"]["properties"]["token"]["pattern"], token)
    in_path = document()["paths"]["/public/downloads/{key}"]["get"]["parameters"][0]
    assert re.fullmatch(in_path["schema"]["pattern"], key)


def test_example_secrets_and_ids_are_such() -> None:
    schemas = document()["components"]["schemas"]
    assert looks_like_token(schemas["IssuedToken"]["properties"]["token"]["examples"][0])
    assert looks_like_secret(schemas["DownloadKey"]["properties"]["key"]["examples"][0])
    for item in document()["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"].endswith("_id"):
                    assert is_uuid(parameter["example"])


class TestShapes:
    @pytest.mark.parametrize(
        ("annotation", "text", "words"),
        [
            *(
                (Email, text, "Write one e-mail address")
                for text in ("", "nobody", "a@b", "a b@example.com", "a@b.c\nd")
            ),
            (Email, "Bob <bob@example.com>", "without a name"),
            (Color, "red", "six hexadecimal digits"),
            (MediaType, "pdf", "as in application/pdf"),
        ],
    )
    def test_a_refusal_says_what_to_write(self, annotation, text: str, words: str) -> None:
        assert both(annotation, text) == (False, False)
        with pytest.raises(ValidationError, match=words):
            TypeAdapter(annotation).validate_python(text)

    @pytest.mark.parametrize(
        ("annotation", "text"), [(Email, "a@example.com"), (Color, "#1F5FA8"), (MediaType, "Text/Plain")]
    )
    def test_what_fits_is_taken(self, annotation, text: str) -> None:
        assert both(annotation, text) == (True, True)
