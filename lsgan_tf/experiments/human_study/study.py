"""Makes the page of pairs, and the key that says which picture is whose.

The page holds the pictures alone: what they come from is in the key, which stays with
whoever runs the study.
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
    facts: Mapping[str, Any] | None = None,
) -> Path:
    """Writes the page, and beside it the key.

    Pair k shows two pictures of the same number, one of each set, so that conditional
    samples drawn alike are of the same class. Which pictures, in what order and on which
    side, depends on the seed alone.

    Args:
      page: the HTML file.
      a: uint8, `(n, height, width, channels)`, the first generator's samples.
      b: uint8, of the same size, the second's.
      pairs: how many to show, at most as many as each set has.
      seed: of the choice, 0 or more.
      names: what the two are, for the key and the tally.
      facts: more for the key, such as where the samples come from.

    Returns:
      The key's path, `<page without .html>.key.json`.

    Raises:
      UserError: if the sets do not fit together or are too small, or nothing can be written.
    """
    if a.shape[1:] != b.shape[1:]:
        raise UserError(
            f"the pictures of {names[0]} are {_size(a)} and those of {names[1]} {_size(b)}; people "
            "would tell them by that: compare runs of one size"
        )
    if pairs > min(len(a), len(b)):
        raise UserError(
            f"--pairs={pairs}: there are {len(a)} and {len(b)} pictures; draw more, or ask for "
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
        **(facts or {}),
    }
    with explained(key, "writing the key"):
        write_json(key, content)
    return key


def _png(image: np.ndarray) -> str:
    """A picture as PNG in base64, without any metadata."""
    stream = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode("ascii")


def _size(images: np.ndarray) -> str:
    return "x".join(str(side) for side in images.shape[1:])
