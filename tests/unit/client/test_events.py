"""The audit log by the library and the command line, and its verification by whoever it belongs to."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from sealdrop import BadAnswer, ChainEnd, Client, UsageError
from tests.unit.client.conftest import Run
from tests.unit.client.fake_service import FakeService

FILE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.fixture
def log(service: FakeService) -> list[dict[str, Any]]:
    """Five events, oldest first."""
    for number in range(5):
        service.happens("file.renamed" if number % 2 else "file.created", file=FILE if number < 3 else "other")
    return service.events


class TestListing:
    def test_newest_first_page_by_page(self, client: Client, service: FakeService, log: list[Any]) -> None:
        events = list(client.events(page_size=2))
        assert [event.sequence for event in events] == [5, 4, 3, 2, 1]
        assert service.count("GET /api/events") == 3
        first = events[-1]
        assert (first.type, first.subject, first.at) == (
            "file.created",
            {"file": FILE},
            datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC),
        )
        assert (first.actor, first.ip, first.outcome, first.kept_until) == ("user", "192.0.2.1", "ok", date(2099, 1, 1))
        assert (first.hash, first.previous, first.previous_kept_until) == (log[0]["hash"], "0" * 64, None)

    @pytest.mark.usefixtures("log")
    def test_narrowed_down(self, client: Client) -> None:
        assert [event.sequence for event in client.events(file=FILE)] == [3, 2, 1]
        assert [event.sequence for event in client.events(type="file.renamed")] == [4, 2]
        assert list(client.events(mail=FILE)) == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("sequence", "1"),
            ("sequence", -1),
            ("subject", {"a": 1}),
            ("kept_until", "soon"),
            ("at", "now"),
            ("hash", None),
        ],
    )
    def test_what_makes_no_sense_is_a_bad_answer(self, client: Client, log: list[Any], name: str, value: Any) -> None:
        log[0][name] = value
        with pytest.raises(BadAnswer, match=name):
            list(client.events())


def changed(log: list[Any], place: int, **fields: Any) -> None:
    log[place] |= fields


Attack = Callable[[list[Any]], object]
ATTACKS: dict[str, tuple[Attack, str]] = {
    "altered": (lambda log: changed(log, 2, ip="192.0.2.9"), "Event 3 was altered."),
    "a field more": (lambda log: changed(log, 2, more=1), "Event 3 was altered."),
    "removed": (lambda log: log.pop(2), "Events 3 to 3 are missing."),
    "the first removed": (lambda log: log.pop(0), "Events 1 to 1 are missing."),
    "rehashed": (lambda log: changed(log, 2, hash="f" * 64), "Event 4 does not follow from event 3."),
    "said to be due": (
        lambda log: (log.pop(1), changed(log, 1, previous_kept_until="2020-01-01")),
        "Event 3 was altered.",
    ),
    "exchanged": (lambda log: log.insert(1, log.pop(2)), "stands behind"),
    "doubled": (lambda log: log.insert(1, log[1]), "stands behind"),
}


class TestVerification:
    def test_a_sound_log(self, client: Client, log: list[Any]) -> None:
        verified = client.verify_events()
        assert (verified.count, verified.problems) == (5, ())
        assert verified.end == ChainEnd(5, log[-1]["hash"])

    def test_an_empty_one(self, client: Client) -> None:
        assert client.verify_events() == client.verify_events(ChainEnd(0, "0" * 64))
        assert client.verify_events().problems == ()

    @pytest.mark.parametrize(("attack", "words"), ATTACKS.values(), ids=ATTACKS)
    def test_e1_what_was_done_to_it_shows(self, client: Client, log: list[Any], attack: Attack, words: str) -> None:
        attack(log)
        assert any(words in problem for problem in client.verify_events().problems)

    def test_e5_a_tail_cut_off_shows_by_an_end_seen_before(self, client: Client, log: list[Any]) -> None:
        end = client.verify_events().end
        del log[3:]
        assert client.verify_events().problems == ()
        assert client.verify_events(end).problems == ("Event 5 was there once, and the log ends before it.",)

    def test_e5_so_does_a_log_written_anew(self, client: Client, service: FakeService, log: list[Any]) -> None:
        end = client.verify_events().end
        log.clear()
        for _ in range(7):
            service.happens("file.ready")
        assert client.verify_events().problems == ()
        assert client.verify_events(end).problems == ("Event 5 is not the one that was there once.",)

    @pytest.mark.usefixtures("log")
    def test_an_end_seen_before_and_events_since(self, client: Client, service: FakeService) -> None:
        end = client.verify_events().end
        service.happens("file.ready")
        assert client.verify_events(end).problems == ()

    def test_what_was_due_may_be_gone(self, client: Client, service: FakeService) -> None:
        for kept_until in ("2020-01-01", "2020-01-01", "2099-01-01", "2099-01-01"):
            service.happens("file.ready", kept_until)
        end = ChainEnd(1, service.events[0]["hash"])
        del service.events[0]
        assert client.verify_events().problems == ()
        del service.events[0]
        assert client.verify_events(end).problems == ()
        del service.events[0]
        assert client.verify_events().problems == ("Events 1 to 3 are missing.",)

    @pytest.mark.parametrize("text", ["", "5", "5:abc", "x:" + "a" * 64, "-1:" + "a" * 64])
    def test_what_is_no_end(self, text: str) -> None:
        with pytest.raises(UsageError):
            ChainEnd.parse(text)


class TestCommand:
    @pytest.mark.usefixtures("log")
    def test_the_table(self, run: Run) -> None:
        session = run("events", "--limit", "2")
        assert session.code == 0
        assert session.lines[0].split() == ["NO.", "AT", "TYPE", "OUTCOME", "ACTOR", "ADDRESS", "SUBJECT"]
        assert session.lines[1].split() == [
            *["5", "2026-03-01", "12:00:07", "UTC", "file.created", "ok", "user", "192.0.2.1", "file:other"]
        ]
        assert len(session.lines) == 3
        assert "there are more than these 2: see them with --all" in run("events", "--limit", "2", tty=True).err

    @pytest.mark.usefixtures("log")
    def test_json(self, run: Run) -> None:
        (event,) = json.loads(run("events", "--file", FILE, "--limit", "1", "--json").out)
        assert (event["sequence"], event["detail"]) == (3, {"note": "ü", "count": 1})
        assert (event["kept_until"], event["at"]) == ("2099-01-01", "2026-03-01T12:00:07Z")

    def test_none(self, run: Run) -> None:
        session = run("events", "--type", "file.purged")
        assert (session.code, session.out, session.err) == (0, b"", "no such events\n")
        assert json.loads(run("events", "--json").out) == []

    def test_verify(self, run: Run, log: list[Any]) -> None:
        end = f"5:{log[-1]['hash']}"
        session = run("events", "--verify")
        assert (session.code, session.text, session.err) == (0, f"5 events are sound; end {end}\n", "")
        assert run("events", "--verify", "--known", end).code == 0
        del log[1]
        session = run("events", "--verify")
        assert (session.code, session.err) == (1, "Events 2 to 2 are missing.\n")
        assert session.text == f"4 events are not as they were written; end {end}\n"
        told = json.loads(run("events", "--verify", "--json").out)
        assert told == {"sound": False, "count": 4, "end": end, "problems": ["Events 2 to 2 are missing."]}

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            (("--file", FILE, "--type", "x"), "use one of"),
            (("--verify", "--mail", FILE), "use one of"),
            (("--known", "5:x"), "--known is for --verify"),
            (("--verify", "--known", "5"), "not the end of a chain"),
            (("--limit", "0"), "Invalid value"),
        ],
    )
    def test_usage(self, run: Run, service: FakeService, words: tuple[str, ...], complaint: str) -> None:
        session = run("events", *words)
        assert session.code == 2
        assert complaint in session.err
        assert service.log == []

    def test_hostile_text_is_harmless_when_shown(self, run: Run, service: FakeService) -> None:
        service.happens("file.\x1b[2Jready", file="\x1b]0;owned\x07\n")
        session = run("events")
        assert len(session.lines) == 2
        assert not set("\x1b\x07") & set(session.text)
