"""Bitwise comparison of the results of two runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from lsgan_tf.run_dir.checkpoints import find
from lsgan_tf.util.tensorflow_paths import literal


def differences(first: Path, second: Path) -> list[str]:
    """List the differences between two run folders.

    Compares the newest checkpoint (weights, moving averages, optimisers, step), all `.jsonl`
    files except that of times, `best.json`, all images, and TensorBoard's values with their
    steps, except times.
    """
    found = [*_checkpoints(first, second)]
    names = {"stats.jsonl", "watch.jsonl", "evaluations.jsonl", "classes.json", "best/best.json"}
    names |= {str(p.relative_to(folder)) for folder in (first, second) for p in _images(folder)}
    for name in sorted(names):
        contents = [_content(folder / name) for folder in (first, second)]
        if contents[0] != contents[1]:
            found.append(name)
    mine, theirs = (events(folder / "tensorboard") for folder in (first, second))
    if mine != theirs:
        place = next(
            (i for i, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b),
            min(len(mine), len(theirs)),
        )
        found.append(f"tensorboard: {len(mine)} and {len(theirs)} values, from value {place} on")
    return found


def tensors(run: Path) -> dict[str, np.ndarray]:
    """Read all tensors of a run's newest checkpoint, by name."""
    newest = find(run / "checkpoints")
    if not newest:
        return {}
    with literal(newest[0][1]) as folder:
        reader = tf.train.load_checkpoint(str(folder / "state"))
        names = [n for n in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in n]
        return {name: reader.get_tensor(name) for name in names}


def events(folder: Path) -> list[tuple[int, str, Any]]:
    """Read TensorBoard's (step, tag, value) in the order of writing, except settings and times."""
    from tensorboard.compat.proto.event_pb2 import Event

    values = []
    for path in sorted(folder.rglob("*tfevents*")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = Event.FromString(record)
            values += [
                (event.step, value.tag, value.tensor.SerializeToString())
                for value in event.summary.value
                if not value.tag.startswith(("speed/", "_hparams_/")) and value.tag != "config"
            ]
    return values


def _checkpoints(first: Path, second: Path) -> Iterator[str]:
    mine, theirs = tensors(first), tensors(second)
    for name in sorted(mine.keys() | theirs.keys()):
        if name not in mine or name not in theirs:
            yield f"checkpoint: {name} is in one only"
        elif mine[name].tobytes() != theirs[name].tobytes():
            yield f"checkpoint: {name}"


def _images(folder: Path) -> list[Path]:
    return [*folder.glob("samples/*.png"), *folder.glob("reals.png")]


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
