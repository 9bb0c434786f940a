"""The two-byte GBK tags by which `.gnt` files name characters."""

from __future__ import annotations

import functools

import numpy as np

from lsgan_tf.errors import UserError


def character(code: int) -> str:
    """The character of a tag, "" if the tag is no GBK.

    Args:
      code: the tag as a number, its first byte high: 0xB0A1 is 啊, 0x4100 is A.
    """
    try:
        text = code.to_bytes(2, "big").rstrip(b"\0").decode("gbk")
    except UnicodeDecodeError:
        return ""
    return text if len(text) == 1 and text.isprintable() else ""


def tag(text: str) -> bytes:
    """The two bytes that stand for a character in a file: what `character` turns back.

    Raises:
      UserError: if it is not one printable character that GBK has.
    """
    encoded = text.encode("gbk", "ignore").ljust(2, b"\0")
    if len(text) != 1 or character(int.from_bytes(encoded, "big")) != text:
        raise UserError(f"expected one character that GBK has, received {text!r}")
    return encoded


@functools.cache
def table() -> bytes:
    """For each tag, as a number with its *second* byte high, 1 if it is GBK and 0 if not.

    That is how a tag is read as a part of a little-endian record.
    """
    # Encoding all of Unicode's first plane at once is far quicker than decoding tag by tag.
    printable = "".join(filter(str.isprintable, map(chr, range(1 << 16))))
    known = np.zeros(1 << 16, bool)
    one_byte = printable.encode("ascii", "ignore")
    two_bytes = printable.encode("gbk", "ignore")[len(one_byte) :]
    known[np.frombuffer(one_byte, np.uint8)] = True
    known[np.frombuffer(two_bytes, "<u2")] = True
    return known.tobytes()
