"""/downloads and /public/downloads: grants over files, made by owners, performed by whoever holds the key."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.domain.download import DownloadKey
from chalicelib.domain.errors import Conflict, Gone, PinLocked
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import PUBLIC, endpoint
from chalicelib.routes.idempotency import once, refuses_key, takes_key
from chalicelib.services.create_download import (
    create_download,
    create_download_key,
    find_download,
    revoke_download,
)
from chalicelib.services.perform_download import (
    find_download_key,
    perform_download,
    resume_download,
    show_download,
)
from chalicelib.wire.downloads import (
    CreateDownload,
    CreateKey,
    DownloadKeyView,
    DownloadView,
    Perform,
    PerformedView,
    PublicDownloadView,
)

bp = Blueprint(__name__)
REFUSED = (Conflict, Gone, PinLocked)


@endpoint(bp, "POST", "/downloads", scope=Scope.DOWNLOADS, body=CreateDownload, status=201)
@takes_key
def create(call: Call, body: CreateDownload) -> DownloadView:
    """Make a download of 1 to 100 own files: one use, within a minute, unless it says otherwise."""
    world = call.world
    download = once(
        call,
        lambda claim: create_download(
            call.token,
            body.new_download(),
            call.now,
            claim,
            files=world.files,
            downloads=world.downloads,
            pin_hasher=world.pin_hasher,
        ),
        lambda ids: find_download(call.token.account_id, ids[0], downloads=world.downloads),
    )
    return DownloadView.of(download)


@endpoint(bp, "DELETE", "/downloads/{download_id}", scope=Scope.DOWNLOADS, raises=(Conflict,))
def revoke(call: Call, download_id: str) -> None:
    """Revoke a download: its key, and what was begun with it, end at once."""
    revoke_download(call.token.account_id, download_id, call.now, downloads=call.world.downloads)


@endpoint(
    bp,
    "POST",
    "/downloads/{download_id}/keys",
    scope=Scope.DOWNLOADS,
    body=CreateKey,
    status=201,
    with_user=True,
    raises=(Conflict, Gone),
)
@refuses_key
def create_key(call: Call, download_id: str, body: CreateKey) -> DownloadKeyView:
    """Make the key that performs a download. A fresh one ends the one before.

    Users who have a PIN send the temporary key that `POST /keys` sold them. The download may be one of your own, or
    one that came with a mail in your inbox; not that of a mail that you sent.
    """
    world = call.world
    key, download = create_download_key(
        call.user,
        download_id,
        body.pinKey,
        call.now,
        downloads=world.downloads,
        inbox=world.inbox,
        temporary_keys=world.temporary_keys,
        pool=world.pool,
    )
    return DownloadKeyView(key=key, expires_at=download.expires_at)


def _by_key(call: Call, key: str) -> dict[str, DownloadKey]:
    return {"key": find_download_key(key, downloads=call.world.downloads)}


@endpoint(bp, "GET", "/public/downloads/{key}", scope=PUBLIC, lookup=_by_key, raises=(Conflict, Gone))
def show_public(call: Call, key: DownloadKey) -> PublicDownloadView:
    """Show what a download holds. Spends nothing.

    Where a PIN is asked for, it shows who sent it and until when, and nothing more.
    """
    world = call.world
    shown = show_download(key, call.now, downloads=world.downloads, mails=world.mails, bodies=world.bodies)
    return PublicDownloadView.of(shown)


@endpoint(
    bp, "POST", "/public/downloads/{key}", scope=PUBLIC, lookup=_by_key, body=Perform, guarded=True, raises=REFUSED
)
@refuses_key
def perform(call: Call, key: DownloadKey, body: Perform) -> PerformedView:
    """Perform a download: spend one use, get the files' URLs and data keys.

    The `session` of the answer renews the URLs for 6 hours without spending again, so that a broken transfer can go on.
    """
    world = call.world
    if body.session is not None:
        performed = resume_download(
            key, body.session, call.now, downloads=world.downloads, objects=world.objects, notes=world.notes
        )
    else:
        performed = perform_download(
            key,
            call.now,
            body.pin,
            body.modes,
            downloads=world.downloads,
            objects=world.objects,
            keys=world.keys,
            mails=world.mails,
            bodies=world.bodies,
            pin_tries=world.pin_tries,
            pin_hasher=world.pin_hasher,
            pool=world.pool,
        )
    return PerformedView.of(performed)
