"""Metadata of a folder of images, collected file by file for its index."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import os
from pathlib import Path
from typing import Any, BinaryIO

from lsgan_tf.data.formats import foreign
from lsgan_tf.data.formats.not_data import SOFTWARE
from lsgan_tf.data.images import decode
from lsgan_tf.data.images.image_walk import shown
from lsgan_tf.data.split_names import split_of
from lsgan_tf.errors import UserError
from lsgan_tf.util import files, reading
from lsgan_tf.util.text import counted

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif")
# Image formats that are not supported.
_UNREAD = (
    ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".psd", ".svg", ".tga",
    ".dng", ".cr2", ".cr3", ".nef", ".arw", ".ppm", ".pgm", ".pbm", ".pnm", ".pcx", ".exr", ".dcm",
)  # fmt: skip
# Extensions that say nothing about the content.
_NAMELESS = ("", ".bin", ".dat", ".data", ".file", ".tmp")
# Of larger files, evenly spaced blocks are hashed.
_HASHED_WHOLE = 1 << 20
_BLOCKS, _BLOCK = 16, 1 << 16
_LISTED = 1000


@dataclasses.dataclass
class FolderMetadata:
    """Metadata of a folder of images.

    Attributes:
      other: number of files without an image extension.
      bad: number of images with an unreadable header, and of links to missing images.
      bad_names: the first thousand of them, each with the reason.
      content: hex SHA-256 of the content of all images.
      unread: number of images in unsupported formats, or with another extension, by extension.
      made_here: number of images written by this package.
      held_out: number of images in folders named as validation or test sets.
      held_out_example: one of these folders.
      unusable: top-level folders with images of which none can be used.
    """

    other: int = 0
    bad: int = 0
    bad_names: list[list[str]] = dataclasses.field(default_factory=list)
    content: str = ""
    unread: dict[str, int] = dataclasses.field(default_factory=dict)
    made_here: int = 0
    held_out: int = 0
    held_out_example: str = ""
    unusable: list[str] = dataclasses.field(default_factory=list)

    def in_words(self) -> str:
        """Describe the files found if there was no image."""
        if not (self.bad or self.other or self.unread or self.made_here):
            return "nothing"
        found = f"{self.bad:,} undecodable and {self.other:,} other files"
        if self.unread:
            kinds, total = ", ".join(sorted(self.unread)), sum(self.unread.values())
            found += f", and {counted(total, 'image')} in unsupported formats ({kinds})"
        if self.made_here:
            found += f", and {counted(self.made_here, 'image')} that lsgan_tf itself wrote"
        return found


class Collector:
    """Collects the metadata of a folder, file by file.

    Attributes:
      metadata: the metadata so far; complete after `finish`.
    """

    def __init__(self) -> None:
        self.metadata = FolderMetadata()
        self._content = hashlib.sha256()
        self._usable: dict[bytes, bool] = {}  # by top-level folder

    def add(self, root: Path, name: bytes) -> int | None:
        """Add a file; return the shorter side of an image, None for other files."""
        metadata = self.metadata
        top = name.partition(b"/")[0] if b"/" in name else b""
        ending = Path(os.fsdecode(name)).suffix.lower()
        if ending in _UNREAD:
            metadata.unread[ending] = metadata.unread.get(ending, 0) + 1
            self._usable.setdefault(top, False)
            return None
        if not is_image(name):
            self._add_other(root, name, ending, top)
            return None
        try:
            side, digest, made_here = _inspect(root / os.fsdecode(name))
        except decode.Undecodable as error:
            metadata.bad += 1
            self._usable.setdefault(top, False)
            if metadata.bad <= _LISTED:
                metadata.bad_names.append([shown(name), str(error)])
            return None
        if made_here:
            metadata.made_here += 1
            return None
        self._usable[top] = True
        self._content.update(digest)
        held_out = [part for part in shown(name).split("/")[:-1] if split_of(part) == "held out"]
        if held_out:
            metadata.held_out += 1
            metadata.held_out_example = metadata.held_out_example or held_out[0]
        return side

    def _add_other(self, root: Path, name: bytes, ending: str, top: bytes) -> None:
        """Add a file without an image extension.

        Raises:
          UserError: if it is an archive without its extension that may contain images.
        """
        metadata, beginning, path = self.metadata, b"", root / os.fsdecode(name)
        with contextlib.suppress(OSError, UserError):
            beginning = reading.read_beginning(path, 16)
        if decode.sniff(beginning) not in (None, "bmp"):  # BM may begin any text
            ending = ending or "without extension"
            metadata.unread[ending] = metadata.unread.get(ending, 0) + 1
            self._usable.setdefault(top, False)
        elif (
            ending in _NAMELESS
            and (kind := foreign.of_content(beginning))
            # A zip without images may be weights of PyTorch.
            and (kind != "a zip archive" or zip_may_hold_images(path))
        ):
            raise UserError(
                f"{root}: {shown(name)} is {kind}; unpack it first and move it out of the folder"
            )
        else:
            metadata.other += 1

    def finish(self) -> FolderMetadata:
        """Return the metadata of all files added."""
        self.metadata.content = self._content.hexdigest()
        self.metadata.unusable = [shown(top) for top, usable in self._usable.items() if not usable]
        return self.metadata


def _inspect(path: Path) -> tuple[int, bytes, bool]:
    """Return the shorter side and content digest of an image, and whether this package wrote it."""
    stream: BinaryIO
    if path.is_symlink() and not path.exists():
        raise decode.Undecodable("a link to a missing file")
    with files.explained(path, "reading the image"), reading.open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size <= _HASHED_WHOLE:
            content = stream.read()
            digest, stream = hashlib.sha256(content), io.BytesIO(content)
        else:
            digest = hashlib.sha256(str(size).encode())
            for number in range(_BLOCKS):
                stream.seek((size - _BLOCK) * number // (_BLOCKS - 1))
                digest.update(stream.read(_BLOCK))
            stream.seek(0)
        image = decode.open_image(stream)
        return min(image.size), digest.digest(), _is_made_here(image.info)


def _is_made_here(info: dict[Any, Any]) -> bool:
    """Return whether the metadata of a PNG, GIF or WebP image names this package."""
    name, exif = SOFTWARE.encode(), info.get("exif")
    if isinstance(exif, bytes) and name in exif:
        return True
    return info.get("Software") == SOFTWARE or info.get("comment") == name


def zip_may_hold_images(path: Path) -> bool:
    """Return whether a zip contains images or archives, or cannot be listed."""
    return foreign.wanted_in_zip(
        path, lambda inner: inner.lower().endswith(ENDINGS) or bool(foreign.archive(inner))
    )


def is_image(name: bytes) -> bool:
    """Return whether a file has the extension of a supported image format."""
    return os.fsdecode(name).lower().endswith(ENDINGS)
