"""The plan of an upload in parts, at the edges that S3 sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.upload import (
    DEFAULT_PART_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    MAX_STORED_BYTES,
    MIB,
    MIN_PART_BYTES,
    SINGLE_PUT_BYTES,
    Multipart,
    ReceivedPart,
    missing_from,
    part_bytes_for,
)
from tests.support.builders import NOW

TIB = 1024**4


def received(number: int, size: int) -> ReceivedPart:
    return ReceivedPart(number, size, f'"{number}"', NOW)


def plan_of(stored: int, part_bytes: int) -> Multipart:
    return Multipart("upload", part_bytes, False, stored)


@pytest.mark.parametrize("stored", [0, 1, SINGLE_PUT_BYTES])
def test_small_files_are_one_put(stored: int) -> None:
    assert part_bytes_for(stored, None) is None


@pytest.mark.parametrize(
    ("stored", "part_bytes"),
    [
        (SINGLE_PUT_BYTES + 1, DEFAULT_PART_BYTES),
        (DEFAULT_PART_BYTES * MAX_PARTS, DEFAULT_PART_BYTES),
        (DEFAULT_PART_BYTES * MAX_PARTS + 1, DEFAULT_PART_BYTES + MIB),
        (5 * TIB, 525 * MIB),
    ],
)
def test_the_part_size_grows_with_the_file(stored: int, part_bytes: int) -> None:
    assert part_bytes_for(stored, None) == part_bytes


@given(st.integers(SINGLE_PUT_BYTES + 1, MAX_STORED_BYTES))
def test_any_file_fits_into_the_parts_that_s3_takes(stored: int) -> None:
    part_bytes = part_bytes_for(stored, None)
    assert part_bytes is not None
    assert MIN_PART_BYTES <= part_bytes <= MAX_PART_BYTES
    assert part_bytes % MIB == 0
    assert plan_of(stored, part_bytes).count <= MAX_PARTS


@given(st.integers(0, MAX_STORED_BYTES), st.integers(MIN_PART_BYTES, MAX_PART_BYTES))
def test_a_wish_is_granted_or_refused_with_the_least_that_would_do(stored: int, wished: int) -> None:
    try:
        part_bytes = part_bytes_for(stored, wished)
    except ValueError as error:
        least = int(str(error).rpartition("at least ")[2].split()[0])
        assert least > wished
        assert plan_of(stored, least).count <= MAX_PARTS
        assert plan_of(stored, least - 1).count > MAX_PARTS
        return
    if stored <= wished:
        assert part_bytes is None
    else:
        assert part_bytes == wished
        assert 2 <= plan_of(stored, wished).count <= MAX_PARTS


@given(st.integers(1, 5000), st.integers(1, 300))
def test_sizes_add_up(stored: int, part_bytes: int) -> None:
    plan = plan_of(stored, part_bytes)
    sizes = [plan.size_of(number) for number in range(1, plan.count + 1)]
    assert sum(sizes) == stored
    assert all(size == part_bytes for size in sizes[:-1])
    assert 1 <= sizes[-1] <= part_bytes


@pytest.mark.parametrize(
    ("stored", "sizes"), [(9, [9]), (10, [10]), (11, [10, 1]), (19, [10, 9]), (20, [10, 10]), (21, [10, 10, 1])]
)
def test_at_the_edges_of_a_part(stored: int, sizes: list[int]) -> None:
    plan = plan_of(stored, 10)
    assert [plan.size_of(number) for number in range(1, plan.count + 1)] == sizes


class TestMissing:
    plan = plan_of(25, 10)
    whole = (received(1, 10), received(2, 10), received(3, 5))

    def test_nothing(self) -> None:
        assert missing_from(self.plan, self.whole) == []
        assert missing_from(self.plan, reversed(self.whole)) == []

    def test_parts_that_have_not_come(self) -> None:
        assert missing_from(self.plan, self.whole[1:2]) == ["2 of 3 parts have not arrived: 1, 3"]

    def test_a_part_of_another_size(self) -> None:
        assert missing_from(self.plan, [*self.whole[:2], received(3, 6)]) == ["Part 3 has 6 bytes instead of 5."]

    def test_a_part_too_many(self) -> None:
        assert missing_from(self.plan, [*self.whole, received(4, 1)]) == ["Part 4 is one too many: the upload has 3."]

    def test_the_list_is_bounded(self) -> None:
        plan = plan_of(100_000, 10)
        problems = missing_from(plan, [received(number, 9) for number in range(1, 10_000)])
        assert len(problems) == 20
        [first] = missing_from(plan, [])
        assert first.startswith("10000 of 10000")
        assert first.endswith("19, 20 …")
