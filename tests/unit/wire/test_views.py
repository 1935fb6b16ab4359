"""What goes out: sizes in words, times in UTC, and no field that a view does not name."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.sealing import WrappedKey
from chalicelib.domain.upload import MAX_STORED_BYTES
from chalicelib.wire.downloads import DownloadKeyView, SharedFileView
from chalicelib.wire.files import FileView, formatted_size
from chalicelib.wire.people import TokenView
from tests.support.builders import NOW, a_ready_file, a_token

UNITS = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.00 KB"),
        (1536, "1.50 KB"),
        (1024**2 - 1, "1024.00 KB"),
        (1024**2, "1.00 MB"),
        (1024**3, "1.00 GB"),
        (1024**4, "1.00 TB"),
        (5 * 1024**4, "5.00 TB"),
        (1024**5, "1024.00 TB"),
    ],
)
def test_sizes_in_words(size: int, text: str) -> None:
    assert formatted_size(size) == text


@given(st.integers(0, MAX_STORED_BYTES))
def test_sizes_in_words_are_near_the_size(size: int) -> None:
    number, unit = formatted_size(size).split()
    assert abs(float(number) * UNITS[unit] - size) <= 0.005 * UNITS[unit] + 1e-6 * size
    assert unit == "B" or float(number) >= 1


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.sampled_from([timezone(timedelta(hours=9))])))  # noqa: DTZ001 - given one
def test_times_are_utc_in_one_width(moment: datetime) -> None:
    text = DownloadKeyView(key="k", expires_at=moment).model_dump()["expires_at"]
    assert len(text) == len("2026-03-01T12:00:00.000000Z")
    assert datetime.fromisoformat(text) == moment


SECRETS = WrappedKey("arn:secret", b"wrapped secret")


@pytest.mark.parametrize("view", [FileView, SharedFileView])
def test_s2_a_view_of_a_file_holds_neither_key_nor_version_nor_account(view) -> None:
    file = a_ready_file(wrapped_key=SECRETS, object_version="version secret", purging_at=None)
    text = view.of(file).model_dump_json()
    for hidden in ("secret", file.account_id, "revision", "object_version", "alive_at"):
        assert hidden not in text


def test_s2_a_view_of_a_token_holds_no_hash() -> None:
    token = a_token(last_used_at=NOW)
    assert token.secret_hash not in TokenView.of(token).model_dump_json()
