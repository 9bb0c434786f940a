"""CASIA's `.gnt`: a memory-mapped reader and a writer.

A file is one record after another, little endian, to its end:

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
from types import TracebackType

import numpy as np

from lsgan_tf.data.formats import foreign, gbk
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import atomic_file, explained, open_regular

HEADER_BYTES = 10

_HEADER = struct.Struct("<IHHH")
# How far to look for the first record of what may be no GNT file at all.
_FIRST_RECORD_WITHIN = 1 << 20
_SEARCH_BLOCK = 1 << 12
# How much of a file to have in memory while it is looked through.
_WINDOW = 16 << 20

LISTED_DAMAGE = 1000
"""Damage beyond this is counted, not listed, so that a hopeless file costs no memory."""


@dataclasses.dataclass(frozen=True)
class Damage:
    """A place in a file that could not be read.

    Attributes:
      offset: byte offset of the record's header in the file.
      reason: what is wrong with it, to be put after the file's name and offset.
      records: how many records were lost there, at the least: judged by the longest of the others.
    """

    offset: int
    reason: str
    records: int = 1


@dataclasses.dataclass(frozen=True)
class GntIndex:
    """Where the sound records of a file are.

    Attributes:
      path: the file.
      size: its length in bytes.
      offsets: int64, `(n,)`: byte offset of each record's header.
      codes: uint16, `(n,)`: each tag, the byte that comes first in the file high.
      widths: uint16, `(n,)`.
      heights: uint16, `(n,)`.
      damaged: the damaged records, at most the first 1,000 of them.
      damaged_count: how many records are damaged in all.
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
    """Finds every record of a file in one pass.

    A damaged record is left out and listed. Reading goes on where its size field says, or its width
    and height, if a header is there, or else at the next header that can be found.

    Raises:
      UserError: if the file cannot be read, holds not one sound record, or holds more damaged
        records than sound ones.
    """
    path = Path(path)
    data = _map(path)
    length = len(data)
    offsets, codes = array("q"), array("H")
    widths, heights = array("H"), array("H")
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
                at = length  # hopeless: no need to see the rest
                break
            at = after
        _forget(data)
    if damaged_count > len(offsets):
        raise UserError(_not_gnt(path, len(offsets), damaged[0]))
    # From here on every file has a record. Its tags were read as little-endian numbers.
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
    """A file whose bitmaps can be looked at in any order without reading the rest.

    Example:
      with GntFile("1.0train-gb1.gnt") as file:
          for i in range(len(file)):
              show(file.characters[i], file.bitmap(i))

    Args:
      path: the file.

    Attributes:
      index: where its sound records are and what is damaged.
      characters: the character of each sound record.

    Raises:
      UserError: as `scan` does.
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
        """Picture of sound record `i`: a read-only view of the file, uint8, `(H, W)`."""
        height, width = int(self.index.heights[i]), int(self.index.widths[i])
        start = int(self.index.offsets[i]) + HEADER_BYTES
        return np.frombuffer(self._data, np.uint8, height * width, start).reshape(height, width)

    def __enter__(self) -> GntFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Bitmaps that are still in use keep the file mapped; the last one unmaps it.
        self._data = None


def write(path: Path, records: Iterable[tuple[str, np.ndarray]]) -> int:
    """Writes a file, whole or not at all, one record at a time.

    Args:
      path: the file; its folder is made.
      records: characters and their bitmaps, uint8, `(H, W)`, each side 1 to 65,535.

    Returns:
      How many records were written.

    Raises:
      UserError: if the disk is full or GBK lacks a character.
      ValueError: if a bitmap is not uint8, not flat or has a side out of range.
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
    """Gives back the memory of what was read; reading it again is possible."""
    if hasattr(data, "madvise"):
        data.madvise(mmap.MADV_DONTNEED)


def _diagnose(data: mmap.mmap, at: int, within: int) -> tuple[str, int]:
    """What is wrong with the record at `at`, and where to go on reading.

    Args:
      data: the file.
      at: offset of a record that is not sound.
      within: how many bytes to search for the next one.
    """
    left = len(data) - at
    if left < HEADER_BYTES:
        return f"truncated: {left} bytes are left and a header takes {HEADER_BYTES}", len(data)
    size, code, width, height = _HEADER.unpack_from(data, at)
    expected = HEADER_BYTES + width * height
    if size != expected:
        reason = f"record size {size} is not 10 + width {width} x height {height}"
    elif size > left:
        reason = f"truncated: the record takes {size} bytes and {left} are left"
    elif size == HEADER_BYTES:
        return f"width {width} and height {height}: neither may be zero", at + size
    else:
        return f"tag {code.to_bytes(2, 'little').hex()} is no GBK", at + size
    # Either may be the false one; the nearer place skips no sound record in between.
    for after in sorted((at + size, at + expected)):
        if after > at and _consistent(data, after):
            return reason, after
    return reason, _search(data, at + 1, min(len(data), at + within))


def _consistent(data: mmap.mmap, at: int) -> bool:
    """Whether a record may well start at `at`: its size is right, or the file ends there."""
    if at + HEADER_BYTES > len(data):
        return at == len(data)
    size, _, width, height = _HEADER.unpack_from(data, at)
    return size == HEADER_BYTES + width * height and at + size <= len(data)


def _search(data: mmap.mmap, start: int, stop: int) -> int:
    """Offset of the first sound record that starts in `start` to `stop`, or the file's end."""
    is_gbk = gbk.table()
    stop = min(stop, len(data) - HEADER_BYTES)
    for block in range(start, stop, _SEARCH_BLOCK):
        count = min(_SEARCH_BLOCK, stop - block)
        # Every byte of the block taken as the start of a header: views one byte apart.
        sizes = np.ndarray((count,), "<u4", data, block, (1,))
        widths = np.ndarray((count,), "<u2", data, block + 6, (1,)).astype(np.uint32)
        heights = np.ndarray((count,), "<u2", data, block + 8, (1,))
        areas = widths * heights
        for found in np.flatnonzero((sizes == areas + HEADER_BYTES) & (areas > 0)).tolist():
            at = block + found
            _, code, _, _ = _HEADER.unpack_from(data, at)
            if is_gbk[code] and _consistent(data, at):
                return at
    return len(data)


def _not_gnt(path: Path, sound: int, first: tuple[int, int, str]) -> str:
    with explained(path, "reading it"), open(path, "rb") as stream:
        kind = foreign.of_content(stream.read(16))
    if kind:
        return f"{path}: not a GNT file but {kind} by its first bytes; unpack it first"
    what = "more damaged records than sound ones" if sound else "no sound record"
    return (
        f"{path}: not a GNT file: {what} in it (byte {first[0]}: {first[2]}); "
        "download it again or remove it"
    )
