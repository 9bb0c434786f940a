"""The voting page of a human study, and its key.

The page contains only the images; the key, for the organiser, names the generator of each.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lsgan_tf.errors import UserError
from lsgan_tf.util.files import atomic_file, explained, write_json

FORMAT = 1
"""Version of the key and of exported votes."""


def write_study(
    page: Path,
    a: np.ndarray,
    b: np.ndarray,
    *,
    pairs: int,
    seed: int,
    names: tuple[str, str],
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Write the page and, beside it, the key.

    Both images of a pair have the same index in their sets, and hence the same class if both
    sets were drawn with the same labels. Choice, order and sides depend on the seed alone.

    Args:
      page: the HTML file.
      a: samples of the first generator, uint8, `(n, height, width, channels)`.
      b: samples of the second generator, of the same image size.
      pairs: number of pairs, at most the size of the smaller set.
      seed: seed of the choice, 0 or more.
      names: names of the generators, for the key and the tally.
      metadata: additional values for the key, such as the origin of the samples.

    Returns:
      The key's path, `<page without .html>.key.json`.

    Raises:
      UserError: if the image sizes differ, a set is too small, or a file cannot be written.
    """
    if a.shape[1:] != b.shape[1:]:
        raise UserError(
            f"the images of {names[0]} are {_size(a)} and those of {names[1]} {_size(b)}, which "
            "would identify them; compare runs of the same size"
        )
    if pairs > min(len(a), len(b)):
        raise UserError(
            f"--pairs={pairs}: there are {len(a)} and {len(b)} images; draw more, or ask for "
            "fewer pairs"
        )
    random = np.random.Generator(np.random.Philox(key=[seed, 0]))
    chosen = random.permutation(min(len(a), len(b)))[:pairs]
    a_left = random.random(pairs) < 0.5
    shown = [
        [_png(images[number]) for images in ((a, b) if left else (b, a))]
        for number, left in zip(chosen, a_left, strict=True)
    ]
    identity = hashlib.sha256(json.dumps(shown).encode()).hexdigest()
    template = importlib.resources.files("lsgan_tf.experiments.human_study").joinpath("page.html")
    study = json.dumps({"id": identity, "pairs": shown})
    text = template.read_text(encoding="utf-8").replace("STUDY_JSON", study)
    with explained(page, "writing the study"), atomic_file(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    key = page.with_name(f"{page.stem}.key.json")
    content = {
        "format": FORMAT,
        "study": identity,
        "names": list(names),
        "seed": seed,
        "left": ["a" if left else "b" for left in a_left],
        "pictures": [int(number) for number in chosen],
        **(metadata or {}),
    }
    with explained(key, "writing the key"):
        write_json(key, content)
    return key


def _png(image: np.ndarray) -> str:
    """Encode an image as PNG in base64, without metadata."""
    stream = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode("ascii")


def _size(images: np.ndarray) -> str:
    return "x".join(str(side) for side in images.shape[1:])
