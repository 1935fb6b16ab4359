"""/files"""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import endpoint
from chalicelib.services.complete_upload import complete_upload
from chalicelib.services.create_file import create_file
from chalicelib.services.delete_file import delete_file
from chalicelib.services.list_files import list_files
from chalicelib.services.show_file import show_file
from chalicelib.services.sign_upload import sign_parts
from chalicelib.services.update_file import update_file
from chalicelib.wire.base import Nothing
from chalicelib.wire.files import (
    CreateFile,
    DeleteQuery,
    FilesQuery,
    FileView,
    PatchFile,
    PendingFileView,
    UploadTicketView,
)
from chalicelib.wire.lists import Listing, Meta
from chalicelib.wire.uploads import SignParts

bp = Blueprint(__name__)
READ, WRITE = Scope.FILES_READ, Scope.FILES_WRITE


@endpoint(bp, "GET", "/files", scope=READ, query=FilesQuery)
def index(call: Call, query: FilesQuery) -> Listing:
    account_id = call.token.account_id
    page = list_files(account_id, query.shelf, query.limit, query.after, call.now, files=call.world.files)
    return Listing([FileView.of(file) for file in page.rows], Meta.of(page))


@endpoint(bp, "POST", "/files", scope=WRITE, body=CreateFile, status=201)
def create(call: Call, body: CreateFile) -> UploadTicketView:
    world = call.world
    ticket = create_file(
        body.new_file(), call.token, call.now, files=world.files, objects=world.objects, keys=world.keys
    )
    return UploadTicketView.of_ticket(ticket.file, ticket.upload, ticket.data_key)


@endpoint(bp, "GET", "/files/{file_id}", scope=READ)
def show(call: Call, file_id: str) -> FileView:
    world = call.world
    shown = show_file(call.token.account_id, file_id, call.now, files=world.files, objects=world.objects)
    if shown.received is None:
        return FileView.of(shown.file)
    return PendingFileView.of_received(shown.file, shown.received)


@endpoint(bp, "PATCH", "/files/{file_id}", scope=WRITE, body=PatchFile)
def update(call: Call, file_id: str, body: PatchFile) -> FileView:
    file = update_file(call.token.account_id, file_id, body.changes(), call.now, files=call.world.files)
    return FileView.of(file)


@endpoint(bp, "DELETE", "/files/{file_id}", scope=WRITE, query=DeleteQuery)
def delete(call: Call, file_id: str, query: DeleteQuery) -> None:
    world = call.world
    delete_file(
        call.token.account_id,
        file_id,
        call.now,
        permanent=query.permanent == "true",
        files=world.files,
        objects=world.objects,
    )


@endpoint(bp, "POST", "/files/{file_id}/parts", scope=WRITE, body=SignParts)
def parts(call: Call, file_id: str, body: SignParts) -> UploadTicketView:
    world = call.world
    resigned = sign_parts(
        call.token.account_id,
        file_id,
        body.wanted(),
        call.now,
        files=world.files,
        objects=world.objects,
        keys=world.keys,
    )
    return UploadTicketView.of_ticket(resigned.file, resigned.upload, resigned.data_key)


@endpoint(bp, "POST", "/files/{file_id}/complete", scope=WRITE, body=Nothing)
def complete(call: Call, file_id: str, body: Nothing) -> FileView:  # noqa: ARG001 - the model refuses what is in it
    world = call.world
    file = complete_upload(
        call.token.account_id,
        file_id,
        call.now,
        files=world.files,
        objects=world.objects,
        keys=world.keys,
        authenticate=world.authenticate_header,
    )
    return FileView.of(file)
