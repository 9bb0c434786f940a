"""Features of many pictures; those of real ones are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from lsgan_tf.data.source import Source
from lsgan_tf.errors import UserError
from lsgan_tf.metrics.real import batches
from lsgan_tf.util import files
from lsgan_tf.util.progress import Progress

REAL_SEED = 0
"""Seed of the choice of real examples: the same for every model that is measured."""

_VERSION = 1
_ARRAYS = {
    "features": ("float32", (None,)),
    "logits": ("float32", (None,)),
    "labels": ("int32", ()),
}
"""Their numbers, and their sides after the first."""


class Extractor(Protocol):
    """What looks at pictures: the Inception network or a judge."""

    dim: int
    name: str
    resizer: str
    digest: str

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features `(n, dim)` and logits `(n, classes)` of uint8 pictures."""


class Features(NamedTuple):
    """What an extractor saw in a set of pictures."""

    features: np.ndarray
    """float32, `(n, dim)`."""
    logits: np.ndarray
    """float32, `(n, classes)`."""
    labels: np.ndarray | None
    """int32, `(n,)`: of real examples, or asked for of samples; None if there are none."""


class Collector:
    """Features of several extractors from one pass over pictures.

    Args:
      extractors: what looks.
    """

    def __init__(self, extractors: Sequence[Extractor]) -> None:
        self._extractors = extractors
        self._seen: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in extractors]
        self._labels: list[np.ndarray] = []

    def add(self, images: np.ndarray, labels: np.ndarray | None) -> None:
        """Looks at a batch."""
        for extractor, seen in zip(self._extractors, self._seen, strict=True):
            seen.append(extractor(images))
        if labels is not None:
            self._labels.append(labels)

    def features(self) -> list[Features]:
        """What each extractor saw in all batches."""
        labels = np.concatenate(self._labels) if self._labels else None
        return [
            Features(*(np.concatenate(part) for part in zip(*seen, strict=True)), labels)
            for seen in self._seen
        ]


def features_of(
    extractor: Extractor,
    pictures: Iterable[tuple[np.ndarray, np.ndarray | None]],
    *,
    count: int,
    label: str,
) -> Features:
    """Looks at all of some batches, showing progress.

    Args:
      extractor: what looks.
      pictures: batches of uint8 images, and labels or None.
      count: how many pictures there are in all, for the progress line.
      label: what is being done, for the same.
    """
    collector = Collector([extractor])
    with Progress(label, total=count, unit="pictures") as progress:
        for images, labels in pictures:
            collector.add(images, labels)
            progress.add(len(images))
    return collector.features()[0]


def real_features(
    extractor: Extractor, source: Source, count: int, cache_dir: Path | None
) -> Features:
    """What an extractor sees in `count` real examples: looked at once, then kept.

    Args:
      extractor: what looks.
      source: the real examples; the `count` first of them in a fixed shuffled order.
      count: how many, at most all.
      cache_dir: where they are kept; the user's cache folder by default.

    Raises:
      UserError: if the cache cannot be written, or what is in it is damaged.
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
                label=f"looking at {source.description}",
            )
            with files.explained(folder, "writing features of real examples"):
                _write(folder, found, identity | {"description": source.description})
    try:
        loaded = [
            files.read_array(folder / f"{name}.npy", dtype, (count, *more))
            for name, (dtype, more) in _ARRAYS.items()
        ]
    except (OSError, ValueError, UserError) as error:
        raise UserError(
            f"{folder}: the features kept there are damaged ({error}); remove the folder"
        ) from error
    return Features(*loaded)


def _write(folder: Path, found: Features, manifest: dict[str, object]) -> None:
    needed = sum(np.asarray(array).nbytes for array in found)
    files.require_free_space(folder, needed, "keeping features of real examples")
    with files.atomic_folder(folder) as temporary:
        for name, array in zip(_ARRAYS, found, strict=True):
            np.save(temporary / f"{name}.npy", array, allow_pickle=False)
        files.write_json(temporary / "features.json", manifest)
