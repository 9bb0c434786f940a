"""Small sets of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def write_images(tmp_path) -> Callable[..., Path]:
    """Writes images of noise around a grey: `write_images("a", 20, seed=1, mean=90)`."""

    def write(name, count=20, *, seed=0, mean=100, size=(12, 12), mode="RGB", kind="png"):
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        for number in range(count):
            shape = (*size[::-1], 3) if mode == "RGB" else size[::-1]
            values = rng.normal(rng.normal(mean, 20), 30, shape)
            pixels = np.clip(values, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number:03d}.{kind}")
        return folder

    return write
