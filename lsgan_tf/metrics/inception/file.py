"""Finding the frozen Inception graph of 2015-12-05: a file that is given, kept, or fetched."""

from __future__ import annotations

import errno
import hashlib
import http.client
import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path

from lsgan_tf.data.formats import archives
from lsgan_tf.errors import UserError
from lsgan_tf.util import files

ADDRESS = "http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
ARCHIVE = "inception-2015-12-05.tgz"
GRAPH = "classify_image_graph_def.pb"

_ARCHIVE_BYTES = 88_931_400  # of the published archive
_LARGEST = 1 << 29
_TIMEOUT = 10.0  # seconds without an answer


def graph_bytes(
    path: Path | None, cache_dir: Path | None, *, log: Callable[[str], None] = print
) -> tuple[bytes, str]:
    """The serialised graph and its SHA-256.

    Args:
      path: `classify_image_graph_def.pb`, the archive that holds it, or a folder that holds
        either; None looks into the cache and fetches the archive if it is not there.
      cache_dir: the cache; the user's cache folder by default.
      log: takes a line for the user.

    Raises:
      UserError: if there is no such file, it is damaged or altered, or cannot be fetched.
    """
    folder = Path(cache_dir or files.default_cache_dir()) / "inception"
    if path is None:
        path = _kept(folder) or _fetch(folder / ARCHIVE, log)
        content = _read(path)
        digest = hashlib.sha256(content).hexdigest()
        _compare(folder / "sha256.txt", digest, path)
        return content, digest
    path = Path(path).expanduser()
    if path.is_dir():
        inside = _kept(path)
        if inside is None:
            raise UserError(f"--inception={path}: neither {GRAPH} nor {ARCHIVE} is in this folder")
        path = inside
    if not path.is_file():
        raise UserError(
            f"--inception={path}: no such file; expected {GRAPH}, or {ARCHIVE} from {ADDRESS}"
        )
    content = _read(path)
    return content, hashlib.sha256(content).hexdigest()


def _kept(folder: Path) -> Path | None:
    return next((folder / name for name in (GRAPH, ARCHIVE) if (folder / name).is_file()), None)


def _read(path: Path) -> bytes:
    if not archives.is_archive(path):
        with files.explained(path, "reading the Inception graph"):
            if path.stat().st_size > _LARGEST:
                raise UserError(f"{path}: larger than any Inception graph; expected {GRAPH}")
            return path.read_bytes()
    found = archives.read_members(path, lambda member: member.basename == GRAPH, largest=_LARGEST)
    for _, content in found:
        return content
    raise UserError(f"{path}: no {GRAPH} in this archive; expected {ARCHIVE} from {ADDRESS}")


def _fetch(target: Path, log: Callable[[str], None]) -> Path:
    log(f"fetching the Inception graph (89 MB) from {ADDRESS}")
    request = urllib.request.Request(ADDRESS, headers={"User-Agent": "lsgan_tf"})
    with files.explained(target, "fetching the Inception graph"):
        files.require_free_space(target.parent, _ARCHIVE_BYTES, "the Inception graph")
        with files.atomic_file(target) as temporary:
            try:
                with (
                    urllib.request.urlopen(request, timeout=_TIMEOUT) as answer,
                    open(temporary, "wb") as stream,
                ):
                    shutil.copyfileobj(answer, stream)
            except (OSError, http.client.HTTPException) as error:
                if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EACCES):
                    raise  # not the network's fault
                reason = " ".join(str(getattr(error, "reason", error)).split())
                raise UserError(
                    f"the Inception graph is not here and its host does not answer ({reason}); "
                    f"fetch {ADDRESS} on a machine with a network, and put it at {target} or give "
                    "it by --inception=FILE"
                ) from error
            size = temporary.stat().st_size
            if size != _ARCHIVE_BYTES:
                raise UserError(
                    f"{ADDRESS}: sent {size:,} bytes, expected {_ARCHIVE_BYTES:,}; try again, or "
                    "give the file by --inception=FILE"
                )
    return target


def _compare(note: Path, digest: str, path: Path) -> None:
    """Holds a kept graph to the hash it had when it was first used.

    Its publisher names no hash: the archive's size and its own checksum are known, and from
    then on the graph must stay what it was. The hash stands in every result.
    """
    if not note.is_file():
        with files.explained(note, "noting the graph's hash"), files.atomic_file(note) as temporary:
            temporary.write_text(f"{digest}\n", encoding="utf-8")
        return
    with files.explained(note, "reading it"):
        expected = note.read_text(encoding="utf-8").strip()
    if expected != digest:
        raise UserError(
            f"{path}: the Inception graph is not the one of before (SHA-256 {digest[:12]}..., was "
            f"{expected[:12]}...); remove the folder {path.parent} to fetch it again"
        )
