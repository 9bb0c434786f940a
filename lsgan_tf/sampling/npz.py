"""Writing `.npz` piece by piece, so that a set of any size needs no memory."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Pieces(NamedTuple):
    """An array that comes in pieces along its first axis."""

    shape: tuple[int, ...]
    """Of the whole."""
    dtype: np.dtype
    pieces: Iterable[np.ndarray]


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
