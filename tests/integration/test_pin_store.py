"""PinTries, PinHasher and TemporaryKeyStore: what their ports promise, of the fakes and of the AWS adapters."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.bootstrap import World
from chalicelib.domain.errors import PinLocked
from chalicelib.domain.ids import DownloadId, UserId
from chalicelib.domain.pin import LOCKED_FOR, MAX_TRIES, PinHolder, PinVerifier, clean_pin
from chalicelib.domain.temporary_key import TemporaryKey
from chalicelib.services.check_pin import check_pin
from infra.local.stack import EmulatedAws
from tests.integration import careless
from tests.integration.hooks import Hooks
from tests.integration.test_download_store import a_hash
from tests.integration.test_user_store import an_account, first_token
from tests.support.builders import ALICE_ID, ALICES, BOB_ID, NOW, PIN, a_download, a_user, checking_pins, new_id

RIGHT, WRONG = clean_pin(PIN), clean_pin("0000")
KINDS = ["user", "download"]
GUESSERS = 20
MOMENT = timedelta(microseconds=1)


def a_holder(ports: World, kind: str = "user", *, pin: bool = True) -> PinHolder:
    """Somebody, or something, with a PIN and a record."""
    holder = PinHolder(kind, new_id())  # type: ignore[arg-type]
    verifier = ports.pin_hasher.make(RIGHT, [holder])[0] if pin else None
    if kind == "user":
        account = an_account()
        user = a_user(id=UserId(holder.id), account_id=account.id, email=f"{holder.id}@example.com", pin=verifier)
        ports.users.add(user, account, first_token(user))
    else:
        ports.downloads.add(a_download(id=DownloadId(holder.id), pin=verifier))
    return holder


def record(ports: World, holder: PinHolder) -> Any:
    if holder.kind == "user":
        return ports.users.find(UserId(holder.id))
    return ports.downloads.find(DownloadId(holder.id))


def count(ports: World, holder: PinHolder, now: datetime = NOW, try_id: str | None = None) -> PinVerifier | None:
    return ports.pin_tries.count(holder, try_id or new_id(), now)


def use_up(ports: World, holder: PinHolder, now: datetime = NOW) -> None:
    for _ in range(MAX_TRIES):
        count(ports, holder, now)


def left(ports: World, holder: PinHolder, now: datetime = NOW) -> int:
    """How many tries there are still. Uses them up."""
    for number in range(MAX_TRIES + 1):
        try:
            count(ports, holder, now)
        except PinLocked:
            return number
    raise AssertionError("there is no end to them")


# -- tries -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_counting_answers_what_to_check_against_five_times(ports: World, kind: str) -> None:
    holder = a_holder(ports, kind)
    before = record(ports, holder)
    for _ in range(MAX_TRIES):
        assert count(ports, holder) == before.pin
    with pytest.raises(PinLocked) as refusal:
        count(ports, holder, NOW + timedelta(seconds=10))
    assert refusal.value.retry_after_seconds == 890
    assert record(ports, holder) == before, "nothing else of it has changed"


@pytest.mark.parametrize("kind", KINDS)
def test_who_has_no_pin_has_none_to_check_against(ports: World, kind: str) -> None:
    holder = a_holder(ports, kind, pin=False)
    before = record(ports, holder)
    assert [count(ports, holder) for _ in range(MAX_TRIES + 2)] == [None] * (MAX_TRIES + 2)
    assert record(ports, holder) == before


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_comes_to_be_by_counting(ports: World, kind: str) -> None:
    holder = PinHolder(kind, new_id())  # type: ignore[arg-type]
    assert count(ports, holder) is None
    ports.pin_tries.take_back(holder, new_id())
    ports.pin_tries.forget(holder, new_id())
    assert record(ports, holder) is None


def test_the_lock_ends_after_fifteen_minutes_with_five_more(ports: World) -> None:
    holder = a_holder(ports)
    for second in range(MAX_TRIES):
        count(ports, holder, NOW + timedelta(seconds=second))
    end = NOW + timedelta(seconds=MAX_TRIES - 1) + LOCKED_FOR
    with pytest.raises(PinLocked) as refusal:
        count(ports, holder, end - MOMENT)
    assert refusal.value.retry_after_seconds == 1
    assert left(ports, holder, end) == MAX_TRIES


def test_what_is_refused_does_not_lengthen_it(ports: World) -> None:
    holder = a_holder(ports)
    use_up(ports, holder)
    assert left(ports, holder, NOW + LOCKED_FOR - MOMENT) == 0
    assert left(ports, holder, NOW + LOCKED_FOR) == MAX_TRIES


def test_tries_long_ago_count_as_well(ports: World) -> None:
    holder = a_holder(ports)
    for _ in range(MAX_TRIES - 1):
        count(ports, holder)
    assert left(ports, holder, NOW + timedelta(days=365)) == 1


def test_a_try_that_comes_twice_counts_once_also_when_it_was_the_last(ports: World) -> None:
    holder = a_holder(ports)
    for number in range(MAX_TRIES):
        for _ in range(3):
            assert count(ports, holder, try_id=f"try {number}")
    assert left(ports, holder) == 0


def test_a_try_is_taken_back_once(ports: World) -> None:
    holder = a_holder(ports)
    count(ports, holder, try_id="mine")
    for _ in range(3):
        ports.pin_tries.take_back(holder, "mine")
    ports.pin_tries.take_back(holder, "never was")
    assert left(ports, holder) == MAX_TRIES


def test_the_last_one_taken_back_ends_the_lock(ports: World) -> None:
    holder = a_holder(ports)
    for number in range(MAX_TRIES):
        count(ports, holder, try_id=f"try {number}")
    ports.pin_tries.take_back(holder, "try 4")
    assert left(ports, holder) == 1


def test_a_right_pin_forgets_the_tries(ports: World) -> None:
    holder = a_holder(ports)
    use_up(ports, holder)
    ports.pin_tries.forget(holder, record(ports, holder).pin.version)
    assert left(ports, holder) == MAX_TRIES


def test_another_pin_forgets_none(ports: World) -> None:
    holder = a_holder(ports)
    use_up(ports, holder)
    ports.pin_tries.forget(holder, new_id())
    assert left(ports, holder) == 0


def test_each_has_its_own(ports: World) -> None:
    holder, others = a_holder(ports), [a_holder(ports, kind) for kind in KINDS]
    use_up(ports, holder)
    assert [left(ports, other) for other in others] == [MAX_TRIES] * 2


STEPS = st.lists(
    st.one_of(
        st.just(("count", 0)),
        st.tuples(st.just("wait"), st.sampled_from([1, 300, 899, 900])),
        st.tuples(st.just("take back"), st.integers(0, 8)),
        st.just(("forget", 0)),
    ),
    max_size=20,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_five_are_counted_between_two_locks(ports: World, steps: list[tuple[str, int]]) -> None:
    """Against a plain list of what counts."""
    holder, now, made = a_holder(ports), NOW, 0
    counted: list[str] = []
    last: datetime = NOW
    for step, number in steps:
        if step == "wait":
            now += timedelta(seconds=number)
        elif step == "take back":
            ports.pin_tries.take_back(holder, f"try {number}")
            counted = [it for it in counted if it != f"try {number}"]
        elif step == "forget":
            ports.pin_tries.forget(holder, record(ports, holder).pin.version)
            counted = []
        elif len(counted) == MAX_TRIES and now < last + LOCKED_FOR:
            with pytest.raises(PinLocked):
                count(ports, holder, now)
        else:
            assert count(ports, holder, now, f"try {made}")
            counted = [*(counted if len(counted) < MAX_TRIES else []), f"try {made}"]
            last, made = now, made + 1
    room = MAX_TRIES - len(counted) if len(counted) < MAX_TRIES else MAX_TRIES * (now >= last + LOCKED_FOR)
    assert left(ports, holder, now) == room


# -- twenty at once, on DynamoDB ---------------------------------------------------------------------------------------


def looked_at(world: World, hooks: Hooks, holder: PinHolder) -> int:
    """How many of twenty guesses are looked at, all of which reach their first write at the same moment."""
    meeting, here = threading.Barrier(GUESSERS, timeout=30), threading.local()

    def wait_once(**_: Any) -> None:
        if not getattr(here, "has_met", False):
            here.has_met = True
            meeting.wait()

    hooks._on("before-call.dynamodb.UpdateItem", wait_once)
    macs = hooks.count("kms.GenerateMac")

    def guess(number: int) -> None:
        try:
            check_pin(clean_pin(f"{number:04}"), holder, NOW, **checking_pins(world))
        except PinLocked:
            return

    with ThreadPoolExecutor(GUESSERS) as pool:
        for done in [pool.submit(guess, number) for number in range(GUESSERS)]:
            done.result()
    hooks.remove_all()
    return len(macs)


@pytest.mark.parametrize("kind", KINDS)
def test_k1_of_twenty_guesses_at_once_five_are_looked_at(world: World, hooks: Hooks, kind: str) -> None:
    holder = a_holder(world, kind)
    assert looked_at(world, hooks, holder) == MAX_TRIES
    with pytest.raises(PinLocked):
        check_pin(RIGHT, holder, NOW, **checking_pins(world))


def test_k1_after_a_lock_as_well(world: World, hooks: Hooks) -> None:
    holder = a_holder(world)
    use_up(world, holder, NOW - LOCKED_FOR)
    assert looked_at(world, hooks, holder) == MAX_TRIES


def test_the_same_guesses_find_out_who_reads_and_then_writes(world: World, hooks: Hooks) -> None:
    holder = a_holder(world)
    careless.pins(world)
    assert looked_at(world, hooks, holder) == GUESSERS


# -- the hash ----------------------------------------------------------------------------------------------------------


def test_the_right_pin_matches_and_no_other(ports: World) -> None:
    holder = PinHolder("user", ALICE_ID)
    [verifier] = ports.pin_hasher.make(RIGHT, [holder])
    assert ports.pin_hasher.matches(RIGHT, holder, verifier) is True
    for other in (WRONG, clean_pin(PIN.upper()), clean_pin(PIN + " ")):
        assert ports.pin_hasher.matches(other, holder, verifier) is False


@pytest.mark.parametrize("other", [PinHolder("user", BOB_ID), PinHolder("download", ALICE_ID)])
def test_k4_it_matches_for_its_holder_alone(ports: World, other: PinHolder) -> None:
    holder = PinHolder("user", ALICE_ID)
    mine, theirs = ports.pin_hasher.make(RIGHT, [holder, other])
    assert ports.pin_hasher.matches(RIGHT, other, theirs)
    assert not ports.pin_hasher.matches(RIGHT, other, mine)
    assert not ports.pin_hasher.matches(RIGHT, holder, theirs)


def test_no_two_verifiers_are_alike(ports: World) -> None:
    made = [ports.pin_hasher.make(RIGHT, [PinHolder("user", ALICE_ID)])[0] for _ in range(3)]
    for part in ("version", "salt", "mac"):
        assert len({getattr(verifier, part) for verifier in made}) == 3


def test_a_verifier_of_another_cost_is_checked_at_that_cost(world: World) -> None:
    """So that the cost can be raised one day without asking anybody for a new PIN."""
    from chalicelib.adapters.kms_pins import slow_hash
    from chalicelib.domain.pin import ScryptCost

    holder = PinHolder("user", ALICE_ID)
    [verifier] = world.pin_hasher.make(RIGHT, [holder])
    cost = ScryptCost(n=4, r=1, p=1)
    mac = world.pin_hasher._mac(holder, slow_hash(RIGHT, verifier.salt, cost))  # type: ignore[attr-defined]
    assert world.pin_hasher.matches(RIGHT, holder, replace(verifier, cost=cost, mac=mac))
    assert not world.pin_hasher.matches(RIGHT, holder, replace(verifier, cost=cost))


def test_a_pin_for_many_is_hashed_slowly_once(world: World, hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.adapters import kms_pins

    slow = list[object]()

    def counted(*arguments: Any) -> bytes:
        slow.append(arguments)
        return hashed(*arguments)

    hashed: Callable[..., bytes] = kms_pins.slow_hash
    monkeypatch.setattr(kms_pins, "slow_hash", counted)
    macs = hooks.count("kms")
    holders = [PinHolder("download", new_id()) for _ in range(5)]
    verifiers = world.pin_hasher.make(RIGHT, holders)
    assert (len(slow), len(macs)) == (1, 5)
    for holder, verifier in zip(holders, verifiers, strict=True):
        assert world.pin_hasher.matches(RIGHT, holder, verifier)


def test_k5_kms_sees_the_slow_hash_and_never_the_pin(world: World, hooks: Hooks) -> None:
    import base64
    import json

    seen = list[bytes]()
    hooks.watch("kms.GenerateMac", lambda sent: seen.append(base64.b64decode(json.loads(sent.body)["Message"])))
    world.pin_hasher.make(clean_pin("a rather long pin, as pins go"), [PinHolder("user", ALICE_ID)])
    [message] = seen
    assert message.startswith(b"sealdrop PIN\0user:" + ALICE_ID.encode() + b"\0")
    assert b"rather long" not in message


# -- temporary keys ----------------------------------------------------------------------------------------------------


def a_key(**changes: Any) -> TemporaryKey:
    fields = {
        "key_hash": a_hash(),
        "account_id": ALICES,
        "user_id": ALICE_ID,
        "pin_version": new_id(),
        "expires_at": NOW + timedelta(hours=1),
    }
    return TemporaryKey(**fields | changes)  # type: ignore[arg-type]


def test_a_key_comes_back_as_it_was(ports: World) -> None:
    key = a_key()
    ports.temporary_keys.add(key)
    assert ports.temporary_keys.find(key.key_hash) == key
    assert ports.temporary_keys.find(a_hash()) is None


def test_adding_never_replaces(ports: World) -> None:
    key = a_key()
    ports.temporary_keys.add(key)
    with pytest.raises((ClientError, RuntimeError)):
        ports.temporary_keys.add(replace(key, user_id=BOB_ID))
    assert ports.temporary_keys.find(key.key_hash) == key


def test_its_user_removes_it_once(ports: World) -> None:
    key = a_key()
    ports.temporary_keys.add(key)
    assert ports.temporary_keys.remove(key.key_hash, ALICE_ID, NOW) is True
    assert ports.temporary_keys.find(key.key_hash) is None
    assert ports.temporary_keys.remove(key.key_hash, ALICE_ID, NOW) is False


def test_k2_nobody_else_does_nor_one_that_has_expired(ports: World) -> None:
    key = a_key()
    ports.temporary_keys.add(key)
    assert ports.temporary_keys.remove(key.key_hash, BOB_ID, NOW) is False
    assert ports.temporary_keys.remove(key.key_hash, ALICE_ID, key.expires_at) is False
    assert ports.temporary_keys.remove(a_hash(), ALICE_ID, NOW) is False
    assert ports.temporary_keys.find(key.key_hash) == key


# -- DynamoDB alone ----------------------------------------------------------------------------------------------------


def items(aws: EmulatedAws) -> dict[str, dict[str, Any]]:
    found = aws.clients("dynamodb").scan(TableName=aws.metadata_table)["Items"]
    return {item["pk"]["S"].partition("#")[0]: item for item in found}


def test_a_temporary_key_is_tidied_up_at_its_expiry(world: World, aws: EmulatedAws) -> None:
    key = a_key()
    world.temporary_keys.add(key)
    assert items(aws)["TEMPORARYKEY"]["ttl"] == {"N": str(int(key.expires_at.timestamp()))}


def test_no_more_than_five_tries_are_ever_kept(world: World, aws: EmulatedAws) -> None:
    holder = a_holder(world)
    for hour in range(3):
        left(world, holder, NOW + timedelta(hours=hour))
    assert len(items(aws)["USER"]["pin_tries"]["SS"]) == MAX_TRIES


def test_counting_is_one_write_and_no_read(world: World, hooks: Hooks) -> None:
    holder = a_holder(world)
    calls = hooks.count("dynamodb")
    count(world, holder)
    assert calls == ["dynamodb.UpdateItem"]


def test_a_right_pin_costs_two_writes_and_one_mac(world: World, hooks: Hooks) -> None:
    holder = a_holder(world)
    calls, macs = hooks.count("dynamodb"), hooks.count("kms")
    assert check_pin(RIGHT, holder, NOW, **checking_pins(world))
    assert (calls, macs) == (["dynamodb.UpdateItem"] * 2, ["kms.GenerateMac"])
