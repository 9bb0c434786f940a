"""File utilities: atomic writes, JSON, arrays, free space, hashes."""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsgan_tf.errors import UserError
from lsgan_tf.util.in_place import refuse_special
from lsgan_tf.util.locks import take

if TYPE_CHECKING:
    import numpy as np

_MEGABYTE = 1 << 20
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")
# Temporary errors, and those of disks and networks.
_OF_DISKS = (errno.EBUSY, errno.EIO, errno.ESTALE, errno.ETIMEDOUT)
# Temporary names of `atomic_file` and `atomic_folder`.
_LONGEST_NAME = 255 - len("..12345678.keras")  # bytes
_LEFTOVER = re.compile(r"\.(.+)\.[a-z0-9_]{8}\.(tmp|old)")


@contextlib.contextmanager
def explained(path: Path, doing: str, flag: str = "") -> Iterator[None]:
    """Convert operating-system errors inside the context to `UserError`.

    Args:
      path: the file or folder, named in the message.
      doing: the operation, as a gerund: `"writing the checkpoint"`.
      flag: the flag that chooses another folder: `"--cache_dir"`.

    Raises:
      UserError: on any OSError.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: {in_words(error, f' while {doing}', flag)}") from error


def in_words(error: OSError, doing: str = "", flag: str = "") -> str:
    """Describe an operating-system error and its remedy.

    Args:
      error: the error.
      doing: the operation, as in `" while writing the checkpoint"`.
      flag: see `explained`.
    """
    text = error.strerror or str(error)
    # NumPy sets no errno for a full disk.
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or _SHORT_WRITE.search(text):
        return f"the disk is full{doing}; free some space and run the same command again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        other = f" ({flag})" if flag else ""
        return f"permission denied{doing}; change the permissions or choose another folder{other}"
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return (
            f"{text}{doing}: there is a file where a folder is needed, or the reverse; choose "
            "another name"
        )
    if "usable temporary" in text:
        return f"there is no usable temporary folder{doing}; set TMPDIR to one you may write to"
    if error.errno in _OF_DISKS:
        return f"{text}{doing}; check the disk and run the same command again"
    return f"{text}{doing}"


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that is renamed to `path` on success.

    On an exception the temporary file is removed and `path` is unchanged.
    """
    path = Path(path)
    refuse_special(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_prefix(path), suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files.
        os.chmod(temporary, 0o666 & ~_umask())
        sync(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_keras_file(path: Path) -> Iterator[Path]:
    """Like `atomic_file`, with a temporary path that ends in `.keras`, as Keras requires."""
    with atomic_file(path) as temporary:
        named = temporary.with_suffix(".keras")
        try:
            yield named
            named.replace(temporary)
        finally:
            named.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path` that is renamed to `path` on success.

    An existing folder is replaced. On an exception the temporary folder is removed and
    `path` is unchanged.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=_prefix(path), suffix=".tmp", dir=path.parent))
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~_umask())
        for inner in temporary.rglob("*"):
            if inner.is_file():
                sync(inner)
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=_prefix(path), suffix=".old", dir=path.parent))
            try:
                os.replace(path, old / path.name)
            except BaseException:
                os.rmdir(old)
                raise
            try:
                os.replace(temporary, path)
            except BaseException:
                # If this fails as well, `clear_leftovers` restores it later.
                os.replace(old / path.name, path)
                os.rmdir(old)
                raise
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def clear_leftovers(folder: Path) -> None:
    """Remove temporary files left by killed processes, and restore what they had moved aside.

    Call only while holding the folder's lock: temporary files in use would be removed too.
    """
    for path in Path(folder).glob(".*"):
        match = _LEFTOVER.fullmatch(path.name)
        if not match or path.is_symlink():
            continue
        name, kind = match.groups()
        # The temporary name may be shortened.
        for aside in path.glob(f"{glob.escape(name)}*") if kind == "old" else ():
            if not (place := Path(folder) / aside.name).exists():
                os.replace(aside, place)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock `<path>.lock`, waiting for other processes that create `path`.

    Check inside the context whether `path` exists: another process may have created it.

    Raises:
      UserError: if the lock file cannot be created.
    """
    lock = Path(path).with_name(Path(path).name + ".lock")
    with explained(lock, "creating a lock file", "--cache_dir"):
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = take(lock, wait=True)
    with held:
        yield


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    with atomic_file(path) as temporary:
        text = json.dumps(value, indent=2, ensure_ascii=False)
        # Lone surrogates, as in paths that are not UTF-8, become JSON escapes.
        temporary.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def save_array(path: Path, array: np.ndarray) -> None:
    """Write an array as `.npy`, atomically.

    Raises:
      UserError: if it cannot be written.
    """
    import numpy as np  # heavy, and rarely needed by users of this module

    with (
        explained(path, "writing it"),
        atomic_file(path) as temporary,
        open(temporary, "wb") as stream,
    ):
        np.save(stream, array)


def require_free_space(folder: Path, needed: int, what: str) -> None:
    """Check the free space before a write.

    Args:
      folder: the target folder, which need not exist yet.
      needed: bytes to be written.
      what: their name in the message.

    Raises:
      UserError: if the file system has fewer than `needed` bytes free.
    """
    existing = Path(folder).absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise UserError(
            f"{folder}: {what} needs {needed / _MEGABYTE:,.0f} MiB and only "
            f"{free / _MEGABYTE:,.0f} MiB are free; free some space or choose another folder"
        )


def require_writable(path: Path, doing: str) -> None:
    """Check that a file can be created, without leaving anything behind.

    Args:
      path: the file, which need not exist yet.
      doing: see `explained`.

    Raises:
      UserError: if it cannot.
    """
    refuse_special(path)
    folder = Path(path).absolute().parent
    with explained(path, doing):
        while not folder.exists():
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):
            pass


def sync(path: Path) -> None:
    """Flush a file's content to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def default_cache_dir() -> Path:
    """Return the default folder of prepared data: `lsgan_tf` in `$XDG_CACHE_HOME` or `~/.cache`.

    Raises:
      UserError: if it neither exists nor can be created.
    """
    remedy = "give a writable folder by --cache_dir"
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:
        raise UserError(f"no home folder for prepared data; {remedy}") from error
    folder = existing = Path(base) / "lsgan_tf"
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    # An existing folder is useful even if it is read-only.
    if existing != folder and not (existing.is_dir() and os.access(existing, os.W_OK)):
        raise UserError(
            f"the default folder of prepared data is {folder}, and {existing} cannot be written; "
            f"{remedy}"
        )
    return folder


def _prefix(path: Path) -> str:
    """Return the beginning of a temporary name, short enough for a file system."""
    name = path.name
    while len(os.fsencode(name)) > _LONGEST_NAME:
        name = name[:-1]
    return f".{name}."


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
