"""Loading of exported generators, with checks of their metadata."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from lsgan_tf import networks
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import explained
from lsgan_tf.util.graph_check import check_saved_model
from lsgan_tf.util.reading import read_json
from lsgan_tf.util.tensorflow_paths import literal

_MOST_AT_ONCE, _PIXELS_AT_ONCE = 256, 1 << 18
_FORM = {
    "step": int,
    "config": {
        "network": str,
        "z_dim": int,
        "z_distribution": str,
        "data_shape": [int],
        "data_standin": bool,
        "data_fingerprint": str,
        "data_description?": str,
        "conditional": bool,
    },
}


class SavedGenerator(NamedTuple):
    """A loaded SavedModel with its metadata.

    Attributes:
      model: the loaded object, with `signatures` and `between`.
      step: number of training steps.
      config: the run's config as plain values.
      classes: names of the classes in label order.
    """

    model: Any
    step: int
    config: dict[str, Any]
    classes: list[str]


def load(path: Path) -> SavedGenerator:
    """Load a SavedModel written by `lsgan_tf.export`.

    Raises:
      UserError: if there is none in the folder, or it is damaged.
    """
    if not (path / "saved_model.pb").is_file():
        raise UserError(f"{path}: no SavedModel in it; write one with python -m lsgan_tf.export")
    metadata = read_json(path / "export.json", _FORM)
    check_saved_model(path)
    try:
        with explained(path, "loading the SavedModel"), literal(path) as folder:
            model = tf.saved_model.load(str(folder))
        classes = [name.decode() for name in model.classes.numpy()]
        _check(model.signatures["serving_default"], metadata["config"], classes)
    # For damaged files TensorFlow raises errors of many types.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path}: the SavedModel is damaged or not of lsgan_tf ({reason}); export it again "
            "with python -m lsgan_tf.export"
        ) from error
    return SavedGenerator(model, metadata["step"], metadata["config"], classes)


def _check(serve: Any, config: dict[str, Any], classes: Sequence[str]) -> None:
    """Check the metadata by itself and against a signature.

    Raises:
      ValueError: if they do not fit.
    """
    conditional, shape = config["conditional"], config["data_shape"]
    if conditional and (not classes or len(set(classes)) < len(classes)):
        raise ValueError("missing or repeated class names")
    networks.output_range(config["network"])
    chunk_size(shape)  # fails for an empty image
    inputs, images = serve.structured_input_signature[1], serve.structured_outputs["images"]
    if not (
        inputs["z"].shape.is_compatible_with((None, config["z_dim"]))
        and ("label" in inputs) == conditional
        and images.shape.is_compatible_with((None, *shape))
        and config["z_distribution"] in ("uniform", "normal")
    ):
        raise ValueError("export.json does not fit the signatures")


def chunk_size(shape: Sequence[int]) -> int:
    """Return the number of examples of a shape to draw per call."""
    pixels = math.prod(shape[:2]) if len(shape) == 3 else 1
    return max(1, min(_MOST_AT_ONCE, _PIXELS_AT_ONCE // pixels))
