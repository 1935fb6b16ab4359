"""Checks O of docs/threat-model.md: what belongs to another account."""

from datetime import timedelta

import pytest

from chalicelib.domain.errors import Invalid, NotFound
from chalicelib.services.create_download import create_download, create_download_key
from chalicelib.services.own_files import own_file
from tests.support.builders import ALICES, BOBS, NOW, a_ready_file, a_token, new_id, stored
from tests.support.fakes import FakeWorld


def test_o1_anothers_file_is_as_if_it_were_not_there(world: FakeWorld) -> None:
    file = stored(world, a_ready_file())
    assert own_file(ALICES, file.id, NOW, files=world.files) == file
    for account, file_id in ((BOBS, file.id), (BOBS, new_id()), (ALICES, "x")):
        with pytest.raises(NotFound) as caught:
            own_file(account, file_id, NOW, files=world.files)
        assert caught.value.message == NotFound.default_message


def test_o1_a_file_past_its_expiry_is_nobodys(world: FakeWorld) -> None:
    file = stored(world, a_ready_file(expires_at=NOW))
    with pytest.raises(NotFound):
        own_file(ALICES, file.id, NOW, files=world.files)


def test_o2_anothers_file_cannot_be_granted(world: FakeWorld) -> None:
    mine, theirs = stored(world, a_ready_file(account_id=BOBS)), stored(world, a_ready_file())
    bob, ports = a_token(account_id=BOBS), {"files": world.files, "downloads": world.downloads}
    assert create_download(bob, [mine.id], NOW, **ports)
    told = []
    for other in (theirs.id, new_id()):
        with pytest.raises(Invalid) as caught:
            create_download(bob, [mine.id, other], NOW, **ports)
        told.append(caught.value.errors)
    assert told == [{"files.1": ["There is no file with this id."]}] * 2


def test_o3_no_key_for_anothers_download(world: FakeWorld) -> None:
    file = stored(world, a_ready_file())
    ports = {"files": world.files, "downloads": world.downloads}
    download = create_download(a_token(), [file.id], NOW, **ports)
    soon = NOW + timedelta(seconds=1)
    with pytest.raises(NotFound):
        create_download_key(BOBS, download.id, soon, downloads=world.downloads)
    assert create_download_key(ALICES, download.id, soon, downloads=world.downloads)
