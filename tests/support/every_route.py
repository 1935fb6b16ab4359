"""One good request for every route of the app, made for a given user's own things: the tables of tests grow from it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from typing import Any

from chalicelib.domain.secret import SECRET_BYTES, hash_secret, secret_text, token_text
from chalicelib.services.create_download import create_download_key
from tests.support.app_client import Answer, AppClient
from tests.support.builders import NOW, Caller, a_download, a_file, a_ready_file, a_token, new_id, stored
from tests.support.fakes import FakeWorld

Route = tuple[str, str]


@dataclass(frozen=True)
class Good:
    """A request that succeeds when its maker sends it."""

    parameters: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    status: int = 200

    def path(self, template: str) -> str:
        return template.format(**self.parameters)


def _list_files(world: FakeWorld, owner: Caller) -> Good:
    stored(world, a_ready_file(account_id=owner.account_id))
    return Good()


def _create_file(world: FakeWorld, owner: Caller) -> Good:
    return Good(body={"filename": "invoice.pdf", "size": 5, "encryption": "client"}, status=201)


def _own_ready(world: FakeWorld, owner: Caller) -> dict[str, str]:
    return {"file_id": stored(world, a_ready_file(account_id=owner.account_id)).id}


def _show_file(world: FakeWorld, owner: Caller) -> Good:
    return Good(_own_ready(world, owner))


def _patch_file(world: FakeWorld, owner: Caller) -> Good:
    return Good(_own_ready(world, owner), body={"filename": "renamed.pdf"})


def _delete_file(world: FakeWorld, owner: Caller) -> Good:
    return Good(_own_ready(world, owner), status=204)


def _sign_parts(world: FakeWorld, owner: Caller) -> Good:
    file = world.files.add(a_file(account_id=owner.account_id))
    return Good({"file_id": file.id}, body={"parts": [{"number": 1}]})


def _complete(world: FakeWorld, owner: Caller) -> Good:
    return Good({"file_id": stored(world, a_file(account_id=owner.account_id)).id}, body={})


def _create_download(world: FakeWorld, owner: Caller) -> Good:
    return Good(body={"files": [_own_ready(world, owner)["file_id"]]}, status=201)


def _own_download(world: FakeWorld, owner: Caller) -> str:
    file = stored(world, a_ready_file(account_id=owner.account_id))
    download = a_download(file, account_id=owner.account_id)
    world.downloads.add(download)
    return download.id


def _create_key(world: FakeWorld, owner: Caller) -> Good:
    return Good({"download_id": _own_download(world, owner)}, body={}, status=201)


def _with_key(world: FakeWorld, owner: Caller) -> dict[str, str]:
    download_id = _own_download(world, owner)
    return {"key": create_download_key(owner.account_id, download_id, NOW, downloads=world.downloads)[0]}


def _show_public(world: FakeWorld, owner: Caller) -> Good:
    return Good(_with_key(world, owner))


def _perform(world: FakeWorld, owner: Caller) -> Good:
    return Good(_with_key(world, owner), body={})


def _nothing(world: FakeWorld, owner: Caller) -> Good:
    return Good()


def _create_token(world: FakeWorld, owner: Caller) -> Good:
    return Good(body={"name": "script", "scopes": ["files:read"]}, status=201)


def _revoke_token(world: FakeWorld, owner: Caller) -> Good:
    spare = a_token(user_id=owner.token.user_id, account_id=owner.account_id, scopes=frozenset())  # which all may end
    world.tokens.add(spare)
    return Good({"token_id": spare.id}, status=204)


GOOD: dict[Route, Callable[[FakeWorld, Caller], Good]] = {
    ("GET", "/files"): _list_files,
    ("POST", "/files"): _create_file,
    ("GET", "/files/{file_id}"): _show_file,
    ("PATCH", "/files/{file_id}"): _patch_file,
    ("DELETE", "/files/{file_id}"): _delete_file,
    ("POST", "/files/{file_id}/parts"): _sign_parts,
    ("POST", "/files/{file_id}/complete"): _complete,
    ("POST", "/downloads"): _create_download,
    ("POST", "/downloads/{download_id}/keys"): _create_key,
    ("GET", "/public/downloads/{key}"): _show_public,
    ("POST", "/public/downloads/{key}"): _perform,
    ("GET", "/tokens"): _nothing,
    ("POST", "/tokens"): _create_token,
    ("DELETE", "/tokens/{token_id}"): _revoke_token,
    ("GET", "/user"): _nothing,
    ("GET", "/health"): _nothing,
}
PUBLIC: set[Route] = {("GET", "/health"), ("GET", "/public/downloads/{key}"), ("POST", "/public/downloads/{key}")}
SCOPED = sorted(set(GOOD) - PUBLIC)
WITH_BODY: list[Route] = [
    ("POST", "/files"),
    ("PATCH", "/files/{file_id}"),
    ("POST", "/files/{file_id}/parts"),
    ("POST", "/files/{file_id}/complete"),
    ("POST", "/downloads"),
    ("POST", "/downloads/{download_id}/keys"),
    ("POST", "/public/downloads/{key}"),
    ("POST", "/tokens"),
]
WITH_ID = sorted(route for route in GOOD if "{" in route[1])


def name_of(route: Route) -> str:
    return " ".join(route)


def send(api: AppClient, route: Route, good: Good, **more: Any) -> Answer:
    """The good request, with something else in it where the test says so."""
    method, template = route
    if not {"json", "body"} & set(more) and good.body is not None:
        more["json"] = good.body
    return api.call(method, good.path(template), **more)


def with_unknown_ids(good: Good) -> Good:
    """The same request about things that never were."""
    unknown = {name: secret_text(bytes(SECRET_BYTES)) if name == "key" else new_id() for name in good.parameters}
    return replaced(good, parameters=unknown)


def narrowed(world: FakeWorld, caller: Caller, scopes: frozenset[str]) -> str:
    """Another token of this user with these scopes alone; answers its text."""
    text = token_text(bytes(range(32)))
    world.tokens.add(replaced(caller.token, secret_hash=hash_secret(text), scopes=scopes))
    return text
