"""Files that are either whole or absent: atomic writes, free space, hashes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from lsgan_tf.errors import UserError
from lsgan_tf.util.forms import check_form, parse_json
from lsgan_tf.util.in_place import refuse_special
from lsgan_tf.util.locks import take

if TYPE_CHECKING:
    import numpy as np

_MEGABYTE = 1 << 20
_LARGEST_JSON = 256 * _MEGABYTE
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")
# What passes, or lies at the disk or the network.
_OF_DISKS = (errno.EBUSY, errno.EIO, errno.ESTALE, errno.ETIMEDOUT)
# Names that `tempfile` makes for `atomic_file` and `atomic_folder`.
_LEFTOVER = re.compile(r"\.(.+)\.[a-z0-9_]{8}\.(tmp|old)")


@contextlib.contextmanager
def explained(path: Path, doing: str, flag: str = "") -> Iterator[None]:
    """Turns an operating-system error under it into a `UserError`.

    Args:
      path: the file or folder being worked on, named in the message.
      doing: what is being done, as a gerund: `"writing the checkpoint"`.
      flag: what names another place for it: `"--cache_dir"`.

    Raises:
      UserError: if the disk is full, or `path` may not be read or written.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: {in_words(error, f' while {doing}', flag)}") from error


def in_words(error: OSError, doing: str = "", flag: str = "") -> str:
    """What an operating-system error means, and the remedy.

    Args:
      error: the error.
      doing: what was being done, as in `" while writing the checkpoint"`.
      flag: as `explained`.
    """
    text = error.strerror or str(error)
    # NumPy has no number for a disk that is full.
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or _SHORT_WRITE.search(text):
        return f"the disk is full{doing}; free some space and run the same command again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        other = f" ({flag})" if flag else ""
        return f"permission denied{doing}; choose a folder you may write to{other}"
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return (
            f"{text}{doing}: a file stands where a folder is needed, or a folder where a file is; "
            "choose another name"
        )
    if "usable temporary" in text:
        return f"there is no usable temporary folder{doing}; set TMPDIR to one you may write to"
    if error.errno in _OF_DISKS:
        return f"{text}{doing}; see to the disk and run the same command again"
    return f"{text}{doing}"


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` and renames it to `path` on success.

    On any exception the temporary file is removed and `path` is as it was.
    """
    path = Path(path)
    refuse_special(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; what is published follows the umask as usual.
        os.chmod(temporary, 0o666 & ~_umask())
        sync(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `path` and renames it to `path` on success.

    A folder already at `path` is replaced. On any exception the temporary
    folder is removed and `path` is as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~_umask())
        for inner in temporary.rglob("*"):
            if inner.is_file():
                sync(inner)
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".old", dir=path.parent))
            try:
                os.replace(path, old / path.name)
            except BaseException:
                os.rmdir(old)
                raise
            try:
                os.replace(temporary, path)
            except BaseException:
                # Should this fail as well, `clear_leftovers` brings it back another time.
                os.replace(old / path.name, path)
                os.rmdir(old)
                raise
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def clear_leftovers(folder: Path) -> None:
    """Removes what killed processes left of `atomic_file` and `atomic_folder` in a folder.

    What was moved aside and never replaced is brought back. Only for who has the folder
    alone: the unfinished work of others would go, too.
    """
    for path in Path(folder).glob(".*"):
        match = _LEFTOVER.fullmatch(path.name)
        if not match or path.is_symlink():
            continue
        name, kind = match.groups()
        aside, place = path / name, Path(folder) / name
        if kind == "old" and aside.exists() and not place.exists():
            os.replace(aside, place)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Has other processes wait that would make the same `path`.

    Look again whether it is there once inside: another process may just have
    made it.

    Raises:
      UserError: if the lock file beside `path`, `<path>.lock`, cannot be made.
    """
    lock = Path(path).with_name(Path(path).name + ".lock")
    with explained(lock, "making a lock file", "--cache_dir"):
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = take(lock, wait=True)
    with held:
        yield


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON, atomically."""
    with atomic_file(path) as temporary:
        text = json.dumps(value, indent=2, ensure_ascii=False)
        # Half a surrogate pair, as in a path that is no UTF-8, becomes JSON's own escape.
        temporary.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def open_regular(path: Path) -> BinaryIO:
    """Opens a file to be read, and refuses what is no regular file.

    Nobody may ever write to a FIFO, and a device may never end.

    Raises:
      UserError: if there is something else in its place.
      OSError: if it cannot be opened.
    """
    return open(path, "rb", opener=open_descriptor)


def open_descriptor(path: str | Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a regular file, to be closed by the caller; raises as `open_regular`."""
    # To open a FIFO waits for somebody who writes to it, unless told not to.
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise UserError(
        f"{path}: expected a regular file, found a FIFO or a device; give the file itself"
    )


def read_bytes(path: Path, largest: int | None = None) -> bytes:
    """The content of a regular file.

    Args:
      path: the file.
      largest: bytes above which it is refused; None takes any size.

    Raises:
      UserError: if it is larger, or no regular file.
      OSError: if it cannot be read.
    """
    with open_regular(path) as stream:
        content = stream.read(-1 if largest is None else largest + 1)
    if largest is not None and len(content) > largest:
        raise UserError(f"{path}: larger than the {largest:,} bytes that such a file may have")
    return content


def read_json(path: Path, form: Any = None, *, largest: int = _LARGEST_JSON) -> Any:
    """Reads JSON and checks its form.

    Args:
      path: the file.
      form: what must be in it, see `lsgan_tf.util.forms.check_form`; None takes anything.
      largest: bytes above which it is refused.

    Raises:
      UserError: if the file is missing, is not JSON, or has another form.
    """
    with explained(path, "reading it"):
        text = read_bytes(path, largest).decode("utf-8-sig", errors="replace")
    try:
        value = parse_json(text)
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON ({error})") from error
    if form is not None:
        try:
            check_form(value, form)
        except ValueError as error:
            raise UserError(f"{path}: damaged, or written by something else ({error})") from error
    return value


def read_array(path: Path, dtype: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """Maps an array in `.npy` and checks what it is.

    Args:
      path: the file.
      dtype: its numbers: "int64".
      shape: its sides; None is any length.

    Raises:
      ValueError: if it is damaged or another array.
      UserError: if it is no regular file.
      OSError: if it cannot be read.
    """
    import numpy as np

    open_regular(path).close()
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except EOFError as error:
        raise ValueError(f"{path.name}: empty") from error
    sides = len(array.shape) == len(shape) and all(
        wanted in (None, side) for wanted, side in zip(shape, array.shape, strict=True)
    )
    if array.dtype != dtype or not sides:
        raise ValueError(f"{path.name} holds {array.dtype} {array.shape}")
    return array


def save_array(path: Path, array: np.ndarray) -> None:
    """Writes an array as `.npy`, atomically.

    Raises:
      UserError: if it cannot be written.
    """
    import numpy as np  # most who need this module do without

    with (
        explained(path, "writing it"),
        atomic_file(path) as temporary,
        open(temporary, "wb") as stream,
    ):
        np.save(stream, array)


def require_free_space(folder: Path, needed: int, what: str) -> None:
    """Refuses to start a write that cannot fit.

    Args:
      folder: where the write will go; it need not exist yet.
      needed: bytes about to be written.
      what: what they are, for the message.

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
    """Refuses a place for a file before the work that is to be written there.

    Nothing is left behind: folders that are missing are made when the file is written.

    Args:
      path: the file; it need not exist yet.
      doing: what will be done, as `explained` has it.

    Raises:
      UserError: if no file can be made there.
    """
    refuse_special(path)
    folder = Path(path).absolute().parent
    with explained(path, doing):
        while not folder.exists():
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):
            pass


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file's content, read in blocks."""
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        while block := stream.read(4 * _MEGABYTE):
            digest.update(block)
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Has the operating system put a file's content on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def default_cache_dir() -> Path:
    """The user's cache folder for prepared data: `$XDG_CACHE_HOME/lsgan_tf` or its default.

    Raises:
      UserError: if there is no such folder and none can be made.
    """
    remedy = "give a folder that can be written by --cache_dir"
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:
        raise UserError(f"no home folder to keep prepared data in; {remedy}") from error
    folder = existing = Path(base) / "lsgan_tf"
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    # One that is there is of use even if it may only be read.
    if existing != folder and not (existing.is_dir() and os.access(existing, os.W_OK)):
        raise UserError(
            f"prepared data would be kept in {folder}, and {existing} cannot be written; {remedy}"
        )
    return folder


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
