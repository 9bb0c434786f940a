"""Checkpoints that are whole or absent, and checked when they are read.

A checkpoint is a folder `step-00001000` with TensorFlow's own checkpoint files
and `checkpoint.json`: the step, what the loop needs beside weights, and the size
and hash of each file. It is written under another name and renamed when complete.
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
    read_json,
    require_free_space,
    sha256,
    sync,
    write_json,
)
from lsgan_tf.util.forms import check_form
from lsgan_tf.util.tensorflow_errors import disk_errors
from lsgan_tf.util.tensorflow_paths import literal

# Finding checkpoints by their names does without TensorFlow.
if TYPE_CHECKING:
    import tensorflow as tf

_MANIFEST = "checkpoint.json"
_PREFIX = "state"
_FORM = {"step": int, "files": {str: {"bytes": int, "sha256": str}}, "extra": dict}
_NAME = re.compile(r"step-(\d+)")


@dataclasses.dataclass(frozen=True)
class Found:
    """A checkpoint on disk that passed its check.

    Attributes:
      path: its folder.
      step: steps trained.
      extra: what `save` was given beside the weights.
    """

    path: Path
    step: int
    extra: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run.

    Args:
      folder: where they are kept.
      keep: number of newest ones to keep.
      chief: whether this process writes and reads; other workers are given the
        chief's values (`lsgan_tf.distribute.workers`) and need not see the folder.
      check_extra: raises a `ValueError` for what `save` was never given as `extra`: such a
        checkpoint is damaged.
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
        """Writes a checkpoint and removes those beyond the newest `keep`.

        Args:
          step: steps trained; a checkpoint of the same step is replaced.
          state: the networks, the optimisers and the step.
          extra: JSON-able values to get back from `newest`.
          spared: an older checkpoint that stays too.

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
        """The newest sound checkpoint, and a notice for each damaged one passed over.

        Raises:
          UserError: if there are checkpoints and none is sound: a run does not begin
            again from step 0, over its own logs, unasked.
        """
        notices: list[str] = []
        for step, path in find(self._folder) if self._chief else []:
            try:
                return Found(path, step, check(path, self._check_extra)["extra"]), notices
            except UserError as error:
                notices.append(f"{error}; falling back to the checkpoint before it")
        if notices:
            raise UserError(
                f"{self._folder}: none of the {len(notices)} checkpoints is sound; bring one back, "
                "or remove this folder to begin the run again from step 0"
            )
        return None, notices

    def restore(self, found: Found, state: tf.train.Checkpoint) -> None:
        """Reads a checkpoint into `state`, every value of both or none missing.

        Raises:
          UserError: if the checkpoint belongs to other networks.
        """
        read(found.path, state)

    def clear_leftovers(self) -> None:
        """Removes what a killed process left half-written."""
        if self._chief:
            clear_leftovers(self._folder)


def check(
    path: Path, check_extra: Callable[[dict[str, Any]], None] = lambda _: None
) -> dict[str, Any]:
    """Reads a checkpoint's manifest and compares sizes and hashes.

    Args:
      path: the checkpoint's folder.
      check_extra: as `Checkpoints` has it.

    Returns:
      The manifest: `step`, `files`, `extra`.

    Raises:
      UserError: if anything is missing, cut or altered.
    """
    manifest = read_json(path / _MANIFEST)
    try:
        check_form(manifest, _FORM)
        check_extra(manifest["extra"])
        if f"{_PREFIX}.index" not in manifest["files"]:
            raise ValueError(f"no {_PREFIX}.index among its files")
    except ValueError as error:
        raise UserError(f"{path}: the checkpoint is damaged ({_MANIFEST}: {error})") from error
    for name, facts in manifest["files"].items():
        file = path / name
        if file.parent != path or not file.is_file() or file.stat().st_size != facts["bytes"]:
            raise UserError(f"{path}: the checkpoint is damaged ({name} is cut or missing)")
        if sha256(file) != facts["sha256"]:
            raise UserError(f"{path}: the checkpoint is damaged ({name} was altered)")
    return manifest


def read(path: Path, state: tf.train.Checkpoint, *, partial: bool = False) -> None:
    """Reads the values of a checkpoint folder into `state`.

    Args:
      path: the folder.
      state: what to fill.
      partial: allow the checkpoint to hold more than `state` (weights without
        optimisers, to sample or to start another run).

    Raises:
      UserError: if shapes or names differ.
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
    """Bytes that a checkpoint of `state` takes."""
    import keras
    import tensorflow as tf

    return sum(
        math.prod(variable.shape) * tf.as_dtype(variable.dtype).size
        for variable in tf.train.TrackableView(state).descendants()
        # Keras's variables are not TensorFlow's, and are what the graph of objects ends in.
        if isinstance(variable, tf.Variable | keras.Variable)
    )


def find(folder: Path) -> list[tuple[int, Path]]:
    """(step, path) of the checkpoints in a folder, newest first, unchecked.

    Raises:
      OSError: if there is such a folder and it cannot be listed.
    """
    if not Path(folder).is_dir():
        return []
    matches = ((_NAME.fullmatch(path.name), path) for path in Path(folder).iterdir())
    return sorted(((int(match[1]), path) for match, path in matches if match), reverse=True)


def of_run(run_dir: Path, *, best: bool = False) -> list[tuple[int, Path]]:
    """(step, path) of a run's checkpoints, newest first, unchecked; at least one.

    Args:
      run_dir: the run's folder.
      best: that in `best/` too, after the others.

    Raises:
      UserError: if there is none yet.
    """
    found = find(Path(run_dir) / "checkpoints")
    if best:
        found += find(Path(run_dir) / "best")
    if not found:
        raise UserError(
            f"{run_dir}: no checkpoint yet; train on until one is written (--checkpoint_every)"
        )
    return found
