"""Random lives of files, cut off between any two calls: an account's usage is always the sum of its records.

On the fakes, where hundreds of lives are cheap, and on DynamoDB, where what is one write really is one.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, event, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from chalicelib.adapters.dynamo_files import from_item
from chalicelib.adapters.dynamo_table import from_dynamo
from chalicelib.bootstrap import World
from chalicelib.domain.claim import claim_of
from chalicelib.domain.errors import SealdropError
from chalicelib.domain.file import EncryptionMode, File, Status
from chalicelib.domain.ids import AccountId
from chalicelib.domain.quota import Quota, Usage
from chalicelib.domain.upload import MIB
from chalicelib.ports import StaleRecord
from chalicelib.services.complete_upload import complete_upload
from chalicelib.services.create_file import create_file, find_created
from chalicelib.services.create_once import create_once
from chalicelib.services.delete_file import delete_file
from chalicelib.services.on_upload import on_upload
from chalicelib.services.sweep import sweep
from chalicelib.services.update_file import FileChanges, update_file
from tests.integration.bucket import bucket_of
from tests.integration.quotas import with_quota
from tests.support.builders import NOW, a_new_file, a_token, new_id
from tests.support.fakes import FakeFiles, FakeWorld

QUOTA = Quota(stored_bytes=14 * MIB, files=4, mails_a_day=0)
KINDS: dict[str, dict[str, Any]] = {
    "empty": {"size_bytes": 0},
    "small": {"size_bytes": 900, "expires_at": None},
    "sealed": {"size_bytes": 900, "encryption_mode": EncryptionMode.CLIENT},
    "in parts": {"size_bytes": 6 * MIB, "part_bytes": 5 * MIB},
}


class Crash(BaseException):
    """The process ends here. Not an Exception: nothing of ours can catch the end."""


class Mortal:
    """A port whose user may die before or after any call; `fuse` is shared by all ports of one process."""

    def __init__(self, port: Any, fuse: list[int | None]) -> None:
        self._port, self._fuse = port, fuse

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._burn()
            answer = method(*args, **kwargs)
            self._burn()
            return answer

        return call

    def _burn(self) -> None:
        if self._fuse[0] is None:
            return
        self._fuse[0] -= 1
        if self._fuse[0] < 0:
            self._fuse[0] = None
            raise Crash


picks = st.integers(0, 5)
fuses = st.one_of(st.none(), st.integers(0, 10))


class Lives(RuleBasedStateMachine):
    """Each rule is one request, event or run of the sweep, and a fuse that may end it early."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.now = world, NOW
        self.owner = replace(a_token(), account_id=AccountId(new_id()))
        self.fuse: list[int | None] = [None]
        self.ports = {
            name: Mortal(port, self.fuse)
            for name, port in (("files", world.files), ("objects", world.objects), ("keys", world.keys))
        }
        self.creating = self.ports | {"categories": world.categories}
        self.finding = self.ports | {"notes": world.notes}
        self.storing = {name: self.ports[name] for name in ("files", "objects")}
        self.verifying = self.ports | {"authenticate_header": world.authenticate_header}
        self.sweeping = self.verifying | {"in_time": lambda: True}

    # -- what happens --------------------------------------------------------------------------------------------------

    @rule(kind=st.sampled_from(sorted(KINDS)), key=st.sampled_from([None, "1", "2"]), expires=st.booleans(), fuse=fuses)
    def create(self, kind: str, key: str | None, expires: bool, fuse: int | None) -> None:
        self.now += timedelta(seconds=1)  # an order of the records that does not hang on random ids
        new = a_new_file(**KINDS[kind] | ({"expires_at": self.now + timedelta(days=1)} if expires else {}))
        account, user = self.owner.account_id, self.owner.user_id
        claim = claim_of(account, user, "POST /files", key, f"{kind} {expires}", self.now) if key else None
        self.attempt(
            fuse,
            lambda: create_once(
                claim,
                lambda claimed: create_file(new, self.owner, self.now, claimed, **self.creating),
                lambda ids: find_created(account, ids[0], self.now, **self.finding),
                claims=self.world.claims,
            ),
        )

    @rule(pick=picks, right=st.booleans())
    def bytes_arrive(self, pick: int, right: bool) -> None:
        if (file := self.picked(pick)) and file.stored_bytes < MIB:
            bucket_of(self.world).put(file.object_key, bytes(file.stored_bytes + (not right)))

    @rule(pick=picks, fuse=fuses)
    def complete(self, pick: int, fuse: int | None) -> None:
        if file := self.picked(pick):
            self.attempt(fuse, lambda: complete_upload(file.account_id, file.id, self.now, **self.verifying))

    @rule(pick=picks, fuse=fuses)
    def object_created(self, pick: int, fuse: int | None) -> None:
        if file := self.picked(pick):
            self.attempt(fuse, lambda: on_upload(file.id, self.now, **self.verifying))

    @rule(pick=picks, trashed=st.sampled_from([None, True, False]), fuse=fuses)
    def change(self, pick: int, trashed: bool | None, fuse: int | None) -> None:
        changes = FileChanges(filename="renamed.pdf", trashed=trashed)
        if file := self.picked(pick):
            update = {"files": self.ports["files"], "categories": self.world.categories}
            self.attempt(fuse, lambda: update_file(file.account_id, file.id, changes, self.now, **update))

    @rule(pick=picks, permanent=st.booleans(), fuse=fuses)
    def delete(self, pick: int, permanent: bool, fuse: int | None) -> None:
        if file := self.picked(pick):
            self.attempt(
                fuse,
                lambda: delete_file(file.account_id, file.id, self.now, permanent=permanent, **self.storing),
            )

    @rule(fuse=fuses)
    def sweep(self, fuse: int | None) -> None:
        self.attempt(fuse, lambda: sweep(self.now, **self.sweeping))

    @rule(hours=st.integers(1, 1000))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    # -- what holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def usage_is_the_sum_of_the_records_and_within_the_limit(self) -> None:
        files, used = list(self.records()), self.used()
        assert used == sum((file.charge for file in files), Usage())
        assert all(file.is_charged == (file.status is not Status.REJECTED) for file in files)
        assert used.stored_bytes <= QUOTA.stored_bytes
        assert used.files <= QUOTA.files

    def teardown(self) -> None:
        """At the end of all lives nothing is used: no end was lost."""
        self.fuse[0] = None
        for file in list(self.records()):
            if file.purging_at is None:
                self.world.files.save(replace(file, expires_at=self.now))
        for _ in range(2):
            self.now += timedelta(days=40)
            swept = sweep(self.now, **self.sweeping)
            assert swept.failures == {}
        assert list(self.records()) == []
        assert self.used() == Usage()

    # -- and how -------------------------------------------------------------------------------------------------------

    def attempt(self, fuse: int | None, act: Callable[[], object]) -> None:
        """Refusals are answers here, and a crash is what it is about."""
        self.fuse[0] = fuse
        try:
            act()
        except (SealdropError, StaleRecord, Crash) as end:
            event(type(end).__name__)
        finally:
            self.fuse[0] = None

    def used(self) -> Usage:
        return self.world.quotas.find(self.owner.account_id, self.now)[1]

    def picked(self, pick: int) -> File | None:
        files = sorted(self.records(), key=lambda file: file.created_at)
        return files[pick % len(files)] if files else None

    def records(self) -> Iterator[File]:
        if isinstance(self.world, FakeWorld):
            found = list(self.world.files.records.values())
        else:
            items = self.world._client("dynamodb").scan(TableName=self.world.settings.metadata_table)["Items"]
            found = [from_item(from_dynamo(item)) for item in items if item["pk"]["S"].startswith("FILE#")]
        yield from (file for file in found if file.account_id == self.owner.account_id)


def walk(make: Callable[[], Lives], examples: int, **more: Any) -> None:
    run_state_machine_as_test(make, settings=settings(max_examples=examples, stateful_step_count=20, **more))


def test_usage_is_the_sum_of_the_records_whatever_happens() -> None:
    walk(lambda: Lives(with_quota(FakeWorld(), QUOTA)), 200)


def test_so_it_is_on_dynamodb(world: World) -> None:
    with_quota(world, QUOTA)
    walk(lambda: Lives(world), 4)


class GivesNothingBack(FakeFiles):
    """Ends the record and forgets the account."""

    def remove(self, file: File) -> None:
        self.records.pop(file.id, None)


class GivesBackApart(FakeFiles):
    """Ends the record, and gives back by another call: one may die between the two."""

    fuse: list[int | None]

    def remove(self, file: File) -> None:
        if self.records.pop(file.id, None):
            if self.fuse[0] is not None:  # this process is to die somewhere: here
                raise Crash
            self.quotas.give_back(file.account_id, file.charge)


@pytest.mark.parametrize("careless", [GivesNothingBack, GivesBackApart])
def test_the_walk_finds_who_counts_carelessly(careless: type[FakeFiles]) -> None:
    def make() -> Lives:
        world = with_quota(FakeWorld(), QUOTA)
        files = careless(world.claims, world.quotas)
        world.files = files
        lives = Lives(world)
        files.fuse = lives.fuse
        return lives

    with pytest.raises((AssertionError, FlakyFailure)):  # found, if not twice: ids are made up anew
        walk(make, 1000, phases=[Phase.generate], report_multiple_bugs=False)
