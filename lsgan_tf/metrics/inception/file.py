"""Locates the frozen Inception graph of 2015-12-05: a given, cached or downloaded file."""

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
from lsgan_tf.util import files, reading
from lsgan_tf.util.paths import local

ADDRESS = "https://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
ARCHIVE = "inception-2015-12-05.tgz"
GRAPH = "classify_image_graph_def.pb"

_ARCHIVE_BYTES = 88_931_400  # size of the published archive
_LARGEST = 1 << 29
_TIMEOUT = 10.0  # seconds


def graph_bytes(
    path: Path | None, cache_dir: Path | None, *, log: Callable[[str], None] = print
) -> tuple[bytes, str]:
    """Return the serialised graph and its SHA-256.

    Args:
      path: `classify_image_graph_def.pb`, its archive, or a folder with either; None for the cached
        archive, which is downloaded if missing.
      cache_dir: the cache; the user's cache folder by default.
      log: called with each line of output.

    Raises:
      UserError: if the file is missing, damaged or altered, or cannot be downloaded.
    """
    folder = Path(cache_dir or files.default_cache_dir()) / "inception"
    if path is None:
        path = _file_in(folder) or _download(folder / ARCHIVE, log)
        content = _read(path)
        digest = hashlib.sha256(content).hexdigest()
        _check_digest(folder / "sha256.txt", digest, path)
        return content, digest
    path = local(path)
    if path.is_dir():
        inside = _file_in(path)
        if inside is None:
            raise UserError(f"--inception={path}: neither {GRAPH} nor {ARCHIVE} is in this folder")
        path = inside
    if not path.is_file():
        raise UserError(
            f"--inception={path}: no such file; expected {GRAPH}, or {ARCHIVE} from {ADDRESS}"
        )
    content = _read(path)
    return content, hashlib.sha256(content).hexdigest()


def _file_in(folder: Path) -> Path | None:
    return next((folder / name for name in (GRAPH, ARCHIVE) if (folder / name).is_file()), None)


def _read(path: Path) -> bytes:
    if not archives.is_archive(path):
        with files.explained(path, "reading the Inception graph"):
            return reading.read_bytes(path, _LARGEST)
    found = archives.read_members(path, lambda member: member.basename == GRAPH, largest=_LARGEST)
    for _, content in found:
        return content
    raise UserError(f"{path}: no {GRAPH} in this archive; expected {ARCHIVE} from {ADDRESS}")


def _download(target: Path, log: Callable[[str], None]) -> Path:
    log(f"downloading the Inception graph (89 MB) from {ADDRESS}")
    request = urllib.request.Request(ADDRESS, headers={"User-Agent": "lsgan_tf"})
    with files.explained(target, "downloading the Inception graph", "--inception"):
        files.require_free_space(target.parent, _ARCHIVE_BYTES, "the Inception graph")
        with files.atomic_file(target) as temporary:
            try:
                with (
                    _open_https(request) as response,
                    open(temporary, "wb") as stream,
                ):
                    shutil.copyfileobj(_Limited(response, _ARCHIVE_BYTES + 1), stream)
            except (OSError, http.client.HTTPException) as error:
                if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EACCES):
                    raise  # not a network error
                reason = " ".join(str(getattr(error, "reason", error)).split())
                raise UserError(
                    f"the Inception graph is missing and cannot be downloaded ({reason}); download "
                    f"{ADDRESS} on another machine and put it at {target}, or pass it as "
                    "--inception=FILE"
                ) from error
            size = temporary.stat().st_size
            if size != _ARCHIVE_BYTES:
                raise UserError(
                    f"{ADDRESS}: received {size:,} bytes, expected {_ARCHIVE_BYTES:,}; try again, "
                    "or pass the file as --inception=FILE"
                )
    return target


def _open_https(request: urllib.request.Request) -> IO[bytes]:
    """Open an address and follow redirects, by HTTPS only."""
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


class _Limited:
    """A stream that ends after at most `count` bytes."""

    def __init__(self, stream: IO[bytes], count: int) -> None:
        self._stream, self._left = stream, count

    def read(self, size: int = -1, /) -> bytes:
        block = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        return block


def _check_digest(file: Path, digest: str, path: Path) -> None:
    """Compare the digest of the cached graph with that of its first use.

    The publisher provides no hash, only the size and the checksum of the archive.
    """
    if not file.is_file():
        with (
            files.explained(file, "writing the graph's hash"),
            files.atomic_file(file) as temporary,
        ):
            temporary.write_text(f"{digest}\n", encoding="utf-8")
        return
    with files.explained(file, "reading it"):
        expected = reading.read_bytes(file, 1000).decode("utf-8", errors="replace").strip()
    if expected != digest:
        raise UserError(
            f"{path}: the Inception graph has changed (SHA-256 {digest[:12]}..., was "
            f"{expected[:12]}...); remove the folder {path.parent} to download it again"
        )
