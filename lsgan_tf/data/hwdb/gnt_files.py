"""Finding `.gnt` files in a folder or in ZIP archives, and telling them by their content."""

from __future__ import annotations

import contextlib
import hashlib
import lzma
import os
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lsgan_tf.errors import UserError
from lsgan_tf.util.files import explained, require_free_space

_BLOCK = 4 << 20
_REMEDY = "give the folder of HWDB's .gnt files, one .gnt file, or a .zip of them, by --data_dir"
# HWDB says 1.0test-gb1.gnt, Gnt1.0Test.zip, HWDB1.0tst_gnt.zip; not so latest.gnt.
_TEST = re.compile(r"(?<!la)(?<!con)test|tst")
# What zipfile lets through of its parts when an archive is damaged.
_BAD_ARCHIVE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError)


@dataclass(frozen=True)
class GntPart:
    """A `.gnt` file, on disk or inside an archive.

    Attributes:
      name: its path below the data folder, with `/`; the archive's name comes first.
      path: the file, or the archive that holds it.
      member: its name inside the archive; None for a plain file.
      size: its length in bytes; for a member, what the archive declares.
    """

    name: str
    path: Path
    member: str | None
    size: int

    @property
    def is_test(self) -> bool:
        """Whether its name or a folder's says that it belongs to the test split."""
        return bool(_TEST.search(self.name.lower()))


def find(data_dir: Path) -> list[GntPart]:
    """All `.gnt` files at or below a path, by name.

    Args:
      data_dir: a folder (folders in it are searched too), a `.zip` archive, or one
        file, which may then be called anything. Hidden files are left out.

    Raises:
      UserError: if the path is not there or may not be read, an archive is damaged,
        or there is no `.gnt` file.
    """
    data_dir = Path(data_dir)
    with explained(data_dir, "looking for .gnt files"):
        if not data_dir.exists():
            raise UserError(f"{data_dir}: no such data folder; {_REMEDY}")
        if data_dir.is_dir():
            paths = _walk(data_dir)
            names = [path.relative_to(data_dir).as_posix() for path in paths]
        elif data_dir.is_file():
            paths, names = [data_dir], [data_dir.name]
        else:
            raise UserError(f"{data_dir}: neither a folder nor a file; {_REMEDY}")
        parts: list[GntPart] = []
        for path, name in zip(paths, names, strict=True):
            if path.suffix.lower() == ".zip":
                parts.extend(_members(path, name))
            else:
                parts.append(GntPart(name, path, None, path.stat().st_size))
    if not parts:
        packed = _packed_otherwise(data_dir)
        raise UserError(f"{data_dir}: no .gnt file in it; {packed}{_REMEDY}")
    return sorted(parts, key=lambda part: part.name)


def content_hash(part: GntPart, advance: Callable[[int], None]) -> str:
    """Hex SHA-256 of a file's content, the same inside an archive and out of it.

    Args:
      part: the file.
      advance: called with the number of bytes read each time some were.

    Raises:
      UserError: if it cannot be read.
    """
    digest = hashlib.sha256()
    for block in _blocks(part):
        digest.update(block)
        advance(len(block))
    return digest.hexdigest()


@contextlib.contextmanager
def on_disk(parts: Sequence[GntPart], scratch: Path) -> Iterator[list[Path]]:
    """Yields a path for each part that can be mapped, unpacking members of archives.

    Args:
      parts: the files.
      scratch: a folder to unpack into; made, and removed at the end.

    Raises:
      UserError: if an archive is damaged, or the disk has no room for its members.
    """
    packed = sum(part.size for part in parts if part.member is not None)
    paths = []
    try:
        if packed:
            require_free_space(scratch, packed, "unpacking the archives")
        for number, part in enumerate(parts):
            if part.member is None:
                paths.append(part.path)
                continue
            scratch.mkdir(parents=True, exist_ok=True)
            paths.append(scratch / f"{number}.gnt")
            with explained(scratch, f"unpacking {part.name}"), open(paths[-1], "wb") as out:
                for block in _blocks(part):
                    out.write(block)
        yield paths
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _walk(folder: Path) -> list[Path]:
    os.listdir(folder)  # os.walk is silent about a folder that may not be read
    found, seen = [], set()
    for here, folders, files in os.walk(folder, followlinks=True):
        # A link may lead back to a folder above it.
        place = os.path.realpath(here)
        if place in seen:
            folders.clear()
            continue
        seen.add(place)
        folders[:] = [name for name in folders if not _hidden(name)]
        found += [
            Path(here, name)
            for name in files
            if name.lower().endswith((".gnt", ".zip")) and not _hidden(name)
            if Path(here, name).is_file()
        ]
    return found


def _packed_otherwise(folder: Path) -> str:
    """A hint if the data seems to be there, in an archive that cannot be read."""
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in (".rar", ".7z", ".tar", ".gz", ".tgz"):
                return f"unpack {path.name} by hand if it holds them; "
    return ""


def _hidden(name: str) -> bool:
    return (name.startswith(".") and name != ".") or name == "__MACOSX"


def _members(archive: Path, name: str) -> list[GntPart]:
    with _explained_archive(archive), zipfile.ZipFile(archive) as opened:
        return [
            GntPart(f"{name}/{entry.filename}", archive, entry.filename, entry.file_size)
            for entry in opened.infolist()
            if entry.filename.lower().endswith(".gnt")
            and not any(_hidden(folder) for folder in entry.filename.split("/"))
        ]


def _blocks(part: GntPart) -> Iterator[bytes]:
    if part.member is None:
        with explained(part.path, "reading characters"), open(part.path, "rb") as stream:
            while block := stream.read(_BLOCK):
                yield block
        return
    # The stream ends at the size that the archive declares, whatever it holds.
    with (
        _explained_archive(part.path),
        zipfile.ZipFile(part.path) as archive,
        archive.open(part.member) as stream,
    ):
        while block := stream.read(_BLOCK):
            yield block


@contextlib.contextmanager
def _explained_archive(path: Path) -> Iterator[None]:
    try:
        with explained(path, "reading the archive"):
            yield
    except _BAD_ARCHIVE as error:
        raise UserError(f"{path}: damaged archive ({error}); download it again") from error
    except (NotImplementedError, RuntimeError) as error:
        # An unknown method of compression, or a password.
        raise UserError(f"{path}: {error}; unpack it by hand") from error
