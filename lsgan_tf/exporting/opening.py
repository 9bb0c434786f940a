"""Opens the generator that a command names."""

from __future__ import annotations

from pathlib import Path

from lsgan_tf.errors import UserError
from lsgan_tf.exporting.of_run import export_of_run
from lsgan_tf.exporting.pretrained import pretrained
from lsgan_tf.sampling.sampler import Sampler


def open_generator(
    saved_model: Path | None, run_dir: Path | None, weights: str | None
) -> tuple[Sampler, float | None]:
    """Open a SavedModel, the newest export of a run, or the pretrained generator.

    Args:
      saved_model: folder of a SavedModel.
      run_dir: run folder, if there is no `saved_model`; without either the pretrained generator is
        opened.
      weights: "raw" or "ema"; None for the default of the SavedModel.

    Returns:
      Sampler, and the default truncation of its noise; None for none.

    Raises:
      UserError: if the generator cannot be opened, or `weights` is given for the pretrained one.
    """
    if saved_model:
        return Sampler(saved_model, weights), None
    if run_dir:
        return Sampler(export_of_run(run_dir, log=print), weights), None
    if weights:
        raise UserError(
            f"--weights={weights}: the generator of the package has one set of weights; omit the "
            "flag, or give a run with --run_dir"
        )
    found = pretrained()
    return found.sampler, found.truncation
