"""Export the generator of a run as a weights file, such as that of the package.

    python tools/pack_weights.py --run_dir=runs/pretrained --truncation=0.2 --out=handwriting.npz

It contains G's EMA weights (raw weights if there are none), the config and the classes, without
local paths; `lsgan_tf.pretrained(path)` reads it.
"""

from __future__ import annotations

from absl import flags

from lsgan_tf.cli.app import flags_only, run
from lsgan_tf.cli.flags import PATH
from lsgan_tf.errors import UserError
from lsgan_tf.util.tensorflow_setup import import_tensorflow

_RUN_DIR = flags.DEFINE(PATH, "run_dir", None, "folder of the run")
_STEP = flags.DEFINE_integer("step", None, "step of the checkpoint (default: the newest)", 0)
_TRUNCATION = flags.DEFINE_float(
    "truncation",
    None,
    "default limit of the noise, for which the statistics of batch normalisation are made "
    "(default: none, those of training)",
)
_OUT = flags.DEFINE(PATH, "out", None, "file to write, in .npz")


def main(argv: list[str]) -> None:
    """Run the command."""
    flags_only(argv)
    if not _RUN_DIR.value or not _OUT.value or _OUT.value.suffix != ".npz":
        raise UserError("expected --run_dir=FOLDER of a run and --out=FILE.npz")
    import_tensorflow()
    from lsgan_tf.exporting.pretrained import write_weights
    from lsgan_tf.run_dir.restore import restore_run

    config, gan, classes, step = restore_run(_RUN_DIR.value, _STEP.value, log=print)
    generator = gan.generator if gan.average is None else gan.average
    size = write_weights(_OUT.value, config, generator, classes, step, _TRUNCATION.value)
    print(f"wrote {_OUT.value}: {len(classes):,} classes, step {step:,}, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    run(main, usage=__doc__)
