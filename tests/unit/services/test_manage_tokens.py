"""(A3) A token makes none that may do more, or for longer, than itself; (A4) ends no other user's, (A7) nor one that
may do more; (A6) and ends together with all that were made with it.
"""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import Conflict, Invalid, MissingScope, NotFound, Unauthenticated
from chalicelib.domain.secret import hash_secret, looks_like_token
from chalicelib.domain.token_tree import MAX_TOKENS
from chalicelib.services.manage_tokens import create_token, list_tokens, revoke_token
from tests.support.builders import BOB_ID, BOBS, NOW, a_token
from tests.support.fakes import FakeTokens

DAY = timedelta(days=1)
SCOPES = st.sets(st.sampled_from(sorted(Scope)))


@pytest.fixture
def tokens() -> FakeTokens:
    return FakeTokens()


def create(maker, tokens, scopes=frozenset({Scope.FILES_READ}), expires_at=None):
    if maker.id not in tokens.records:
        tokens.add(maker)
    return create_token(maker, "script", set(scopes), expires_at, NOW, tokens=tokens)


def test_the_new_token_is_its_makers_in_all_but_name_scopes_and_expiry(tokens) -> None:
    maker = a_token()
    issued = create(maker, tokens, expires_at=NOW + DAY)
    stored = tokens.find(hash_secret(issued.text))
    assert looks_like_token(issued.text)
    assert stored == issued.token
    assert (stored.user_id, stored.account_id, stored.author) == (maker.user_id, maker.account_id, maker.author)
    assert (stored.name, stored.scopes, stored.expires_at) == ("script", frozenset({Scope.FILES_READ}), NOW + DAY)
    assert (stored.created_at, stored.last_used_at) == (NOW, None)
    assert (stored.maker_id, maker.maker_id) == (maker.id, None)


def test_every_token_is_another(tokens) -> None:
    assert len({create(a_token(), tokens).text for _ in range(20)}) == 20


@given(SCOPES, SCOPES)
def test_a3_never_wider(held: set[Scope], wished: set[Scope]) -> None:
    tokens, maker = FakeTokens(), a_token(scopes=frozenset(held))
    if wished <= held:
        assert create(maker, tokens, wished).token.scopes == wished
        return
    with pytest.raises(MissingScope) as refusal:
        create(maker, tokens, wished)
    assert refusal.value.errors == {"scopes": sorted(wished - held)}
    assert set(tokens.records) == {maker.id}


@pytest.mark.parametrize("scope", Scope)
def test_a3_scope_by_scope(tokens, scope: Scope) -> None:
    maker = a_token(scopes=frozenset(Scope) - {scope})
    with pytest.raises(MissingScope):
        create(maker, tokens, {scope})
    assert create(maker, tokens, maker.scopes)


@given(
    st.none() | st.timedeltas(-DAY, 2 * DAY),
    st.none() | st.timedeltas(timedelta(seconds=1), 2 * DAY),
)
def test_a3_never_longer(wished: timedelta | None, makers: timedelta | None) -> None:
    tokens = FakeTokens()
    maker = a_token(expires_at=None if makers is None else NOW + makers)
    expires_at = None if wished is None else NOW + wished
    passed = wished is not None and wished <= timedelta(0)
    outlasts = makers is not None and (wished is None or wished > makers)
    if passed or outlasts:
        with pytest.raises(Invalid) as refusal:
            create(maker, tokens, expires_at=expires_at)
        assert list(refusal.value.errors) == ["expires_at"]
        assert set(tokens.records) == {maker.id}
    else:
        assert create(maker, tokens, expires_at=expires_at).token.expires_at == expires_at


def test_lists_are_the_users_own_newest_first(tokens) -> None:
    mine = [a_token(created_at=NOW + i * DAY) for i in range(3)]
    for token in (*mine, a_token(user_id=BOB_ID, account_id=BOBS)):
        tokens.add(token)
    first = list_tokens(mine[0], 2, None, tokens=tokens)
    second = list_tokens(mine[0], 2, first.next, tokens=tokens)
    assert [*first.rows, *second.rows] == mine[::-1]
    assert second.next is None


class TestRevoke:
    def test_ones_own_also_the_one_in_use(self, tokens) -> None:
        token = a_token()
        tokens.add(token)
        revoke_token(token, token.id, tokens=tokens)
        assert tokens.records == {}
        with pytest.raises(NotFound):
            revoke_token(token, token.id, tokens=tokens)

    @pytest.mark.parametrize("account", ["the same account", "another account"])
    def test_a4_not_another_users(self, tokens, account: str) -> None:
        alices = a_token()
        tokens.add(alices)
        bobs = a_token(user_id=BOB_ID, **({} if account == "the same account" else {"account_id": BOBS}))
        with pytest.raises(NotFound):
            revoke_token(bobs, alices.id, tokens=tokens)
        assert alices.id in tokens.records

    @pytest.mark.parametrize("token_id", ["", "x", str(BOB_ID).upper(), f"../{BOB_ID}"])
    def test_what_is_no_id_costs_no_look_up(self, tokens, token_id: str) -> None:
        with pytest.raises(NotFound):
            revoke_token(a_token(), token_id, tokens=tokens)
        assert tokens.calls == []

    def test_a7_not_one_that_may_do_more(self, tokens) -> None:
        wide = a_token(scopes=frozenset({Scope.TOKENS, Scope.FILES_READ}))
        narrow = a_token(scopes=frozenset({Scope.TOKENS}))
        for token in (wide, narrow):
            tokens.add(token)
        with pytest.raises(MissingScope, match="files:read"):
            revoke_token(narrow, wide.id, tokens=tokens)
        assert wide.id in tokens.records
        revoke_token(wide, narrow.id, tokens=tokens)
        assert set(tokens.records) == {wide.id}

    def test_a6_all_that_were_made_with_it_go_too(self, tokens) -> None:
        owner, stolen = a_token(), a_token()
        for token in (owner, stolen):
            tokens.add(token)
        child = create(stolen, tokens, stolen.scopes).token
        create(child, tokens)
        kept = create(owner, tokens).token
        revoke_token(owner, stolen.id, tokens=tokens)
        assert set(tokens.records) == {owner.id, kept.id}

    def test_a6_a_revoked_token_makes_none(self, tokens) -> None:
        """It was authenticated, and is revoked before the new one is stored."""
        maker = a_token()
        tokens.add(maker)
        tokens.before("add", lambda: tokens.remove(maker.id, maker.user_id))
        with pytest.raises(Unauthenticated):
            create(maker, tokens)
        assert tokens.records == {}

    def test_a_token_that_took_its_makers_place_may_end_it(self, tokens) -> None:
        """The usual way to change a credential: make a new one, then end the old one with it."""
        old, other = a_token(), a_token()
        for token in (old, other):
            tokens.add(token)
        new = create(old, tokens, old.scopes).token
        create(old, tokens)
        below = create(new, tokens).token
        revoke_token(new, old.id, tokens=tokens)
        assert set(tokens.records) == {new.id, below.id, other.id}
        revoke_token(other, new.id, tokens=tokens)
        assert set(tokens.records) == {other.id}

    def test_gone_between_look_and_write(self, tokens) -> None:
        token = a_token()
        tokens.add(token)
        tokens.before("remove", lambda: tokens.remove(token.id, token.user_id))
        with pytest.raises(NotFound):
            revoke_token(token, token.id, tokens=tokens)


def test_a_user_has_so_many_tokens_and_no_more(tokens) -> None:
    maker = a_token()
    made = [create(maker, tokens, expires_at=NOW + DAY).token for _ in range(MAX_TOKENS - 1)]
    with pytest.raises(Conflict):
        create(maker, tokens)
    revoke_token(maker, made[0].id, tokens=tokens)
    assert create(maker, tokens)
