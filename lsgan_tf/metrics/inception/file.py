"""Finding the frozen Inception graph of 2015-12-05: a file that is given, kept, or fetched."""

from __future__ import annotations

import errno
import hashlib
import http.client
import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO

from lsgan_tf.data.formats import archives
from lsgan_tf.errors import UserError
from lsgan_tf.util import files
from lsgan_tf.util.paths import local

ADDRESS = "https://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
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
      path: `classify_image_graph_def.pb`, the archive that holds it, or a folder that holds either;
        None looks into the cache and fetches the archive if it is not there.
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
    path = local(path)
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
            return files.read_bytes(path, _LARGEST)
    found = archives.read_members(path, lambda member: member.basename == GRAPH, largest=_LARGEST)
    for _, content in found:
        return content
    raise UserError(f"{path}: no {GRAPH} in this archive; expected {ARCHIVE} from {ADDRESS}")


def _fetch(target: Path, log: Callable[[str], None]) -> Path:
    log(f"fetching the Inception graph (89 MB) from {ADDRESS}")
    request = urllib.request.Request(ADDRESS, headers={"User-Agent": "lsgan_tf"})
    with files.explained(target, "fetching the Inception graph", "--inception"):
        files.require_free_space(target.parent, _ARCHIVE_BYTES, "the Inception graph")
        with files.atomic_file(target) as temporary:
            try:
                with (
                    _open_https(request) as answer,
                    open(temporary, "wb") as stream,
                ):
                    shutil.copyfileobj(_AtMost(answer, _ARCHIVE_BYTES + 1), stream)
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


def _open_https(request: urllib.request.Request) -> IO[bytes]:
    """Opens an address by https alone, wherever the host sends us on."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(),  # certificates are verified by default
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener.open(request, timeout=_TIMEOUT)


class _AtMost:
    """A reader that ends after so many bytes, whatever is sent."""

    def __init__(self, stream: IO[bytes], count: int) -> None:
        self._stream, self._left = stream, count

    def read(self, size: int) -> bytes:
        block = self._stream.read(min(size, self._left))
        self._left -= len(block)
        return block


def _compare(note: Path, digest: str, path: Path) -> None:
    """Holds a kept graph to the hash it had when it was first used.

    Its publisher names no hash: the archive's size and its own checksum are known, and from then on
    the graph must stay what it was. The hash stands in every result.
    """
    if not note.is_file():
        with files.explained(note, "noting the graph's hash"), files.atomic_file(note) as temporary:
            temporary.write_text(f"{digest}\n", encoding="utf-8")
        return
    with files.explained(note, "reading it"):
        expected = files.read_bytes(note, 1000).decode("utf-8", errors="replace").strip()
    if expected != digest:
        raise UserError(
            f"{path}: the Inception graph is not the one of before (SHA-256 {digest[:12]}..., was "
            f"{expected[:12]}...); remove the folder {path.parent} to fetch it again"
        )
