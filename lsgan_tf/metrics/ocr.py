"""Readability of Chinese characters by PP-OCRv6, a recogniser that was not trained here.

The model is the one that the package `rapidocr` carries, run by ONNX Runtime; neither `rapidocr`
nor OpenCV is imported and nothing is downloaded. It reads lines of text with a CTC output, a
distribution over its vocabulary for every time step. For the image of one character the score of a
candidate is its highest probability over the time steps.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from lsgan_tf.data.hwdb.gb2312 import LEVEL1, is_level1
from lsgan_tf.errors import UserError
from lsgan_tf.util.cpu import cores

MODEL = "PP-OCRv6_rec_small.onnx"
REMEDY = "install it with: pip install 'lsgan_tf[ocr]'"

HEIGHT, WIDTH, SIDE = 48, 128, 36
"""Size of the model's input and side of the character in it, in pixels. White fills the rest.

Chosen on 2,409 real characters of HWDB and 2,000 of the stand-in, 28x28 pixels each: sides of 36 to
44 and widths of 128 to 160 read equally well, less margin or more read worse.
"""

_AT_ONCE = 32


class Reader(Protocol):
    """Reads images of single characters."""

    name: str
    digest: str
    resizer: str
    characters: Collection[str]

    def scores(self, images: np.ndarray, candidates: Sequence[str]) -> np.ndarray:
        """Scores of each candidate, float32 `(n, len(candidates))`, 0 to 1."""


class OcrReader:
    """The recognition model of PP-OCRv6 for images of single characters.

    Args:
      path: the ONNX file.

    Attributes:
      name: model, for results.
      digest: SHA-256 of the file.
      resizer: how images are brought to the model's size.
      characters: position of each known character in the model's output.

    Raises:
      UserError: if ONNX Runtime is absent or this is no such model.
    """

    resizer = f"bicubic to {SIDE}x{SIDE}, antialiased if smaller, centred on white {WIDTH}x{HEIGHT}"

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        self.digest = hashlib.sha256(content).hexdigest()
        self.name = f"{path.stem} {self.digest[:12]}"
        self._session = _session(content, path)
        (images,), (out,) = self._session.get_inputs(), self._session.get_outputs()
        self._input = images.name
        known = self._session.get_modelmeta().custom_metadata_map.get("character", "")
        # Position 0 is the blank of CTC; the space, which the file does not list, is the last.
        self.characters = {name: place for place, name in enumerate(known.splitlines(), 1)}
        if len(self.characters) not in (out.shape[-1] - 1, out.shape[-1] - 2):
            raise UserError(
                f"{path}: expected a recognition model that lists the {out.shape[-1]} characters "
                f"of its output, received one that lists {len(self.characters)}; {REMEDY}"
            )

    def scores(self, images: np.ndarray, candidates: Sequence[str]) -> np.ndarray:
        """Scores candidates for images of single characters.

        Args:
          images: uint8 `(n, height, width, channels)`, dark on a white background of 255; 1 channel
            or 3, which are converted to grey.
          candidates: characters.

        Returns:
          float32 `(n, len(candidates))`, 0 to 1: the highest probability over the time steps; 0 for
          characters that the model does not know. Rows need not sum to 1.
        """
        places = np.array([self.characters.get(name, 0) for name in candidates], np.intp)
        found = np.empty((len(images), len(candidates)), np.float32)
        for start in range(0, len(images), _AT_ONCE):
            batch = prepared(images[start : start + _AT_ONCE])
            (steps,) = self._session.run(None, {self._input: batch})
            found[start : start + _AT_ONCE] = steps.max(axis=1)[:, places]
        found[:, places == 0] = 0
        return found


class Readings:
    """A reader as an extractor of features: the label that it reads in each image.

    The reader chooses among all of GB2312 level 1 and the run's classes, and among the run's
    classes alone.

    Args:
      reader: what reads.
      classes: names of the run's classes in label order.

    Attributes:
      facts: number of candidates, and the classes that the reader does not know.
    """

    dim = 2

    def __init__(self, reader: Reader, classes: Sequence[str]) -> None:
        self._reader, self._classes = reader, len(classes)
        # The classes come first, so that a candidate's position is its label.
        self._candidates = [*classes, *sorted(set(LEVEL1) - set(classes))]
        unknown = [name for name in classes if name not in reader.characters]
        self.name, self.resizer = reader.name, reader.resizer
        identity = f"{reader.digest} {reader.resizer} {''.join(classes)}"
        self.digest = hashlib.sha256(identity.encode()).hexdigest()
        self.facts: dict[str, Any] = {
            "model_sha256": reader.digest,
            "candidates": len(self._candidates),
            "classes not known": unknown,
        }

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Reads images, uint8 `(n, height, width, 1 or 3)`.

        Returns:
          Best candidate of all and best of the classes, float32 `(n, 2)`: labels, or numbers from
          the number of classes on for other characters. Logits are empty, `(n, 0)`.
        """
        scores = self._reader.scores(images, self._candidates)
        best = [scores.argmax(axis=1), scores[:, : self._classes].argmax(axis=1)]
        return np.stack(best, axis=1).astype(np.float32), np.empty((len(images), 0), np.float32)


def read(
    images: np.ndarray, candidates: Sequence[str] = LEVEL1, reader: Reader | None = None
) -> tuple[list[str], np.ndarray]:
    """Reads images of single characters.

    Args:
      images: uint8 `(n, height, width, 1 or 3)`, dark on a white background of 255.
      candidates: characters to choose from; by default the 3,755 of GB2312 level 1.
      reader: what reads; opened if None, which takes half a second.

    Returns:
      The likeliest candidate of each image, and its scores, float32 `(n,)`, 0 to 1.

    Raises:
      UserError: as `open_reader`.
    """
    scores = (reader or open_reader()).scores(images, candidates)
    best = scores.argmax(axis=1)
    return [candidates[place] for place in best], scores[np.arange(len(best)), best]


def prepared(images: np.ndarray) -> np.ndarray:
    """Images as the model takes them.

    Args:
      images: uint8 `(n, height, width, 1 or 3)`.

    Returns:
      float32 `(n, 3, 48, 128)`, -1 (black) to 1 (white).
    """
    result = np.ones((len(images), 3, HEIGHT, WIDTH), np.float32)
    top, left = (HEIGHT - SIDE) // 2, (WIDTH - SIDE) // 2
    for image, target in zip(images, result, strict=True):
        grey = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).convert("L")
        fitted = grey.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        target[:, top : top + SIDE, left : left + SIDE] = np.asarray(fitted) / 127.5 - 1
    return result


def find_model() -> Path:
    """Finds the recognition model in the installed package, without importing that.

    Raises:
      UserError: if `rapidocr` or ONNX Runtime is not installed, or is without this model.
    """
    absent = [name for name in ("rapidocr", "onnxruntime") if not importlib.util.find_spec(name)]
    if absent:
        raise UserError(f"--metrics=ocr: needs {' and '.join(absent)}; {REMEDY}")
    folders = importlib.util.find_spec("rapidocr").submodule_search_locations or []
    for folder in folders:
        if (path := Path(folder, "models", MODEL)).is_file():
            return path
    raise UserError(
        f"--metrics=ocr: the installed rapidocr does not carry {MODEL}, its release 3.10 does; "
        f"{REMEDY}"
    )


def open_reader() -> OcrReader:
    """Opens the recogniser.

    Raises:
      UserError: as `find_model` and `OcrReader`.
    """
    return OcrReader(find_model())


def check_classes(classes: Sequence[str], data: str) -> None:
    """Refuses data whose classes are not characters.

    Args:
      classes: names in label order.
      data: description of the data, for the message.

    Raises:
      UserError: unless all are single characters, one of GB2312 level 1 among them.
    """
    if all(len(name) == 1 for name in classes) and any(map(is_level1, classes)):
        return
    named = ", ".join(classes[:3]) + ", ..." * (len(classes) > 3) if classes else "none"
    raise UserError(
        f"--metrics=ocr: reads Chinese characters, and the classes of {data} are not such "
        f"({named}); ask for judge"
    )


def _session(content: bytes, path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = cores(), 1
    # TensorFlow computes on the same cores between two batches.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has a kind of error for every status
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: cannot run this model ({reason}); {REMEDY}") from error
