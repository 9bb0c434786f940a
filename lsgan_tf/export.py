"""Writes the SavedModel of a run's newest checkpoint.

python -m lsgan_tf.export --run_dir=runs/00000-hwdb-conditional-lsgan
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from lsgan_tf.binary import import_tensorflow, run
from lsgan_tf.errors import UserError

_RUN_DIR = flags.DEFINE_string("run_dir", None, "folder of the run")
_STEP = flags.DEFINE_integer("step", None, "checkpoint to export, a step (default: the newest)")
_OUT = flags.DEFINE_string("out", None, "folder to write (default: export/ in the run's folder)")


def main(argv: list[str]) -> None:
    """The export command."""
    if not _RUN_DIR.value:
        raise UserError("--run_dir: expected the folder of a run")
    import_tensorflow()
    from lsgan_tf.restoring import restore_run
    from lsgan_tf.savedmodel import write_saved_model

    run_dir = Path(_RUN_DIR.value)
    config, gan, classes, step = restore_run(run_dir, _STEP.value)
    path = Path(_OUT.value) if _OUT.value else run_dir / "export"
    if path.exists() and not (path / "saved_model.pb").exists():
        raise UserError(f"--out={path}: exists and is not a SavedModel; give another folder")
    write_saved_model(path, config, gan, classes, step)
    print(f"SavedModel of step {step:,} in {path}")


if __name__ == "__main__":
    run(main, usage=__doc__)
