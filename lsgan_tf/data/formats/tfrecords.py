"""Random access to TFRecord files by the offsets of their records.

A record consists of its length (uint64, little endian), masked CRC-32C of the length, content, and
masked CRC-32C of the content. Both checksums are verified at each read.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import google_crc32c

from lsgan_tf.errors import UserError
from lsgan_tf.util.reading import open_descriptor

REMEDY = "prepare it again"
"""What to do about a damaged file, for messages."""

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_KEPT_OPEN = 64  # files; some systems allow only 256 per process
_FRAME_BYTES = _HEADER.size + _FOOTER.size


def frame(content: bytes) -> bytes:
    """Frame a record for a TFRecord file."""
    length = struct.pack("<Q", len(content))
    return b"".join(
        (length, _FOOTER.pack(_masked(length)), content, _FOOTER.pack(_masked(content)))
    )


def framed_bytes(content_bytes: int) -> int:
    """Return the size of a framed record with `content_bytes` of content."""
    return content_bytes + _FRAME_BYTES


def _masked(content: bytes) -> int:
    crc = google_crc32c.value(content)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def open_all(paths: Sequence[Path], remedy: str = REMEDY) -> list[RecordFile]:
    """Open the TFRecord files of a dataset; if there are many, they are not kept open."""
    keep_open = len(paths) <= _KEPT_OPEN
    return [RecordFile(path, keep_open=keep_open, remedy=remedy) for path in paths]


class RecordFile:
    """A TFRecord file.

    Args:
      path: the file, opened at the first read.
      keep_open: whether to keep it open; otherwise it is opened for each read.
      remedy: what to do if it is damaged, for messages.
    """

    def __init__(self, path: Path, *, keep_open: bool = True, remedy: str = REMEDY) -> None:
        self._path, self._keep_open, self._remedy = path, keep_open, remedy
        self._descriptor: int | None = None
        self._lock = threading.Lock()

    def read(self, offset: int, frame_bytes: int | None = None) -> bytes:
        """Read the record at `offset`.

        Args:
          offset: offset in bytes.
          frame_bytes: size of the framed record, if known, which saves a read.

        Raises:
          UserError: if there is no intact record.
        """
        with self._opened() as handle:
            left = os.fstat(handle).st_size - offset
            if offset < 0 or left < _FRAME_BYTES:
                raise self._damaged(offset)
            if frame_bytes is None:
                header = os.pread(handle, _HEADER.size, offset)
                frame_bytes = framed_bytes(self._length(header, offset))
            if not _FRAME_BYTES <= frame_bytes <= left:
                raise self._damaged(offset)
            framed = os.pread(handle, frame_bytes, offset)
        length = self._length(framed, offset)
        if framed_bytes(length) != len(framed):
            raise self._damaged(offset)
        content = framed[_HEADER.size : -_FOOTER.size]
        if _FOOTER.unpack(framed[-_FOOTER.size :]) != (_masked(content),):
            raise self._damaged(offset)
        return content

    def offsets(self, seen: Callable[[bytes], object] | None = None) -> array[int]:
        """Return the offsets of all records, reading their headers only.

        Args:
          seen: called with the length and checksum of each record, as stored in the file, which
            identify the content without reading it.

        Raises:
          UserError: if the file is truncated or damaged.
        """
        offset, found = 0, array("q")
        with self._opened() as handle:
            size = os.fstat(handle).st_size
            while offset < size:
                length = self._length(os.pread(handle, _HEADER.size, offset), offset)
                found.append(offset)
                offset += framed_bytes(length)
                if seen:
                    end = offset - _FOOTER.size
                    seen(_HEADER.pack(length, 0) + os.pread(handle, _FOOTER.size, end))
        if offset != size:
            raise self._damaged(found[-1])
        return found

    def close(self) -> None:
        """Close the file; a later read opens it again."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def __del__(self) -> None:
        if os is not None:  # None at interpreter shutdown
            self.close()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        if self._keep_open:
            yield self._open()
            return
        handle = self._new_descriptor()
        try:
            yield handle
        finally:
            os.close(handle)

    def _open(self) -> int:
        with self._lock:
            if self._descriptor is None:
                self._descriptor = self._new_descriptor()
            return self._descriptor

    def _new_descriptor(self) -> int:
        try:
            return open_descriptor(self._path)
        except OSError as error:
            raise UserError(f"{self._path}: {error.strerror} while reading it") from error

    def _length(self, header: bytes, offset: int) -> int:
        if len(header) < _HEADER.size:
            raise self._damaged(offset)
        length, check = _HEADER.unpack_from(header)
        if _masked(header[:8]) != check:
            raise self._damaged(offset)
        return length

    def _damaged(self, offset: int) -> UserError:
        return UserError(
            f"{self._path}: no intact record at byte {offset:,}: the file is damaged or truncated; "
            f"{self._remedy}"
        )
