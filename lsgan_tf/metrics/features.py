"""Feature extraction; features of real examples are cached."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from lsgan_tf.data.source import Source
from lsgan_tf.errors import UserError
from lsgan_tf.metrics.real import batches
from lsgan_tf.util import files, reading
from lsgan_tf.util.progress import Progress

REAL_SEED = 0
"""Seed of the selection of real examples, the same for all models."""

_VERSION = 1
_ARRAYS = {
    "features": ("float32", (None,)),
    "logits": ("float32", (None,)),
    "labels": ("int32", ()),
}
"""dtype of each cached array, and its shape without the first axis."""


class Extractor(Protocol):
    """A feature extractor: the Inception network, a judge or an OCR model."""

    dim: int
    name: str
    resizer: str
    digest: str

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Metadata of the extractor, reported with every result."""

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute features `(n, dim)` and logits `(n, classes)` of uint8 images."""


class Features(NamedTuple):
    """The output of an extractor for a set of images.

    Attributes:
      features: float32, `(n, dim)`.
      logits: float32, `(n, classes)`.
      labels: labels of real examples, or requested labels of samples, int32, `(n,)`; None if
        unlabelled.
    """

    features: np.ndarray
    logits: np.ndarray
    labels: np.ndarray | None


class Collector:
    """Features of several extractors, collected in one pass over images."""

    def __init__(self, extractors: Sequence[Extractor]) -> None:
        self._extractors = extractors
        self._outputs: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in extractors]
        self._labels: list[np.ndarray] = []

    def add(self, images: np.ndarray, labels: np.ndarray | None) -> None:
        """Add a batch of uint8 images and their labels, or None."""
        for extractor, outputs in zip(self._extractors, self._outputs, strict=True):
            outputs.append(extractor(images))
        if labels is not None:
            self._labels.append(labels)

    def features(self) -> list[Features]:
        """Return the features of all batches, per extractor."""
        labels = np.concatenate(self._labels) if self._labels else None
        return [
            Features(
                np.concatenate([features for features, _ in outputs]),
                np.concatenate([logits for _, logits in outputs]),
                labels,
            )
            for outputs in self._outputs
        ]


def features_of(
    extractor: Extractor,
    labelled: Iterable[tuple[np.ndarray, np.ndarray | None]],
    *,
    count: int,
    label: str,
) -> Features:
    """Compute the features of all batches with a progress line.

    Args:
      extractor: the extractor.
      labelled: batches of uint8 images, and labels or None.
      count: total number of images, for the progress line.
      label: label of the progress line.
    """
    collector = Collector([extractor])
    with Progress(label, total=count, unit="images") as progress:
        for images, labels in labelled:
            collector.add(images, labels)
            progress.add(len(images))
    return collector.features()[0]


def real_features(
    extractor: Extractor, source: Source, count: int, cache_dir: Path | None
) -> Features:
    """Return features of `count` real examples, computed once and cached.

    Args:
      extractor: the extractor.
      source: the real examples, of which the first `count` in a fixed shuffled order are used.
      count: number of examples.
      cache_dir: the cache; the user's cache folder by default.

    Raises:
      UserError: if the cache cannot be written or is damaged.
    """
    identity = {
        "version": _VERSION,
        "data": source.fingerprint,
        "count": count,
        "seed": REAL_SEED,
        "extractor": extractor.digest,
    }
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20]
    folder = Path(cache_dir or files.default_cache_dir()) / "features" / key
    with files.locked(folder):
        if not (folder / "features.json").is_file():
            found = features_of(
                extractor,
                batches(source, count, REAL_SEED),
                count=count,
                label=f"computing features of {source.description}",
            )
            with files.explained(folder, "writing features of real examples"):
                _write(folder, found, identity | {"description": source.description})
    try:
        loaded = [
            reading.read_array(folder / f"{name}.npy", dtype, (count, *more))
            for name, (dtype, more) in _ARRAYS.items()
        ]
    except (OSError, ValueError, UserError) as error:
        raise UserError(
            f"{folder}: the cached features are damaged ({error}); remove the folder"
        ) from error
    return Features(*loaded)


def _write(folder: Path, found: Features, manifest: dict[str, object]) -> None:
    needed = sum(np.asarray(array).nbytes for array in found)
    files.require_free_space(folder, needed, "caching features of real examples")
    with files.atomic_folder(folder) as temporary:
        for name, array in zip(_ARRAYS, found, strict=True):
            np.save(temporary / f"{name}.npy", np.asarray(array), allow_pickle=False)
        files.write_json(temporary / "features.json", manifest)
