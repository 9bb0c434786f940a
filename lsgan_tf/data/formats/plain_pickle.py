"""Safe unpickling of arrays and plain containers.

A pickle is a program: it may call anything importable, and a few bytes may expand to more than the
memory. Here only the instructions for arrays and plain containers are allowed, and NumPy's names
resolve to stand-ins that record the description of an array.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from typing import Any

import numpy as np

from lsgan_tf.errors import UserError

_SHOWN = 100  # characters of a pickle's content in a message
_MOST_INSTRUCTIONS = 2_000_000  # a batch of CIFAR-10 has 100,000
_NUMBERS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")
_TUPLES = ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3")
# These can make hashing a key arbitrarily slow: nested sets, and long integers.
_REFUSED = ("DUP", "EMPTY_SET", "FROZENSET", "ADDITEMS", "LONG4")
_GETS = ("GET", "BINGET", "LONG_BINGET")
_PUTS = ("PUT", "BINPUT", "LONG_BINPUT")


def load_pickle(content: bytes, where: str) -> Any:
    """Unpickle arrays of integers and plain containers only.

    Args:
      content: the pickle.
      where: its path, for messages.

    Returns:
      The content; arrays at the top level or in a dictionary as NumPy arrays, and strings written
      by Python 2 as bytes.

    Raises:
      UserError: if it is truncated or malformed, contains anything but arrays, dictionaries, lists,
        tuples, numbers and strings, or would expand when read.
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
    # Malformed pickles raise IndexError, KeyError, AttributeError and others.
    except Exception as error:
        detail = " ".join(str(error).split())[:_SHOWN] or type(error).__name__
        raise UserError(
            f"{where}: the pickle is damaged or truncated ({detail}); fetch it again"
        ) from error


class _Refused(pickle.UnpicklingError):
    """A pickle that is not plain data."""


def _check_instructions(content: bytes) -> None:
    """Bound time and memory by the size of the file.

    A tuple reused from the memo could double with every instruction, and hashing it as a key would
    visit all of it.
    """
    tuples: set[int] = set()
    former, memorized = "", 0
    argument: Any  # a number for the instructions in `_PUTS` and `_GETS`
    for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
        name = opcode.name
        if name in _REFUSED:
            raise _Refused(f"this pickle contains {name}, which arrays do not need")
        if count > _MOST_INSTRUCTIONS:
            raise _Refused(f"this pickle has more than {_MOST_INSTRUCTIONS:,} instructions")
        if name in _PUTS and int(argument) > count:
            raise ValueError(f"position {argument} of its memo, expected at most {count}")
        if name in _PUTS or name == "MEMOIZE":
            place = memorized if name == "MEMOIZE" else int(argument)
            memorized += 1
            (tuples.add if former in _TUPLES else tuples.discard)(place)
        elif name in _GETS and int(argument) in tuples:
            raise _Refused("this pickle uses a tuple more than once, which arrays do not need")
        if name not in ("PROTO", "FRAME"):
            former = name


class _Described:
    """Stand-in for an array or dtype that records its arguments and state."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> _Described:
    """Stand in for NumPy's `_frombuffer`, used in pickle protocol 5."""
    array = _Described()
    array.state = (shape, dtype, order in ("F", b"F"), content)
    return array


_ADMITTED = {
    "_codecs.encode": lambda text, encoding: text.encode("latin1"),  # bytes in protocol 2
    "__builtin__.bytes": lambda: b"",  # empty bytes in protocol 2
    "numpy.dtype": _Described,
    "numpy.ndarray": "numpy.ndarray",  # only an argument of _reconstruct
    "numpy.core.multiarray._reconstruct": _Described,
    "numpy._core.multiarray._reconstruct": _Described,
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy._core.numeric._frombuffer": _from_buffer,
}


class _Unpickler(pickle.Unpickler):
    """Unpickler that resolves only the names in `_ADMITTED`."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a name."""
        full = f"{module}.{name}"
        if full not in _ADMITTED:
            raise _Refused(
                f"this pickle refers to {ascii(full)[1:-1][:_SHOWN]}, which arrays do not need"
            )
        return _ADMITTED[full]


def _plain(value: Any) -> Any:
    """Build the described array, after checking its shape against its content."""
    if not isinstance(value, _Described):
        return value
    shape, dtype, fortran, content = value.state[-4:]  # after an optional version
    code = _text(dtype.arguments[0])
    order = _text(dtype.state[1]) if dtype.state else "="
    if code.lstrip("<>=|") not in _NUMBERS:
        raise ValueError(f"an array of {code[:_SHOWN]!r}, expected integers")
    content = content.encode("latin1") if isinstance(content, str) else content
    if not isinstance(content, bytes | bytearray):
        raise ValueError("an array without its content")
    kind = np.dtype(code.lstrip("<>=|"))
    # NumPy rejects invalid byte orders.
    flat = np.frombuffer(content, kind.newbyteorder(order))  # type: ignore[arg-type]
    if not isinstance(shape, tuple) or any(type(side) is not int or side < 0 for side in shape):
        raise ValueError("an array without a shape")
    if math.prod(shape) != len(flat):
        raise ValueError(f"an array of shape {shape} with {len(content):,} bytes")
    return flat.reshape(shape, order="F" if fortran else "C")


def _text(value: Any) -> str:
    # Nothing else is converted to text: nested lists may expand to more than the memory.
    if not isinstance(value, bytes | str):
        raise ValueError(f"a {type(value).__name__} where a name is expected")
    return value.decode("ascii") if isinstance(value, bytes) else value
