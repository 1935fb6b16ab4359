"""What `include` asks for beside mails."""

from collections.abc import Mapping, Sequence

from chalicelib.domain.ids import DownloadId
from chalicelib.domain.mail import Mail
from chalicelib.routes.call import Call
from chalicelib.services.embed_downloads import EmbeddedDownload, embed_downloads
from chalicelib.wire.mails import Include


def embedded(
    call: Call, include: Include, mails: Sequence[Mail], *, to_recipient: bool
) -> Mapping[DownloadId, EmbeddedDownload]:
    with_files = "download.files" in include
    if not with_files and "download" not in include:
        return {}
    world = call.world
    return embed_downloads(
        mails,
        call.now,
        with_files=with_files,
        to_recipient=to_recipient,
        downloads=world.downloads,
        files=world.files,
    )
