"""`.npz` files, written in pieces with constant memory and read with a size limit."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lsgan_tf.errors import UserError
from lsgan_tf.util.reading import open_regular


class Pieces(NamedTuple):
    """An array given in pieces along its first axis.

    Attributes:
      shape: shape of the whole array.
      dtype: its dtype.
      pieces: the pieces.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    pieces: Iterable[np.ndarray]


def read(path: Path, largest: int) -> dict[str, np.ndarray]:
    """Read all arrays of an untrusted file.

    Args:
      path: the file.
      largest: maximum total size of the arrays in bytes.

    Raises:
      ValueError: if it is damaged, too large, or contains pickled objects.
      UserError: if it is not a regular file.
      OSError: if it cannot be read.
    """
    try:
        with open_regular(path) as stream:
            with zipfile.ZipFile(stream) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
            if size > largest:
                raise ValueError(f"{size:,} bytes of arrays, expected at most {largest:,}")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
    except (OSError, UserError):
        raise
    # For damaged files NumPy and zipfile raise many kinds of exceptions.
    except Exception as error:
        raise ValueError(str(error) or type(error).__name__) from error
    if others := [name for name, array in found.items() if not isinstance(array, np.ndarray)]:
        raise ValueError(f"{others[0]} is not an array")
    return found


def write(path: Path, arrays: Mapping[str, Pieces]) -> None:
    """Write arrays, compressed, in the format of `np.savez_compressed`.

    Args:
      path: the file, replaced if it exists.
      arrays: the arrays by name; their pieces are consumed in this order.

    Raises:
      ValueError: if dtype or total size of an array's pieces are not as declared.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            # The compressed size is not known in advance.
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                header = {
                    "descr": np.lib.format.dtype_to_descr(array.dtype),
                    "fortran_order": False,
                    "shape": array.shape,
                }
                np.lib.format.write_array_header_1_0(entry, header)
                count = 0
                for piece in array.pieces:
                    if piece.dtype != array.dtype:
                        raise ValueError(f"{name}: expected {array.dtype}, got {piece.dtype}")
                    entry.write(piece.tobytes())
                    count += piece.size
            if count != math.prod(array.shape):
                raise ValueError(f"{name}: {count} values do not fill {array.shape}")
