"""The pretrained generator of the package: handwriting, 500 characters."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lsgan_tf.build import build_networks
from lsgan_tf.config import Config
from lsgan_tf.errors import UserError
from lsgan_tf.exporting.savedmodel import Exported
from lsgan_tf.exporting.shipped import shipped
from lsgan_tf.noise import noise, truncated
from lsgan_tf.sampling import npz
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.util.files import atomic_file, explained
from lsgan_tf.util.forms import check_form, parse_json

PRETRAINED = Path(__file__).with_name("weights") / "handwriting.npz"
"""File with the weights, config and classes of the generator."""

_STANDING_BATCH = 512
_FORM = {"step": int, "classes": [str], "config": dict, "truncation?": (float, None)}
_LARGEST = 64 << 20  # maximum size of a weights file and of its content, in bytes
_SCALE = "/scale"  # added to the name of a kernel


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """A generator read from a weights file.

    Attributes:
      generator: the Keras model, called as `(z, label)`: z float32 `(n, z_dim)`, label int32
        `(n,)`; returns float32 images in its `output_range`.
      sampler: sampler that uses the generator.
      classes: names of the classes in label order.
      config: config of the run that trained it.
      step: number of training steps.
      truncation: default limit of the noise, for which the statistics of batch normalisation are
        made; None for noise that is not truncated.
    """

    generator: keras.Model
    sampler: Sampler
    classes: tuple[str, ...]
    config: Config
    step: int
    truncation: float | None


def pretrained(path: Path = PRETRAINED) -> Pretrained:
    """Load the pretrained generator.

    It generates the 500 most frequent Chinese characters and was trained on the synthetic stand-in
    (`docs/data.md`), not on real handwriting.

    Args:
      path: a weights file written by `write_weights`.

    Raises:
      UserError: if the file is missing, damaged or of another version.
    """
    values, arrays = _read(Path(path))
    classes = tuple(values["classes"])
    config = Config.from_json(values["config"], str(path))
    generator, _ = build_networks(config, precision="float32")
    _assign(generator, arrays, path)
    exported = Exported(config, generator, None, classes)
    functions = types.SimpleNamespace(
        signatures=exported.signatures(), between=exported.between, owner=exported
    )
    sampler = Sampler.of_functions(
        functions, step=values["step"], config=config.to_json(), classes=classes, path=Path(path)
    )
    return Pretrained(generator, sampler, classes, config, values["step"], values.get("truncation"))


def set_standing_statistics(
    generator: keras.Model, config: Config, truncation: float, *, batches: int = 100
) -> None:
    """Set the moving statistics of batch normalisation to those of truncated noise.

    Truncated noise varies less than that of training, so with the statistics of training its images
    are pale. These are the "standing statistics" of Brock et al. (2019), "Large Scale GAN Training
    for High Fidelity Natural Image Synthesis".

    Args:
      generator: G, whose moving statistics are replaced.
      config: config of the run, with the dataset's metadata.
      truncation: limit of the noise, see `lsgan_tf.noise.truncated`.
      batches: number of batches of 512 images; the last ten or so decide.
    """
    rng = np.random.default_rng(0)
    for step in range(batches):
        z = noise(0, 0, step, _STANDING_BATCH, config.z_dim, config.z_distribution).numpy()
        z = truncated(z, truncation, config.z_distribution)
        labels = rng.integers(config.data_classes, size=len(z)) if config.conditional else None
        generator(z, labels, training=True)


def write_weights(
    path: Path,
    config: Config,
    generator: keras.Model,
    classes: Sequence[str],
    step: int,
    truncation: float | None = None,
) -> int:
    """Write a generator as one file: kernels in int8, all else in float32.

    A kernel has a scale for each index of its last axis, so that no error exceeds 1/254 of the
    largest weight with that index.

    Args:
      path: the file, `.npz`.
      config: config of the run, with the dataset's metadata; local paths are removed.
      generator: G, for example with EMA weights.
      classes: names of the classes in label order.
      step: number of training steps.
      truncation: default limit of the noise; the statistics of batch normalisation are set to
        those of such noise, in `generator` too.

    Returns:
      Size of the file in bytes.

    Raises:
      UserError: if the file cannot be written.
    """
    if truncation is not None:
        set_standing_statistics(generator, config, truncation)
    # `classes` contains the characters.
    values = shipped(config).to_json() | {"characters": None}
    about = {"step": step, "classes": list(classes), "config": values, "truncation": truncation}
    arrays = {}
    for weight in generator.weights:
        key, array = _key(weight), weight.numpy()
        if array.ndim > 1:
            scale = np.abs(array).reshape(-1, array.shape[-1]).max(0) / 127
            arrays[key + _SCALE] = scale
            array = np.rint(array / np.where(scale, scale, 1)).astype(np.int8)
        arrays[key] = array
    with explained(path, "writing the weights"), atomic_file(path) as temporary:
        with temporary.open("wb") as stream:
            np.savez_compressed(
                stream, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays
            )
    return path.stat().st_size


def _key(weight: keras.Variable) -> str:
    """Name of a weight without the network's name, such as "h0/kernel"."""
    return weight.path.split("/", 1)[1]


def _read(path: Path) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    try:
        arrays = npz.read(path, _LARGEST)
        values = parse_json(arrays.pop("about").tobytes().decode("utf-8"))
        check_form(values, _FORM)
        classes, truncation = values["classes"], values.get("truncation")
        if not len(classes) == len(set(classes)) == values["config"].get("data_classes"):
            raise ValueError("its classes repeat, or are not as many as its config says")
        if truncation is not None and truncation <= 0:
            raise ValueError("its truncation is not above 0")
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; expected a .npz file of generator weights"
        ) from None
    except (OSError, KeyError, AttributeError, ValueError) as error:
        raise UserError(
            f"{path}: the weights are damaged or not of lsgan_tf ({error}); install the package "
            "again, or write them again"
        ) from error
    return values, arrays


def _assign(generator: keras.Model, arrays: Mapping[str, np.ndarray], path: Path) -> None:
    expected = {_key(weight): tuple(weight.shape) for weight in generator.weights}
    expected |= {key + _SCALE: shape[-1:] for key, shape in expected.items() if len(shape) > 1}
    found = {name: array.shape for name, array in arrays.items()}
    if expected != found:
        names = sorted(name for name, _ in set(expected.items()) ^ set(found.items()))
        raise UserError(
            f"{path}: the weights do not fit their config ({names[0]} differs); install the "
            "package again, or write them again"
        )
    for weight in generator.weights:
        key = _key(weight)
        array = arrays[key].astype(np.float32)
        if len(weight.shape) > 1:
            array = array * arrays[key + _SCALE]
        if not np.isfinite(array).all():
            raise UserError(f"{path}: {key} has values that are not finite")
        weight.assign(array)
