"""Safe reading of untrusted zip and tar archives.

An archive may be truncated, name paths outside the target folder, or claim to be larger than the
disk. Members are read one at a time, only regular files are accepted, and member names are never
used as output paths.
"""

from __future__ import annotations

import contextlib
import dataclasses
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from lsgan_tf.errors import UserError
from lsgan_tf.util.files import explained
from lsgan_tf.util.reading import open_regular

_TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# Exceptions of the standard library for damaged or truncated archives.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    OverflowError,
    ValueError,
)


@dataclasses.dataclass(frozen=True)
class Member:
    """A regular file in an archive.

    Attributes:
      name: checked path inside the archive, with forward slashes.
      size: uncompressed size in bytes, according to the archive.
      crc: CRC-32 recorded in a zip file; 0 in a tar file.
    """

    name: str
    size: int
    crc: int

    @property
    def basename(self) -> str:
        """The last part of the name."""
        return PurePosixPath(self.name).name

    @property
    def folder(self) -> str:
        """The name of the parent folder, empty at the top."""
        return PurePosixPath(self.name).parent.name


def is_archive(path: Path) -> bool:
    """Return whether `path` is a zip or tar archive, by its name."""
    return path.name.lower().endswith((".zip", *_TAR_ENDINGS)) and not path.is_dir()


def read_members(
    path: Path, wanted: Callable[[Member], bool], *, largest: int
) -> Iterator[tuple[Member, bytes]]:
    """Read selected members into memory, one at a time, in one pass.

    Args:
      path: a zip or tar archive.
      wanted: selects the members to read.
      largest: maximum size of a member in bytes.

    Yields:
      Each wanted member and its content.

    Raises:
      UserError: if the archive is unreadable, damaged or truncated, contains a path outside itself,
        or a wanted member is larger than `largest`.
    """
    members = _zip_members if path.name.lower().endswith(".zip") else _tar_members
    for member, stream in members(path):
        if not wanted(member):
            continue
        if member.size > largest:
            raise UserError(
                f"{path}: its member {member.name} claims {member.size:,} bytes, expected at most "
                f"{largest:,}; fetch the archive again from its official address"
            )
        with _damage(path):
            content = stream.read(largest + 1)
        if len(content) != member.size:
            raise UserError(
                f"{path}: its member {member.name} has {len(content):,} bytes instead of "
                f"{member.size:,}; fetch the archive again"
            )
        yield member, content


def list_zip(path: Path) -> list[Member]:
    """List the regular files of a zip archive.

    Raises:
      UserError: see `read_members`.
    """
    with _damage(path), open_regular(path) as stream, zipfile.ZipFile(stream) as archive:
        return [_zip_member(path, info) for info in archive.infolist() if not info.is_dir()]


def extract_from_zip(
    path: Path, member: Member, target: Path, *, report: Callable[[int], None] = lambda _: None
) -> None:
    """Extract a member of a zip archive to the file `target` and check its CRC.

    Args:
      path: the archive.
      member: one of `list_zip(path)`.
      target: the file to write.
      report: called with the size of each block written.

    Raises:
      UserError: see `read_members`; also if `target` cannot be written.
    """
    with (
        _opened(path, member) as source,
        explained(target, f"unpacking {member.name} of {path.name}"),
        open(target, "wb") as sink,
    ):
        shutil.copyfileobj(source, _Counting(sink, report), 4 << 20)


def head_in_zip(path: Path, member: Member, count: int) -> bytes:
    """Read the first `count` bytes of a member of a zip archive.

    Raises:
      UserError: see `read_members`.
    """
    with _opened(path, member) as source:
        return source.read(count)


@contextlib.contextmanager
def _opened(path: Path, member: Member) -> Iterator[IO[bytes]]:
    with (
        _damage(path),
        open_regular(path) as stream,
        zipfile.ZipFile(stream) as archive,
        archive.open(member.name) as source,
    ):
        yield source


class _Counting:
    """A writer that reports the size of each block."""

    def __init__(self, sink: IO[bytes], report: Callable[[int], None]) -> None:
        self._sink, self._report = sink, report

    def write(self, block: bytes) -> int:
        self._report(len(block))
        return self._sink.write(block)


def _zip_members(path: Path) -> Iterator[tuple[Member, IO[bytes]]]:
    with contextlib.ExitStack() as stack:
        with _damage(path):
            file = stack.enter_context(open_regular(path))
            archive = stack.enter_context(zipfile.ZipFile(file))
        for info in archive.infolist():
            if info.is_dir():
                continue
            with _damage(path):
                stream = archive.open(info)
            with stream:
                yield _zip_member(path, info), stream


def _zip_member(path: Path, info: zipfile.ZipInfo) -> Member:
    return Member(_checked(path, info.filename), info.file_size, info.CRC)


def _tar_members(path: Path) -> Iterator[tuple[Member, IO[bytes]]]:
    with contextlib.ExitStack() as stack:
        with _damage(path):
            file = stack.enter_context(open_regular(path))
            archive = stack.enter_context(tarfile.open(fileobj=file, mode="r:*"))
        while True:
            with _damage(path):
                info = archive.next()
            if info is None:
                return
            if info.isdir():
                continue
            name = _checked(path, info.name)
            if not info.isreg():
                raise UserError(
                    f"{path}: its member {name} is a link or a device, expected plain files only; "
                    "fetch the archive again from its official address"
                )
            with _damage(path):
                stream = archive.extractfile(info)
            assert stream is not None  # It is a regular file.
            with stream:
                yield Member(name, info.size, 0), stream


def _checked(path: Path, name: str) -> str:
    parts = PurePosixPath(name).parts
    absolute = name.startswith("/") or (len(name) > 1 and name[1] == ":")
    if not parts or absolute or ".." in parts or "\\" in name or "\0" in name:
        raise UserError(
            f"{path}: its member {name!r} leads outside the archive; do not use this file, fetch "
            "the archive again from its official address"
        )
    return name


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Convert exceptions for damaged archives to `UserError`."""
    try:
        with explained(path, "reading the archive"):
            yield
    except _DAMAGE as error:
        detail = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path}: the archive is damaged or truncated ({detail}); fetch it again"
        ) from error
