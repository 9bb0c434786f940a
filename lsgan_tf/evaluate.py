"""Measures samples of a run: are they good, are they what was asked for, which checkpoint is best.

    python -m lsgan_tf.evaluate --run_dir=R
    python -m lsgan_tf.evaluate --run_dir=R --checkpoint=all --metrics=judge,judge_frechet
    python -m lsgan_tf.evaluate --saved_model=R/export --metrics=fid --samples=50000

Prints a table with the same figures of real held-out examples beside, and writes a JSON
file that also says how each figure came about. docs/measures.md explains the measures:

METRICS
"""

from __future__ import annotations

import sys

from absl import flags

from lsgan_tf.cli.app import flags_only, run
from lsgan_tf.cli.flags import PATH
from lsgan_tf.errors import UserError
from lsgan_tf.metrics.registry import METRICS, parse_metrics
from lsgan_tf.util.files import read_json, require_writable
from lsgan_tf.util.tensorflow_setup import import_tensorflow

__doc__ = (__doc__ or "").replace(
    "METRICS", "\n".join(f"    {name:<15}{metric.about}" for name, metric in METRICS.items())
)

_RUN_DIR = flags.DEFINE(PATH, "run_dir", None, "folder of the run")
_SAVED_MODEL = flags.DEFINE(PATH, "saved_model", None, "a SavedModel instead of a run")
_CHECKPOINT = flags.DEFINE_string(
    "checkpoint", "newest", "which of the run's: newest, best, all (the best too), or a step"
)
_WEIGHTS = flags.DEFINE_enum(
    "weights",
    None,
    ["raw", "ema", "both"],
    "the generator's: raw, those of the step, ema, their moving average, or both (default: ema if "
    "the run keeps it)",
)
_METRICS = flags.DEFINE_string(
    "metrics", None, "measures, with commas (default: what fits the data, without a download)"
)
_SAMPLES = flags.DEFINE_integer(
    "samples",
    None,
    "generated examples to measure (default: as many as held-out real ones, at most 10,000, or "
    "what the measures need)",
    lower_bound=1,
)
_REALS = flags.DEFINE_integer(
    "reals",
    None,
    "real examples to compare with (default: as many as samples, or all)",
    lower_bound=1,
)
_SPLIT = flags.DEFINE_enum(
    "split", "train", ["train", "test"], "real examples that distances are measured to"
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "of the noise, 0 to 2,147,483,647", lower_bound=0, upper_bound=2**31 - 1
)
_INCEPTION = flags.DEFINE(
    PATH,
    "inception",
    None,
    "classify_image_graph_def.pb or inception-2015-12-05.tgz (default: fetched into the cache)",
)
_JUDGE_STEPS = flags.DEFINE_integer(
    "judge_steps",
    None,
    "updates of a judge (default: 2,500, or two epochs where that is more)",
    lower_bound=2,
)
_DATA_DIR = flags.DEFINE_string("data_dir", None, "the data, where it is not where the run had it")
_CACHE_DIR = flags.DEFINE_string("cache_dir", None, "cache folder (default: the run's)")
_OUT = flags.DEFINE(
    PATH,
    "out",
    None,
    "JSON file to write (default: evaluation.json in the run or beside the SavedModel)",
)


def main(argv: list[str]) -> None:
    """The evaluation command."""
    flags_only(argv)
    if bool(_RUN_DIR.value) == bool(_SAVED_MODEL.value):
        raise UserError("expected --run_dir=FOLDER of a run, or --saved_model=FOLDER, one of them")
    names = parse_metrics(_METRICS.value) if _METRICS.value is not None else None
    place = _RUN_DIR.value or _SAVED_MODEL.value
    beside = place if _RUN_DIR.value else place.absolute().parent
    out = _OUT.value or beside / "evaluation.json"
    if out.is_dir():
        raise UserError(f"--out={out}: is a folder; give the name of a file to write in it")
    require_writable(out, "writing the evaluation")
    import_tensorflow()
    from lsgan_tf.evaluation import generators as candidates
    from lsgan_tf.evaluation.measure import Options, evaluate

    if _RUN_DIR.value:
        found = candidates.of_run(place, _CHECKPOINT.value, _WEIGHTS.value)
    else:
        found = candidates.of_saved_model(place, _WEIGHTS.value)
    options = Options(
        samples=_SAMPLES.value,
        reals=_REALS.value,
        split=_SPLIT.value,
        seed=_SEED.value,
        inception=_INCEPTION.value,
        judge_steps=_JUDGE_STEPS.value,
        data_dir=_DATA_DIR.value,
        cache_dir=_CACHE_DIR.value,
    )
    print(evaluate(found, names, options, out, command=sys.argv))
    print(f"wrote {out}")
    board = place / "tensorboard"
    if _RUN_DIR.value and not _OUT.value and board.is_dir():
        from lsgan_tf.monitoring.tensorboard.evaluations import show_evaluation

        show_evaluation(board, read_json(out)["results"], found.config.best_metric)


if __name__ == "__main__":
    run(main, usage=__doc__)
