"""A claim's name and digest: what makes two requests the same one, and what can be read from them."""

import hashlib
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.claim import Claim, claim_of
from tests.support.builders import ALICE_ID, ALICES, BOB_ID, BOBS, NOW

SAME = (ALICES, ALICE_ID, "POST /files", "key", "{}")
part = st.text(max_size=6)


def claim(*parts: str) -> Claim:
    return claim_of(*parts, now=NOW)  # type: ignore[arg-type, misc]


def place(one: Claim) -> tuple[str, str]:
    return one.account_id, one.name


def test_the_same_request_has_the_same_claim() -> None:
    assert claim(*SAME) == claim(*SAME)
    assert claim(*SAME).expires_at == NOW + timedelta(hours=24)


def test_the_body_makes_another_digest_and_no_other_claim() -> None:
    other = claim(*SAME[:4], '{"a": 1}')
    assert place(other) == place(claim(*SAME))
    assert other.body_digest != claim(*SAME).body_digest


def test_another_account_user_route_or_key_makes_another_claim() -> None:
    others = [
        (BOBS, *SAME[1:]),
        (ALICES, BOB_ID, *SAME[2:]),
        (*SAME[:2], "POST /downloads", *SAME[3:]),
        (*SAME[:3], "Key", *SAME[4:]),
    ]
    assert len({place(claim(*parts)) for parts in [SAME, *others]}) == 5


@given(part, part, part, part, part, part)
def test_no_two_requests_share_a_name_by_running_into_each_other(
    user: str, route: str, key: str, user2: str, route2: str, key2: str
) -> None:
    one, two = claim(ALICES, user, route, key, ""), claim(ALICES, user2, route2, key2, "")
    assert (one.name == two.name) == ((user, route, key) == (user2, route2, key2))


def test_a_digest_tells_nothing_to_who_does_not_have_the_key() -> None:
    """The body may hold a PIN: of ten thousand, the right one would be found at once."""
    body = '{"pin": "1234"}'
    kept = claim(*SAME[:4], body)
    assert kept.body_digest != hashlib.sha256(body.encode()).hexdigest()
    assert kept.body_digest != claim(*SAME[:3], "another key", body).body_digest
    assert "key" not in kept.name
