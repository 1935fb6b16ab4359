"""(D1)-(D6): who gets URLs and data keys, how often, and what a failure on the way costs: nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.download import MANUAL_LIFETIME, SESSION_LIFETIME, Download, Refused, may_spend
from chalicelib.domain.errors import Busy, Gone, Invalid, NotFound, PinLocked
from chalicelib.domain.file import EncryptionMode, File, Status
from chalicelib.domain.pin import LOCKED_FOR, MAX_TRIES, clean_pin
from chalicelib.domain.secret import hash_secret, secret_text
from chalicelib.ports import WrongContext
from chalicelib.services.perform_download import (
    find_download_key,
    perform_download,
    resume_download,
    show_download,
)
from tests.support.builders import (
    BOBS,
    NOW,
    PIN,
    a_download,
    a_ready_file,
    key_to,
    performing,
    resuming,
    showing,
    stored,
    verifier_for,
)
from tests.support.fakes import FakeDownloads, FakeWorld, raises

UNKNOWN = secret_text(bytes(32))


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def grant(world: FakeWorld, *files: File, **changes) -> str:
    """A download over these files; answers its key."""
    download = a_download(*files, **changes)
    world.downloads.add(download)
    return key_to(world, download)


def sealed_file(world: FakeWorld) -> tuple[File, bytes]:
    file = a_ready_file(encryption_mode=EncryptionMode.CLIENT)
    made = world.keys.generate({"file": file.id, "account": file.account_id})
    return stored(world, replace(file, wrapped_key=made.wrapped)), made.plaintext


def record(world: FakeWorld) -> Download:
    [download] = world.downloads.records.values()
    return download


def perform(world: FakeWorld, text: str, now=NOW, pin=None, modes=None):
    key = find_download_key(text, downloads=world.downloads)
    return perform_download(key, now, clean_pin(pin) if pin else None, modes, **performing(world))


def resume(world: FakeWorld, text: str, session: str, now=NOW):
    key = find_download_key(text, downloads=world.downloads)
    return resume_download(key, session, now, **resuming(world))


def show(world: FakeWorld, text: str, now=NOW):
    return show_download(find_download_key(text, downloads=world.downloads), now, **showing(world))


def refusal_of(action, *arguments, **more) -> str | None:
    with pytest.raises(Gone) as refusal:
        action(*arguments, **more)
    assert refusal.value.message == Gone.default_message  # one answer whatever the reason
    return refusal.value.reason


class TestPerform:
    def test_the_bytes_once(self, world) -> None:
        text = grant(world, stored(world, a_ready_file()))
        performed = perform(world, text)
        [released] = performed.files
        assert world.objects.fetch(released.url) == b"hello"
        assert released.data_key is None
        assert (performed.uses_left, performed.urls_expire_at) == (0, NOW + timedelta(minutes=5))
        assert performed.session_expires_at == NOW + SESSION_LIFETIME
        assert refusal_of(perform, world, text) == "spent"

    def test_several_files_in_order_each_with_its_own_key(self, world) -> None:
        plain = stored(world, a_ready_file())
        sealed, others = sealed_file(world), sealed_file(world)
        performed = perform(world, grant(world, sealed[0], plain, others[0]))
        assert [released.file.id for released in performed.files] == [sealed[0].id, plain.id, others[0].id]
        assert [released.data_key for released in performed.files] == [sealed[1], None, others[1]]

    def test_several_uses(self, world) -> None:
        text = grant(world, stored(world, a_ready_file()), uses_left=3)
        assert [perform(world, text).uses_left for _ in range(3)] == [2, 1, 0]
        assert refusal_of(perform, world, text) == "spent"

    def test_s2_the_session_is_kept_as_its_hash(self, world) -> None:
        performed = perform(world, grant(world, stored(world, a_ready_file())))
        assert set(record(world).sessions) == {hash_secret(performed.session)}
        assert performed.session not in repr(vars(world.downloads))


class TestD1TheKey:
    @pytest.mark.parametrize("text", ["", "x", UNKNOWN, UNKNOWN + "x", UNKNOWN[:-1] + "-", "\u00e9" * 43])
    def test_d1_unknown(self, world, text: str) -> None:
        with pytest.raises(NotFound):
            find_download_key(text, downloads=world.downloads)

    def test_d1_what_cannot_be_a_key_costs_no_look_up(self, world) -> None:
        with pytest.raises(NotFound):
            find_download_key("short", downloads=world.downloads)
        assert world.downloads.calls == []

    def test_d1_replaced(self, world) -> None:
        text = grant(world, stored(world, a_ready_file()))
        key_to(world, record(world))
        for action in (perform, show):
            assert refusal_of(action, world, text) == "key replaced"
        assert refusal_of(resume, world, text, UNKNOWN) == "key replaced"

    def test_d1_replaced_between_read_and_write(self, world) -> None:
        text = grant(world, stored(world, a_ready_file()))
        again = lambda: key_to(world, record(world))  # noqa: E731
        world.downloads.before("spend", again)
        assert refusal_of(perform, world, text) == "key replaced"
        assert record(world).uses_left == 1


class TestD2TheDownload:
    @pytest.mark.parametrize(
        ("changes", "after", "reason"),
        [
            ({}, MANUAL_LIFETIME, "expired"),
            ({"revoked_at": NOW}, timedelta(0), "revoked"),
            ({"uses_left": 0}, timedelta(0), "spent"),
        ],
    )
    def test_d2_over(self, world, changes, after, reason) -> None:
        text = grant(world, stored(world, a_ready_file()))
        world.downloads.records = {record(world).id: replace(record(world), **changes)}
        for action in (show, perform):
            assert refusal_of(action, world, text, now=NOW + after) == reason
        assert "spend" not in world.downloads.calls

    def test_d2_forgotten(self, world) -> None:
        text = grant(world, stored(world, a_ready_file()))
        world.downloads.records.clear()
        for action in (show, perform):
            assert refusal_of(action, world, text) == "forgotten"

    def test_d2_revoked_between_read_and_write(self, world) -> None:
        text = grant(world, stored(world, a_ready_file()))

        def revoke() -> None:
            world.downloads.records = {record(world).id: replace(record(world), revoked_at=NOW)}

        world.downloads.before("spend", revoke)
        assert refusal_of(perform, world, text) == "revoked"


class TestD3TheFiles:
    @pytest.mark.parametrize(
        "changes",
        [
            {"trashed_at": NOW},
            {"expires_at": NOW},
            {"purging_at": NOW},
            {"status": Status.PENDING},
            {"status": Status.REJECTED},
            {"account_id": BOBS},
        ],
    )
    def test_d3_one_that_can_be_had_no_more_is_left_out_and_the_last_one_ends_it(self, world, changes) -> None:
        stays, goes = stored(world, a_ready_file()), stored(world, a_ready_file())
        text = grant(world, stays, goes, uses_left=9)
        performed = perform(world, text)
        world.files.save(replace(goes, **changes))
        for seen in (
            [released.file for released in perform(world, text).files],
            [released.file for released in resume(world, text, performed.session).files],
            show(world, text).files,
        ):
            assert [file.id for file in seen] == [stays.id]
        world.files.save(replace(stays, **changes))
        uses = record(world).uses_left
        for action in (show, perform):
            assert refusal_of(action, world, text) == "no file left"
        assert refusal_of(resume, world, text, performed.session) == "no file left"
        assert record(world).uses_left == uses

    def test_d3_a_record_that_is_gone(self, world) -> None:
        file = stored(world, a_ready_file())
        text = grant(world, file)
        world.files.remove(file)
        assert refusal_of(perform, world, text) == "no file left"


class ReadThenWrite(FakeDownloads):
    """What most peers do: read, check, and write back what was read. A rival fits in between."""

    def spend(self, key, session_hash, session_until, now):
        standing = self.records[key.download_id]
        if isinstance(decision := may_spend(standing, key.key_hash, now), Refused):
            raise Gone(reason=decision.reason)
        self._meet("before", "spend")
        sessions = {**standing.sessions, session_hash: session_until}
        self.records[standing.id] = replace(standing, uses_left=standing.uses_left - 1, sessions=sessions)
        return self.records[standing.id]


class TestD4OneWrite:
    def winners(self, world: FakeWorld) -> int:
        """Two performers, the second in the middle of the first."""
        text, won = grant(world, stored(world, a_ready_file())), []

        def try_it() -> None:
            try:
                won.append(perform(world, text))
            except Gone as refusal:
                assert refusal.reason == "spent"  # noqa: PT017 - any other refusal would be another test's

        world.downloads.before("spend", try_it)
        try_it()
        return len(won)

    def test_d4_a_rival_between_read_and_write(self, world) -> None:
        assert self.winners(world) == 1

    def test_d4_read_then_write_lets_both_win(self, world) -> None:
        world.downloads = ReadThenWrite(world.files)
        assert self.winners(world) == 2

    def test_d4_32_at_once(self, world) -> None:
        text = grant(world, *(stored(world, a_ready_file()) for _ in range(3)))
        start, outcomes = threading.Barrier(32), []

        def performer() -> None:
            start.wait()
            try:
                outcomes.append(perform(world, text).uses_left)
            except Gone as refusal:
                outcomes.append(refusal.reason)

        threads = [threading.Thread(target=performer) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(str, outcomes)) == ["0"] + ["spent"] * 31
        assert len(record(world).sessions) == 1


class TestD5DataKeys:
    def test_d5_are_released_only_after_the_spending(self, world) -> None:
        """KMS may answer before: what counts is who is told."""
        file, data_key = sealed_file(world)
        text = grant(world, file)
        world.downloads.before("spend", raises(Gone(reason="spent")))
        assert refusal_of(perform, world, text) == "spent"
        assert "sign_get" not in world.objects.calls
        assert perform(world, text).files[0].data_key == data_key

    def test_d5_kms_works_while_the_use_is_spent(self, world) -> None:
        file, data_key = sealed_file(world)
        text = grant(world, file)
        both = threading.Barrier(2, timeout=10)  # breaks unless the two meet
        world.downloads.before("spend", both.wait)
        world.keys.before("unwrap", both.wait)
        with ThreadPoolExecutor(1) as world.pool:
            assert perform(world, text).files[0].data_key == data_key

    def test_d5_the_key_of_another_file_is_not_released(self, world) -> None:
        """KMS refuses it, since the context names another file; and nobody pays for it."""
        (file, _), (other, _) = sealed_file(world), sealed_file(world)
        world.files.save(replace(file, wrapped_key=other.wrapped_key))
        text = grant(world, file)
        with pytest.raises(WrongContext):
            perform(world, text)
        assert record(world).uses_left == 1


class TestFailuresCostNothing:
    """The use comes back, exactly once, and the session that was opened with it is closed."""

    def check(self, world: FakeWorld, text: str, error: type[Exception] = Busy) -> None:
        with pytest.raises(error):
            perform(world, text)
        assert record(world).uses_left == 1
        assert record(world).sessions == {}
        assert perform(world, text).uses_left == 0
        assert refusal_of(perform, world, text) == "spent"

    @pytest.mark.parametrize("broken", [1, 2, 3])
    def test_kms_for_any_of_the_files(self, world, broken: int) -> None:
        text = grant(world, *(sealed_file(world)[0] for _ in range(3)))
        fine = [lambda: None] * (broken - 1)
        world.keys.before("unwrap", *fine, raises(Busy()))
        self.check(world, text)
        assert world.downloads.calls.count("give_back") == 1

    def test_signing(self, world) -> None:
        text = grant(world, stored(world, a_ready_file()))
        world.objects.before("sign_get", raises(RuntimeError("no credentials")))
        self.check(world, text, RuntimeError)

    def test_a_spending_whose_answer_was_lost(self, world) -> None:
        """Busy tells nothing about the effect: it was spent."""
        text = grant(world, stored(world, a_ready_file()))
        world.downloads.after("spend", raises(Busy()))
        self.check(world, text)

    def test_a_spending_that_did_not_happen(self, world) -> None:
        text = grant(world, stored(world, a_ready_file()))
        world.downloads.before("spend", raises(Busy()))
        self.check(world, text)

    def test_giving_back_that_fails_too_hides_no_error(self, world) -> None:
        text = grant(world, sealed_file(world)[0])
        world.keys.before("unwrap", raises(RuntimeError("first")))
        world.downloads.before("give_back", raises(Busy(reason="second")))
        with pytest.raises((RuntimeError, Busy)):
            perform(world, text)
        assert record(world).uses_left == 0  # lost, and not twice there

    def test_giving_back_again_gives_nothing(self, world) -> None:
        text = grant(world, stored(world, a_ready_file()))
        performed = perform(world, text)
        key = find_download_key(text, downloads=world.downloads)
        for _ in range(3):
            world.downloads.give_back(key, hash_secret(performed.session))
        assert record(world).uses_left == 1


class TestD6Urls:
    def test_d6_attachment_under_its_name_of_the_verified_version(self, world) -> None:
        file = stored(world, a_ready_file(filename='a"b\u20ac.html', type="text/html"))
        world.objects.put(file.object_key, b"swapped")
        [released] = perform(world, grant(world, file)).files
        signed = world.objects.signed[released.url]
        assert signed["version"] == file.object_version
        assert signed["media_type"] == "application/octet-stream"
        assert signed["disposition"].startswith('attachment; filename="a_b_.html"; filename*=UTF-8')
        assert world.objects.fetch(released.url) == b"hello"


class TestSessions:
    def test_fresh_urls_without_spending_and_without_asking_kms_again(self, world) -> None:
        file, _ = sealed_file(world)
        text = grant(world, file)
        performed = perform(world, text)
        late = NOW + timedelta(hours=5)
        asked = list(world.keys.calls)
        again = resume(world, text, performed.session, late)
        assert (again.files[0].data_key, world.keys.calls) == (None, asked)
        assert again.files[0].url != performed.files[0].url
        assert (again.session, again.session_expires_at) == (performed.session, performed.session_expires_at)
        assert (again.uses_left, again.urls_expire_at) == (0, late + timedelta(minutes=5))
        assert world.downloads.calls.count("spend") == 1

    def test_end(self, world) -> None:
        text = grant(world, stored(world, a_ready_file()))
        session = perform(world, text).session
        assert resume(world, text, session, NOW + SESSION_LIFETIME - timedelta(microseconds=1))
        assert refusal_of(resume, world, text, session, NOW + SESSION_LIFETIME) == "session expired"

    @pytest.mark.parametrize("session", [UNKNOWN, "", "x" * 100, "\u00e9"])
    def test_unknown(self, world, session: str) -> None:
        text = grant(world, stored(world, a_ready_file()))
        perform(world, text)
        assert refusal_of(resume, world, text, session) == "unknown session"

    def test_d2_a_revocation_ends_them_at_once(self, world) -> None:
        text = grant(world, stored(world, a_ready_file()))
        session = perform(world, text).session
        world.downloads.records = {record(world).id: replace(record(world), revoked_at=NOW)}
        assert refusal_of(resume, world, text, session) == "revoked"

    def test_of_another_download(self, world) -> None:
        first = grant(world, stored(world, a_ready_file()))
        session = perform(world, first).session
        second = grant(world, stored(world, a_ready_file()))
        assert refusal_of(resume, world, second, session) == "unknown session"


class TestShow:
    def test_spends_nothing_signs_nothing_unwraps_nothing(self, world) -> None:
        file, _ = sealed_file(world)
        text = grant(world, file)
        for _ in range(3):
            shown = show(world, text)
        assert [found.id for found in shown.files] == [file.id]
        assert shown.download.uses_left == 1
        assert world.objects.calls == []
        assert world.keys.calls == ["generate"]


class TestK6ThePin:
    def grant(self, world, *files: File, **changes) -> str:
        """A download that asks for PIN."""
        download = a_download(*files, **changes)
        download = replace(download, pin=verifier_for(world, download.pin_holder))
        world.downloads.add(download)
        return key_to(world, download)

    def refusal(self, world, text: str, pin: str | None) -> dict:
        with pytest.raises(Invalid) as refusal:
            perform(world, text, pin=pin)
        return dict(refusal.value.errors)

    def test_the_right_one(self, world) -> None:
        file, data_key = sealed_file(world)
        performed = perform(world, self.grant(world, file), pin=PIN)
        assert performed.files[0].data_key == data_key

    def test_it_is_asked_for(self, world) -> None:
        text = self.grant(world, stored(world, a_ready_file()))
        assert self.refusal(world, text, None) == {"pin": ["This download asks for a PIN."]}
        assert world.pin_tries.calls == []

    def test_a_wrong_one_spends_nothing_and_touches_nothing(self, world) -> None:
        file, _ = sealed_file(world)
        text = self.grant(world, file)
        assert self.refusal(world, text, "0000") == {"pin": ["Invalid PIN."]}
        assert (record(world).uses_left, record(world).sessions) == (1, {})
        assert "spend" not in world.downloads.calls
        assert world.keys.calls == ["generate"]
        assert world.objects.calls == []

    def test_five_wrong_ones_lock_it_and_spend_nothing(self, world) -> None:
        text = self.grant(world, stored(world, a_ready_file()), expires_at=NOW + timedelta(days=1))
        for _ in range(MAX_TRIES):
            self.refusal(world, text, "0000")
        with pytest.raises(PinLocked):
            perform(world, text, pin=PIN)
        assert record(world).uses_left == 1
        assert perform(world, text, NOW + LOCKED_FOR, PIN)

    def test_tries_are_the_downloads_own(self, world) -> None:
        first, second = (self.grant(world, stored(world, a_ready_file())) for _ in range(2))
        for _ in range(MAX_TRIES):
            self.refusal(world, first, "0000")
        assert perform(world, second, pin=PIN)

    def test_a_session_goes_on_without_it(self, world) -> None:
        text = self.grant(world, stored(world, a_ready_file()))
        session = perform(world, text, pin=PIN).session
        tries = len(world.pin_tries.calls)
        assert resume(world, text, session)
        assert len(world.pin_tries.calls) == tries

    def test_a_lock_does_not_end_a_session(self, world) -> None:
        text = self.grant(world, stored(world, a_ready_file()), uses_left=2)
        session = perform(world, text, pin=PIN).session
        for _ in range(MAX_TRIES):
            self.refusal(world, text, "0000")
        assert resume(world, text, session)

    def test_a_download_that_is_over_says_so_and_counts_no_try(self, world) -> None:
        text = self.grant(world, stored(world, a_ready_file()))
        perform(world, text, pin=PIN)
        counted = world.pin_tries.calls.count("count")
        for pin in (None, "0000", PIN):
            assert refusal_of(perform, world, text, pin=pin) == "spent"
        assert world.pin_tries.calls.count("count") == counted

    def test_the_right_pin_and_a_lost_race_is_a_lost_race(self, world) -> None:
        text = self.grant(world, stored(world, a_ready_file()))
        world.downloads.before("spend", lambda: perform(world, text, pin=PIN))
        assert refusal_of(perform, world, text, pin=PIN) == "spent"

    def test_of_many_right_ones_at_once_one_use_is_spent(self, world) -> None:
        """And those that found it locked, for the moment in which the others were being checked, are told so."""
        text, start = self.grant(world, stored(world, a_ready_file())), threading.Barrier(8, timeout=10)

        def attempt(_: int) -> str:
            start.wait()
            try:
                perform(world, text, pin=PIN)
            except (Gone, PinLocked) as refusal:
                return refusal.code
            return "served"

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(attempt, range(8)))
        assert answers.count("served") == 1
        assert record(world).uses_left == 0

    def test_shown_without_a_word_of_its_files(self, world) -> None:
        shown = show(world, self.grant(world, stored(world, a_ready_file())))
        assert shown.files is None

    def test_where_none_is_asked_for_none_is_looked_at(self, world) -> None:
        assert perform(world, grant(world, stored(world, a_ready_file())), pin="0000")
        assert world.pin_tries.calls == world.pin_hasher.calls == []

    def test_trouble_with_the_pin_spends_nothing_and_counts_nothing(self, world) -> None:
        text = self.grant(world, stored(world, a_ready_file()))
        for method in ("count", "forget"):
            world.pin_tries.before(method, raises(Busy()))
            with pytest.raises(Busy):
                perform(world, text, pin=PIN)
        world.pin_hasher.before("matches", raises(Busy()))
        with pytest.raises(Busy):
            perform(world, text, pin=PIN)
        assert record(world).uses_left == 1
        assert len(world.pin_tries.of(record(world).pin_holder).ids) == 1  # that which was right, and not forgotten
        assert perform(world, text, pin=PIN)
