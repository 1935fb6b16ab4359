"""BodySealer: what its port promises, of the fake and of the AWS Encryption SDK under KMS."""

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.message_header import parse_header
from chalicelib.domain.sealing import FRAME_LENGTH, KEY_PROVIDER
from chalicelib.ports import WrongContext
from infra.local.stack import EmulatedAws
from tests.integration.hooks import Hooks

CONTEXT = {"body": "a11ce000-0000-4000-8000-0000000000bb", "account": "a11ce000-0000-4000-8000-00000000000a"}
TEXT = "<p>Grüße 签署</p>"


@pytest.mark.parametrize("text", ["", TEXT, "x" * 50_000, "签" * 50_000])
def test_what_is_sealed_opens(ports: World, text: str) -> None:
    sealed = ports.bodies.seal(text, CONTEXT)
    assert text == "" or text.encode() not in sealed
    assert ports.bodies.open(sealed, CONTEXT) == text


def test_each_is_sealed_anew(ports: World) -> None:
    assert ports.bodies.seal(TEXT, CONTEXT) != ports.bodies.seal(TEXT, CONTEXT)


@pytest.mark.parametrize(
    "context", [{}, CONTEXT | {"body": "other"}, CONTEXT | {"more": "x"}, {"body": CONTEXT["body"]}]
)
def test_another_context_opens_nothing(ports: World, context: dict[str, str]) -> None:
    with pytest.raises(WrongContext):
        ports.bodies.open(ports.bodies.seal(TEXT, CONTEXT), context)


@pytest.mark.parametrize("at", [0, 11, 20, -1])
def test_what_was_altered_opens_nothing(ports: World, at: int) -> None:
    altered = bytearray(ports.bodies.seal(TEXT, CONTEXT))
    altered[at] ^= 1
    with pytest.raises(WrongContext):
        ports.bodies.open(bytes(altered), CONTEXT)


@pytest.mark.parametrize("sealed", [b"", b"\x02", b"<p>plain</p>"])
def test_what_was_never_sealed_opens_nothing(ports: World, sealed: bytes) -> None:
    with pytest.raises(WrongContext):
        ports.bodies.open(sealed, CONTEXT)


# -- the stock SDK -----------------------------------------------------------------------------------------------------


def test_it_is_a_message_of_the_profile(world: World, aws: EmulatedAws) -> None:
    header = parse_header(world.bodies.seal(TEXT, CONTEXT))
    assert header.context == CONTEXT
    assert header.frame_length == FRAME_LENGTH
    (key,) = header.data_keys
    assert (key.provider, key.provider_info) == (KEY_PROVIDER.encode(), aws.kms_key_arn.encode())


def test_sealing_and_opening_ask_kms_once_each(world: World, hooks: Hooks) -> None:
    calls = hooks.count("kms")
    world.bodies.open(world.bodies.seal(TEXT, CONTEXT), CONTEXT)
    assert calls == ["kms.GenerateDataKey", "kms.Decrypt"]


def test_a_message_of_another_key_opens_nothing(world: World, aws: EmulatedAws) -> None:
    from chalicelib.adapters.sealed_bodies import SealedBodies

    kms = aws.clients("kms")
    other = SealedBodies(kms, kms.create_key()["KeyMetadata"]["Arn"])
    with pytest.raises(WrongContext):
        world.bodies.open(other.seal(TEXT, CONTEXT), CONTEXT)


def test_a_key_that_kms_will_not_open_is_no_trouble(world: World, hooks: Hooks) -> None:
    sealed = world.bodies.seal(TEXT, CONTEXT)
    hooks.refuse("kms.Decrypt", "InvalidCiphertextException")
    with pytest.raises(WrongContext):
        world.bodies.open(sealed, CONTEXT)
