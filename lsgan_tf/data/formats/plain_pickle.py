"""Pickles of arrays and plain containers, read without running anything they ask for.

A pickle is a program: it may call whatever it can import. Here it reaches a few
names, none of which is the real thing: arrays and their dtypes are stand-ins
that only keep what the pickle says of them, and become NumPy arrays afterwards.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from typing import Any

import numpy as np

from lsgan_tf.errors import UserError

_SHOWN = 100  # Characters of what a pickle says that get into a message.


def load_pickle(content: bytes, where: str) -> Any:
    """Unpickles arrays of whole numbers and plain containers, and nothing else.

    Args:
      content: the pickle.
      where: its path, for messages.

    Returns:
      What it holds, arrays at the top or in one dictionary as NumPy arrays;
      strings that Python 2 wrote come back as bytes.

    Raises:
      UserError: if it is cut short or malformed, or asks for anything that is
        not an array, a dictionary, a list, a tuple, a number or a string.
    """
    try:
        _check_memo(content, where)
        value = _Unpickler(io.BytesIO(content), where).load()
        if isinstance(value, dict):
            return {key: _plain(item) for key, item in value.items()}
        return _plain(value)
    except UserError:
        raise
    # Malformed pickles fail in many ways: IndexError, KeyError, AttributeError...
    except Exception as error:
        detail = " ".join(str(error).split())[:_SHOWN] or type(error).__name__
        raise UserError(
            f"{where}: not a sound pickle, damaged or cut short ({detail}); fetch it again"
        ) from error


def _check_memo(content: bytes, where: str) -> None:
    """Refuses memo positions far beyond what was stored: they would take all the memory."""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument) > count:
            raise UserError(
                f"{where}: a damaged pickle (position {argument} of its memo, expected at most "
                f"{count}); fetch it again"
            )


class _Dtype:
    """What a pickle says of an array's elements."""

    def __init__(self, code: Any, *_: Any) -> None:
        self._code = _text(code)
        self._order = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._order = _text(state[1])

    def numpy(self) -> np.dtype:
        """The dtype, of whole numbers; any other is refused."""
        code = self._code.lstrip("<>=|")
        if code not in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"):
            raise ValueError(f"an array of {self._code!r}, expected whole numbers")
        return np.dtype(code).newbyteorder(self._order)


def _text(value: Any) -> str:
    # Nothing else is turned into text: lists in lists can be longer than the memory.
    if not isinstance(value, bytes | str):
        raise ValueError(f"a {type(value).__name__} where a name is expected")
    return value.decode("ascii") if isinstance(value, bytes) else value


class _Array:
    """What a pickle says of an array."""

    def __init__(self, *_: Any) -> None:
        self._state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._state = state[-4:]  # An optional version comes first.

    def numpy(self) -> np.ndarray:
        """The array; a shape that its bytes do not fill is refused."""
        shape, dtype, fortran, content = self._state
        if isinstance(content, str):
            content = content.encode("latin1")
        if not isinstance(content, bytes) or not isinstance(dtype, _Dtype):
            raise ValueError("an array without its content")
        flat = np.frombuffer(content, dtype.numpy())
        if not isinstance(shape, tuple) or any(type(size) is not int for size in shape):
            raise ValueError("an array without a shape")
        if any(size < 0 for size in shape) or math.prod(shape) != len(flat):
            raise ValueError(f"an array of shape {shape} with {len(content):,} bytes")
        return flat.reshape(shape, order="F" if fortran else "C")


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    """How NumPy writes an array in pickle protocol 5."""
    array = _Array()
    array.__setstate__((shape, dtype, order in ("F", b"F"), bytes(content)))
    return array


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """How Python 3 writes bytes in pickle protocol 2."""
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise ValueError("bytes in another encoding than latin1")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """How Python 3 writes empty bytes in pickle protocol 2."""
    return b""


def _plain(value: Any) -> Any:
    return value.numpy() if isinstance(value, _Array) else value


_ADMITTED = {
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
    # Containers too, in protocols that have no other way to write them.
    ("__builtin__", "set"): set,
    ("__builtin__", "frozenset"): frozenset,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): "numpy.ndarray",  # Only passed on to _reconstruct.
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
}


class _Unpickler(pickle.Unpickler):
    """Reaches the names in `_ADMITTED` and no others."""

    def __init__(self, stream: io.BytesIO, where: str) -> None:
        super().__init__(stream, encoding="bytes")
        self._where = where

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name that the pickle asks for."""
        try:
            return _ADMITTED[module, name]
        except KeyError:
            asked = ascii(f"{module}.{name}")[1:-1][:_SHOWN]
            raise UserError(
                f"{self._where}: this pickle asks for {asked}, which no array needs; it "
                "was not run: fetch the file again from its official address"
            ) from None

    def persistent_load(self, pid: Any) -> Any:
        """Refuses objects that are stored elsewhere."""
        raise UserError(
            f"{self._where}: this pickle refers to an object outside of it; fetch the file again "
            "from its official address"
        )
