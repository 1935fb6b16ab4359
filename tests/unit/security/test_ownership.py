"""Checks O of docs/threat-model.md: what belongs to another account."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import Invalid, NotFound
from chalicelib.domain.file import File, Shelf
from chalicelib.domain.ids import AccountId, FileId
from chalicelib.domain.page import NEWEST_FIRST
from chalicelib.services.create_download import NewDownload, create_download, create_download_key, revoke_download
from chalicelib.services.create_file import create_file
from chalicelib.services.manage_categories import CategoryChanges, delete_category, update_category
from chalicelib.services.own_files import own_file
from chalicelib.services.update_file import FileChanges, update_file
from tests.support.adapters import files_on
from tests.support.app_client import AppClient
from tests.support.builders import (
    ALICES,
    BOBS,
    NOW,
    Caller,
    a_category,
    a_download,
    a_new_file,
    a_ready_file,
    a_user,
    creating,
    granting,
    keying,
    new_id,
    stored,
)
from tests.support.fakes import FakeWorld

ALICES_FILE = FileId("f11e0000-0000-4000-8000-000000000001")


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
    bob, ports = a_user(account_id=BOBS), granting(world)
    assert create_download(bob, NewDownload(file_ids=[mine.id]), NOW, **ports)
    told = []
    for other in (theirs.id, new_id()):
        with pytest.raises(Invalid) as caught:
            create_download(bob, NewDownload(file_ids=[mine.id, other]), NOW, **ports)
        told.append(caught.value.errors)
    assert told == [{"files.1": ["There is no file with this id."]}] * 2


def test_o3_no_key_for_anothers_download(world: FakeWorld) -> None:
    file = stored(world, a_ready_file())
    download = create_download(a_user(), NewDownload(file_ids=[file.id]), NOW, **granting(world))
    soon = NOW + timedelta(seconds=1)
    making = keying(world)
    with pytest.raises(NotFound):
        create_download_key(a_user(account_id=BOBS), download.id, None, soon, **making)
    assert create_download_key(a_user(), download.id, None, soon, **making)


def test_o3_anothers_download_is_not_revoked(world: FakeWorld) -> None:
    download = a_download(stored(world, a_ready_file()))
    world.downloads.add(download)
    for account, download_id in ((BOBS, download.id), (BOBS, new_id())):
        with pytest.raises(NotFound):
            revoke_download(account, download_id, NOW, downloads=world.downloads)
    assert world.downloads.records[download.id].revoked_at is None


def test_o4_anothers_category_is_as_if_it_were_not_there(world: FakeWorld) -> None:
    category, categories = world.categories.add(a_category()), world.categories
    for category_id in (category.id, new_id()):
        with pytest.raises(NotFound) as caught:
            update_category(BOBS, category_id, CategoryChanges(name="Bob's"), categories=categories)
        assert caught.value.message == NotFound.default_message
        with pytest.raises(NotFound):
            delete_category(BOBS, category_id, NOW, categories=categories)
    assert categories.find(category.id) == category


def test_o4_no_file_is_put_in_anothers_category(world: FakeWorld) -> None:
    """Its name and color would be shown with the file."""
    category, file = world.categories.add(a_category()), stored(world, a_ready_file(account_id=BOBS))

    def put(category_id: str) -> File:
        changes = FileChanges(sets_category=True, category_id=category_id)
        return update_file(BOBS, file.id, changes, NOW, files=world.files, categories=world.categories)

    def make(category_id: str) -> File:
        new = a_new_file(category_id=category_id)
        return create_file(new, a_user(account_id=BOBS), NOW, **creating(world)).file

    told = []
    for attempt in (put, make):
        for category_id in (category.id, new_id()):
            with pytest.raises(Invalid) as caught:
                attempt(category_id)
            told.append(caught.value.errors)
    assert told == [{"category_id": ["There is no category with this id."]}] * 4
    his = world.categories.add(a_category(account_id=BOBS))
    assert put(his.id).category_id == his.id


class Misled:
    """DynamoDB with a search table that leads everybody to Alice's file."""

    def __init__(self, file: File) -> None:
        from chalicelib.adapters.dynamo_files import to_item
        from chalicelib.adapters.dynamo_table import to_dynamo

        self.item = to_dynamo(to_item(file))
        self.searched: list[str] = []

    def query(self, **request: Any) -> Any:
        if "IndexName" in request:  # nothing near, and more to come: so the search table is asked
            return {"Items": [], "LastEvaluatedKey": {"list_sk": {"S": "2999\x00"}}}
        self.searched.append(request["ExpressionAttributeValues"][":pk"]["S"])
        return {"Items": [{"sk": {"S": f"invoice\x00{ALICES_FILE}"}, "list_sk": self.item["list_sk"]}]}

    def batch_get_item(self, **_: Any) -> Any:
        return {"Responses": {"metadata": [self.item]}}


def searched(account_id: AccountId, client: Any) -> list[str]:
    from chalicelib.adapters.dynamo_table import MetadataTable

    files = files_on(MetadataTable(client, "metadata"))
    return [file.id for file in files.search(account_id, Shelf.READY, "invoice", NEWEST_FIRST, 9, None).rows]


def test_o5_an_index_is_the_accounts_own() -> None:
    client = Misled(a_ready_file(id=ALICES_FILE))
    searched(BOBS, client)
    searched(ALICES, client)
    bobs, alices = client.searched
    assert BOBS in bobs
    assert ALICES in alices
    assert bobs.replace(BOBS, "") == alices.replace(ALICES, "")


def test_o5_what_an_index_leads_to_is_the_accounts_own() -> None:
    client = Misled(a_ready_file(id=ALICES_FILE))
    assert searched(ALICES, client) == [ALICES_FILE]
    assert searched(BOBS, client) == []


def test_o5_a_keyword_finds_ones_own_files(api: AppClient, world: FakeWorld, alice: Caller, bob: Caller) -> None:
    stored(world, a_ready_file(account_id=alice.account_id))
    mine = stored(world, a_ready_file(account_id=bob.account_id))
    answer = api.get("/files", query={"keyword": "invoice"}, token=bob.text)
    assert [file["id"] for file in answer.data] == [mine.id]
