"""`.npz`: written piece by piece, so that a set of any size needs no memory; read within bounds."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lsgan_tf.util.files import open_regular


class Pieces(NamedTuple):
    """An array that comes in pieces along its first axis."""

    shape: tuple[int, ...]
    """Of the whole."""
    dtype: np.dtype
    pieces: Iterable[np.ndarray]


def read(path: Path, largest: int) -> dict[str, np.ndarray]:
    """Reads all arrays of a file that may come from elsewhere.

    Args:
      path: the file.
      largest: bytes that the arrays may take together.

    Raises:
      ValueError: if it is damaged, too large, or holds anything but arrays of numbers and texts.
      UserError: if it is no regular file.
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
                return {name: arrays[name] for name in arrays.files}
    except (
        EOFError,
        MemoryError,
        RuntimeError,  # NotImplementedError too: a password, an unknown compression
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(str(error) or type(error).__name__) from error


def write(path: Path, arrays: Mapping[str, Pieces]) -> None:
    """Writes what `np.load` reads as arrays by name, compressed.

    Args:
      path: the file, replaced if it exists.
      arrays: by name; one after the other is drawn from.

    Raises:
      ValueError: if the pieces of an array are not of its dtype, or not of its size
        together.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            # Sizes are not known before the end, so the entry makes room for large ones.
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
