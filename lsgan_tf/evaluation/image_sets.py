"""Sets of images to compare: a folder of files, or an array in a `.npz` file."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from lsgan_tf.data.formats import foreign
from lsgan_tf.data.formats.not_data import our_own
from lsgan_tf.data.images import decode
from lsgan_tf.data.images.folder_metadata import ENDINGS, is_image
from lsgan_tf.data.images.image_walk import shown, walk
from lsgan_tf.data.source import Source
from lsgan_tf.errors import UserError
from lsgan_tf.sampling import npz
from lsgan_tf.util import files, reading
from lsgan_tf.util.progress import Progress
from lsgan_tf.util.text import counted

_LARGEST = 1 << 36
_ARRAYS = ("images", "arr_0")  # names used by lsgan_tf.sample and by np.savez


class ImageSet(Source):
    """RGB images of one size.

    Attributes:
      path: their folder or file.
      flag: flag of the path, for messages.
    """

    name = "images"

    def __init__(
        self, path: Path, flag: str, shape: tuple[int, ...], digest: str, count: int
    ) -> None:
        self.path, self.flag, self.shape, self._count = path, flag, shape, count
        identity = ("image set", shape, decode.RESIZE, digest)
        self.fingerprint = hashlib.sha256(repr(identity).encode()).hexdigest()
        self.description = f"{counted(count, 'image')} of {_size(*shape[:2])} in {path}"

    def __len__(self) -> int:
        return self._count


class ImageFolder(ImageSet):
    """Image files below a folder, sorted by name, decoded when read.

    Args:
      path: the folder.
      flag: flag of the path, for messages.
      size: height and width to squash all images to; None if they have one size.

    Raises:
      UserError: if there is no image, one cannot be decoded, or sizes differ.
    """

    _first: tuple[bytes, tuple[int, int]] | None = None

    def __init__(self, path: Path, flag: str, size: int | None) -> None:
        if (own := our_own(path)) not in (None, "a cache"):
            raise UserError(
                f"--{flag}={path}: this is {own} of lsgan_tf; use a folder of images, or --run_dir "
                "for a run"
            )
        all_names = [name for name, _ in walk(path)]
        self._names = [name for name in all_names if is_image(name)]
        self._size = size
        if not self._names:
            found = counted(len(all_names), "other file") if all_names else "nothing"
            raise UserError(
                f"--{flag}={path}: expected images ({', '.join(ENDINGS)}), found {found}"
            )
        self.path, self.flag = path, flag
        digest = hashlib.sha256()
        with Progress(f"reading {path.name}", len(self._names), "files") as progress:
            for name in self._names:
                digest.update(hashlib.sha256(content := self._content(name)).digest())
                with _named(path / os.fsdecode(name)):
                    opened = decode.open_image(io.BytesIO(content))
                self._check_size(name, decode.upright_size(opened))
                progress.add(1)
        assert self._first is not None  # set by `_check_size`
        width, height = (size, size) if size else self._first[1]
        super().__init__(path, flag, (height, width, 3), digest.hexdigest(), len(self._names))
        if others := len(all_names) - len(self._names):
            self.warnings = (
                f"--{flag}={path}: left out {counted(others, 'file')} without an image extension",
            )

    def read(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`.

        Raises:
          UserError: naming an image that cannot be decoded.
        """
        return np.stack([self._image(self._names[index]) for index in indices])

    def _image(self, name: bytes) -> np.ndarray:
        with _named(self.path / os.fsdecode(name)):
            image = decode.decode(self._content(name))
        if self._size:
            return decode.to_size(image, self._size, crop=False)
        self._check_size(name, image.size)
        return np.asarray(image.convert("RGB"))

    def _content(self, name: bytes) -> bytes:
        path = self.path / os.fsdecode(name)
        with files.explained(path, "reading the image"):
            return reading.read_bytes(path)

    def _check_size(self, name: bytes, size: tuple[int, int]) -> None:
        self._first = self._first or (name, size)
        if not self._size and size != self._first[1]:
            raise UserError(
                f"--{self.flag}={self.path}: images of several sizes, {shown(self._first[0])} of "
                f"{_size(*self._first[1][::-1])} and {shown(name)} of {_size(*size[::-1])} pixels; "
                "use --image_size=N to resize all to N x N"
            )


class ImageArray(ImageSet):
    """Images in an array of a `.npz` file.

    Args:
      path: the file, with an array `images`, or a single array of images.
      flag: flag of the path, for messages.
      size: height and width to squash all images to; None to keep their size.

    Raises:
      UserError: if it is damaged, or has no images: uint8 `(n, height, width)`, or with 1 or 3
        channels.
    """

    def __init__(self, path: Path, flag: str, size: int | None) -> None:
        try:
            with files.explained(path, "reading the images"):
                arrays = npz.read(path, _LARGEST)
        except ValueError as error:
            raise UserError(f"--{flag}={path}: not a valid .npz file ({error})") from error
        fitting = {name: array for name, array in arrays.items() if _holds_images(array)}
        name = next((name for name in _ARRAYS if name in fitting), None)
        if name is None and len(fitting) == 1:
            (name,) = fitting
        if name is None:
            found = ", ".join(f"{key} {a.dtype} {a.shape}" for key, a in arrays.items())
            raise UserError(
                f"--{flag}={path}: expected an array `images`, uint8 (n, height, width, 1 or 3) or "
                f"(n, height, width), found {found or 'none'}"
            )
        images = arrays[name]
        self._images = images[..., None] if images.ndim == 3 else images
        self._size = size
        digest = hashlib.sha256(np.ascontiguousarray(self._images).data).hexdigest()
        sides = (size, size) if size else self._images.shape[1:3]
        super().__init__(path, flag, (*sides, 3), digest, len(images))

    def read(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        found = np.broadcast_to(self._images[indices], (len(indices), *self._images.shape[1:3], 3))
        if not self._size:
            return np.ascontiguousarray(found)
        return np.stack(
            [decode.to_size(Image.fromarray(image), self._size, crop=False) for image in found]
        )


def open_image_set(path: Path, flag: str, size: int | None = None) -> ImageSet:
    """Open a set of images.

    Args:
      path: a folder of image files, searched recursively, or a `.npz` file.
      flag: flag of the path, for messages.
      size: height and width to squash all images to; None if they have one size.

    Raises:
      UserError: if there is none; see also `ImageFolder` and `ImageArray`.
    """
    if path.is_dir():
        return ImageFolder(path, flag, size)
    if not path.exists():
        raise UserError(
            f"--{flag}={path}: no such file or folder; expected a folder of images or a .npz file"
        )
    if path.suffix.lower() != ".npz":
        kind = foreign.archive(path.name)
        remedy = f"this is {kind}; unpack it first" if kind else "found another file"
        raise UserError(f"--{flag}={path}: expected a folder of images or a .npz file, {remedy}")
    return ImageArray(path, flag, size)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Convert `Undecodable` to a `UserError` that names the image."""
    try:
        yield
    except decode.Undecodable as error:
        raise UserError(f"{path}: cannot be decoded ({error}); repair it or remove it") from error


def _holds_images(array: np.ndarray) -> bool:
    shaped = array.ndim == 3 or (array.ndim == 4 and array.shape[-1] in (1, 3))
    return shaped and array.dtype == np.uint8 and array.size > 0


def _size(height: int, width: int) -> str:
    return f"{width}x{height}"
