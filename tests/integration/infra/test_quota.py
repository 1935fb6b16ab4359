"""python -m infra.quota: what the operator sees and changes of an account's quota."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.dynamo_purses import PURSES, purse_key
from chalicelib.adapters.dynamo_table import MetadataTable
from chalicelib.bootstrap import World
from chalicelib.domain.errors import QuotaExceeded
from chalicelib.domain.ids import AccountId
from chalicelib.domain.quota import Usage
from chalicelib.settings import DEFAULT_QUOTA
from infra.quota import ATTEMPTS, main, size, sum_of_records
from tests.integration.hooks import Hooks
from tests.integration.quotas import used
from tests.integration.test_user_store import a_user, an_account, first_token
from tests.support.builders import BOBS, NOW, a_file, an_act


@pytest.fixture
def account_id(world: World) -> AccountId:
    account = an_account()
    user = a_user(account)
    world.users.add(user, account, first_token(user))
    return account.id


@pytest.fixture
def run(world: World, account_id: AccountId, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command, about this account unless another is named; answers its status and its rows."""

    def run(*options: str, about: str = account_id) -> tuple[int, dict[str, list[str]]]:
        status = main([about, "--table", world.settings.metadata_table, *options])
        rows = [line.rsplit(None, 4 if "own" not in line else 5) for line in capsys.readouterr().out.splitlines()[1:]]
        return status, {row[0].strip(): row[1:] for row in rows}

    return run


def test_it_shows_limits_usage_and_the_sum_of_the_records(world: World, account_id: AccountId, run: Any) -> None:
    files = [world.files.add(a_file(account_id=account_id, size_bytes=n, stored_bytes=n)) for n in (5, 1000, 70)]
    world.files.save(files[2].rejected("no", NOW))
    world.files.add(a_file(account_id=BOBS))
    assert run() == (
        0,
        {
            "bytes": ["1,005", "10,995,116,277,760", "default", "1,005"],
            "files": ["2", "1,000,000", "default", "2"],
            "mails today": ["0", "10,000", "default", "-"],
        },
    )


def test_limits_of_its_own_count_from_the_next_charge_on(world: World, account_id: AccountId, run: Any) -> None:
    """Also in a container that remembers none, or others."""
    world.files.add(a_file(account_id=account_id))
    status, rows = run("--bytes", "12", "--mails-a-day", "0")
    assert status == 0
    assert rows["bytes"] == ["5", "12", "its", "own", "5"]
    assert rows["files"] == ["1", "1,000,000", "default", "1"]
    world.files.add(a_file(account_id=account_id))
    with pytest.raises(QuotaExceeded):
        world.files.add(a_file(account_id=account_id))
    with pytest.raises(QuotaExceeded):
        world.quotas.charge(account_id, Usage(mails=1), NOW)
    assert world.quotas.find(account_id, NOW)[0] == replace(DEFAULT_QUOTA, stored_bytes=12, mails_a_day=0)
    assert world.quotas.find_mails(account_id, NOW)[0].mails_a_day == 0
    run("--bytes", "1K")
    world.files.add(a_file(account_id=account_id))
    assert world.quotas.find(account_id, NOW)[0] == replace(DEFAULT_QUOTA, stored_bytes=1024, mails_a_day=0)
    assert used(world, account_id) == Usage(stored_bytes=15, files=3)


def test_a_container_learns_them_once(world: World, account_id: AccountId, run: Any, hooks: Hooks) -> None:
    """Not with each act: a request would pay for it every time."""
    run("--mails-a-day", "5")
    calls = hooks.count("dynamodb")
    for _ in range(2):
        world.acting(an_act()).quotas.charge(account_id, Usage(mails=1), NOW)
    learning, again = ["TransactWriteItems", "BatchGetItem", "TransactWriteItems"], ["TransactWriteItems"]
    assert [call.partition(".")[2] for call in calls] == learning + again


def test_mails_have_a_limit_of_their_own_too(world: World, account_id: AccountId, run: Any) -> None:
    world.quotas.charge(account_id, Usage(mails=10_000), NOW)
    run("--mails-a-day", "10005")
    world.quotas.charge(account_id, Usage(mails=5), NOW)
    with pytest.raises(QuotaExceeded):
        world.quotas.charge(account_id, Usage(mails=1), NOW)
    run("--mails-a-day", "20000")
    world.quotas.charge(account_id, Usage(mails=1), NOW)
    assert used(world, account_id) == Usage(mails=10_006)


def test_back_to_the_default(world: World, account_id: AccountId, run: Any) -> None:
    run("--bytes", "1", "--files", "1")
    _, rows = run("--default", "--files", "7")
    assert (rows["bytes"][2], rows["files"][1:4]) == ("default", ["7", "its", "own"])
    run("--default")
    assert world.quotas.find(account_id, NOW)[0] == DEFAULT_QUOTA
    world.files.add(a_file(account_id=account_id))


def spoil(world: World, account_id: AccountId) -> None:
    for purse in PURSES:
        world._table.update(
            purse_key(account_id, purse), "SET stored_bytes = :n, files = :n", "attribute_exists(pk)", {}, n=99
        )


def test_a_wrong_count_shows_and_is_set_right(world: World, account_id: AccountId, run: Any) -> None:
    files = [world.files.add(a_file(account_id=account_id)) for _ in range(5)]
    spoil(world, account_id)
    _, rows = run()
    assert (rows["files"][0], rows["files"][-1]) == (f"{16 * 99:,}", "5")
    _, rows = run("--recount")
    assert (rows["files"][0], rows["bytes"][0]) == ("5", "25")
    for file in files:
        world.files.remove(file)
    assert used(world, account_id) == Usage()
    assert world.quotas.find(account_id, NOW)[0] == DEFAULT_QUOTA


def after_each_count(monkeypatch: pytest.MonkeyPatch, *rivals: Callable[[], object]) -> list[object]:
    """Somebody comes between the counting and the writing, as often as told. Answers what came of each counting."""
    left, counted = list(rivals), []

    def count(table: MetadataTable, account_id: AccountId) -> list[Usage]:
        counted.append(sum_of_records(table, account_id))
        if left:
            left.pop()()
        return counted[-1]

    monkeypatch.setattr("infra.quota.sum_of_records", count)
    return counted


def test_whoever_comes_while_it_counts_is_counted(
    world: World, account_id: AccountId, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.files.add(a_file(account_id=account_id))
    spoil(world, account_id)
    after_each_count(monkeypatch, lambda: world.files.add(a_file(account_id=account_id)))
    status, rows = run("--recount")
    assert (status, rows["files"][0]) == (0, "2")


def test_an_account_that_never_stands_still_is_left_alone(
    world: World, account_id: AccountId, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rivals = [lambda: world.files.add(a_file(account_id=account_id))] * ATTEMPTS
    counted = after_each_count(monkeypatch, *rivals)
    assert run("--recount") == (1, {})
    assert len(counted) == ATTEMPTS
    assert used(world, account_id).files == ATTEMPTS


def test_an_account_that_is_none(world: World, run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([BOBS, "--table", world.settings.metadata_table, "--bytes", "1"]) == 1
    assert f"no account {BOBS}" in capsys.readouterr().err
    assert world.quotas.find(BOBS, NOW) == (DEFAULT_QUOTA, Usage())


def test_a_table_that_is_none(account_id: AccountId, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([account_id, "--table", "nowhere"]) == 1
    assert "check the names" in capsys.readouterr().err


def test_what_it_cannot_be_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("METADATA_TABLE", raising=False)
    for arguments in ([], ["alice"], [BOBS, "--bytes", "10X"], [BOBS, "--files", "-1"], [BOBS]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
    assert "METADATA_TABLE" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("7", 7), ("3K", 3072), ("20T", 20 * 2**40)])
def test_sizes(text: str, number: int) -> None:
    assert size(text) == number


def test_a_quota_of_the_environment_is_the_default(
    world: World, account_id: AccountId, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUOTA_FILES", "77")
    assert run()[1]["files"][1] == "77"
