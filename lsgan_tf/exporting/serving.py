"""Export for TensorFlow Serving: a numbered folder with warm-up requests."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from lsgan_tf.data.formats.tfrecords import frame
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import atomic_folder, explained

_WARM_UP = Path("assets.extra") / "tf_serving_warmup_requests"
_COUNTS = (1, 16)

Value = np.ndarray | np.generic


def write_serving(
    saved_model: Path,
    folder: Path,
    *,
    name: str,
    version: int,
    z_dim: int,
    classes: list[str],
) -> Path:
    """Copy a SavedModel to `folder/version`, warm-up requests included.

    Args:
      saved_model: folder written by `write_saved_model`.
      folder: the server's base path of the model.
      name: name of the model in requests.
      version: number of the folder; a server uses the highest.
      z_dim: length of the noise vector.
      classes: names of the classes; empty if unconditional.

    Returns:
      The numbered folder.

    Raises:
      UserError: if this version exists already, or cannot be written.
    """
    path = Path(folder) / str(version)
    if path.exists():
        raise UserError(
            f"{path}: this version is there already, and a server may be using it; train on and "
            "export a later step, or remove it"
        )
    with explained(path, "writing for TensorFlow Serving"), atomic_folder(path) as temporary:
        shutil.copytree(saved_model, temporary, dirs_exist_ok=True)
        (temporary / _WARM_UP).parent.mkdir(exist_ok=True)
        content = b"".join(map(frame, warm_up_requests(name, z_dim, classes)))
        (temporary / _WARM_UP).write_bytes(content)
    return path


def warm_up_requests(name: str, z_dim: int, classes: list[str]) -> list[bytes]:
    """Make warm-up requests: each generating signature with one image and with several.

    Returns:
      Serialised `tensorflow.serving.PredictionLog` messages.
    """
    found = []
    for count in _COUNTS:
        z: dict[str, Value] = {"z": np.zeros((count, z_dim), np.float32)}
        drawing: dict[str, Value] = {"count": np.int32(count), "seed": np.int32(0)}
        if classes:
            label = np.zeros(count, np.int32)
            z["label"] = drawing["label"] = label
        found.append(prediction_log(name, "serving_default", z))
        found.append(prediction_log(name, "sample", drawing))
        if classes:
            text = np.array(classes[0] * count, object)
            writing: dict[str, Value] = {"text": text, "seed": np.int32(0)}
            if len(classes[0]) == 1:
                found.append(prediction_log(name, "write", writing))
    return found


def prediction_log(name: str, signature: str, inputs: Mapping[str, Value]) -> bytes:
    """Serialise a request as a `PredictionLog`, without depending on tensorflow-serving-api.

    The message is `PredictionLog.predict_log (6).request (1)` with `model_spec (1)`, which has
    `name (1)` and `signature_name (3)`, and the map `inputs (2)`.
    """
    model = _field(1, name.encode()) + _field(3, signature.encode())
    request = _field(1, model)
    for key, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(2, _field(1, key.encode()) + _field(2, tensor))
    return _field(6, _field(1, request))


def _field(number: int, content: bytes) -> bytes:
    """Encode a length-delimited field of a protocol buffer."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
