"""Image grids with captions, scatter plots, and PNG files."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageDraw, ImageFont, PngImagePlugin

from lsgan_tf.data.formats.not_data import SOFTWARE
from lsgan_tf.util.files import atomic_file, explained

_GAP = 2
_PAPER, _INK = 255, 60
_TITLE_SIZE = 13
_BELOW = 14
_LONGEST_NAME = 32
_SMALL = 48


def grid(
    images: np.ndarray,
    *,
    rows: Sequence[str] = (),
    title: str = "",
    scale: int = 1,
    below: Sequence[Sequence[str]] = (),
) -> np.ndarray:
    """Arrange images in a grid.

    Args:
      images: uint8, `(rows, columns, height, width, channels)`, 1 or 3 channels.
      rows: name of each row, at its left; Chinese characters are drawn from their strokes.
      title: a line at the top.
      scale: enlargement, an integer.
      below: short ASCII captions under the images, row by row.

    Returns:
      uint8, `(height, width, 3)`.
    """
    count, columns, height, width, channels = images.shape
    if channels == 1:
        images = np.repeat(images, 3, axis=-1)
    images = images.repeat(scale, axis=2).repeat(scale, axis=3)
    height, width = height * scale, width * scale
    left = max((_caption(name, height).width for name in rows), default=0)
    left += 3 * _GAP if rows else 0
    top = _title_height(title)
    across = max(left + columns * (width + _GAP) + _GAP, _title_width(title))
    down = height + _GAP + (_BELOW if below else 0)
    canvas = Image.new("RGB", (across, top + count * down + _GAP), (_PAPER,) * 3)
    draw = ImageDraw.Draw(canvas)
    for row in range(count):
        y = top + _GAP + row * down
        if rows:
            name = _caption(rows[row], height)
            canvas.paste(name, (_GAP, y + (height - name.height) // 2))
        for column in range(columns):
            x = left + _GAP + column * (width + _GAP)
            canvas.paste(Image.fromarray(images[row, column]), (x, y))
            if below:
                place = (x + width / 2, y + height)
                draw.text(place, below[row][column], (_INK,) * 3, _font(_BELOW - 3), anchor="ma")
    _draw_title(canvas, title)
    return np.asarray(canvas)


def sheet(images: np.ndarray, *, scale: int = 1) -> np.ndarray:
    """Arrange images, uint8 `(n, height, width, channels)`, in a nearly square grid."""
    count, *shape = images.shape
    columns = math.isqrt(count - 1) + 1
    cells = np.full((-(-count // columns) * columns, *shape), 255, np.uint8)
    cells[:count] = images
    return grid(cells.reshape(-1, columns, *shape), scale=scale)


def display_scale(height: int) -> int:
    """Return the scale of images for display: 2 below a height of 48 pixels, else 1."""
    return 2 if height < _SMALL else 1


def scatter(
    points: np.ndarray, reals: np.ndarray, *, title: str = "", limit: float = 2.0, size: int = 480
) -> np.ndarray:
    """Draw a scatter plot of samples in green over reals in grey.

    Args:
      points: samples, float, `(n, 2)`.
      reals: float, `(m, 2)`.
      title: a line at the top.
      limit: both axes range from -limit to limit; points outside are left out.
      size: side of the plot in pixels.

    Returns:
      uint8, `(size + title, size, 3)`.
    """
    top = _title_height(title)
    canvas = Image.new("RGB", (size, size + top), (_PAPER,) * 3)
    draw = ImageDraw.Draw(canvas)
    for cloud, colour in ((reals, (190, 190, 190)), (points, (0, 110, 50))):
        cloud = np.asarray(cloud)
        inside = cloud[(np.abs(cloud) < limit).all(axis=1)]
        for x, y in ((inside + limit) * (size / (2 * limit))).tolist():
            draw.point((x, top + size - y), fill=colour)
    _draw_title(canvas, title)
    return np.asarray(canvas)


def png_origin() -> PngImagePlugin.PngInfo:
    """Make PNG metadata that marks an image as generated, so that it is never read as data."""
    origin = PngImagePlugin.PngInfo()
    origin.add_text("Software", SOFTWARE)
    return origin


def exif_origin() -> Image.Exif:
    """Make the same metadata as `png_origin` for WebP."""
    origin = Image.Exif()
    origin[ExifTags.Base.Software] = SOFTWARE
    return origin


def save_png(path: Path, image: np.ndarray) -> None:
    """Write an image, uint8 `(h, w)`, `(h, w, 1)` or `(h, w, 3)`, atomically."""
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    with explained(path, "writing an image"), atomic_file(path) as temporary:
        Image.fromarray(image).save(temporary, "PNG", pnginfo=png_origin())


def _title_height(title: str) -> int:
    return 20 if title else 0


def _title_width(title: str) -> int:
    return int(_font(_TITLE_SIZE).getlength(title)) + 3 * _GAP if title else 0


def _draw_title(canvas: Image.Image, title: str) -> None:
    if title:
        place = (_GAP + 1, 2)
        ImageDraw.Draw(canvas).text(place, title, fill=(_INK,) * 3, font=_font(_TITLE_SIZE))


@functools.lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


@functools.lru_cache(maxsize=512)
def _caption(name: str, height: int) -> Image.Image:
    """Render a class name as an image of at most the row's height."""
    from lsgan_tf.data.synthetic.strokes import render_glyph

    size = min(height, max(height - 4, 12), 40)
    glyph = render_glyph(name, size) if len(name) == 1 else None
    if glyph is not None:
        return Image.fromarray(glyph).convert("RGB")
    # Pillow's default font has Latin letters only; other characters are given by code point.
    plain = name.isascii() and name.isprintable()
    text = name if plain else " ".join(f"U+{ord(letter):04X}" for letter in name)
    if len(text) > _LONGEST_NAME:
        text = text[: _LONGEST_NAME - 3] + "..."
    font = _font(max(min(size - 2, 12), 6))
    left, upper, right, lower = font.getbbox(text)
    image = Image.new("RGB", (int(right - left) + 2, int(lower - upper) + 2), (_PAPER,) * 3)
    ImageDraw.Draw(image).text((1 - left, 1 - upper), text, fill=(_INK,) * 3, font=font)
    return image
