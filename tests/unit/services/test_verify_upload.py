"""(U1)-(U5), each by its attack, through each of the three ways that notice an upload; and that each check bites."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.errors import Invalid
from chalicelib.domain.file import PENDING_SILENCE, EncryptionMode, File, Status
from chalicelib.domain.sealing import FRAME_LENGTH, WrappedKey
from chalicelib.ports import WrongContext
from chalicelib.services import verify_upload as module
from chalicelib.services.complete_upload import complete_upload
from chalicelib.services.create_file import create_file
from chalicelib.services.on_upload import on_upload
from chalicelib.services.sweep import sweep
from tests.support.builders import ALICES, NOW, a_new_file, a_token, sweeping, verifying
from tests.support.fakes import FakeWorld, sha256_base64
from tests.support.sealed import FRAME, Header, random_key, seal, seal_for

DATA = b"hello"


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def new(world: FakeWorld, **fields):
    ports = {"files": world.files, "objects": world.objects, "keys": world.keys}
    return create_file(a_new_file(**fields), a_token(), NOW, **ports)


def new_sealed(world: FakeWorld, size: int = len(DATA)):
    return new(world, size_bytes=size, encryption_mode=EncryptionMode.CLIENT)


def by_complete(world: FakeWorld, file: File) -> File:
    try:
        return complete_upload(ALICES, file.id, NOW, **verifying(world))
    except Invalid:
        return world.files.find(file.id)


def by_event(world: FakeWorld, file: File) -> File:
    on_upload(file.id, NOW, **verifying(world))
    return world.files.find(file.id)


def by_sweep(world: FakeWorld, file: File) -> File:
    assert sweep(NOW + PENDING_SILENCE, **sweeping(world)).failures == {}
    return world.files.find(file.id)


@pytest.fixture(params=[by_complete, by_event, by_sweep])
def settle(request):
    return request.param


class Check:
    """What was done, in the words of the record."""

    def __init__(self, world: FakeWorld, settle) -> None:
        self.world, self.settle = world, settle

    def ready(self, file: File) -> File:
        settled = self.settle(self.world, file)
        assert settled.status is Status.READY, settled.rejected_reason
        assert settled.object_version == self.world.objects.head(file.object_key).version
        return settled

    def rejected(self, file: File, reason: str) -> None:
        settled = self.settle(self.world, file)
        assert settled.status is Status.REJECTED
        assert reason in settled.rejected_reason
        assert settled.wrapped_key is None
        assert file.object_key not in self.world.objects.versions


@pytest.fixture
def check(world, settle) -> Check:
    return Check(world, settle)


class TestHonest:
    def test_server_mode(self, world, check) -> None:
        file = new(world).file
        world.objects.put(file.object_key, DATA)
        check.ready(file)
        assert "read_start" not in world.objects.calls  # nothing of the content is read

    def test_an_empty_file(self, world, check) -> None:
        file = new(world, size_bytes=0).file
        world.objects.put(file.object_key, b"")
        check.ready(file)

    def test_with_its_declared_digest(self, world, check) -> None:
        file = new(world, checksum_sha256=sha256_base64(DATA)).file
        world.objects.put(file.object_key, DATA, checksum_sha256=sha256_base64(DATA))
        check.ready(file)

    @pytest.mark.parametrize("size", [0, 1, FRAME_LENGTH, FRAME_LENGTH + 1])
    def test_client_mode(self, world, check, size: int) -> None:
        ticket = new_sealed(world, size)
        world.objects.put(ticket.file.object_key, seal_for(ticket.file, ticket.data_key, bytes(size)))
        assert check.ready(ticket.file).wrapped_key == ticket.file.wrapped_key

    def test_only_the_header_is_read(self, world, check) -> None:
        ticket = new_sealed(world, 300_000)
        sealed = seal_for(ticket.file, ticket.data_key, bytes(300_000))
        world.objects.put(ticket.file.object_key, sealed)
        lengths = []
        read = world.objects.read_start
        world.objects.read_start = lambda key, version, length: lengths.append(length) or read(key, version, length)
        check.ready(ticket.file)
        assert len(lengths) == 1
        assert lengths[0] <= 4096

    def test_what_lies_there_now_is_what_is_pinned(self, world, check) -> None:
        file = new(world).file
        world.objects.put(file.object_key, b"older")
        latest = world.objects.put(file.object_key, DATA)
        assert check.ready(file).object_version == latest


class TestU1TheExactSize:
    @pytest.mark.parametrize("data", [b"", b"hell", b"hello!"])
    def test_u1_another_size(self, world, check, data: bytes) -> None:
        file = new(world).file
        world.objects.put(file.object_key, data)
        check.rejected(file, f"{len(data)} bytes arrived instead of 5.")

    def test_u1_bytes_after_the_last_frame(self, world, check) -> None:
        """The SDK's own readers do not mind them."""
        ticket = new_sealed(world)
        world.objects.put(ticket.file.object_key, seal_for(ticket.file, ticket.data_key, DATA) + b"!")
        check.rejected(ticket.file, "bytes arrived instead of")


class TestU2TheDeclaredDigest:
    def test_u2_bytes_that_s3_did_not_check(self, world, check) -> None:
        file = new(world, checksum_sha256=sha256_base64(DATA)).file
        world.objects.put(file.object_key, DATA)
        check.rejected(file, "SHA-256")

    def test_u2_bytes_with_another_digest(self, world, check) -> None:
        file = new(world, checksum_sha256=sha256_base64(DATA)).file
        world.objects.put(file.object_key, b"jello", checksum_sha256=sha256_base64(b"jello"))
        check.rejected(file, "SHA-256")


class TestU3AHeaderOfOurProfile:
    @pytest.mark.parametrize("byte", [0, 2])
    def test_u3_plaintext_that_is_called_sealed(self, world, check, byte: int) -> None:
        file = new_sealed(world).file
        world.objects.put(file.object_key, bytes([byte]) * file.stored_bytes)
        check.rejected(file, "not sealed as agreed")

    def test_u3_a_header_that_is_longer_than_ours_can_be(self, world, check) -> None:
        """Cut where our header ends: the rest is never fetched."""
        ticket = new_sealed(world, 500)
        header = header_for(ticket.file, ticket.data_key)
        longer = header.but(context=(*header.context, (b"more", b"x" * 300))).write()
        world.objects.put(ticket.file.object_key, longer.ljust(ticket.file.stored_bytes, b"\0"))
        check.rejected(ticket.file, "cut off")


def header_for(file: File, data_key: bytes) -> Header:
    """Right in everything: each attack changes one thing and is authentic otherwise."""
    key = file.wrapped_key
    return Header(
        data_key=data_key,
        context=((b"account", file.account_id.encode()), (b"file", file.id.encode())),
        data_keys=((b"aws-kms", key.key_arn.encode(), key.blob),),
        frame_length=FRAME,
    )


def put_with_header(world: FakeWorld, ticket, header: Header) -> None:
    file = ticket.file
    world.objects.put(file.object_key, header.write().ljust(file.stored_bytes, b"\0"))


def another_file(header: Header) -> tuple[bytes, bytes]:
    """The context's second pair, naming a file that is not this one, in as many bytes."""
    name, file_id = header.context[1]
    return name, file_id[::-1]


def changed(header: Header, **fields: bytes) -> tuple[bytes, bytes, bytes]:
    """The one encrypted data key, with a field of other bytes in the same length."""
    true = dict(zip(("provider", "info", "blob"), header.data_keys[0], strict=True))
    provider, info, blob = (fields.get(name, value).ljust(len(value), b"-") for name, value in true.items())
    return provider, info, blob


class TestU4ContextAndDataKeyOfThisFile:
    def test_u4_the_hand_written_header_is_taken_as_it_is(self, world, check) -> None:
        ticket = new_sealed(world)
        put_with_header(world, ticket, header_for(ticket.file, ticket.data_key))
        check.ready(ticket.file)

    @pytest.mark.parametrize(
        ("attack", "reason"),
        [
            (lambda true: true.but(frame_length=true.frame_length - 1), "frame length is 262143"),
            (lambda true: true.but(frame_length=0), "frame length is 0"),
            (lambda true: true.but(context=(true.context[0], another_file(true))), "encryption context"),
            (lambda true: true.but(context=true.context[:1]), "encryption context"),
            (lambda true: true.but(data_keys=(changed(true, provider=b"aws-kmx"),)), "encrypted data key"),
            (lambda true: true.but(data_keys=(changed(true, info=b"another arn"),)), "encrypted data key"),
            (lambda true: true.but(data_keys=(changed(true, blob=b"another wrapping"),)), "encrypted data key"),
        ],
    )
    def test_u4_a_header_of_something_else(self, world, check, attack, reason) -> None:
        ticket = new_sealed(world)
        true = header_for(ticket.file, ticket.data_key)
        put_with_header(world, ticket, attack(true))
        check.rejected(ticket.file, reason)

    def test_u4_a_second_data_key_in_the_room_of_the_first(self, world, check) -> None:
        """As long as ours, but one more reader could open it."""
        ticket = new_sealed(world)
        true = header_for(ticket.file, ticket.data_key)
        provider, info, blob = true.data_keys[0]
        second = (b"p", b"i", b"b")
        shorter = (provider, info, blob[: -(6 + 3)])
        put_with_header(world, ticket, true.but(data_keys=(shorter, second)))
        check.rejected(ticket.file, "encrypted data key")

    def test_u4_another_files_sealed_bytes(self, world, check) -> None:
        first, second = new_sealed(world), new_sealed(world)
        world.objects.put(second.file.object_key, seal_for(first.file, first.data_key, DATA))
        check.rejected(second.file, "encryption context")

    def test_u4_without_the_comparison_it_would_be_taken(self, world, monkeypatch) -> None:
        """The commitment and the tag of such a header are right: (U4) alone refuses it."""
        monkeypatch.setattr(module, "_mismatch", lambda *_: None)
        ticket = new_sealed(world)
        true = header_for(ticket.file, ticket.data_key)
        put_with_header(world, ticket, true.but(context=(true.context[0], another_file(true))))
        assert by_event(world, ticket.file).status is Status.READY


class TestU5MadeWithThisFilesKey:
    def test_u5_another_data_key_under_our_wrapping(self, world, check) -> None:
        ticket = new_sealed(world)
        world.objects.put(ticket.file.object_key, seal_for(ticket.file, random_key(), DATA))
        check.rejected(ticket.file, "data key")

    def test_u5_a_header_changed_after_sealing(self, world, check) -> None:
        ticket = new_sealed(world)
        true = header_for(ticket.file, ticket.data_key).write()
        changed = true[:3] + bytes([true[3] ^ 1]) + true[4:]  # the message id
        world.objects.put(ticket.file.object_key, changed.ljust(ticket.file.stored_bytes, b"\0"))
        check.rejected(ticket.file, "data key")

    def test_u5_a_right_commitment_with_a_false_tag(self, world, check) -> None:
        ticket = new_sealed(world)
        true = header_for(ticket.file, ticket.data_key).write()
        world.objects.put(
            ticket.file.object_key, (true[:-1] + bytes([true[-1] ^ 1])).ljust(ticket.file.stored_bytes, b"\1")
        )
        check.rejected(ticket.file, "data key")

    def test_u5_without_the_proof_it_would_be_taken(self, world) -> None:
        world.authenticate_header = lambda _header, _data_key: True
        ticket = new_sealed(world)
        world.objects.put(ticket.file.object_key, seal_for(ticket.file, random_key(), DATA))
        assert by_event(world, ticket.file).status is Status.READY


def test_the_key_is_unwrapped_under_this_files_context(world) -> None:
    """A record that was given another file's wrapped key opens nothing, and is not settled."""
    ticket, other = new_sealed(world), new_sealed(world)
    swapped = world.files.save(replace(ticket.file, wrapped_key=other.file.wrapped_key))
    world.objects.put(swapped.object_key, header_for(swapped, other.data_key).write().ljust(swapped.stored_bytes))
    with pytest.raises(WrongContext):
        by_event(world, swapped)
    assert world.files.find(swapped.id).status is Status.PENDING


@pytest.mark.parametrize("frame_length", [4096, FRAME * 2])
def test_frames_of_another_length_by_the_sdk(world, frame_length: int) -> None:
    ticket = new_sealed(world)
    context = {"file": ticket.file.id, "account": ALICES}
    sealed = seal(DATA, ticket.data_key, ticket.file.wrapped_key, context, frame_length=frame_length)
    world.objects.put(ticket.file.object_key, sealed)
    assert "frame length" in by_event(world, ticket.file).rejected_reason


def test_settled_late_it_is_settled_at_that_time(world) -> None:
    file = new(world).file
    world.objects.put(file.object_key, DATA)
    later = NOW + timedelta(hours=5)
    on_upload(file.id, later, **verifying(world))
    assert world.files.find(file.id).settled_at == later


def test_a_wrapped_key_of_another_master_key_is_not_taken_for_ours(world) -> None:
    ticket = new_sealed(world)
    foreign = WrappedKey("arn:aws:kms:eu-west-1:000000000000:key/other", ticket.file.wrapped_key.blob)
    true = header_for(ticket.file, ticket.data_key)
    put_with_header(world, ticket, true.but(data_keys=((b"aws-kms", foreign.key_arn.encode(), foreign.blob),)))
    assert by_event(world, ticket.file).status is Status.REJECTED
