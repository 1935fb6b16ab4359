"""One good request for every route of the app, made for a given user's own things: the tables of tests grow from it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from typing import Any

from chalicelib.domain.download import Download
from chalicelib.domain.mail import entry_of
from chalicelib.domain.secret import SECRET_BYTES, hash_secret, secret_text, token_text
from chalicelib.domain.webhook import Outcome
from tests.support.app_client import Answer, AppClient
from tests.support.builders import (
    NOW,
    PIN,
    Caller,
    a_category,
    a_delivery,
    a_download,
    a_file,
    a_mail,
    a_ready_file,
    a_temporary_key,
    a_token,
    give_pin,
    key_to,
    new_id,
    stored,
    stored_mail,
    webhook_of,
)
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


def _list_categories(world: FakeWorld, owner: Caller) -> Good:
    _own_category(world, owner)
    return Good()


def _own_category(world: FakeWorld, owner: Caller) -> dict[str, str]:
    return {"category_id": world.categories.add(a_category(account_id=owner.account_id, name=new_id())).id}


def _create_category(world: FakeWorld, owner: Caller) -> Good:
    return Good(body={"name": "Contracts", "color": "#1F5FA8"}, status=201)


def _patch_category(world: FakeWorld, owner: Caller) -> Good:
    return Good(_own_category(world, owner), body={"name": "Bills"})


def _delete_category(world: FakeWorld, owner: Caller) -> Good:
    return Good(_own_category(world, owner), status=204)


def _create_download(world: FakeWorld, owner: Caller) -> Good:
    return Good(body={"files": [_own_ready(world, owner)["file_id"]]}, status=201)


def _own_download(world: FakeWorld, owner: Caller) -> Download:
    file = stored(world, a_ready_file(account_id=owner.account_id))
    download = a_download(file, account_id=owner.account_id)
    world.downloads.add(download)
    return download


def _revoke_download(world: FakeWorld, owner: Caller) -> Good:
    return Good({"download_id": _own_download(world, owner).id}, status=204)


def _create_key(world: FakeWorld, owner: Caller) -> Good:
    return Good({"download_id": _own_download(world, owner).id}, body={}, status=201)


def _with_key(world: FakeWorld, owner: Caller) -> dict[str, str]:
    return {"key": key_to(world, _own_download(world, owner))}


def _show_public(world: FakeWorld, owner: Caller) -> Good:
    return Good(_with_key(world, owner))


def _perform(world: FakeWorld, owner: Caller) -> Good:
    return Good(_with_key(world, owner), body={})


def _nothing(world: FakeWorld, owner: Caller) -> Good:
    return Good()


def _create_token(world: FakeWorld, owner: Caller) -> Good:
    return Good(body={"name": "script", "scopes": ["files:read"]}, status=201)


def _revoke_token(world: FakeWorld, owner: Caller) -> Good:
    spare = a_token(  # of no scope, which any may end
        user_id=owner.user_id, account_id=owner.account_id, author=owner.token.author, scopes=frozenset()
    )
    world.tokens.add(spare)
    return Good({"token_id": spare.id}, status=204)


def _patch_user(world: FakeWorld, owner: Caller) -> Good:
    return Good(body={"name": "Alice Adams"})


def _buy_key(world: FakeWorld, owner: Caller) -> Good:
    give_pin(world, owner)
    return Good(body={"pin": PIN}, status=201)


def _drop_key(world: FakeWorld, owner: Caller) -> Good:
    return Good({"key": a_temporary_key(world, give_pin(world, owner))}, status=204)


def _list_mails(world: FakeWorld, owner: Caller) -> Good:
    _own_mail(world, owner)
    return Good()


def _own_mail(world: FakeWorld, owner: Caller) -> dict[str, str]:
    return {"mail_id": stored_mail(world, a_mail(account_id=owner.account_id)).id}


def _create_mails(world: FakeWorld, owner: Caller) -> Good:
    files = [_own_ready(world, owner)["file_id"]]
    recipients = [{"email": "carol@example.net", "name": "Carol Carter"}]
    return Good(body={"recipients": recipients, "subject": "Yours", "body": "<p>Hi</p>", "files": files}, status=201)


def _show_mail(world: FakeWorld, owner: Caller) -> Good:
    return Good(_own_mail(world, owner))


def _revoke_mail(world: FakeWorld, owner: Caller) -> Good:
    return Good(_own_mail(world, owner), status=204)


def _list_inbox(world: FakeWorld, owner: Caller) -> Good:
    _received(world, owner)
    return Good()


def _received(world: FakeWorld, owner: Caller) -> dict[str, str]:
    """From an account that is neither Alice's nor Bob's."""
    mail = stored_mail(world)
    world.mails.save(mail.was_sent("m", NOW), entry_of(mail, owner.user_id, owner.account_id, NOW))
    return {"mail_id": mail.id}


def _read_inbox(world: FakeWorld, owner: Caller) -> Good:
    return Good(_received(world, owner))


def _hide_inbox(world: FakeWorld, owner: Caller) -> Good:
    return Good(_received(world, owner), status=204)


def _create_webhook(world: FakeWorld, owner: Caller) -> Good:
    return Good(body={"url": "https://example.com/hooks", "types": ["file.ready"]}, status=201)


def _own_webhook(world: FakeWorld, owner: Caller) -> dict[str, str]:
    return {"webhook_id": webhook_of(world, owner.account_id).id}


def _list_webhooks(world: FakeWorld, owner: Caller) -> Good:
    _own_webhook(world, owner)
    return Good()


def _delete_webhook(world: FakeWorld, owner: Caller) -> Good:
    return Good(_own_webhook(world, owner), status=204)


def _own_delivery(world: FakeWorld, owner: Caller) -> dict[str, str]:
    own = _own_webhook(world, owner)
    done = a_delivery(webhook_id=own["webhook_id"], account_id=owner.account_id).tried(Outcome(204), NOW)
    return own | {"delivery_id": world.deliveries.add(done).id}


def _list_deliveries(world: FakeWorld, owner: Caller) -> Good:
    return Good({"webhook_id": _own_delivery(world, owner)["webhook_id"]})


def _redeliver(world: FakeWorld, owner: Caller) -> Good:
    return Good(_own_delivery(world, owner))


GOOD: dict[Route, Callable[[FakeWorld, Caller], Good]] = {
    ("GET", "/files"): _list_files,
    ("POST", "/files"): _create_file,
    ("GET", "/files/{file_id}"): _show_file,
    ("PATCH", "/files/{file_id}"): _patch_file,
    ("DELETE", "/files/{file_id}"): _delete_file,
    ("POST", "/files/{file_id}/parts"): _sign_parts,
    ("POST", "/files/{file_id}/complete"): _complete,
    ("GET", "/categories"): _list_categories,
    ("POST", "/categories"): _create_category,
    ("PATCH", "/categories/{category_id}"): _patch_category,
    ("DELETE", "/categories/{category_id}"): _delete_category,
    ("POST", "/downloads"): _create_download,
    ("DELETE", "/downloads/{download_id}"): _revoke_download,
    ("POST", "/downloads/{download_id}/keys"): _create_key,
    ("GET", "/mails"): _list_mails,
    ("POST", "/mails"): _create_mails,
    ("GET", "/mails/{mail_id}"): _show_mail,
    ("DELETE", "/mails/{mail_id}"): _revoke_mail,
    ("GET", "/inbox"): _list_inbox,
    ("GET", "/inbox/{mail_id}"): _read_inbox,
    ("DELETE", "/inbox/{mail_id}"): _hide_inbox,
    ("GET", "/public/downloads/{key}"): _show_public,
    ("POST", "/public/downloads/{key}"): _perform,
    ("GET", "/tokens"): _nothing,
    ("POST", "/tokens"): _create_token,
    ("DELETE", "/tokens/{token_id}"): _revoke_token,
    ("GET", "/events"): _nothing,
    ("GET", "/webhooks"): _list_webhooks,
    ("POST", "/webhooks"): _create_webhook,
    ("DELETE", "/webhooks/{webhook_id}"): _delete_webhook,
    ("GET", "/webhooks/{webhook_id}/deliveries"): _list_deliveries,
    ("POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver"): _redeliver,
    ("POST", "/keys"): _buy_key,
    ("DELETE", "/keys/{key}"): _drop_key,
    ("GET", "/user"): _nothing,
    ("PATCH", "/user"): _patch_user,
    ("GET", "/health"): _nothing,
    ("GET", "/openapi.json"): _nothing,
}
KEYED: set[Route] = {("GET", "/public/downloads/{key}"), ("POST", "/public/downloads/{key}")}
PUBLIC: set[Route] = {("GET", "/health"), ("GET", "/openapi.json"), *KEYED}
RAW: set[Route] = {("GET", "/openapi.json")}  # answered as it stands, not under `data`
GUARDED: set[Route] = {("POST", "/public/downloads/{key}"), ("POST", "/keys"), ("PATCH", "/user")}
SCOPED = sorted(set(GOOD) - PUBLIC)
WITH_BODY: list[Route] = [
    ("POST", "/files"),
    ("PATCH", "/files/{file_id}"),
    ("POST", "/files/{file_id}/parts"),
    ("POST", "/files/{file_id}/complete"),
    ("POST", "/categories"),
    ("PATCH", "/categories/{category_id}"),
    ("POST", "/downloads"),
    ("POST", "/downloads/{download_id}/keys"),
    ("POST", "/mails"),
    ("POST", "/public/downloads/{key}"),
    ("POST", "/tokens"),
    ("POST", "/keys"),
    ("PATCH", "/user"),
    ("POST", "/webhooks"),
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
