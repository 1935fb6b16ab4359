"""The sizes that the service signs, against what the stock SDK writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.message_header import parse_header
from chalicelib.domain.sealing import FRAME_LENGTH, WrappedKey, encryption_context, header_length, sealed_size
from tests.support.builders import ALICES, new_id
from tests.support.sealed import Header, random_key, seal

KEY = random_key()
WRAPPED = WrappedKey("arn:aws:kms:eu-west-1:000000000000:key/x", bytes(184))


@pytest.mark.parametrize(
    "size",
    [
        0,
        1,
        FRAME_LENGTH - 1,
        FRAME_LENGTH,
        FRAME_LENGTH + 1,
        2 * FRAME_LENGTH - 1,
        2 * FRAME_LENGTH,
        2 * FRAME_LENGTH + 1,
    ],
)
def test_what_the_sdk_writes_is_as_long_as_we_say(size: int) -> None:
    context = encryption_context(new_id(), ALICES)
    sealed = seal(bytes(size), KEY, WRAPPED, context)
    header = header_length(context, WRAPPED)
    assert parse_header(sealed).length == header
    assert len(sealed) == sealed_size(size, header)


@given(
    st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=20), min_size=1, max_size=5),
    st.text(max_size=90),
    st.binary(max_size=300),
)
def test_a_header_is_as_long_as_we_say(context: dict[str, str], arn: str, blob: bytes) -> None:
    by_hand = Header(
        context=tuple((name.encode(), value.encode()) for name, value in context.items()),
        data_keys=((b"aws-kms", arn.encode(), blob),),
    )
    assert len(by_hand.write()) == header_length(context, WrappedKey(arn, blob))


def test_the_context_holds_opaque_ids_alone() -> None:
    file_id = new_id()
    assert encryption_context(file_id, ALICES) == {"file": file_id, "account": ALICES}
