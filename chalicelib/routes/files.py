"""/files: uploads, and the files that they become."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import Conflict, QuotaExceeded, UploadOver
from chalicelib.domain.file import File
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import endpoint
from chalicelib.routes.idempotency import once, takes_key
from chalicelib.routes.paging import cursors_of
from chalicelib.services.complete_upload import complete_upload
from chalicelib.services.create_file import create_file, find_created
from chalicelib.services.delete_file import delete_file
from chalicelib.services.list_files import list_files
from chalicelib.services.manage_categories import Categories, categories_of
from chalicelib.services.show_file import show_file
from chalicelib.services.sign_upload import sign_parts
from chalicelib.services.update_file import update_file
from chalicelib.wire.base import Nothing
from chalicelib.wire.file_views import FileView, PendingFileView, UploadTicketView
from chalicelib.wire.files import CreateFile, DeleteQuery, FileQuery, FilesQuery, PatchFile
from chalicelib.wire.lists import Listing, Meta
from chalicelib.wire.uploads import SignParts

bp = Blueprint(__name__)
READ, WRITE = Scope.FILES_READ, Scope.FILES_WRITE


@endpoint(bp, "GET", "/files", scope=READ, query=FilesQuery)
def index(call: Call, query: FilesQuery) -> Listing[FileView]:
    """List files, newest first.

    Ready ones, unless `status` or `trashed` asks for others.
    """
    account_id = call.token.account_id
    cursors = cursors_of(call, query, "files", account_id)
    after = cursors.read(query.cursor)
    page = list_files(
        account_id,
        query.shelf,
        query.keyword,
        query.order,
        query.limit,
        after,
        call.now,
        files=call.world.files,
    )
    found = categories_of(page.rows, categories=call.world.categories)
    rows = [FileView.of(file, found, embed=query.include is not None) for file in page.rows]
    return Listing(rows, Meta.of(page, cursors))


@endpoint(bp, "POST", "/files", scope=WRITE, body=CreateFile, status=201, raises=(QuotaExceeded,))
@takes_key
def create(call: Call, body: CreateFile) -> UploadTicketView | FileView:
    """Announce an upload.

    Answers the pending file with the signed means to upload it: one PUT up to 100 MiB of stored bytes, parts beyond.
    The URLs take exactly the declared bytes. For `client` files it also answers the data key to seal with. A repeated
    request whose upload is over meanwhile is answered the file alone.
    """
    world = call.world
    files, objects, keys = world.files, world.objects, world.keys
    ticket = once(
        call,
        lambda claim: create_file(
            body.new_file(),
            call.token,
            call.now,
            claim,
            files=files,
            categories=world.categories,
            objects=objects,
            keys=keys,
        ),
        lambda ids: find_created(
            call.token.account_id, ids[0], call.now, files=files, objects=objects, keys=keys, notes=world.notes
        ),
    )
    found = _categories(call, ticket.file)
    if ticket.upload is None:
        return FileView.of(ticket.file, found)
    return UploadTicketView.of_ticket(ticket.file, ticket.upload, ticket.data_key, found)


@endpoint(bp, "GET", "/files/{file_id}", scope=READ, query=FileQuery)
def show(call: Call, file_id: str, query: FileQuery) -> FileView | PendingFileView:
    """Show a file; of a pending one also what S3 has received."""
    world = call.world
    shown = show_file(call.token.account_id, file_id, call.now, files=world.files, objects=world.objects)
    found, embed = _categories(call, shown.file), query.include is not None
    if shown.received is None:
        return FileView.of(shown.file, found, embed=embed)
    return PendingFileView.of_received(shown.file, shown.received, found, embed=embed)


@endpoint(bp, "PATCH", "/files/{file_id}", scope=WRITE, body=PatchFile, raises=(Conflict,))
def update(call: Call, file_id: str, body: PatchFile) -> FileView:
    """Rename a file, change its category or when it expires, put it in the trash or take it out."""
    world = call.world
    file = update_file(
        call.token.account_id,
        file_id,
        body.changes(),
        call.now,
        files=world.files,
        categories=world.categories,
    )
    return FileView.of(file, _categories(call, file))


@endpoint(bp, "DELETE", "/files/{file_id}", scope=WRITE, query=DeleteQuery, raises=(Conflict,))
def delete(call: Call, file_id: str, query: DeleteQuery) -> None:
    """Put a file in the trash, or purge it.

    A file that is in the trash already, or that never became ready, is purged: its key, its bytes and its record go,
    and it never comes back. `permanent=true` purges at once.
    """
    world = call.world
    delete_file(
        call.token.account_id,
        file_id,
        call.now,
        permanent=query.permanent == "true",
        files=world.files,
        objects=world.objects,
    )


@endpoint(bp, "POST", "/files/{file_id}/parts", scope=WRITE, body=SignParts, raises=(Conflict, UploadOver))
def parts(call: Call, file_id: str, body: SignParts) -> UploadTicketView:
    """Sign the upload's URLs again.

    To go on with a broken or long upload, at most 100 parts a call; an upload in one PUT is part 1. For `client` files
    it answers the data key again.
    """
    world = call.world
    resigned = sign_parts(
        call.token.account_id,
        file_id,
        body.wanted(),
        call.now,
        files=world.files,
        objects=world.objects,
        keys=world.keys,
        notes=world.notes,
        pool=world.pool,
    )
    found = _categories(call, resigned.file)
    return UploadTicketView.of_ticket(resigned.file, resigned.upload, resigned.data_key, found)


@endpoint(bp, "POST", "/files/{file_id}/complete", scope=WRITE, body=Nothing, raises=(Conflict,))
def complete(call: Call, file_id: str, body: Nothing) -> FileView:  # noqa: ARG001 - the model refuses what is in it
    """Finish an upload: what arrived is verified, and the file is ready.

    Safe to repeat, also after a time-out. 422 says what is missing, or why the upload was rejected.
    """
    world = call.world
    file = complete_upload(
        call.token.account_id,
        file_id,
        call.now,
        files=world.files,
        objects=world.objects,
        keys=world.keys,
        authenticate_header=world.authenticate_header,
    )
    return FileView.of(file, _categories(call, file))


def _categories(call: Call, file: File) -> Categories:
    return categories_of([file], categories=call.world.categories)
