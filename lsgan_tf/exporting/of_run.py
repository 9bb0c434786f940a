"""The up-to-date SavedModel of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lsgan_tf.exporting.savedmodel import write_saved_model
from lsgan_tf.run_dir.checkpoints import find
from lsgan_tf.run_dir.folder import load_config, tidied
from lsgan_tf.run_dir.restore import restore_run
from lsgan_tf.run_dir.status import values_of


def export_step(path: Path) -> int | None:
    """Return the step of the SavedModel in a folder; None if it is missing or damaged."""
    values = values_of(path / "export.json")
    sound = type(values.get("step")) is int and (path / "saved_model.pb").is_file()
    return values["step"] if sound else None


def export_of_run(run_dir: Path, *, log: Callable[[str], None] | None = None) -> Path:
    """Return the path of a run's SavedModel, after exporting a newer checkpoint if there is one.

    Args:
      run_dir: the run folder.
      log: see `restore_run`.

    Raises:
      UserError: if there is neither a SavedModel nor a checkpoint.
    """
    load_config(run_dir)
    path = Path(run_dir) / "export"
    exported = export_step(path)
    newest = find(Path(run_dir) / "checkpoints")
    if exported is not None and (not newest or exported >= newest[0][0]):
        return path
    config, gan, classes, step = restore_run(run_dir, log=log)
    with tidied(run_dir):
        return write_saved_model(path, config, gan, classes, step, run_dir=Path(run_dir))
