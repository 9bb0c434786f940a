"""From the bytes of a picture file to pixels of one size.

What a file is, is read from its first bytes, never from its name: LSUN's
databases hold JPEG in some copies and WebP in others.
"""

from __future__ import annotations

import io
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

_FORMATS = ("JPEG", "WEBP", "PNG", "BMP", "GIF")
_ORIENTATION = 0x0112  # The EXIF tag that says which way is up.
RESIZE = "antialiased bilinear"


class Undecodable(ValueError):  # noqa: N818 - it is a finding about data, not a failure
    """A picture that cannot be decoded; the message is a short reason."""


def sniff(content: bytes) -> str | None:
    """The format that a file's first bytes announce: `"jpeg"`, `"webp"`..., or None."""
    if content[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if content[:2] == b"BM":
        return "bmp"
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    return None


def open_picture(stream: BinaryIO) -> Image.Image:
    """Parses a picture's header; its pixels are not decoded yet.

    Args:
      stream: an open file, at its beginning; it must stay open while the picture is used.

    Raises:
      Undecodable: if it is empty or no JPEG, WebP, PNG, BMP or GIF.
    """
    beginning = stream.read(16)
    stream.seek(0)
    if not beginning:
        raise Undecodable("empty")
    if sniff(beginning) is None:
        raise Undecodable("no JPEG, WebP, PNG, BMP or GIF")
    try:
        return Image.open(stream, formats=_FORMATS)
    # Damaged files make Pillow raise nearly anything: struct.error, SyntaxError...
    except Exception as error:
        raise Undecodable(_reason(error)) from error


def decode(content: bytes) -> Image.Image:
    """Decodes a picture file: `open_picture`, then `pixels`."""
    return pixels(open_picture(io.BytesIO(content)))


def pixels(image: Image.Image) -> Image.Image:
    """Decodes a picture to RGB, or to grey where the file is grey.

    The first frame of an animation is taken, the EXIF orientation obeyed,
    transparency laid on white, 16 bits cut to 8, and CMYK and palettes converted.

    Args:
      image: what `open_picture` returned.

    Returns:
      A Pillow image in mode `"RGB"` or `"L"`.

    Raises:
      Undecodable: if the file is damaged or cut short.
    """
    try:
        image.load()
        return _plain(_upright(image))
    except Exception as error:
        raise Undecodable(_reason(error)) from error


def to_size(image: Image.Image, size: int, *, crop: bool, channels: int = 3) -> np.ndarray:
    """Brings a picture to `size` by `size` with an antialiased bilinear filter.

    Args:
      image: what `decode` returned.
      size: height and width of the result in pixels.
      crop: whether to take the largest centred square first; otherwise the whole
        picture is squashed to a square, as the authors of the paper do.
      channels: 3 for RGB, 1 for grey.

    Returns:
      uint8, shape `(size, size, channels)`.
    """
    mode = "RGB" if channels == 3 else "L"
    if image.mode != mode:
        image = image.convert(mode)
    width, height = image.size
    side = min(width, height)
    left, top = ((width - side) / 2, (height - side) / 2) if crop else (0, 0)
    box = (left, top, left + side, top + side) if crop else (0, 0, width, height)
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR, box=box)
    return np.asarray(image, np.uint8).reshape(size, size, channels)


def _upright(image: Image.Image) -> Image.Image:
    try:
        turned = image.getexif().get(_ORIENTATION, 1) != 1
    except Exception:
        return image  # Damaged EXIF data does not damage the pixels.
    return ImageOps.exif_transpose(image) if turned else image


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in ("RGB", "L"):
        if "transparency" in image.info:
            return _on_white(image.convert("RGBA"))
        return image
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.int64)
        return Image.fromarray(np.clip(deep >> 8, 0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        return _on_white(image.convert("RGBA"))
    return image.convert("L" if image.mode == "1" else "RGB")


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:100]
    if text.startswith("cannot identify image file"):
        return "damaged header"
    return text or type(error).__name__
