"""Who may use a download: every way to be refused, each at its exact moment."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.download import MANUAL_LIFETIME, SESSION_LIFETIME, Allowed, Refused, may_resume, may_spend
from chalicelib.domain.secret import SecretHash
from tests.support.builders import NOW, a_download, a_file

KEY, OTHER, SESSION = SecretHash("k"), SecretHash("other"), SecretHash("s")
DOWNLOAD = a_download(a_file(), key_hash=KEY, sessions={SESSION: NOW + SESSION_LIFETIME})
MOMENT = timedelta(microseconds=1)


def test_lives_and_sessions() -> None:
    assert timedelta(seconds=60) == MANUAL_LIFETIME
    assert timedelta(hours=6) == SESSION_LIFETIME
    assert DOWNLOAD.forgotten_at == DOWNLOAD.expires_at + SESSION_LIFETIME


@pytest.mark.parametrize(
    ("changes", "after", "reason"),
    [
        ({}, timedelta(0), None),
        ({}, MANUAL_LIFETIME - MOMENT, None),
        ({}, MANUAL_LIFETIME, "expired"),
        ({"uses_left": 0}, timedelta(0), "spent"),
        ({"uses_left": -1}, timedelta(0), "spent"),
        ({"revoked_at": NOW}, timedelta(0), "revoked"),
        ({"key_hash": OTHER}, timedelta(0), "key replaced"),
        ({"key_hash": None}, timedelta(0), "key replaced"),
    ],
)
def test_spending(changes, after, reason) -> None:
    decision = may_spend(replace(DOWNLOAD, **changes), KEY, NOW + after)
    assert decision == (Refused(reason) if reason else Allowed())


@pytest.mark.parametrize(
    ("changes", "session", "after", "reason"),
    [
        ({}, SESSION, timedelta(0), None),
        ({"uses_left": 0}, SESSION, MANUAL_LIFETIME, None),  # a session outlives the uses and the expiry
        ({}, SESSION, SESSION_LIFETIME - MOMENT, None),
        ({}, SESSION, SESSION_LIFETIME, "session expired"),
        ({}, OTHER, timedelta(0), "unknown session"),
        ({"sessions": {}}, SESSION, timedelta(0), "unknown session"),
        ({"revoked_at": NOW}, SESSION, timedelta(0), "revoked"),
        ({"key_hash": OTHER}, SESSION, timedelta(0), "key replaced"),
    ],
)
def test_resuming(changes, session, after, reason) -> None:
    decision = may_resume(replace(DOWNLOAD, **changes), KEY, session, NOW + after)
    assert decision == (Refused(reason) if reason else Allowed())
