"""Writes the SavedModel of a run's newest checkpoint.

python -m lsgan_tf.export --run_dir=runs/00000-hwdb-conditional-lsgan
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from lsgan_tf.binary import import_tensorflow, run
from lsgan_tf.errors import UserError

_RUN_DIR = flags.DEFINE_string("run_dir", None, "folder of the run")
_STEP = flags.DEFINE_integer(
    "step", None, "checkpoint to export, a step, at least 0 (default: the newest)", lower_bound=0
)
_OUT = flags.DEFINE_string("out", None, "folder to write (default: export/ in the run's folder)")


def main(argv: list[str]) -> None:
    """The export command."""
    if len(argv) > 1:
        raise UserError(f"{argv[1]}: expected flags only (--name=value); see --help")
    if not _RUN_DIR.value:
        raise UserError("--run_dir: expected the folder of a run")
    run_dir = Path(_RUN_DIR.value)
    path = Path(_OUT.value) if _OUT.value else run_dir / "export"
    # What stands there is replaced: it must be a SavedModel or empty.
    replaceable = (path / "saved_model.pb").exists() or (path.is_dir() and not any(path.iterdir()))
    if path.exists() and not replaceable:
        raise UserError(f"--out={path}: exists and is no SavedModel; give another folder")
    import_tensorflow()
    from lsgan_tf.restoring import restore_run
    from lsgan_tf.run_folder import tidied
    from lsgan_tf.savedmodel import write_saved_model

    config, gan, classes, step = restore_run(run_dir, _STEP.value)
    with tidied(run_dir):
        write_saved_model(path, config, gan, classes, step)
    print(f"SavedModel of step {step:,} in {path}")


if __name__ == "__main__":
    run(main, usage=__doc__)
