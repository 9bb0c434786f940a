"""Finds `.gnt` files in folders and ZIP archives, and hashes their content."""

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

from lsgan_tf.data.formats import foreign
from lsgan_tf.data.formats.not_data import is_ignored, is_ignored_path, our_own
from lsgan_tf.data.split_names import split_of
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import explained, require_free_space
from lsgan_tf.util.reading import open_regular

_BLOCK = 4 << 20
_ENDINGS = (".gnt",)
_REMEDY = "pass the folder of HWDB's .gnt files, one .gnt file, or a .zip of them, as --data_dir"
# Matches 1.0test-gb1.gnt, Gnt1.0Test.zip and HWDB1.0tst_gnt.zip, but not latest.gnt.
# The competition was ICDAR's, whose characters are HWDB's usual test set.
_TEST = re.compile(r"(?<!la)(?<!con)test|tst|competition|测试|測試|验证|驗證")
# Exceptions of zipfile for damaged archives.
_BAD_ARCHIVE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError)


@dataclass(frozen=True)
class GntPart:
    """A `.gnt` file, on disk or inside an archive.

    Attributes:
      name: path relative to the data folder, with `/`, including the name of the archive.
      path: the file, or its archive.
      member: name inside the archive; None for a plain file.
      size: size in bytes; for a member, as declared by the archive.
    """

    name: str
    path: Path
    member: str | None
    size: int

    @property
    def is_test(self) -> bool:
        """Whether its path is that of a test file."""
        names = (os.path.splitext(name)[0] for name in self.name.split("/"))
        held_out = any(split_of(name) == "held out" for name in names)
        return held_out or bool(_TEST.search(self.name.lower()))


@dataclass(frozen=True)
class Survey:
    """The HWDB files of a folder.

    Attributes:
      parts: the `.gnt` files, by name.
      unreadable: files that look like HWDB but cannot be read: name to kind and remedy.
    """

    parts: tuple[GntPart, ...]
    unreadable: dict[str, str]


def find(data_dir: Path) -> list[GntPart]:
    """Find all `.gnt` files at or below a path, ordered by name.

    Args:
      data_dir: see `survey`.

    Raises:
      UserError: see `survey`; also if a file looks like HWDB but cannot be read, or there is no
        `.gnt` file.
    """
    found = survey(data_dir)
    if found.unreadable:
        name, why = min(found.unreadable.items())
        place = data_dir if name == Path(data_dir).name else f"{data_dir}: {name}"
        more = len(found.unreadable) - 1
        raise UserError(f"{place}: this is {why}" + f" ({more:,} more like it)" * bool(more))
    if not found.parts:
        raise UserError(f"{data_dir}: no .gnt file in it; {_REMEDY}")
    return list(found.parts)


def survey(data_dir: Path) -> Survey:
    """Find all `.gnt` files at or below a path, and unreadable files that may be HWDB.

    Args:
      data_dir: a folder (searched recursively), a `.zip` archive, or a file of any name. Hidden
        files, system files and outputs of this package are ignored.

    Raises:
      UserError: if the path is missing or unreadable, or an archive is damaged.
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
        unreadable: dict[str, str] = {}
        for path, name in zip(paths, names, strict=True):
            why = foreign.trouble(name, _ENDINGS)
            regular = path.is_file()
            if not regular:
                why = "not a regular file, or a link to none; restore or remove it"
            if regular and path.suffix.lower() == ".zip":
                inside, packed = _members(path, name)
                parts.extend(inside)
                if not foreign.is_unpacked(path, _ENDINGS):
                    unreadable.update(packed)
            elif why and not foreign.is_unpacked(path, _ENDINGS):
                unreadable[name] = why
            elif not why:
                parts.append(GntPart(name, path, None, path.stat().st_size))
    return Survey(tuple(sorted(parts, key=lambda part: part.name)), unreadable)


class Archives:
    """Context manager that keeps the last archive open, since opening one is slow."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._stack = contextlib.ExitStack()

    def opened(self, path: Path) -> zipfile.ZipFile:
        """Open an archive, unless it is the last one."""
        if path != self._path:
            self._stack.close()
            self._path = None
            stream = self._stack.enter_context(open_regular(path))
            self._archive = self._stack.enter_context(zipfile.ZipFile(stream))
            self._path = path
        return self._archive

    def __enter__(self) -> Archives:
        return self

    def __exit__(self, *unused: object) -> None:
        self._stack.close()


def content_hash(
    part: GntPart, advance: Callable[[int], None], archives: Archives | None = None
) -> str:
    """Return the hex SHA-256 of the content of a file, whether in an archive or not.

    Args:
      part: the file.
      advance: called with the number of bytes after each read.
      archives: keeps the archive open between calls.

    Raises:
      UserError: if it cannot be read.
    """
    digest = hashlib.sha256()
    with _kept(archives) as opened:
        for block in _blocks(part, opened):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()


@contextlib.contextmanager
def on_disk(
    parts: Sequence[GntPart], scratch: Path, archives: Archives | None = None
) -> Iterator[list[Path]]:
    """Yield a path for each part, unpacking members of archives.

    Args:
      parts: the files.
      scratch: a folder to unpack into; created, and removed at the end.
      archives: keeps the archive open between calls.

    Raises:
      UserError: if an archive is damaged, or the disk is full.
    """
    packed = sum(part.size for part in parts if part.member is not None)
    paths = [part.path for part in parts]
    try:
        if packed:
            require_free_space(scratch, packed, "unpacking the archives")
        with _kept(archives) as opened:
            for number, part in sorted(enumerate(parts), key=lambda item: item[1].name):
                if part.member is None:
                    continue
                scratch.mkdir(parents=True, exist_ok=True)
                paths[number] = scratch / f"{number}.gnt"
                with (
                    explained(scratch, f"unpacking {part.name}"),
                    open(paths[number], "wb") as out,
                ):
                    for block in _blocks(part, opened):
                        out.write(block)
        yield paths
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _kept(archives: Archives | None) -> contextlib.AbstractContextManager[Archives]:
    return Archives() if archives is None else contextlib.nullcontext(archives)


def _walk(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        with explained(Path(error.filename), "listing the folder"):
            raise error

    found, seen = [], set(map(str, folder.resolve().parents))
    for here, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        # A link may point to a parent folder, of the data folder too.
        place = os.path.realpath(here)
        if place in seen or (Path(here) != folder and our_own(Path(here))):
            folders.clear()
            continue
        seen.add(place)
        folders[:] = [name for name in folders if not is_ignored(name)]
        found += [
            Path(here, name)
            for name in files
            if name.lower().endswith((*_ENDINGS, ".zip")) or foreign.trouble(name, _ENDINGS)
            if not is_ignored(name)
        ]
    return found


def _members(archive: Path, name: str) -> tuple[list[GntPart], dict[str, str]]:
    """List the `.gnt` files in a zip, and its unreadable files that may be HWDB."""
    with _explained_archive(archive), Archives() as archives:
        infos = archives.opened(archive).infolist()
        entries = [entry for entry in infos if not is_ignored_path(entry.filename)]
    parts = [
        GntPart(f"{name}/{_decoded(entry)}", archive, entry.filename, entry.file_size)
        for entry in entries
        if entry.filename.lower().endswith(_ENDINGS) and not entry.is_dir()
    ]
    packed = {
        f"{name}/{_decoded(entry)}": why
        for entry in entries
        if not entry.is_dir() and (why := foreign.trouble(entry.filename, _ENDINGS))
    }
    return parts, packed


def _decoded(entry: zipfile.ZipInfo) -> str:
    """Return a name that zipfile may have decoded as CP437, but Chinese Windows wrote in GBK."""
    with contextlib.suppress(UnicodeError):
        if not entry.flag_bits & 0x800:  # not UTF-8
            return entry.filename.encode("cp437").decode("gbk")
    return entry.filename


def _blocks(part: GntPart, archives: Archives) -> Iterator[bytes]:
    if part.member is None:
        with explained(part.path, "reading characters"), open_regular(part.path) as stream:
            while block := stream.read(_BLOCK):
                yield block
        return
    # The stream ends at the declared size.
    with _explained_archive(part.path), archives.opened(part.path).open(part.member) as stream:
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
        # Unsupported compression, or encryption.
        raise UserError(f"{path}: {error}; unpack it by hand") from error
