"""Decodes and resizes image files.

The format is detected from the content, not from the name: LSUN's databases contain JPEG in some
copies and WebP in others.
"""

from __future__ import annotations

import io
import math
import struct
from typing import BinaryIO

import numpy as np

# Importing a format's module registers it in Pillow.
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

_FORMATS = {
    "jpeg": JpegImagePlugin.JpegImageFile.format,
    "webp": WebPImagePlugin.WebPImageFile.format,
    "png": PngImagePlugin.PngImageFile.format,
    "bmp": BmpImagePlugin.BmpImageFile.format,
    "gif": GifImagePlugin.GifImageFile.format,
}
# Maximum and factor to 8 bits of 2- and 4-bit greyscale, by Pillow's raw mode.
_GREY_LEVELS = {"L;2": (3, 85), "L;4": (15, 17)}
_ORIENTATION = 0x0112  # EXIF tag
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
RESIZE = "antialiased bilinear"


class Undecodable(ValueError):  # noqa: N818 - a finding about data, not a failure
    """An image that cannot be decoded; the message is a short reason."""


def sniff(content: bytes) -> str | None:
    """Detect the format by the first bytes of a file: `"jpeg"`, `"webp"`..., or None."""
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


def open_image(stream: BinaryIO) -> Image.Image:
    """Parse the header of an image without decoding its pixels.

    Args:
      stream: an open file at its beginning, which must stay open while the image is used.

    Raises:
      Undecodable: if it is empty or not JPEG, WebP, PNG, BMP or GIF.
    """
    beginning = stream.read(16)
    stream.seek(0)
    if not beginning:
        raise Undecodable("empty")
    kind = sniff(beginning)
    if kind is None:
        raise Undecodable("no JPEG, WebP, PNG, BMP or GIF")
    try:
        # Like `Image.open`, but without the warning for a large image.
        factory, _ = Image.OPEN[_FORMATS[kind]]
        image = factory(stream, "")
    except (SyntaxError, IndexError, TypeError, struct.error) as error:
        raise Undecodable("damaged header") from error
    # For damaged files Pillow raises many kinds of exceptions.
    except Exception as error:
        raise Undecodable(_reason(error)) from error
    most = 2 * (Image.MAX_IMAGE_PIXELS or math.inf)
    if math.prod(image.size) > most:
        raise Undecodable(f"{math.prod(image.size):,} pixels, at most {most:,} are read")
    return image


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height of an image after applying its EXIF orientation.

    Args:
      image: the result of `open_image`.
    """
    try:
        turned = image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    except Exception:
        turned = False  # as in `pixels`
    return image.size[::-1] if turned else image.size


def decode(content: bytes) -> Image.Image:
    """Decode an image file: `open_image`, then `pixels`."""
    return pixels(open_image(io.BytesIO(content)))


def pixels(image: Image.Image) -> Image.Image:
    """Decode an image to RGB, or to greyscale if the file is greyscale.

    Uses the first frame of an animation, applies the EXIF orientation, composites transparency on
    white, truncates 16 bits to 8, and converts CMYK and palettes.

    Args:
      image: the result of `open_image`.

    Returns:
      A Pillow image in mode `"RGB"` or `"L"`.

    Raises:
      Undecodable: if the file is damaged or truncated.
    """
    try:
        image = _with_exact_transparency(image)
        return _plain(_upright(image))
    except Exception as error:
        raise Undecodable(_reason(error)) from error


def to_size(image: Image.Image, size: int, *, crop: bool, channels: int = 3) -> np.ndarray:
    """Resize an image to `size` by `size` with an antialiased bilinear filter.

    Args:
      image: the result of `decode`.
      size: height and width in pixels.
      crop: whether to crop to the largest centred square first; otherwise the whole image is
        squashed to a square, as in the authors' code.
      channels: 3 for RGB, 1 for greyscale.

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
    # Not `ImageOps.exif_transpose`, which fails for other tags of unexpected types.
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        return image  # ignore damaged EXIF data
    return image if turn is None else image.transpose(turn)


def _with_exact_transparency(image: Image.Image) -> Image.Image:
    """Load an image and apply the transparent colour of a PNG.

    Pillow compares that colour with pixels converted to 8 bits, which is wrong for greyscale of 2,
    4 and 16 bits and for 16-bit RGB.
    """
    stream, layout = getattr(image, "fp", None), _layout(image)
    key = image.info.get("transparency")
    image.load()
    if layout in _GREY_LEVELS and isinstance(key, int):
        most, factor = _GREY_LEVELS[layout]
        image.info["transparency"] = (key & most) * factor
    elif image.mode.startswith("I") and isinstance(key, int):
        return _made_transparent(image, np.asarray(image) == key)
    elif layout == "RGB;16B" and isinstance(key, tuple):
        assert stream is not None  # the image's file
        stream.seek(0)
        low = PngImagePlugin.PngImageFile(stream)
        # With swapped bytes, the low byte of each value is kept.
        low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]
        deep = np.asarray(image).astype(np.uint16) << 8 | np.asarray(low)
        return _made_transparent(image, (deep == key).all(-1))
    return image


def _layout(image: Image.Image) -> str:
    """Return Pillow's raw mode of a PNG; empty for other formats."""
    tiles = getattr(image, "tile", None)
    return tiles[0].args if tiles and isinstance(tiles[0].args, str) else ""


def _made_transparent(image: Image.Image, where: np.ndarray) -> Image.Image:
    """Add an alpha channel that is 0 at `where`, keeping the metadata."""
    if image.mode == "RGB":
        colours = np.asarray(image)
    else:
        colours = np.repeat(_eight_bits(image)[..., None], 3, axis=-1)
    alpha = np.where(where, 0, 255).astype(np.uint8)
    made = Image.fromarray(np.concatenate([colours, alpha[..., None]], axis=-1))
    made.info = {name: value for name, value in image.info.items() if name != "transparency"}
    return made


def _eight_bits(image: Image.Image) -> np.ndarray:
    return np.clip(np.asarray(image).astype(np.int64) >> 8, 0, 255).astype(np.uint8)


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in ("RGB", "L"):
        if "transparency" in image.info:
            return _on_white(image.convert("RGBA"))
        return image
    if image.mode.startswith("I"):
        return Image.fromarray(_eight_bits(image))
    if image.mode == "La":
        image = image.convert("LA")  # there is no direct conversion to RGBA
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
