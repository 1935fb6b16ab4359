"""The rule of a quota: what fits, what does not, and what the one who is refused is told."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.quota import Quota, Usage, day_of, refusal

QUOTA = Quota(stored_bytes=100, files=10, mails_a_day=50)
usages = st.builds(Usage, stored_bytes=st.integers(0, 200), files=st.integers(0, 20), mails=st.integers(0, 100))


@pytest.mark.parametrize(
    ("used", "more"),
    [
        (Usage(), Usage(stored_bytes=100, files=1)),
        (Usage(stored_bytes=99, files=9), Usage(stored_bytes=1, files=1)),
        (Usage(mails=49), Usage(mails=1)),
        (Usage(), Usage(mails=50)),
    ],
)
def test_the_last_bit_fits(used: Usage, more: Usage) -> None:
    assert refusal(QUOTA, used, more) is None


@pytest.mark.parametrize(
    ("used", "more", "names"),
    [
        (Usage(stored_bytes=100, files=1), Usage(stored_bytes=1, files=1), ["bytes"]),
        (Usage(files=10), Usage(files=1), ["files"]),
        (Usage(stored_bytes=100, files=10), Usage(stored_bytes=1, files=1), ["bytes", "files"]),
        (Usage(mails=1), Usage(mails=50), ["mails_today"]),
        (Usage(), Usage(stored_bytes=101, files=1), ["bytes"]),
    ],
)
def test_one_more_does_not_and_the_quota_is_named(used: Usage, more: Usage, names: list[str]) -> None:
    refused = refusal(QUOTA, used, more)
    assert refused is not None
    assert refused.code == "quota_exceeded"
    assert list(refused.errors or {}) == names
    assert all(name in refused.message for name in names)


def test_it_is_said_how_much_there_is_and_what_to_do() -> None:
    refused = refusal(
        Quota(stored_bytes=5000, files=9, mails_a_day=9), Usage(stored_bytes=4000), Usage(stored_bytes=1001)
    )
    assert refused is not None
    [[said]] = (refused.errors or {}).values()
    assert "4,000 of 5,000 bytes are used, and this takes 1,001." in said
    assert "Purge files" in said
    mails = refusal(QUOTA, Usage(mails=50), Usage(mails=1))
    assert mails is not None
    assert "midnight UTC" in (mails.errors or {})["mails_today"][0]


def test_what_takes_nothing_of_a_quota_does_not_meet_its_limit() -> None:
    """An empty file, when a limit was lowered below what is stored."""
    assert refusal(QUOTA, Usage(stored_bytes=500), Usage(files=1)) is None
    assert refusal(QUOTA, Usage(stored_bytes=500, files=90, mails=90), Usage()) is None


@given(usages, usages)
def test_nothing_passes_a_limit(used: Usage, more: Usage) -> None:
    if refusal(QUOTA, used, more) is None:
        after = used + more
        assert after.stored_bytes <= max(100, used.stored_bytes)
        assert after.files <= max(10, used.files)
        assert after.mails <= max(50, used.mails)


def test_a_mail_counts_for_the_day_in_utc() -> None:
    vienna = timezone(timedelta(hours=2))
    assert day_of(datetime(2026, 7, 1, 1, 59, tzinfo=vienna)) == date(2026, 6, 30)
    assert day_of(datetime(2026, 7, 1, 2, 0, tzinfo=vienna)) == date(2026, 7, 1)
    assert day_of(datetime(2026, 6, 30, 23, 59, 59, 999_999, tzinfo=UTC)) == date(2026, 6, 30)
