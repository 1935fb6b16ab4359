"""Creations and ends whose answer is lost, or which DynamoDB cancels because others write the same items."""

import json
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.dynamo_transaction import ATTEMPTS, LONGEST_PAUSE_SECONDS
from chalicelib.bootstrap import World
from chalicelib.domain.claim import Kept
from chalicelib.domain.errors import Busy, QuotaExceeded
from chalicelib.domain.file import File
from chalicelib.domain.quota import Quota, Usage
from chalicelib.ports import Claimed
from tests.integration.hooks import BROKEN_LINES, Hooks
from tests.integration.quotas import another_container, used, with_quota
from tests.integration.test_aws_trouble import cancelled
from tests.support.builders import ALICES, NOW, a_claim, a_download, a_file, new_id

pytestmark = pytest.mark.usefixtures("impatient")

TRANSACTION = "dynamodb.TransactWriteItems"
CLAIM = a_claim()
ONE_FILE = Usage(stored_bytes=5, files=1)
BOTOCORES_ATTEMPTS = 3


@pytest.fixture(autouse=True)
def _fits_exactly(world: World) -> None:
    """One file fills the account: whoever counts twice is refused."""
    with_quota(world, Quota(stored_bytes=5, files=1, mails_a_day=5))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr("chalicelib.adapters.dynamo_transaction.time.sleep", pauses.append)
    return pauses


def one() -> File:
    """Always of the same purse."""
    return a_file(id=f"5{new_id()[1:]}")


def opened(world: World) -> None:
    """All the room is in its purse: the next charge is one write."""
    world.files.remove(world.files.add(one()))


# -- lost answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("prepare", [opened, lambda _: None], ids=["usual", "divided anew"])
def test_what_was_made_is_neither_a_twins_nor_too_much(
    world: World, hooks: Hooks, prepare: Callable[[World], None], times: int
) -> None:
    """botocore tries again, and meets the record, the claim and the full account of its own first attempt."""
    prepare(world)
    hooks.lose_answers(TRANSACTION, times=times)
    file = world.files.add(one(), CLAIM)
    assert world.files.find(file.id) == file
    assert world.claims.find(CLAIM) == Kept(CLAIM.body_digest, (file.id,))
    assert used(world) == ONE_FILE


def test_so_with_a_download(world: World, hooks: Hooks) -> None:
    download = a_download()
    hooks.lose_answers(TRANSACTION)
    world.downloads.add(download, CLAIM)
    assert world.downloads.find(download.id) == download
    assert world.claims.find(CLAIM) == Kept(CLAIM.body_digest, (download.id,))


def test_a_twins_claim_is_not_taken_for_ones_own(world: World, hooks: Hooks) -> None:
    twin = one()
    calm = another_container(world, Quota(stored_bytes=5, files=1, mails_a_day=5))
    hooks.rival_before(TRANSACTION, lambda: calm.files.add(twin, CLAIM))
    hooks.lose_answers(TRANSACTION, times=2)
    mine = one()
    with pytest.raises(Claimed) as claimed:
        world.files.add(mine, a_claim(body="another"))
    assert claimed.value.kept == Kept(CLAIM.body_digest, (twin.id,))
    assert world.files.find(mine.id) is None
    assert used(world) == ONE_FILE


def test_when_nothing_is_known_the_same_key_finds_it(world: World, hooks: Hooks) -> None:
    opened(world)
    file = one()
    hooks.lose_answers(TRANSACTION, times=BOTOCORES_ATTEMPTS)
    with pytest.raises(Busy):
        world.files.add(file, CLAIM)
    with pytest.raises(Claimed) as claimed:
        world.files.add(one(), CLAIM)
    assert claimed.value.kept.resource_ids == (file.id,)
    assert used(world) == ONE_FILE


def rejected(world: World, file: File) -> None:
    saved = world.files.save(file.rejected("no", NOW))
    assert world.files.find(file.id) == saved


def removed(world: World, file: File) -> None:
    world.files.remove(file)
    assert world.files.find(file.id) is None


@pytest.mark.parametrize("end", [rejected, removed])
@pytest.mark.parametrize("times", [1, 2])
def test_an_end_gives_back_once(world: World, hooks: Hooks, end: Callable[[World, File], None], times: int) -> None:
    file = world.files.add(one())
    hooks.lose_answers(TRANSACTION, times=times)
    end(world, file)
    assert used(world) == Usage()


# -- collisions --------------------------------------------------------------------------------------------------------

COLLIDED = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]


@pytest.mark.parametrize("reason", COLLIDED)
def test_who_collides_tries_again(world: World, hooks: Hooks, pauses: list[float], reason: str) -> None:
    opened(world)
    hooks.answer(TRANSACTION, cancelled("None", reason), 400, times=ATTEMPTS - 1)
    file = world.files.add(one())
    assert world.files.find(file.id) == file
    assert len(pauses) == ATTEMPTS - 1


@pytest.mark.parametrize("reason", COLLIDED)
def test_who_collides_every_time_is_told_to_wait(world: World, hooks: Hooks, pauses: list[float], reason: str) -> None:
    hooks.answer(TRANSACTION, cancelled("None", reason), 400)
    calls = hooks.count(TRANSACTION)
    with pytest.raises(Busy) as busy:
        world.files.add(one())
    assert busy.value.retry_after_seconds
    assert len(calls) == ATTEMPTS
    assert len(pauses) == ATTEMPTS - 1
    assert used(world) == Usage()


def test_pauses_are_random_and_short_enough_for_a_request(
    world: World, hooks: Hooks, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    longest: list[float] = []

    def at_its_longest(least: float, most: float) -> float:
        assert least == 0
        longest.append(most)
        return most

    monkeypatch.setattr("chalicelib.adapters.dynamo_transaction.random.uniform", at_its_longest)
    hooks.answer(TRANSACTION, cancelled("TransactionConflict"), 400)
    with pytest.raises(Busy):
        world.files.add(one())
    assert pauses == longest == sorted(longest)
    assert max(longest) == LONGEST_PAUSE_SECONDS
    assert sum(longest) < 3


def test_a_condition_that_fails_beside_a_collision_is_an_answer(
    world: World, hooks: Hooks, pauses: list[float]
) -> None:
    """The charge did not fit, whatever befell the claim: it is looked at, not repeated blindly."""
    opened(world)
    hooks.answer(TRANSACTION, cancelled("None", "ConditionalCheckFailed"), 400, times=1)
    hooks.answer(TRANSACTION, cancelled("TransactionConflict", "ConditionalCheckFailed"), 400, times=1)
    world.files.add(one())
    with pytest.raises(QuotaExceeded):
        world.files.add(one())
    assert pauses == []


def test_every_attempt_of_ours_is_a_transaction_of_its_own(world: World, hooks: Hooks, pauses: list[float]) -> None:
    """DynamoDB takes another request under the same token for a mistake, and ours may differ from the one before."""
    tokens: list[str] = []
    opened(world)
    hooks.watch(TRANSACTION, lambda sent: tokens.append(json.loads(sent.body)["ClientRequestToken"]))
    hooks.answer(TRANSACTION, cancelled("None", "TransactionConflict"), 400, times=2)
    world.files.add(one())
    assert len(tokens) == len(set(tokens)) == 3


def test_a_broken_line_is_botocores_to_repeat(world: World, hooks: Hooks, pauses: list[float]) -> None:
    hooks.break_line(TRANSACTION, BROKEN_LINES["closed"])
    calls = hooks.count(TRANSACTION)
    with pytest.raises(Busy):
        world.files.add(one())
    assert (len(calls), pauses) == (1, [])


def test_what_only_a_person_can_mend_is_not_repeated(world: World, hooks: Hooks, pauses: list[float]) -> None:
    hooks.answer(TRANSACTION, cancelled("ValidationError", "None"), 400)
    with pytest.raises(ClientError):
        world.files.add(one())
    assert pauses == []


def test_others_who_keep_changing_the_account_are_not_waited_for_for_ever(
    world: World, hooks: Hooks, pauses: list[float]
) -> None:
    hooks.answer(TRANSACTION, cancelled("None", "ConditionalCheckFailed"), 400)
    with pytest.raises(Busy):
        world.quotas.charge(ALICES, Usage(files=1), NOW)
    assert used(world) == Usage()
