"""Two-byte GBK tags, which identify characters in `.gnt` files."""

from __future__ import annotations

import functools

import numpy as np

from lsgan_tf.errors import UserError


def character(code: int) -> str:
    """Decode a tag; "" if it is not valid GBK.

    Args:
      code: the tag as a big-endian number: 0xB0A1 is 啊, 0x4100 is A.
    """
    try:
        text = code.to_bytes(2, "big").rstrip(b"\0").decode("gbk")
    except UnicodeDecodeError:
        return ""
    return text if len(text) == 1 and text.isprintable() else ""


def tag(text: str) -> bytes:
    """Encode a character as a tag, the inverse of `character`.

    Raises:
      UserError: if it is not one printable character of GBK.
    """
    encoded = text.encode("gbk", "ignore").ljust(2, b"\0")
    if len(text) != 1 or character(int.from_bytes(encoded, "big")) != text:
        raise UserError(f"expected one character that GBK has, received {text!r}")
    return encoded


@functools.cache
def table() -> bytes:
    """Return 1 for valid tags, 0 for others, indexed by the tag as a *little-endian* number."""
    # Encoding the whole Basic Multilingual Plane is much faster than decoding each tag.
    printable = "".join(filter(str.isprintable, map(chr, range(1 << 16))))
    known = np.zeros(1 << 16, bool)
    one_byte = printable.encode("ascii", "ignore")
    two_bytes = printable.encode("gbk", "ignore")[len(one_byte) :]
    known[np.frombuffer(one_byte, np.uint8)] = True
    known[np.frombuffer(two_bytes, "<u2")] = True
    return known.tobytes()
