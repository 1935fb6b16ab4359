"""Which postings a record has, and that they follow its changes, in whatever batches and however often it is told."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.dynamo_files import to_item
from chalicelib.adapters.dynamo_postings import difference, postings
from chalicelib.adapters.dynamo_table import Item, Key
from chalicelib.adapters.dynamo_tokens import token_item
from chalicelib.domain.file import File
from chalicelib.domain.folding import fold
from chalicelib.domain.search import SUFFIX_LENGTH, search_text, suffixes, usable_keyword
from chalicelib.ports import Change
from tests.support.builders import ALICES, NOW, a_file, a_ready_file, a_token, new_id

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=80)


def item(file: File) -> Item:
    """As the stream shows it."""
    return {name: value for name, value in to_item(file).items() if value is not None}


def change(old: File | None, new: File | None) -> Change:
    images = [item(file) if file else None for file in (old, new)]
    pk = (images[0] or images[1] or {})["pk"]
    return Change("id", "1", NOW, pk, "FILE", *images, expired=False)


def apply(table: dict[Key, Item], *changes: Change) -> dict[Key, Item]:
    for key, posting in difference(changes).items():
        if posting is None:
            table.pop(key, None)
        else:
            table[key] = posting
    return table


def suffixes_in(table: dict[Key, Item]) -> set[str]:
    return {sk.rpartition("\x00")[0] for _, sk in table}


# -- texts and suffixes ------------------------------------------------------------------------------------------------


@given(TEXTS, st.integers(0, 80), st.integers(1, 80))
def test_a_part_of_a_text_begins_a_suffix(text: str, start: int, length: int) -> None:
    folded = search_text([text])
    part = folded[start : start + length]
    if part:
        assert any(suffix.startswith(part[:SUFFIX_LENGTH]) for suffix in suffixes(folded))


@given(TEXTS, TEXTS.filter(bool))
def test_what_is_no_part_begins_none(text: str, keyword: str) -> None:
    folded, keyword = search_text([text]), fold(keyword)
    if keyword[:SUFFIX_LENGTH] not in folded:
        assert not any(suffix.startswith(keyword[:SUFFIX_LENGTH]) for suffix in suffixes(folded))


def test_texts_are_kept_apart() -> None:
    assert suffixes(search_text(["ab", "", "cd"])) == {"ab", "b", "cd", "d"}
    assert "bc" not in search_text(["ab", "cd"])


@pytest.mark.parametrize("keyword", ["a\nb", "\x00", "\x1b[", "\u2028", "\u2029", "\x85", "\ud800", "a\tb"])
def test_what_no_text_is_searched_for(keyword: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        usable_keyword(keyword)


@pytest.mark.parametrize("keyword", [" ", "\u00a0", "\u3000", "a b", ".", "語", "🗂", "\u200d", "%", "'"])
def test_everything_else_is(keyword: str) -> None:
    assert usable_keyword(keyword) == keyword


# -- postings ----------------------------------------------------------------------------------------------------------


def test_one_for_each_suffix_with_the_places_of_the_record() -> None:
    file = a_ready_file(filename="Ab.c", size_bytes=7, stored_bytes=9)
    found = postings(item(file))
    assert set(found) == {
        (f"ACCOUNT#{ALICES}#FILES#{suffix[0]}", f"{suffix}\x00{file.id}") for suffix in ("ab.c", "b.c", ".c", "c")
    }
    for (pk, sk), posting in found.items():
        assert posting == {
            "pk": pk,
            "sk": sk,
            "list_sk": "2026-03-01T12:00:00.000000Z",
            "sort_a": "ab.c",
            "sort_b": f"{7:015}",
            "sort_c": f"{9:015}",
        }


def test_a_posting_is_on_no_list() -> None:
    """Else it would be an index's, and be shown."""
    assert all("list_pk" not in posting for posting in postings(item(a_ready_file())).values())


def test_a_posting_fits_in_a_key_and_in_one_unit() -> None:
    for name in ("語" * 85, "\ufdfa" * 85, "x" * 255, "🗂" * 63):
        for (pk, sk), posting in postings(item(a_ready_file(filename=name))).items():
            assert len(pk.encode()) <= 2048
            assert len(sk.encode()) <= 1024
            assert len(str(posting).encode()) <= 2048


def test_records_that_are_in_no_search_have_none() -> None:
    assert postings(None) == {}
    assert postings({name: value for name, value in token_item(a_token()).items() if value is not None}) == {}
    assert postings(item(a_ready_file().purging(NOW))) == {}


# -- following ---------------------------------------------------------------------------------------------------------


def test_a_life() -> None:
    file = a_file(filename="ab")
    table = apply({}, change(None, file))
    assert suffixes_in(table) == {"ab", "b"}
    ready = file.made_ready("v", NOW)
    assert difference([change(file, ready)]) == {}  # nor does the trash cost anything
    assert difference([change(ready, ready.trashed(NOW))]) == {}
    renamed = replace(ready, filename="xb")
    assert None in difference([change(ready, renamed)]).values()
    assert suffixes_in(apply(table, change(ready, renamed))) == {"xb", "b"}
    assert table == postings(item(renamed))
    purging = renamed.purging(NOW + timedelta(hours=1))
    assert apply(table, change(renamed, purging)) == {}
    assert apply(table, change(purging, None)) == {}


def test_a_new_name_is_the_new_place_in_every_posting_of_the_record() -> None:
    file = a_ready_file(filename="1.pdf")
    renamed = replace(file, filename="2.pdf")
    table = apply({}, change(None, file), change(file, renamed))
    assert {posting["sort_a"] for posting in table.values()} == {"2.pdf"}


@st.composite
def lives(draw: st.DrawFn) -> list[Change]:
    """Changes of a few records, of each in order."""
    standing: dict[int, File] = {}
    told = []
    for _ in range(draw(st.integers(1, 12))):
        which = draw(st.integers(0, 2))
        old = standing.get(which)
        if old is None:
            new: File | None = a_ready_file(id=new_id(), filename=draw(st.text("ab", max_size=4)))
        else:
            renamed = replace(old, filename=draw(st.text("ab", max_size=4)))
            new = draw(st.sampled_from([None, old.purging(NOW), renamed]))
        told.append(change(old, new))
        standing.pop(which, None)
        if new is not None:
            standing[which] = new
    return told


@given(lives(), st.data())
def test_told_in_any_batches_and_more_than_once_it_comes_to_the_same(changes: list[Change], data: Any) -> None:
    once: dict[Key, Item] = {}
    for one in changes:
        apply(once, one)
    table: dict[Key, Item] = {}
    at = 0
    while at < len(changes):
        size = data.draw(st.integers(1, len(changes) - at))
        apply(table, *changes[at : at + size])
        if data.draw(st.booleans()):  # the answer was lost: the same again, from somewhere in it on
            again = data.draw(st.integers(at, at + size))
            for one in changes[again : at + size]:
                apply(table, one)
        at += size
    standing: dict[str, Any] = {}
    for one in changes:
        standing[one.pk] = one.new
    assert table == once == {key: posting for image in standing.values() for key, posting in postings(image).items()}
