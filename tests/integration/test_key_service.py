"""KeyService: what its port promises, of the fake and of the KMS adapter."""

from dataclasses import replace

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.ids import FileId
from chalicelib.domain.sealing import encryption_context
from chalicelib.ports import WrongContext
from tests.support.builders import ALICES, BOBS, new_id

FILE = FileId(new_id())
CONTEXT = encryption_context(FILE, ALICES)


def test_a_wrapped_key_is_unwrapped_under_its_context(ports: World) -> None:
    key = ports.keys.generate(CONTEXT)
    assert len(key.plaintext) == 32
    assert ports.keys.unwrap(key.wrapped, CONTEXT) == key.plaintext
    assert ports.keys.unwrap(key.wrapped, CONTEXT) == key.plaintext


def test_the_wrapped_key_names_the_master_key_by_its_full_arn(ports: World) -> None:
    """The message header carries it, and the stock strict provider takes nothing shorter."""
    wrapped = ports.keys.generate(CONTEXT).wrapped
    assert wrapped.key_arn == ports.settings.data_key_arn
    assert wrapped.key_arn.startswith("arn:aws:kms:")


def test_no_two_keys_are_alike_and_none_shows_in_its_wrapping(ports: World) -> None:
    keys = [ports.keys.generate(CONTEXT) for _ in range(3)]
    assert len({key.plaintext for key in keys}) == len({key.wrapped.blob for key in keys}) == 3
    assert all(key.plaintext not in key.wrapped.blob for key in keys)


@pytest.mark.parametrize(
    "context",
    [
        encryption_context(FileId(new_id()), ALICES),
        encryption_context(FILE, BOBS),
        {"file": FILE},
        {},
        CONTEXT | {"more": "than that"},
    ],
    ids=["another file", "another account", "less", "none", "more"],
)
def test_another_context_opens_nothing(ports: World, context: dict[str, str]) -> None:
    key = ports.keys.generate(CONTEXT)
    with pytest.raises(WrongContext):
        ports.keys.unwrap(key.wrapped, context)


def test_a_damaged_wrapping_opens_nothing(ports: World) -> None:
    wrapped = ports.keys.generate(CONTEXT).wrapped
    damaged = wrapped.blob[:-1] + bytes([wrapped.blob[-1] ^ 1])
    with pytest.raises(WrongContext):
        ports.keys.unwrap(replace(wrapped, blob=damaged), CONTEXT)
