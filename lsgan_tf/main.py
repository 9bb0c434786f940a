"""Trains a least-squares GAN (Mao et al., ICCV 2017) in a run folder.

    python -m lsgan_tf.main --dataset=hwdb --conditional
    python -m lsgan_tf.main --preset=hwdb_quick --run_dir=runs/first

The run folder contains config.json, log.txt, stats.jsonl, TensorBoard events, sample
grids, checkpoints and, at the end, a SavedModel. The same command with the same
--run_dir resumes the run. Exit status: 0 finished, 2 usage error, 3 the run diverged,
4 another worker was lost, 5 the run collapsed and --stop_on_collapse was given; 130 and
143 stopped by Ctrl-C and SIGTERM, and 129 and 141 because the terminal or the pipe was
closed, each after writing a checkpoint.
"""

from __future__ import annotations

import sys

from absl import flags

from lsgan_tf.cli import flags as flagging
from lsgan_tf.cli.app import flags_only, run
from lsgan_tf.util.paths import optional
from lsgan_tf.util.tensorflow_setup import import_tensorflow

flagging.define_flags()
_DRY_RUN = flags.DEFINE_flag(
    flags.BooleanFlag("dry_run", False, "print the config, the networks and the data, then exit"),
    module_name="run",
)


def main(argv: list[str]) -> int | None:
    """Run the training command and return its exit status."""
    flags_only(argv)
    config, origins = flagging.from_flags(sys.argv)
    import_tensorflow()
    if _DRY_RUN.value:
        from lsgan_tf.cli.dry_run import dry_run

        print(dry_run(config, origins))
        return None
    from lsgan_tf.training import train

    return train(config, origins, optional(config.run_dir))


if __name__ == "__main__":
    run(main, usage=__doc__)
