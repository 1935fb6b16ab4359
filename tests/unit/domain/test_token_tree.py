"""What a revocation takes with it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import Conflict, Unauthenticated
from chalicelib.domain.ids import TokenId
from chalicelib.domain.token_tree import MAX_TOKENS, Branch, TokenTree
from tests.support.builders import NOW, a_token, new_id

HOUR = timedelta(hours=1)


def tree_of(**makers: str) -> TokenTree:
    """Each token with the one that it was made with; "" is the operator."""
    branches = {TokenId(held): Branch(TokenId(maker) if maker else None, None) for held, maker in makers.items()}
    return TokenTree(branches)


FAMILY = tree_of(root="", laptop="root", script="laptop", job="script", phone="root", other="")


@pytest.mark.parametrize(
    ("revoked", "spared", "ended"),
    [
        ("job", None, "job"),
        ("laptop", None, "laptop script job"),
        ("laptop", "root", "laptop script job"),  # who made it is not concerned
        ("laptop", "phone", "laptop script job"),
        ("laptop", "laptop", "laptop script job"),  # by itself
        ("laptop", "script", "laptop"),
        ("root", "script", "root laptop phone"),
        ("root", "other", "root laptop script job phone"),
        ("unknown", None, "unknown"),
    ],
)
def test_what_ends(revoked: str, spared: str | None, ended: str) -> None:
    after, told = FAMILY.without(TokenId(revoked), TokenId(spared) if spared else None)
    assert told == set(ended.split())
    assert set(after.branches) == set(FAMILY.branches) - told


def test_who_is_spared_is_its_grandmakers_from_then_on() -> None:
    after, _ = FAMILY.without(TokenId("laptop"), TokenId("script"))
    assert after.branches["script"].maker_id == "root"
    assert after.branches["job"].maker_id == "script"
    assert after.without(TokenId("root"), None)[1] == {"root", "script", "job", "phone"}
    topmost, _ = FAMILY.without(TokenId("root"), TokenId("laptop"))
    assert topmost.branches["laptop"].maker_id is None


@given(st.lists(st.integers(0, 1000), max_size=30), st.integers(0, 40), st.none() | st.integers(0, 40))
def test_no_token_is_left_without_its_maker(makers: list[int], revoked: int, spared: int | None) -> None:
    """Whatever the tree, and whoever revokes what in it."""
    names = [str(number) for number in range(len(makers) + 1)]
    tree = tree_of(**{"0": ""} | {names[at + 1]: names[maker % (at + 1)] for at, maker in enumerate(makers)})
    after, ended = tree.without(TokenId(str(revoked)), None if spared is None else TokenId(str(spared)))
    assert str(revoked) in ended
    assert not ended & set(after.branches)
    assert spared == revoked or str(spared) not in ended
    for branch in after.branches.values():
        assert branch.maker_id is None or branch.maker_id in after.branches


class TestGrowing:
    def test_a_token_stands_under_its_maker(self) -> None:
        first = a_token()
        child = a_token(maker_id=first.id, expires_at=NOW + HOUR)
        tree = TokenTree().with_token(first, NOW).with_token(child, NOW)
        assert tree.branches == {first.id: Branch(None, None), child.id: Branch(first.id, NOW + HOUR)}

    def test_not_under_one_that_is_not_there(self) -> None:
        with pytest.raises(Unauthenticated):
            TokenTree().with_token(a_token(maker_id=TokenId(new_id())), NOW)

    def test_what_has_expired_is_forgotten_and_makes_none(self) -> None:
        first = a_token(expires_at=NOW + HOUR)
        tree = TokenTree().with_token(first, NOW)
        assert set(tree.with_token(a_token(), NOW + HOUR - timedelta(microseconds=1)).branches) >= {first.id}
        assert first.id not in tree.with_token(a_token(), NOW + HOUR).branches
        with pytest.raises(Unauthenticated):
            tree.with_token(a_token(maker_id=first.id), NOW + HOUR)

    def test_there_is_an_end(self) -> None:
        tree = TokenTree()
        for _ in range(MAX_TOKENS):
            tree = tree.with_token(a_token(expires_at=NOW + HOUR), NOW)
        with pytest.raises(Conflict):
            tree.with_token(a_token(), NOW)
        assert tree.with_token(a_token(), NOW + HOUR)

    def test_all_of_it_fits_into_one_transaction(self) -> None:
        """DynamoDB takes 100 writes; one is the tree's own."""
        assert MAX_TOKENS + 1 <= 100
