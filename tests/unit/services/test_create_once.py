"""What is made once, and what the second request for it is told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.claim import Claim, Kept
from chalicelib.domain.errors import Busy, Conflict, Gone, IdempotencyMismatch, Invalid, NotFound, QuotaExceeded
from chalicelib.ports import Claimed
from chalicelib.services.create_once import Created, create_once
from tests.support.builders import a_claim
from tests.support.fakes import FakeClaims

CLAIM = a_claim()


class Maker:
    """Makes what is asked for, or fails as told; counts both ways of answering."""

    def __init__(self, claims: FakeClaims, trouble: Exception | None = None, lost: Exception | None = None) -> None:
        self.claims, self.trouble, self.lost = claims, trouble, lost
        self.made, self.found = 0, []

    def create(self, claim: Claim | None) -> str:
        if self.trouble:
            raise self.trouble
        with self.claims.keeping(claim, "id"):
            self.made += 1
        return "made"

    def find_again(self, ids: tuple[str, ...]) -> str:
        if self.lost:
            raise self.lost
        self.found.append(ids)
        return "found"

    def __call__(self, claim: Claim | None = CLAIM) -> Created[str]:
        return create_once(claim, self.create, self.find_again, claims=self.claims)


@pytest.fixture
def claims() -> FakeClaims:
    return FakeClaims()


def test_without_a_key_every_request_makes_its_own(claims) -> None:
    maker = Maker(claims)
    assert [maker(None), maker(None)] == [Created("made", replayed=False)] * 2
    assert claims.calls == []


def test_with_one_only_the_first_does(claims) -> None:
    maker = Maker(claims)
    assert [maker(), maker(), maker()] == [Created("made", replayed=False), *[Created("found", replayed=True)] * 2]
    assert (maker.made, maker.found) == (1, [("id",), ("id",)])
    assert claims.calls == []  # it is the store's refusal that tells, not a look before


def test_a_day_later_it_is_made_anew(claims) -> None:
    maker = Maker(claims)
    maker()
    last = replace(CLAIM, made_at=CLAIM.made_at + timedelta(hours=24, microseconds=-1))
    assert maker(last).replayed
    assert not maker(replace(CLAIM, made_at=CLAIM.made_at + timedelta(hours=24))).replayed
    assert maker.made == 2


def test_i2_another_body_is_refused_and_nothing_is_made_or_told(claims) -> None:
    maker = Maker(claims)
    maker()
    with pytest.raises(IdempotencyMismatch):
        maker(a_claim(body='{"another": "body"}'))
    assert (maker.made, maker.found) == (1, [])


@pytest.mark.parametrize("refusal", [Invalid(), QuotaExceeded(), Conflict(), NotFound()])
class TestARequestThatIsRefused:
    def test_keeps_no_claim(self, claims, refusal) -> None:
        with pytest.raises(type(refusal)):
            Maker(claims, refusal)()
        assert not Maker(claims)().replayed

    def test_and_succeeded_before_is_answered_as_then(self, claims, refusal) -> None:
        """The expiry it names has passed meanwhile, or the file it makes has filled the quota."""
        Maker(claims)()
        assert Maker(claims, refusal)() == Created("found", replayed=True)

    def test_is_refused_for_its_body_first(self, claims, refusal) -> None:
        Maker(claims)()
        with pytest.raises(IdempotencyMismatch):
            Maker(claims, refusal)(a_claim(body="another"))

    def test_without_a_key_looks_nothing_up(self, claims, refusal) -> None:
        with pytest.raises(type(refusal)):
            Maker(claims, refusal)(None)
        assert claims.calls == []


def test_trouble_at_aws_is_passed_on_at_once(claims) -> None:
    Maker(claims)()
    with pytest.raises(Busy):
        Maker(claims, Busy())()
    assert claims.calls == []


def test_what_was_made_and_went_is_not_made_again(claims) -> None:
    maker = Maker(claims)
    maker()
    maker.lost = NotFound()
    with pytest.raises(Gone, match="fresh key"):
        maker()
    assert maker.made == 1


def test_a_store_that_says_claimed_is_believed(claims) -> None:
    """Also when the claim cannot be found any more a moment later."""
    kept = Kept(CLAIM.body_digest, ("one", "two"))
    maker = Maker(claims, Claimed(kept))
    assert maker() == Created("found", replayed=True)
    assert maker.found == [("one", "two")]
