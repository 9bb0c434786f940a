"""Recognition of Chinese characters by a pretrained OCR model, PP-OCRv6.

The model is part of the package `rapidocr` and is run by ONNX Runtime; neither `rapidocr` nor
OpenCV is imported and nothing is downloaded. Its CTC output is a distribution over the vocabulary
at each time step. The score of a candidate character is its maximum probability over time.
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
"""Size of the model's input, and of the character centred in it on white, in pixels.

Chosen on 2,409 real characters of HWDB and 2,000 of the stand-in, 28x28 pixels each: sides of 36 to
44 and widths of 128 to 160 are equally accurate, other margins less so.
"""

_AT_ONCE = 32


class Reader(Protocol):
    """A model that recognises images of single characters."""

    name: str
    digest: str
    resizer: str

    @property
    def characters(self) -> Collection[str]:
        """The characters that it knows."""

    def scores(self, images: np.ndarray, candidates: Sequence[str]) -> np.ndarray:
        """Return the score of each candidate, float32 `(n, len(candidates))`, 0 to 1."""


class OcrReader:
    """The recognition model of PP-OCRv6 for images of single characters.

    Args:
      path: the ONNX file.

    Attributes:
      name: name of the model, for results.
      digest: SHA-256 of the file.
      resizer: description of the resizing.
      characters: index of each known character in the model's output.

    Raises:
      UserError: if the file is not such a model.
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
        # Index 0 is the CTC blank; the space, which the file does not list, is last.
        self.characters = {name: index for index, name in enumerate(known.splitlines(), 1)}
        if len(self.characters) not in (out.shape[-1] - 1, out.shape[-1] - 2):
            raise UserError(
                f"{path}: expected a recognition model that lists the {out.shape[-1]} characters "
                f"of its output, received one that lists {len(self.characters)}; {REMEDY}"
            )

    def scores(self, images: np.ndarray, candidates: Sequence[str]) -> np.ndarray:
        """Score candidates for images of single characters.

        Args:
          images: uint8 `(n, height, width, channels)`, dark on white (255), with 1 or 3 channels.
          candidates: characters.

        Returns:
          float32 `(n, len(candidates))`, 0 to 1: the maximum probability over time, 0 for
          characters not in the vocabulary. Rows need not sum to 1.
        """
        indices = np.array([self.characters.get(name, 0) for name in candidates], np.intp)
        found = np.empty((len(images), len(candidates)), np.float32)
        for start in range(0, len(images), _AT_ONCE):
            batch = prepared(images[start : start + _AT_ONCE])
            (steps,) = self._session.run(None, {self._input: batch})
            found[start : start + _AT_ONCE] = steps.max(axis=1)[:, indices]
        found[:, indices == 0] = 0
        return found


class Readings:
    """Feature extractor that returns the label recognised in each image.

    Candidates are GB2312 level 1 and the run's classes, or the run's classes alone.

    Args:
      reader: the OCR model.
      classes: names of the run's classes in label order.

    Attributes:
      metadata: number of candidates, and classes not in the vocabulary.
    """

    dim = 2

    def __init__(self, reader: Reader, classes: Sequence[str]) -> None:
        self._reader, self._classes = reader, len(classes)
        # The classes come first, so that the index of a candidate is its label.
        self._candidates = [*classes, *sorted(set(LEVEL1) - set(classes))]
        unknown = [name for name in classes if name not in reader.characters]
        self.name, self.resizer = reader.name, reader.resizer
        identity = f"{reader.digest} {reader.resizer} {''.join(classes)}"
        self.digest = hashlib.sha256(identity.encode()).hexdigest()
        self.metadata: dict[str, Any] = {
            "model_sha256": reader.digest,
            "candidates": len(self._candidates),
            "classes not known": unknown,
        }

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Recognise images, uint8 `(n, height, width, 1 or 3)`.

        Returns:
          Best of all candidates and best class, float32 `(n, 2)`: labels, or indices beyond the
          labels for other characters; and empty logits, `(n, 0)`.
        """
        scores = self._reader.scores(images, self._candidates)
        best = [scores.argmax(axis=1), scores[:, : self._classes].argmax(axis=1)]
        return np.stack(best, axis=1).astype(np.float32), np.empty((len(images), 0), np.float32)


def read(
    images: np.ndarray, candidates: Sequence[str] = LEVEL1, reader: Reader | None = None
) -> tuple[list[str], np.ndarray]:
    """Recognise images of single characters.

    Args:
      images: uint8 `(n, height, width, 1 or 3)`, dark on white (255).
      candidates: characters to choose from; by default the 3,755 of GB2312 level 1.
      reader: the OCR model; opened if None, which takes half a second.

    Returns:
      The most probable candidate of each image, and its scores, float32 `(n,)`, 0 to 1.

    Raises:
      UserError: see `open_reader`.
    """
    scores = (reader or open_reader()).scores(images, candidates)
    best = scores.argmax(axis=1)
    return [candidates[index] for index in best], scores[np.arange(len(best)), best]


def prepared(images: np.ndarray) -> np.ndarray:
    """Preprocess images for the model.

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
    """Find the recognition model in the installed package, without importing it.

    Raises:
      UserError: if `rapidocr`, its model or ONNX Runtime is not installed.
    """
    absent = [name for name in ("rapidocr", "onnxruntime") if not importlib.util.find_spec(name)]
    if absent:
        raise UserError(f"--metrics=ocr: needs {' and '.join(absent)}; {REMEDY}")
    found = importlib.util.find_spec("rapidocr")
    for folder in (found and found.submodule_search_locations) or []:
        if (path := Path(folder, "models", MODEL)).is_file():
            return path
    raise UserError(
        f"--metrics=ocr: the installed rapidocr does not include {MODEL}, as release 3.10 does; "
        f"{REMEDY}"
    )


def open_reader() -> OcrReader:
    """Open the OCR model.

    Raises:
      UserError: see `find_model` and `OcrReader`.
    """
    return OcrReader(find_model())


def check_classes(classes: Sequence[str], data: str) -> None:
    """Check that the classes of the data are characters.

    Args:
      classes: names in label order.
      data: description of the data, for the message.

    Raises:
      UserError: unless all are single characters, at least one of them in GB2312 level 1.
    """
    if all(len(name) == 1 for name in classes) and any(map(is_level1, classes)):
        return
    named = ", ".join(classes[:3]) + ", ..." * (len(classes) > 3) if classes else "none"
    raise UserError(
        f"--metrics=ocr: recognises Chinese characters, which the classes of {data} are not "
        f"({named}); use judge"
    )


def _session(content: bytes, path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = cores(), 1
    # TensorFlow uses the same cores between batches.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has an exception class per status
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: cannot run this model ({reason}); {REMEDY}") from error
