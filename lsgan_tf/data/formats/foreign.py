"""Detects archives and file formats that cannot be read, and suggests remedies."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from lsgan_tf.data.formats.not_data import is_ignored_path

_PACKED = {
    ".alz": "an ALZip archive",
    ".egg": "an ALZip archive",
    ".rar": "a RAR archive",
    ".7z": "a 7-Zip archive",
    ".tar": "a tar archive",
    ".tgz": "a tar archive",
    ".tbz": "a tar archive",
    ".tbz2": "a tar archive",
    ".txz": "a tar archive",
    ".zip": "a zip archive",
    ".zipx": "a zip archive",
    ".lzh": "an LZH archive",
    ".lha": "an LZH archive",
    ".ace": "an ACE archive",
    ".arj": "an ARJ archive",
    ".cab": "a cabinet archive",
    ".iso": "a disc image",
    ".dmg": "a disc image",
}
# Single compressed files, which matter only if they contain an archive or data.
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".lz", ".lz4", ".lzma", ".z", ".br")
_PART = re.compile(
    r".+\.(?:(?:zip|7z|rar|tar|alz|egg|gnt|gz)\.\d{2,4}|[zra]\d\d|vol\d+\.egg)", re.IGNORECASE
)
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".aria2", ".!ut", ".!qb")
_ENDINGS = "|".join(map(re.escape, (*_PACKED, *_COMPRESSED, *_UNFINISHED)))
_LAST = re.compile(rf"(?:{_ENDINGS}|\.\d+|\.part\d+|\.[zra]\d\d)$", re.IGNORECASE)
_CASIA = {
    ".mpf": "CASIA's feature vectors (HWDB, .mpf), which do not contain the images",
    ".dgr": "CASIA's pages of handwritten text (HWDB2.x, .dgr)",
    ".dgrl": "CASIA's pages of handwritten text (HWDB2.x, .dgrl)",
    ".pot": "CASIA's online characters (OLHWDB1.x, .pot): strokes of a pen, not images",
    ".ptts": "CASIA's pages of online text (OLHWDB2.x, .ptts)",
    ".wptt": "CASIA's pages of online text (OLHWDB2.x, .wptt)",
}
_CASIA_REMEDY = "fetch the .gnt files of HWDB1.0, 1.1 or 1.2 (offline isolated characters)"
_MAGIC = (
    (b"ALZ\x01", ".alz"),
    (b"EGGA", ".egg"),
    (b"Rar!\x1a\x07", ".rar"),
    (b"7z\xbc\xaf\x27\x1c", ".7z"),
    (b"PK\x03\x04", ".zip"),
    (b"PK\x05\x06", ".zip"),
    (b"\x1f\x8b", ".gz"),
    (b"BZh", ".bz2"),
    (b"\xfd7zXZ\x00", ".xz"),
    (b"\x28\xb5\x2f\xfd", ".zst"),
)


def archive(name: str, inside: tuple[str, ...] = ()) -> str | None:
    """Describe the kind of archive by its file name; None if it is not an archive.

    Args:
      name: name of the file.
      inside: extensions of data in a single compressed file: `(".gnt",)` for `x.gnt.gz`.
    """
    lower = name.lower()
    stem, dot, last = lower.rpartition(".")
    if lower.endswith(_UNFINISHED):
        whole = stem.endswith(inside) if inside else False
        return "an unfinished download" if whole or archive(stem, inside) else None
    if dot + last in _COMPRESSED:
        if stem.endswith(".tar"):
            return "a tar archive"
        return "a compressed file" if inside and stem.endswith(inside) else None
    if _PART.fullmatch(lower):
        return "a part of a split archive"
    return _PACKED.get(dot + last)


def casia(name: str) -> str | None:
    """Describe a CASIA format other than `.gnt` by the file name, if it is one."""
    return _CASIA.get(Path(name.lower()).suffix)


def trouble(name: str, inside: tuple[str, ...]) -> str | None:
    """Return why a data file cannot be read, with a remedy; None for other files.

    Args:
      name: name of the file.
      inside: extensions of the expected data.
    """
    if ".gnt" in inside and (kind := casia(name)):
        return f"{kind}; {_CASIA_REMEDY}"
    if kind := archive(name, inside):
        if kind == "an unfinished download":
            return f"{kind}; let it finish or remove it"
        return f"{kind}, which cannot be read here; unpack it first and move it out of the folder"
    return None


def of_content(beginning: bytes) -> str | None:
    """Describe the kind of archive by its first bytes; None if it is not an archive."""
    for magic, ending in _MAGIC:
        if beginning.startswith(magic):
            return _PACKED.get(ending, "a compressed file")
    return None


def is_unpacked(path: Path, inside: tuple[str, ...]) -> bool:
    """Return whether an archive was unpacked to a folder or file of its name next to it.

    Args:
      path: the archive.
      inside: extensions of the expected data.
    """
    stem = path.name
    while _LAST.search(stem):
        stem = _LAST.sub("", stem)
        beside = path.with_name(stem)
        if beside.is_dir() and any(beside.iterdir()):
            return True
        if any(path.with_name(stem + ending).is_file() for ending in ("", *inside)):
            return True
    return False


def wanted_in_zip(path: Path, wanted: Callable[[str], bool]) -> bool:
    """Return whether a zip contains a wanted file or cannot be listed."""
    try:
        with zipfile.ZipFile(path) as opened:
            names = opened.namelist()
    # Damaged archives raise many kinds of exceptions.
    except Exception:
        return True
    return any(wanted(name) for name in names if not is_ignored_path(name))
