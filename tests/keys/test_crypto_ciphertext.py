import base64
from contextlib import suppress
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.crypto.ciphertext import (
    CiphertextBlob,
    CiphertextRefused,
    additional_data,
    decode,
    encode,
    header,
)

blobs = st.builds(
    CiphertextBlob,
    key_id=st.uuids(),
    version=st.integers(1, 2**32 - 1),
    cipher=st.just(1),
    iv=st.binary(min_size=12, max_size=12),
    payload=st.binary(min_size=16, max_size=64),
)
BLOB = CiphertextBlob(UUID(int=7), 1, 1, bytes(range(12)), bytes(range(40)))


@given(blobs)
def test_what_is_encoded_decodes_to_itself(blob: CiphertextBlob) -> None:
    assert decode(encode(blob)) == blob


@given(blobs, blobs)
def test_different_blobs_have_different_texts(
    one: CiphertextBlob, other: CiphertextBlob
) -> None:
    assert (encode(one) == encode(other)) == (one == other)


encoded = st.binary(max_size=150).map(lambda raw: base64.b64encode(raw).decode())


@given(st.text(max_size=200) | encoded)
def test_any_text_decodes_to_what_encodes_back_or_is_refused(text: str) -> None:
    with suppress(CiphertextRefused):
        assert encode(decode(text)) == text


@given(blobs, st.data())
def test_a_flipped_bit_is_another_blob_or_refused(
    blob: CiphertextBlob, data: st.DataObject
) -> None:
    raw = bytearray(base64.b64decode(encode(blob)))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    try:
        assert decode(base64.b64encode(raw).decode()) != blob
    except CiphertextRefused:
        # Only magic, format, version and cipher can be seen to be wrong here.
        assert bit // 8 < 25


def test_every_bit_of_magic_format_and_cipher_is_checked() -> None:
    raw = base64.b64decode(encode(BLOB))
    for position in (0, 1, 2, 3, 24):
        for bit in range(8):
            changed = bytearray(raw)
            changed[position] ^= 1 << bit
            with pytest.raises(CiphertextRefused):
                decode(base64.b64encode(changed).decode())


@pytest.mark.parametrize("size", [0, 1, 36, 37, 52])
def test_a_blob_too_short_for_header_and_tag_is_refused(size: int) -> None:
    raw = base64.b64decode(encode(BLOB._replace(payload=bytes(16))))
    assert len(raw) == 53
    with pytest.raises(CiphertextRefused):
        decode(base64.b64encode(raw[:size]).decode())


def test_the_longest_plaintext_fits_and_one_byte_more_does_not() -> None:
    longest = BLOB._replace(payload=bytes(4096 + 16))
    assert decode(encode(longest)) == longest
    for surplus in (1, 2, 3, 4):
        with pytest.raises(CiphertextRefused):
            decode(encode(BLOB._replace(payload=bytes(4096 + 16 + surplus))))


def test_version_zero_is_refused() -> None:
    with pytest.raises(CiphertextRefused):
        decode(encode(BLOB._replace(version=0)))


# 0xff bytes give the text "/", and one byte beyond a multiple of three gives "==".
TEXT = encode(BLOB._replace(payload=b"\xff" * 17 + b"K"))
SLACK = {
    "line end": TEXT + "\n",
    "space before": " " + TEXT,
    "line break within": TEXT[:10] + "\n" + TEXT[10:],
    "one pad too many": TEXT + "=",
    "a block of padding": TEXT + "====",
    "padding left out": TEXT.rstrip("="),
    "url-safe alphabet": TEXT.replace("/", "_"),
    "twice": TEXT + TEXT,
    "spare bits set": TEXT[:-3] + chr(ord(TEXT[-3]) + 1) + "==",
    "Kelvin sign": TEXT.replace("S", "\u212a", 1),
    "full-width letter": TEXT.replace("S", "\uff33", 1),
}


def test_the_text_the_slack_is_made_of_is_right_itself() -> None:
    assert "/" in TEXT
    assert TEXT.endswith("==")
    assert encode(decode(TEXT)) == TEXT


@pytest.mark.parametrize("text", SLACK.values(), ids=SLACK.keys())
def test_base64_that_is_not_the_one_canonical_text_is_refused(text: str) -> None:
    with pytest.raises(CiphertextRefused):
        decode(text)


@pytest.mark.parametrize("iv", [b"", bytes(11), bytes(13)])
def test_a_nonce_of_another_length_is_a_mistake_of_the_caller(iv: bytes) -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        header(BLOB.key_id, 1, 1, iv)


@given(
    st.lists(
        st.tuples(
            st.binary(max_size=8), st.integers(0, 2**64 - 1), st.binary(max_size=8)
        ),
        min_size=2,
        unique=True,
    )
)
def test_no_two_sets_of_additional_data_share_their_bytes(
    parts: list[tuple[bytes, int, bytes]],
) -> None:
    forms = sorted(additional_data(*part) for part in parts)
    assert all(one != other for one, other in pairwise(forms))


def test_the_header_is_37_bytes_and_says_what_the_blob_says() -> None:
    head = header(BLOB.key_id, BLOB.version, BLOB.cipher, BLOB.iv)
    assert len(head) == 37
    assert base64.b64decode(encode(BLOB)) == head + BLOB.payload
