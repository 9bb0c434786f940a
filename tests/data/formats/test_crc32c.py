"""CRC-32C against published values and the definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsgan_tf.data.crc32c import crc32c


# RFC 3720, appendix B.4, and the usual check value.
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_published_values(content, expected):
    assert crc32c(content) == expected


def bit_by_bit(content: bytes) -> int:
    state = 0xFFFFFFFF
    for byte in content:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@given(st.binary(max_size=40), st.integers(0, 2100))
def test_agrees_with_the_definition_at_any_length(content, padding):
    content = bytes(padding) + content
    assert crc32c(content) == bit_by_bit(content)
