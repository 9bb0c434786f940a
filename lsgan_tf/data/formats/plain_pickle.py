"""Pickles of arrays and plain containers, read without running anything they ask for.

A pickle is a program: it may call whatever it can import, and a few of its bytes may describe more
than any memory holds. Here it reaches stand-ins that keep what it says of an array, and only the
instructions that arrays and plain containers need.
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
_MOST_INSTRUCTIONS = 2_000_000  # A batch of CIFAR-10 has 100,000; these take a few seconds.
_NUMBERS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")
_TUPLES = ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3")
# What can be made to take any time as a key: sets in sets, and long numbers.
_REFUSED = ("DUP", "EMPTY_SET", "FROZENSET", "ADDITEMS", "LONG4")
_GETS = ("GET", "BINGET", "LONG_BINGET")
_PUTS = ("PUT", "BINPUT", "LONG_BINPUT")


def load_pickle(content: bytes, where: str) -> Any:
    """Unpickles arrays of whole numbers and plain containers, and nothing else.

    Args:
      content: the pickle.
      where: its path, for messages.

    Returns:
      What it holds, arrays at the top or in one dictionary as NumPy arrays; strings that Python 2
      wrote come back as bytes.

    Raises:
      UserError: if it is cut short or malformed, asks for anything that is not an array, a
        dictionary, a list, a tuple, a number or a string, or would grow when it is read.
    """
    try:
        _check_instructions(content)
        value = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        if isinstance(value, dict):
            return {key: _plain(item) for key, item in value.items()}
        return _plain(value)
    except _Refused as error:
        raise UserError(
            f"{where}: {error}; it was not run: fetch the file again from its official address"
        ) from error
    # Malformed pickles fail in many ways: IndexError, KeyError, AttributeError...
    except Exception as error:
        detail = " ".join(str(error).split())[:_SHOWN] or type(error).__name__
        raise UserError(
            f"{where}: not a sound pickle, damaged or cut short ({detail}); fetch it again"
        ) from error


class _Refused(pickle.UnpicklingError):
    """A pickle that is more than data."""


def _check_instructions(content: bytes) -> None:
    """Bounds time and memory: no more is made than the file is long.

    A tuple that is taken again from the memo could double itself with every instruction; as a
    dictionary's key all of it would be gone through.
    """
    tuples: set[int] = set()
    former, memorized = "", 0
    for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
        name = opcode.name
        if name in _REFUSED:
            raise _Refused(f"this pickle holds {name}, which no array needs")
        if count > _MOST_INSTRUCTIONS:
            raise _Refused(f"this pickle has more than {_MOST_INSTRUCTIONS:,} instructions")
        if name in _PUTS and int(argument) > count:
            raise ValueError(f"position {argument} of its memo, expected at most {count}")
        if name in _PUTS or name == "MEMOIZE":
            place = memorized if name == "MEMOIZE" else int(argument)
            memorized += 1
            (tuples.add if former in _TUPLES else tuples.discard)(place)
        elif name in _GETS and int(argument) in tuples:
            raise _Refused("this pickle uses a tuple more than once, which no array needs")
        if name not in ("PROTO", "FRAME"):
            former = name


class _Said:
    """What a pickle says of an array or a dtype: what it is made of, and its state."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments, self.state = arguments, ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> _Said:
    """How NumPy writes an array in pickle protocol 5."""
    array = _Said()
    array.state = (shape, dtype, order in ("F", b"F"), content)
    return array


def _encode(text: str, encoding: Any) -> bytes:
    """How Python 3 writes bytes in pickle protocol 2."""
    return text.encode("latin1")


_ADMITTED = {
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): lambda: b"",  # how protocol 2 has empty bytes
    ("numpy", "dtype"): _Said,
    ("numpy", "ndarray"): "numpy.ndarray",  # only passed on to _reconstruct
    **{
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")
        for module, name, stand_in in (
            ("multiarray", "_reconstruct", _Said),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}


class _Unpickler(pickle.Unpickler):
    """Reaches the names in `_ADMITTED` and no others."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name that the pickle asks for."""
        if (module, name) not in _ADMITTED:
            asked = ascii(f"{module}.{name}")[1:-1][:_SHOWN]
            raise _Refused(f"this pickle asks for {asked}, which no array needs")
        return _ADMITTED[module, name]


def _plain(value: Any) -> Any:
    """The array that was described; a shape that its bytes do not fill is refused."""
    if not isinstance(value, _Said):
        return value
    shape, dtype, fortran, content = value.state[-4:]  # an optional version comes first
    code = _text(dtype.arguments[0])
    order = _text(dtype.state[1]) if dtype.state else "="
    if code.lstrip("<>=|") not in _NUMBERS:
        raise ValueError(f"an array of {code[:_SHOWN]!r}, expected whole numbers")
    content = content.encode("latin1") if isinstance(content, str) else content
    if not isinstance(content, bytes | bytearray):
        raise ValueError("an array without its content")
    flat = np.frombuffer(content, np.dtype(code.lstrip("<>=|")).newbyteorder(order))
    if not isinstance(shape, tuple) or any(type(side) is not int or side < 0 for side in shape):
        raise ValueError("an array without a shape")
    if math.prod(shape) != len(flat):
        raise ValueError(f"an array of shape {shape} with {len(content):,} bytes")
    return flat.reshape(shape, order="F" if fortran else "C")


def _text(value: Any) -> str:
    # Nothing else is turned into text: lists in lists can be longer than the memory.
    if not isinstance(value, bytes | str):
        raise ValueError(f"a {type(value).__name__} where a name is expected")
    return value.decode("ascii") if isinstance(value, bytes) else value
