"""What a route's declaration must say, and what is made of it."""

from enum import StrEnum
from typing import Annotated, Literal

import pytest

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import Conflict, Gone
from chalicelib.routes.registry import Route
from chalicelib.wire.base import Base64, Id, In, Moment, NoQuery, Nothing, NotNull, Out, Query, RawJson, Url, doc
from chalicelib.wire.lists import Listing
from infra.openapi.document import build


class ThingView(Out):
    id: Id
    name: Annotated[str, doc("What it is called.", "bolt")]
    made_at: Moment | None
    digest: Base64
    link: Url
    note: str | None = None


class NutView(Out):
    """A thing with a thread."""

    size: int


class CreateThing(In):
    name: Annotated[str, doc("What it is called.", "bolt")]
    twin: Annotated[Id | None, NotNull()] = None
    until: Moment | None = None


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class ThingsQuery(Query):
    kind: Annotated[str | None, doc("Only such ones.", "nut")] = None
    size: Size | None = None
    include: Annotated[frozenset[Literal["maker", "parts"]], doc("What comes with them.", ["maker"])] = frozenset()


def show(call, thing_id) -> ThingView:
    """Show a thing."""


def show_any(call, thing_id) -> ThingView | NutView:
    """Show a thing.

    Whatever
    it is.
    """


def index(call, query) -> Listing[ThingView]:
    """List things."""


def create(call, body) -> ThingView:
    """Make a thing."""


def create_many(call, body) -> Listing[ThingView]:
    """Make things."""


def remove(call, thing_id) -> None:
    """Remove a thing."""


def raw(call) -> RawJson:
    """Say it as it is."""


def route(view, method="GET", path="/things/{thing_id}", body=None, query=NoQuery, status=200, raises=()) -> Route:
    return Route(method, path, view, Scope.FILES_READ, body, query, status, raises)


def made(*routes: Route):
    """The document of these routes, and the operation of the first."""
    document = build(routes)
    return document, document["paths"][routes[0].path][routes[0].method.lower()]


def answer_schema(operation, status: str = "200"):
    return operation["responses"][status]["content"]["application/json"]["schema"]


class TestAnswers:
    def test_a_model(self) -> None:
        document, said = made(route(show))
        assert answer_schema(said)["properties"]["data"] == {"$ref": "#/components/schemas/Thing"}
        thing = document["components"]["schemas"]["Thing"]
        assert thing["required"] == ["id", "name", "made_at", "digest", "link"]
        assert thing["properties"]["id"] == {"type": "string", "format": "uuid"}
        assert thing["properties"]["made_at"]["type"] == ["string", "null"]
        assert thing["properties"]["digest"]["contentEncoding"] == "base64"
        assert "additionalProperties" not in thing  # open, for fields to come
        example = said["responses"]["200"]["content"]["application/json"]["example"]["data"]
        assert (example["name"], example["note"]) == ("bolt", "text")

    def test_one_of_two(self) -> None:
        _, said = made(route(show_any))
        names = [option["$ref"].rpartition("/")[2] for option in answer_schema(said)["properties"]["data"]["anyOf"]]
        assert names == ["Thing", "Nut"]
        assert said["description"] == "Whatever it is.\n\nNeeds the scope `files:read`."

    def test_a_page(self) -> None:
        _, said = made(route(index, path="/things", query=ThingsQuery))
        assert answer_schema(said)["properties"] == {
            "data": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
            "meta": {"$ref": "#/components/schemas/Meta"},
        }
        kind, size, include = said["parameters"]
        assert (kind["schema"], kind["example"], kind["required"]) == ({"type": "string"}, "nut", False)
        assert (size["schema"], size["example"]) == ({"type": "string", "enum": ["small", "large"]}, "small")
        assert (include["style"], include["explode"], include["example"]) == ("form", False, ["maker"])
        assert include["schema"] == {"type": "array", "default": [], "items": include["schema"]["items"]}
        assert include["schema"]["items"]["enum"] == ["maker", "parts"]

    def test_nothing(self) -> None:
        _, said = made(route(remove, "DELETE"))
        assert "content" not in said["responses"]["204"]

    def test_what_stands_by_itself(self) -> None:
        _, said = made(route(raw, path="/things"))
        assert answer_schema(said) == {"type": "object"}


class TestBodies:
    def test_a_model(self) -> None:
        document, said = made(route(create, "POST", "/things", CreateThing, status=201))
        schema = document["components"]["schemas"]["CreateThing"]
        assert schema["required"] == ["name"]
        assert schema["additionalProperties"] is False
        assert schema["properties"]["twin"]["type"] == "string"  # may be left out, may not be null
        assert schema["properties"]["until"]["type"] == ["string", "null"]
        assert said["requestBody"]["required"] is True
        examples = said["requestBody"]["content"]["application/json"]["examples"]
        assert [example["value"] for example in examples.values()] == [{"name": "bolt"}]

    def test_none_is_needed_where_nothing_is(self) -> None:
        _, said = made(route(create, "POST", "/things", Nothing))
        assert said["requestBody"]["required"] is False

    def test_what_is_made_leads_to_what_can_be_done_with_it(self) -> None:
        _, said = made(route(create, "POST", "/things", CreateThing, status=201), route(show), route(remove, "DELETE"))
        links = said["responses"]["201"]["links"]
        assert {link["operationId"] for link in links.values()} == {
            "test_declarations_show",
            "test_declarations_remove",
        }
        assert {str(link["parameters"]) for link in links.values()} == {"{'thing_id': '$response.body#/data/id'}"}

    def test_so_does_the_first_of_several(self) -> None:
        _, said = made(route(create_many, "POST", "/things", CreateThing, status=201), route(show))
        [link] = said["responses"]["201"]["links"].values()
        assert link["parameters"] == {"thing_id": "$response.body#/data/0/id"}


class TestRefusals:
    def test_a_route_adds_its_own(self) -> None:
        _, plain = made(route(show))
        _, more = made(route(show, raises=(Conflict, Gone)))
        assert more["responses"].keys() - plain["responses"].keys() == {"409", "410"}


class TestWhatIsNotSaid:
    def test_nothing_about_what_it_does(self) -> None:
        def silent(call) -> RawJson: ...

        with pytest.raises(ValueError, match="docstring"):
            made(route(silent, path="/things"))

    def test_nothing_about_what_it_answers(self) -> None:
        def vague(call):
            """Do something."""

        with pytest.raises(ValueError, match="does not say what it answers"):
            made(route(vague, path="/things"))

    @pytest.mark.parametrize("answer", [dict, str, Listing, list[ThingView]])
    def test_what_no_view_can_answer(self, answer) -> None:
        def odd(call):
            """Do something."""

        odd.__annotations__["return"] = answer
        with pytest.raises(ValueError, match="nothing that a view can answer"):
            made(route(odd, path="/things"))

    def test_a_path_parameter_of_unknown_meaning(self) -> None:
        with pytest.raises(ValueError, match="ends in _id"):
            made(route(show, path="/things/{which}"))

    def test_one_name_for_what_comes_in_and_what_goes_out(self) -> None:
        class Thing(In):
            name: str

        with pytest.raises(ValueError, match="Thing"):
            made(route(create, "POST", "/things", Thing))

    def test_one_name_for_two_models(self) -> None:
        def another(call, thing_id) -> "Other":
            """Show another thing."""

        Other = type("ThingView", (Out,), {"__module__": "elsewhere", "__annotations__": {"it": int}})  # noqa: N806 - a class
        another.__annotations__["return"] = Other
        with pytest.raises(ValueError, match="two models of one name"):
            made(route(another), route(show, path="/others/{thing_id}"))
