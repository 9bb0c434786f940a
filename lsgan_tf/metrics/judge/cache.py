"""Cache of judges, which are trained once per dataset and recipe."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from lsgan_tf.errors import UserError
from lsgan_tf.metrics.judge.classifier import Judge, classify
from lsgan_tf.metrics.judge.network import judge_network
from lsgan_tf.metrics.judge.training import Recipe, default_recipe, train_network
from lsgan_tf.metrics.real import Splits, batches
from lsgan_tf.sampling import npz
from lsgan_tf.util import files, reading

_VERSION = 1  # increment when the network or its training changes
_MANIFEST, _WEIGHTS = "judge.json", "weights.npz"
_MOST_TESTED = 20_000
_LARGEST = 1 << 30
_FORM = {
    "learnt_from": str,
    "held_out": str,
    "held_out_count": int,
    "top1": float,
    "top5": float,
    "sha256": str,
    "identity": {"recipe": dict},
}


def judge_of(
    splits: Splits,
    cache_dir: Path | None,
    *,
    recipe: Recipe | None = None,
    log: Callable[[str], None] = print,
) -> Judge:
    """Load the judge of a dataset from the cache, or train it, which takes minutes.

    `judge.json` next to the weights describes its training data, recipe and held-out accuracy.

    Args:
      splits: labelled images.
      cache_dir: the cache; the user's cache folder by default.
      recipe: training settings; None for the default of the dataset.
      log: called with each line of output.

    Raises:
      UserError: if the data has no classes, or the cache cannot be written.
    """
    classes = splits.train.classes
    if len(classes) < 2:
        raise UserError(
            f"{splits.train.description}: the judge is a classifier and this data has "
            f"{len(classes) or 'no'} classes; use labelled data, or fid, kid or prdc"
        )
    recipe = recipe or default_recipe(splits.train)
    identity = {
        "version": _VERSION,
        "train": splits.train.fingerprint,
        "test": splits.test.fingerprint,
        "shape": list(splits.train.shape),
        "classes": list(classes),
        "recipe": dataclasses.asdict(recipe),
    }
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20]
    folder = Path(cache_dir or files.default_cache_dir()) / "judges" / key
    with files.locked(folder):
        if not (folder / _MANIFEST).is_file():
            log(
                f"training the judge of {splits.train.description}: {recipe.steps:,} steps, once "
                "for this data"
            )
            network = train_network([splits.train], len(classes), recipe)
            _save(folder, network, identity, splits)
    return _load(folder, splits)


def _save(folder: Path, network: keras.Model, identity: dict[str, object], splits: Splits) -> None:
    count = min(len(splits.test), _MOST_TESTED)
    judge = Judge(network, digest="", metadata={})
    found = classify(judge, batches(splits.test, count, 0), splits.train.classes)
    with files.explained(folder, "writing the judge"), files.atomic_folder(folder) as temporary:
        np.savez(temporary / _WEIGHTS, *[np.asarray(v) for v in network.weights])
        manifest = {
            "learnt_from": splits.train.description,
            "held_out": splits.held_out,
            "held_out_count": count,
            "top1": found.top1,
            "top5": found.top5,
            "sha256": reading.sha256(temporary / _WEIGHTS),
            "identity": identity,
            "per_class": found.per_class(),
            "confusions": found.confusions(),
        }
        files.write_json(temporary / _MANIFEST, manifest)


def _load(folder: Path, splits: Splits) -> Judge:
    try:
        manifest = reading.read_json(folder / _MANIFEST, _FORM)
    except UserError as error:
        raise _damaged(folder, error) from error
    network = judge_network(splits.train.shape, len(splits.train.classes), 0)
    try:
        if reading.sha256(folder / _WEIGHTS) != manifest["sha256"]:
            raise ValueError("its weights were altered")
        arrays = npz.read(folder / _WEIGHTS, _LARGEST)
        for variable, array in zip(network.weights, arrays.values(), strict=True):
            variable.assign(array)
        names = ("learnt_from", "held_out", "held_out_count", "top1", "top5")
        metadata = {name: manifest[name] for name in names}
        metadata["recipe"] = manifest["identity"]["recipe"]
        return Judge(network, digest=manifest["sha256"], metadata=metadata)
    except (OSError, ValueError, TypeError, UserError) as error:
        raise _damaged(folder, error) from error


def _damaged(folder: Path, error: Exception) -> UserError:
    return UserError(
        f"{folder}: this judge is damaged ({error}); remove the folder to train it again"
    )
