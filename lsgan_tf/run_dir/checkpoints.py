"""Atomic checkpoints, verified when they are read.

A checkpoint is a folder `step-00001000` with the files of a TensorFlow checkpoint and
`checkpoint.json`: the step, the state of the training loop, and the size and hash of each
file. It is written under a temporary name and renamed when complete.
"""

from __future__ import annotations

import dataclasses
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsgan_tf.errors import UserError
from lsgan_tf.util.files import (
    atomic_folder,
    clear_leftovers,
    explained,
    require_free_space,
    sync,
    write_json,
)
from lsgan_tf.util.forms import check_form
from lsgan_tf.util.reading import read_json, sha256
from lsgan_tf.util.tensorflow_errors import disk_errors
from lsgan_tf.util.tensorflow_paths import literal

# Finding checkpoints by name does not need TensorFlow.
if TYPE_CHECKING:
    import tensorflow as tf

_MANIFEST = "checkpoint.json"
_PREFIX = "state"
_FORM = {"step": int, "files": {str: {"bytes": int, "sha256": str}}, "extra": dict}
_NAME = re.compile(r"step-(\d+)")


@dataclasses.dataclass(frozen=True)
class Found:
    """A verified checkpoint on disk.

    Attributes:
      path: its folder.
      step: steps trained.
      extra: the `extra` passed to `save`.
    """

    path: Path
    step: int
    extra: dict[str, Any]


class Checkpoints:
    """The checkpoints of a run.

    Args:
      folder: their folder.
      keep: number of newest checkpoints to keep.
      chief: whether this process reads and writes; other workers get the chief's
        values (`lsgan_tf.distribute.workers`) and do not access the folder.
      check_extra: raises `ValueError` for an invalid `extra`: the checkpoint is damaged.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep: int = 3,
        chief: bool = True,
        check_extra: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        self._folder, self._keep, self._chief = Path(folder), keep, chief
        self._check_extra = check_extra

    def save(
        self,
        step: int,
        state: tf.train.Checkpoint,
        extra: dict[str, Any],
        spared: Path | None = None,
    ) -> Path:
        """Write a checkpoint and remove those beyond the newest `keep`.

        Args:
          step: steps trained; a checkpoint of the same step is replaced.
          state: the networks, the optimisers and the step.
          extra: JSON values that `newest` returns.
          spared: an older checkpoint to keep as well.

        Raises:
          UserError: if it cannot be written; earlier checkpoints are untouched.
        """
        path = self._folder / f"step-{step:08d}"
        if not self._chief:
            return path
        with explained(path, "writing a checkpoint"):
            require_free_space(self._folder, _size(state), "a checkpoint")
            with disk_errors(), atomic_folder(path) as temporary:
                state.write(str(temporary / _PREFIX))
                files = {
                    file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)}
                    for file in sorted(temporary.iterdir())
                }
                manifest = {"step": step, "files": files, "extra": extra}
                write_json(temporary / _MANIFEST, manifest)
            sync(self._folder)
            for _, old in find(self._folder)[self._keep :]:
                if old != spared:
                    shutil.rmtree(old, ignore_errors=True)
        return path

    def newest(self) -> tuple[Found | None, list[str]]:
        """Return the newest intact checkpoint, and a warning for each damaged one skipped.

        Raises:
          UserError: if there are checkpoints but none is intact; restarting from step 0
            would overwrite the run's logs.
        """
        warnings: list[str] = []
        for step, path in find(self._folder) if self._chief else []:
            try:
                return Found(path, step, check(path, self._check_extra)["extra"]), warnings
            except UserError as error:
                warnings.append(f"{error}; falling back to the checkpoint before it")
        if warnings:
            raise UserError(
                f"{self._folder}: no intact checkpoint ({len(warnings)} damaged); restore one "
                "from a backup, or remove this folder to restart the run from step 0"
            )
        return None, warnings

    def restore(self, found: Found, state: tf.train.Checkpoint) -> None:
        """Read a checkpoint into `state`; both must have the same variables.

        Raises:
          UserError: if names or shapes differ.
        """
        read(found.path, state)

    def clear_leftovers(self) -> None:
        """Remove incomplete checkpoints of killed processes."""
        if self._chief:
            clear_leftovers(self._folder)


def check(
    path: Path, check_extra: Callable[[dict[str, Any]], None] = lambda _: None
) -> dict[str, Any]:
    """Read a checkpoint's manifest and verify sizes and hashes.

    Args:
      path: the checkpoint's folder.
      check_extra: see `Checkpoints`.

    Returns:
      The manifest: `step`, `files`, `extra`.

    Raises:
      UserError: if a file is missing, truncated or modified.
    """
    manifest = read_json(path / _MANIFEST)
    try:
        check_form(manifest, _FORM)
        check_extra(manifest["extra"])
        if f"{_PREFIX}.index" not in manifest["files"]:
            raise ValueError(f"no {_PREFIX}.index among its files")
    except ValueError as error:
        raise UserError(f"{path}: the checkpoint is damaged ({_MANIFEST}: {error})") from error
    present = {file.name: file for file in path.iterdir() if file.is_file()}
    for name, expected in manifest["files"].items():
        file = present.get(name)
        if file is None or file.stat().st_size != expected["bytes"]:
            raise UserError(f"{path}: the checkpoint is damaged ({name} is truncated or missing)")
        if sha256(file) != expected["sha256"]:
            raise UserError(f"{path}: the checkpoint is damaged ({name} was modified)")
    return manifest


def read(path: Path, state: tf.train.Checkpoint, *, partial: bool = False) -> None:
    """Read a checkpoint folder into `state`.

    Args:
      path: the folder.
      state: the objects to restore.
      partial: whether the checkpoint may contain more than `state` (weights without
        optimisers, to sample or to initialise another run).

    Raises:
      UserError: if names or shapes differ.
    """
    import tensorflow as tf

    try:
        with explained(path, "reading the checkpoint"), literal(path) as folder:
            status = state.read(str(folder / _PREFIX))
        status.assert_existing_objects_matched()
        if partial:
            status.expect_partial()
        else:
            status.assert_consumed()
    except (ValueError, AssertionError, RuntimeError, tf.errors.OpError) as error:
        first = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: this checkpoint is of another network ({first})") from error


def _size(state: tf.train.Checkpoint) -> int:
    """Return the size in bytes of a checkpoint of `state`."""
    import keras
    import tensorflow as tf

    return sum(
        math.prod(variable.shape) * tf.as_dtype(variable.dtype).size
        for variable in tf.train.TrackableView(state).descendants()
        # The leaves of the object graph are Keras variables, which are not tf.Variables.
        if isinstance(variable, tf.Variable | keras.Variable)
    )


def find(folder: Path) -> list[tuple[int, Path]]:
    """List (step, path) of the checkpoints in a folder, newest first, without verifying them.

    Raises:
      OSError: if the folder exists and cannot be listed.
    """
    if not Path(folder).is_dir():
        return []
    matches = ((_NAME.fullmatch(path.name), path) for path in Path(folder).iterdir())
    return sorted(((int(match[1]), path) for match, path in matches if match), reverse=True)


def of_run(run_dir: Path, *, best: bool = False) -> list[tuple[int, Path]]:
    """List (step, path) of a run's checkpoints, newest first, without verifying them.

    Args:
      run_dir: the run's folder.
      best: whether to append the one in `best/`.

    Raises:
      UserError: if there is none.
    """
    found = find(Path(run_dir) / "checkpoints")
    if best:
        found += find(Path(run_dir) / "best")
    if not found:
        raise UserError(
            f"{run_dir}: no checkpoint yet; train on until one is written (--checkpoint_every)"
        )
    return found
