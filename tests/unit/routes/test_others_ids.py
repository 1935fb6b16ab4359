"""Ids of others, wherever a route takes one: path, body, query. The places are found in the table of the routes.

About a thing of Alice's another account's token is answered exactly what it is answered about one that never was, and
nothing changes. A new place that has no case here fails, and so does a new text that nobody has said is no id.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel

from chalicelib.domain.secret import SECRET_BYTES, secret_text
from chalicelib.routes.registry import ROUTES
from chalicelib.routes.registry import Route as Declared
from chalicelib.services.perform_download import find_download_key, perform_download
from chalicelib.wire.base import Id, In, NoQuery
from tests.support.app_client import Answer, AppClient
from tests.support.builders import (
    NOW,
    Caller,
    a_category,
    a_download,
    a_mail,
    a_ready_file,
    a_temporary_key,
    give_pin,
    key_to,
    new_id,
    performing,
    stored,
    stored_mail,
)
from tests.support.every_route import GOOD, KEYED, Good, Route, send, with_unknown_ids
from tests.support.fakes import FakeWorld
from tests.support.faults import Fake

PATH, BODY, QUERY = "path", "body", "query"
SECRETS = {"pinKey", "session"}  # lead to something of somebody's, as an id does
KEPT = "filename type name color timezone pin current_pin subject body recipients.email recipients.name url"
COMPARED = "checksum_sha256 parts.checksum_sha256 sort include keyword scopes types"
SEALED = "cursor"  # for one list of one owner: tests/unit/security/test_parsing.py, P3
TEXTS = {*KEPT.split(), *COMPARED.split(), SEALED}  # these lead to nothing of anybody's
UNLIKE = {"x-request-id", "x-ratelimit-remaining"}  # of two requests, whatever they are about


class Place(NamedTuple):
    route: Route
    where: str
    name: str


def name_of(place: Place) -> str:
    return f"{' '.join(place.route)} {place.where} {place.name}"


# -- where ids are ---------------------------------------------------------------------------------------------------


def places(routes: Mapping[Route, Declared]) -> Iterator[Place]:
    for name, route in routes.items():
        yield from (Place(name, PATH, parameter) for parameter in re.findall(r"{(\w+)}", route.path))
        for where, model in ((BODY, route.body), (QUERY, route.query)):
            yield from (Place(name, where, text) for text, is_id in _texts(model) if is_id or text in SECRETS)


def unsorted_texts(routes: Mapping[Route, Declared]) -> set[str]:
    """Fields of bodies and queries that hold some text, and of which nobody has said what it is."""
    texts = {text for route in routes.values() for model in (route.body, route.query) for text in _texts(model)}
    return {name for name, is_id in texts if not is_id} - TEXTS - SECRETS


def _texts(model: type[BaseModel] | None) -> set[tuple[str, bool]]:
    """The fields that take a text of the caller's, and whether it is an id."""
    schema = model.model_json_schema() if model else {}
    return set(_walk(schema, schema.get("$defs", {}), ""))


def _walk(schema: Any, definitions: Mapping[str, Any], name: str) -> Iterator[tuple[str, bool]]:
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rpartition("/")[2]], **schema}
    is_closed = {"enum", "const"} & set(schema) or schema.get("format") == "date-time"
    if schema.get("type") == "string" and not is_closed:
        yield name, schema.get("format") == "uuid"
    said = {"format": schema["format"]} if "format" in schema else {}
    for inner in [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]:
        yield from _walk(inner | said, definitions, name)
    for field_name, inner in schema.get("properties", {}).items():
        yield from _walk(inner, definitions, f"{name}.{field_name}".lstrip("."))


# -- a request that is good when the thing's owner makes it ----------------------------------------------------------


@dataclass(frozen=True)
class Request:
    good: Good
    query: dict[str, str] = field(default_factory=dict)

    def told(self, place: Place) -> Any:
        """What stands in this place."""
        return {PATH: self.good.parameters, BODY: self.good.body or {}, QUERY: self.query}[place.where][place.name]

    def telling(self, place: Place, value: Any) -> "Request":
        if place.where == PATH:
            return replaced(self, good=replaced(self.good, parameters={**self.good.parameters, place.name: value}))
        if place.where == BODY:
            return replaced(self, good=replaced(self.good, body={**(self.good.body or {}), place.name: value}))
        return replaced(self, query={**self.query, place.name: value})


def _as_it_is(place: Place) -> Callable[[FakeWorld, Caller], Request]:
    return lambda world, owner: Request(GOOD[place.route](world, owner))


def _in_a_category(route: Route) -> Callable[[FakeWorld, Caller], Request]:
    def make(world: FakeWorld, owner: Caller) -> Request:
        category = world.categories.add(a_category(account_id=owner.account_id, name=new_id()))
        return Request(GOOD[route](world, owner)).telling(Place(route, BODY, "category_id"), category.id)

    return make


def _by_a_pin_key(world: FakeWorld, owner: Caller) -> Request:
    good = GOOD["POST", "/downloads/{download_id}/keys"](world, owner)
    return Request(replaced(good, body={"pinKey": a_temporary_key(world, give_pin(world, owner))}))


def _by_a_session(world: FakeWorld, owner: Caller) -> Request:
    file = stored(world, a_ready_file(account_id=owner.account_id))
    download = a_download(file, account_id=owner.account_id)
    world.downloads.add(download)
    key = key_to(world, download)
    performed = perform_download(find_download_key(key, downloads=world.downloads), NOW, **performing(world))
    return Request(Good({"key": key}, body={"session": performed.session}))


def _events_of_a_file(world: FakeWorld, owner: Caller) -> Request:
    return Request(Good(), {"file": stored(world, a_ready_file(account_id=owner.account_id)).id})


def _events_of_a_mail(world: FakeWorld, owner: Caller) -> Request:
    return Request(Good(), {"mail": stored_mail(world, a_mail(account_id=owner.account_id)).id})


MAKE_FILE, PATCH_FILE = ("POST", "/files"), ("PATCH", "/files/{file_id}")
CASES: dict[Place, Callable[[FakeWorld, Caller], Request]] = {
    **{place: _as_it_is(place) for place in places(ROUTES) if place.where == PATH and place.route not in KEYED},
    Place(MAKE_FILE, BODY, "category_id"): _in_a_category(MAKE_FILE),
    Place(PATCH_FILE, BODY, "category_id"): _in_a_category(PATCH_FILE),
    Place(("POST", "/downloads"), BODY, "files"): _as_it_is(Place(("POST", "/downloads"), BODY, "files")),
    Place(("POST", "/mails"), BODY, "files"): _as_it_is(Place(("POST", "/mails"), BODY, "files")),
    Place(("POST", "/downloads/{download_id}/keys"), BODY, "pinKey"): _by_a_pin_key,
    Place(("POST", "/public/downloads/{key}"), BODY, "session"): _by_a_session,
    Place(("GET", "/events"), QUERY, "file"): _events_of_a_file,
    Place(("GET", "/events"), QUERY, "mail"): _events_of_a_mail,
}
BEARERS = {Place(route, PATH, "key") for route in KEYED}  # who has a download key has the download: that is its meaning


class TestTheTable:
    def test_every_place_has_a_case(self) -> None:
        assert set(places(ROUTES)) == set(CASES) | BEARERS

    def test_every_text_is_known_for_what_it_is(self) -> None:
        assert unsorted_texts(ROUTES) == set()

    def test_a_new_route_is_seen(self) -> None:
        class Pointed(In):
            thing_id: Id | None = None
            things: list[Id]
            motto: str

        path = ("POST", "/odd/{odd_id}")
        route = Declared(*path, lambda _: None, None, Pointed, NoQuery, 200, ())
        assert set(places({path: route})) == {
            Place(path, PATH, "odd_id"),
            Place(path, BODY, "thing_id"),
            Place(path, BODY, "things"),
        }
        assert unsorted_texts({path: route}) == {"motto"}


class TestOthersIds:
    @pytest.fixture(autouse=True)
    def _setting(self, world: FakeWorld, api: AppClient, alice: Caller, bob: Caller) -> None:
        self.world, self.alice, self.bob = world, alice, bob
        self.alices, self.bobs = api.with_token(alice.text), api.with_token(bob.text)
        for client in (self.alices, self.bobs):
            client.get("/user")  # which notes the token's use: from here on nothing does

    @pytest.mark.parametrize("place", CASES, ids=name_of)
    def test_o1_o2_o3_o4_a_strangers_id_is_as_unknown_as_one_that_never_was(self, place: Place) -> None:
        hers, his = CASES[place](self.world, self.alice), CASES[place](self.world, self.bob)
        foreign = hers if place.where == PATH else his.telling(place, hers.told(place))
        unknown = self.unknown(foreign, place)
        before = self.state()
        answers = [self.ask(place, request) for request in (foreign, unknown)]
        assert answers[0] == answers[1]
        assert self.state() == before
        assert (place.where == PATH) <= (answers[0][0] == 404)

    @pytest.mark.parametrize("place", CASES, ids=name_of)
    def test_its_owner_is_answered_something_else(self, place: Place) -> None:
        """Else the ids above might be good for nothing."""
        hers = CASES[place](self.world, self.alice)
        answer = self.send(self.alices, place, hers)
        assert answer.status == hers.good.status

    def unknown(self, request: Request, place: Place) -> Request:
        if place.where == PATH:
            return replaced(request, good=with_unknown_ids(request.good))
        nobodys = secret_text(bytes(SECRET_BYTES)) if place.name in SECRETS else new_id()
        return request.telling(place, [nobodys] if isinstance(request.told(place), list) else nobodys)

    def ask(self, place: Place, request: Request) -> tuple[int, dict[str, str], Any]:
        """Bob asks, and what he can tell one answer from another by is answered."""
        answer = self.send(self.bobs, place, request)
        told = json.loads(answer.text or "{}")
        told.pop("request_id", None)
        return answer.status, {name: text for name, text in answer.headers.items() if name not in UNLIKE}, told

    def send(self, api: AppClient, place: Place, request: Request) -> Answer:
        return send(api, place.route, request.good, query=request.query)

    def state(self) -> dict[str, dict[str, Any]]:
        """All that the world holds, but for the counting of requests and notes of what Bob tried on what is his."""
        assert not [note for note in self.world.notes.noted if note.account_id == self.alice.account_id]
        kept = {name: fake for name, fake in vars(self.world).items() if isinstance(fake, Fake)}
        for name in ("limiter", "notes"):
            del kept[name]
        return {name: _held(fake) for name, fake in kept.items()}


def _held(fake: Fake) -> dict[str, Any]:
    fields = {name: value for name, value in vars(fake).items() if name != "calls" and not name.startswith("_")}
    return copy.deepcopy({name: value for name, value in fields.items() if isinstance(value, dict | list | set)})
