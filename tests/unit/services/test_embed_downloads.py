"""Downloads and files beside mails, in a bounded number of reads."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.mail import MAIL_SORTS, Mail
from chalicelib.domain.page import Page, Position
from chalicelib.services.embed_downloads import MAX_FILES, bounded, embed_downloads
from tests.support.builders import NOW, a_mail, a_ready_file, stored, stored_mail
from tests.support.fakes import FakeWorld

END = Position("the end", "of it")


def place(mail: Mail) -> Position:
    return Position.of_row(MAIL_SORTS, "created_at", mail)


def bound(*counts: int) -> Page[Mail]:
    mails = [a_mail(file_count=count) for count in counts]
    return bounded(Page(mails, END), lambda mail: mail, place)


@pytest.mark.parametrize("counts", [(), (1,), (100,) * 10, (MAX_FILES,), (MAX_FILES + 1,)])
def test_a_page_that_fits_is_left_as_it_is(counts: tuple[int, ...]) -> None:
    page = bound(*counts)
    assert (len(page.rows), page.next) == (len(counts), END)


@pytest.mark.parametrize(("counts", "kept"), [((100,) * 11, 10), ((1, MAX_FILES), 1), ((MAX_FILES + 1, 1), 1)])
def test_one_that_does_not_goes_on_after_its_last_row(counts: tuple[int, ...], kept: int) -> None:
    page = bound(*counts)
    assert len(page.rows) == kept
    assert page.next == place(page.rows[-1])


def test_downloads_alone(world: FakeWorld) -> None:
    mails = [stored_mail(world) for _ in range(3)]
    found = embed_downloads(
        mails, NOW, with_files=False, to_recipient=True, downloads=world.downloads, files=world.files
    )
    assert {key: (it.download.mail_id, it.files) for key, it in found.items()} == {
        mail.download_id: (mail.id, None) for mail in mails
    }
    assert "find_many" not in world.files.calls


def test_files_in_the_downloads_order_those_that_can_be_had(world: FakeWorld) -> None:
    files = [stored(world, a_ready_file()) for _ in range(4)]
    mail = stored_mail(world, None, *files)
    world.files.records[files[1].id] = replace(files[1], trashed_at=NOW)
    world.files.records[files[2].id] = replace(files[2], expires_at=NOW + timedelta(seconds=1))
    del world.files.records[files[3].id]
    for now, kept in ((NOW, [0, 2]), (NOW + timedelta(seconds=1), [0])):
        found = embed_downloads(
            [mail], now, with_files=True, to_recipient=True, downloads=world.downloads, files=world.files
        )
        shown = found[mail.download_id].files or []
        assert [file.id for file in shown] == [files[index].id for index in kept]


def test_files_that_many_mails_share_are_read_once_a_hundred_at_a_time(world: FakeWorld) -> None:
    files = [stored(world, a_ready_file()) for _ in range(101)]
    mails = [stored_mail(world, None, *files[:100]), stored_mail(world, None, *files[1:])]
    world.files.calls.clear()
    found = embed_downloads(
        mails, NOW, with_files=True, to_recipient=True, downloads=world.downloads, files=world.files
    )
    assert [len(it.files or []) for it in found.values()] == [100, 100]
    assert world.files.calls == ["find_many", "find_many"]


def test_a_download_that_went(world: FakeWorld) -> None:
    mail = stored_mail(world)
    del world.downloads.records[mail.download_id]
    assert (
        embed_downloads([mail], NOW, with_files=True, to_recipient=True, downloads=world.downloads, files=world.files)
        == {}
    )
