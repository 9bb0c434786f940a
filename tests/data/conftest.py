"""Small datasets for the tests of images."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import lmdb
import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def encode() -> Callable[..., bytes]:
    """Encodes a Pillow image, or 12x9 pixels of one colour."""

    def encode(picture="red", kind="PNG", size=(12, 9), **options):
        image = picture if isinstance(picture, Image.Image) else Image.new("RGB", size, picture)
        sink = io.BytesIO()
        image.save(sink, kind, **options)
        return sink.getvalue()

    return encode


@pytest.fixture
def noise() -> Callable[[int], Image.Image]:
    """An image of 24x16 coloured blocks, different for each number."""

    def noise(number: int) -> Image.Image:
        blocks = np.random.default_rng(number).integers(0, 256, (4, 6, 3), np.uint8)
        return Image.fromarray(np.kron(blocks, np.ones((4, 4, 1), np.uint8)))

    return noise


@pytest.fixture
def write_lmdb() -> Callable[[Path, dict[bytes, bytes]], Path]:
    """Writes an LMDB like LSUN's."""

    def write(folder: Path, entries: dict[bytes, bytes]) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        with lmdb.open(str(folder), map_size=1 << 26) as environment:
            with environment.begin(write=True) as transaction:
                for key, value in entries.items():
                    transaction.put(key, value)
        (folder / "lock.mdb").unlink()
        return folder

    return write


@pytest.fixture
def bedrooms(encode, noise) -> dict[bytes, bytes]:
    """Thirty entries as in LSUN: keys of 40 hex digits, values alternately JPEG and WebP."""

    return {
        b"%040x" % (number * 7919**5): encode(noise(number), "WEBP" if number % 2 else "JPEG")
        for number in range(30)
    }
