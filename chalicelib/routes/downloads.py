"""/downloads, for owners, and /public/downloads, for whoever holds a key."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.domain.download import DownloadKey
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import PUBLIC, endpoint
from chalicelib.services.create_download import create_download, create_download_key
from chalicelib.services.perform_download import (
    find_download_key,
    perform_download,
    resume_download,
    show_download,
)
from chalicelib.wire.base import Nothing
from chalicelib.wire.downloads import (
    CreateDownload,
    DownloadKeyView,
    DownloadView,
    Perform,
    PerformedView,
    PublicDownloadView,
)

bp = Blueprint(__name__)


@endpoint(bp, "POST", "/downloads", scope=Scope.DOWNLOADS, body=CreateDownload, status=201)
def create(call: Call, body: CreateDownload) -> DownloadView:
    world = call.world
    download = create_download(call.token, body.files, call.now, files=world.files, downloads=world.downloads)
    return DownloadView.of(download)


@endpoint(bp, "POST", "/downloads/{download_id}/keys", scope=Scope.DOWNLOADS, body=Nothing, status=201)
def create_key(call: Call, download_id: str, body: Nothing) -> DownloadKeyView:  # noqa: ARG001 - refuses what is in it
    downloads = call.world.downloads
    key, download = create_download_key(call.token.account_id, download_id, call.now, downloads=downloads)
    return DownloadKeyView(key=key, expires_at=download.expires_at)


def _by_key(call: Call, key: str) -> dict[str, DownloadKey]:
    return {"key": find_download_key(key, downloads=call.world.downloads)}


@endpoint(bp, "GET", "/public/downloads/{key}", scope=PUBLIC, lookup=_by_key)
def show_public(call: Call, key: DownloadKey) -> PublicDownloadView:
    return PublicDownloadView.of(show_download(key, call.now, downloads=call.world.downloads))


@endpoint(bp, "POST", "/public/downloads/{key}", scope=PUBLIC, lookup=_by_key, body=Perform, guarded=True)
def perform(call: Call, key: DownloadKey, body: Perform) -> PerformedView:
    world = call.world
    if body.session is not None:
        performed = resume_download(key, body.session, call.now, downloads=world.downloads, objects=world.objects)
    else:
        performed = perform_download(
            key, call.now, downloads=world.downloads, objects=world.objects, keys=world.keys, pool=world.pool
        )
    return PerformedView.of(performed)
