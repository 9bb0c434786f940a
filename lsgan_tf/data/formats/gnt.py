"""Reader (memory-mapped) and writer of CASIA's `.gnt` format.

A file is a sequence of little-endian records:

| bytes | type     | field                                                     |
|-------|----------|-----------------------------------------------------------|
| 4     | uint32   | size of the record, `10 + width * height`                 |
| 2     | bytes    | GBK code of the character; an ASCII symbol and a NUL byte |
| 2     | uint16   | width                                                     |
| 2     | uint16   | height                                                    |
| w * h | uint8    | bitmap, row by row; background 255, ink darker            |
"""

from __future__ import annotations

import dataclasses
import mmap
import os
import struct
from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from lsgan_tf.data.formats import foreign, gbk
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import atomic_file, explained
from lsgan_tf.util.reading import open_regular

HEADER_BYTES = 10

_HEADER = struct.Struct("<IHHH")
# Maximum number of bytes to search for the first intact record.
_FIRST_RECORD_WITHIN = 1 << 20
_SEARCH_BLOCK = 1 << 12
# Maximum number of bytes kept in memory during a scan.
_WINDOW = 16 << 20

LISTED_DAMAGE = 1000
"""Maximum number of damaged records that are listed; more are only counted."""


@dataclasses.dataclass(frozen=True)
class Damage:
    """A part of a file that could not be read.

    Attributes:
      offset: byte offset of the record's header in the file.
      reason: description of the damage.
      records: minimum number of lost records, estimated from the longest intact one.
    """

    offset: int
    reason: str
    records: int = 1


@dataclasses.dataclass(frozen=True)
class GntIndex:
    """Index of the intact records of a file.

    Attributes:
      path: the file.
      size: its size in bytes.
      offsets: int64, `(n,)`: byte offset of each record's header.
      codes: uint16, `(n,)`: big-endian tag of each record.
      widths: uint16, `(n,)`.
      heights: uint16, `(n,)`.
      damaged: the damaged records, at most the first 1,000.
      damaged_count: total number of damaged records.
    """

    path: Path
    size: int
    offsets: np.ndarray
    codes: np.ndarray
    widths: np.ndarray
    heights: np.ndarray
    damaged: tuple[Damage, ...] = ()
    damaged_count: int = 0

    def __len__(self) -> int:
        return len(self.offsets)


def scan(path: Path) -> GntIndex:
    """Index all records of a file in one pass.

    Damaged records are skipped and listed. Scanning continues where the size field, or width and
    height, of the damaged record points to a header, otherwise at the next header found.

    Raises:
      UserError: if the file cannot be read, or has no intact record or more damaged than intact
        ones.
    """
    path = Path(path)
    data = _map(path)
    length = len(data)
    offsets, codes, widths, heights = array("q"), array("H"), array("H"), array("H")
    damaged: list[tuple[int, int, str]] = []
    damaged_count = 0
    is_gbk = gbk.table()
    unpack = _HEADER.unpack_from
    at = 0
    while at < length:
        window = min(at + _WINDOW, length)
        while at < window:
            if at + HEADER_BYTES <= length:
                size, code, width, height = unpack(data, at)
                end = at + size
                area = width * height
                if size == area + HEADER_BYTES and area and end <= length and is_gbk[code]:
                    offsets.append(at)
                    codes.append(code)
                    widths.append(width)
                    heights.append(height)
                    at = end
                    continue
            reason, after = _diagnose(data, at, length if offsets else _FIRST_RECORD_WITHIN)
            damaged_count += 1
            if len(damaged) < LISTED_DAMAGE:
                damaged.append((at, after, reason))
            elif damaged_count > len(offsets):
                at = length  # not a GNT file: stop
                break
            at = after
        _forget(data)
    if damaged_count > len(offsets):
        raise UserError(_not_gnt(path, len(offsets), damaged[0]))
    # There is at least one record. Tags were read as little-endian numbers.
    index = GntIndex(
        path=path,
        size=length,
        offsets=np.frombuffer(offsets, np.int64),
        codes=np.frombuffer(codes, np.uint16).byteswap(),
        widths=np.frombuffer(widths, np.uint16),
        heights=np.frombuffer(heights, np.uint16),
    )
    longest = HEADER_BYTES + int(np.max(index.widths.astype(np.uint32) * index.heights))
    listed = tuple(
        Damage(start, reason, max(1, (after - start) // longest))
        for start, after, reason in damaged
    )
    lost = damaged_count + sum(damage.records - 1 for damage in listed)
    return dataclasses.replace(index, damaged=listed, damaged_count=lost)


class GntFile:
    """Random access to the bitmaps of a file.

    Example:
      with GntFile("1.0train-gb1.gnt") as file:
          for i in range(len(file)):
              show(file.characters[i], file.bitmap(i))

    Args:
      path: the file.

    Attributes:
      index: index of the intact and damaged records.
      characters: the character of each intact record.

    Raises:
      UserError: see `scan`.
    """

    def __init__(self, path: Path) -> None:
        self.index = scan(path)
        self._data: mmap.mmap | None = _map(self.index.path)
        codes = self.index.codes.tolist()
        names = {code: gbk.character(code) for code in set(codes)}
        self.characters = tuple(names[code] for code in codes)

    def __len__(self) -> int:
        return len(self.index)

    def bitmap(self, i: int) -> np.ndarray:
        """Return the image of intact record `i`: a read-only view, uint8, `(H, W)`."""
        height, width = int(self.index.heights[i]), int(self.index.widths[i])
        start = int(self.index.offsets[i]) + HEADER_BYTES
        assert self._data is not None  # open
        return np.frombuffer(self._data, np.uint8, height * width, start).reshape(height, width)

    def __enter__(self) -> GntFile:
        return self

    def __exit__(self, *unused: object) -> None:
        # The file stays mapped as long as bitmaps are in use.
        self._data = None


def write(path: Path, records: Iterable[tuple[str, np.ndarray]]) -> int:
    """Write a file atomically, one record at a time.

    Args:
      path: the file; its folder is created.
      records: characters and their bitmaps, uint8, `(H, W)`, each side 1 to 65,535.

    Returns:
      The number of records.

    Raises:
      UserError: if the disk is full or a character is not in GBK.
      ValueError: if a bitmap has a wrong dtype or shape.
    """
    count = 0
    with (
        explained(path, "writing characters"),
        atomic_file(path) as temporary,
        open(temporary, "wb") as stream,
    ):
        for name, bitmap in records:
            stream.write(_record(name, bitmap))
            count += 1
    return count


def _record(name: str, bitmap: np.ndarray) -> bytes:
    if bitmap.dtype != np.uint8 or bitmap.ndim != 2:
        raise ValueError(f"{name}: expected uint8 (H, W), received {bitmap.dtype} {bitmap.shape}")
    height, width = bitmap.shape
    if not (0 < height < 1 << 16 and 0 < width < 1 << 16):
        raise ValueError(f"{name}: each side must be 1 to 65,535, received {bitmap.shape}")
    code = int.from_bytes(gbk.tag(name), "little")
    return _HEADER.pack(HEADER_BYTES + bitmap.size, code, width, height) + bitmap.tobytes()


def _map(path: Path) -> mmap.mmap:
    with explained(path, "reading characters"), open_regular(path) as stream:
        if not os.fstat(stream.fileno()).st_size:
            raise UserError(f"{path}: not a GNT file: it is empty; download it again or remove it")
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def _forget(data: mmap.mmap) -> None:
    """Release the memory of the pages read so far."""
    if hasattr(data, "madvise"):
        data.madvise(mmap.MADV_DONTNEED)


def _diagnose(data: mmap.mmap, at: int, within: int) -> tuple[str, int]:
    """Describe the damage of the record at `at`, and find the next one within some bytes."""
    left = len(data) - at
    if left < HEADER_BYTES:
        return f"truncated: {left} bytes are left for a header of {HEADER_BYTES}", len(data)
    size, code, width, height = _HEADER.unpack_from(data, at)
    expected = HEADER_BYTES + width * height
    if size != expected:
        reason = f"record size {size} is not 10 + width {width} x height {height}"
    elif size > left:
        reason = f"truncated: the record has {size} bytes and {left} are left"
    elif size == HEADER_BYTES:
        return f"width {width} and height {height}: neither may be zero", at + size
    else:
        return f"tag {code.to_bytes(2, 'little').hex()} is not GBK", at + size
    # Either may be wrong; trying the nearer one first skips no intact record.
    for after in sorted((at + size, at + expected)):
        if after > at and _consistent(data, after):
            return reason, after
    return reason, _search(data, at + 1, min(len(data), at + within))


def _consistent(data: mmap.mmap, at: int) -> bool:
    """Return whether a consistent record starts at `at`, or the file ends there."""
    if at + HEADER_BYTES > len(data):
        return at == len(data)
    size, _, width, height = _HEADER.unpack_from(data, at)
    return size == HEADER_BYTES + width * height and at + size <= len(data)


def _search(data: mmap.mmap, start: int, stop: int) -> int:
    """Return the offset of the first intact record in [start, stop), or the file's end."""
    is_gbk = gbk.table()
    stop = min(stop, len(data) - HEADER_BYTES)
    for block in range(start, stop, _SEARCH_BLOCK):
        count = min(_SEARCH_BLOCK, stop - block)
        # Interpret each byte of the block as the start of a header: views with a stride of 1.
        sizes: np.ndarray = np.ndarray((count,), "<u4", data, block, (1,))
        widths: np.ndarray = np.ndarray((count,), "<u2", data, block + 6, (1,))
        heights: np.ndarray = np.ndarray((count,), "<u2", data, block + 8, (1,))
        areas = widths.astype(np.uint32) * heights
        for found in np.flatnonzero((sizes == areas + HEADER_BYTES) & (areas > 0)).tolist():
            at = block + found
            _, code, _, _ = _HEADER.unpack_from(data, at)
            if is_gbk[code] and _consistent(data, at):
                return at
    return len(data)


def _not_gnt(path: Path, intact: int, first: tuple[int, int, str]) -> str:
    with explained(path, "reading it"), open(path, "rb") as stream:
        kind = foreign.of_content(stream.read(16))
    if kind:
        return f"{path}: not a GNT file but {kind} by its first bytes; unpack it first"
    what = "more damaged records than intact ones" if intact else "no intact record"
    return (
        f"{path}: not a GNT file: {what} in it (byte {first[0]}: {first[2]}); "
        "download it again or remove it"
    )
