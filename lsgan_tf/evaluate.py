"""Computes metrics of the samples of a run, to judge their quality and select a checkpoint.

    python -m lsgan_tf.evaluate --run_dir=R
    python -m lsgan_tf.evaluate --run_dir=R --checkpoint=all --metrics=judge,judge_frechet
    python -m lsgan_tf.evaluate --saved_model=R/export --metrics=fid --samples=50000
    python -m lsgan_tf.evaluate --samples_dir=A --reals_dir=B

Prints a table with the same metrics of held-out real examples beside, and writes a JSON
file with the protocol of each metric. docs/metrics.md describes the metrics:

METRICS
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from absl import flags

from lsgan_tf.cli.app import flags_only, refuse_given, run
from lsgan_tf.cli.flags import PATH
from lsgan_tf.errors import UserError
from lsgan_tf.metrics.registry import METRICS, parse_metrics
from lsgan_tf.util.files import require_writable
from lsgan_tf.util.paths import optional
from lsgan_tf.util.reading import read_json
from lsgan_tf.util.tensorflow_setup import import_tensorflow

__doc__ = (__doc__ or "").replace(
    "METRICS", "\n".join(f"    {name:<15}{metric.about}" for name, metric in METRICS.items())
)

_MOST = 10_000_000  # examples or updates

_RUN_DIR = flags.DEFINE(PATH, "run_dir", None, "folder of the run")
_SAVED_MODEL = flags.DEFINE(PATH, "saved_model", None, "a SavedModel instead of a run")
_SAMPLES_DIR = flags.DEFINE(
    PATH, "samples_dir", None, "folder of images, or .npz file, to evaluate instead of a run"
)
_REALS_DIR = flags.DEFINE(
    PATH, "reals_dir", None, "with --samples_dir: folder of real images, or .npz file"
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size",
    None,
    "with --samples_dir: height and width to resize all images to (default: no resizing; all must "
    "have the same size)",
    lower_bound=8,
    upper_bound=1024,
)
_CHECKPOINT = flags.DEFINE_string(
    "checkpoint",
    "newest",
    "newest, best, all (including the best), or a step",
)
_WEIGHTS = flags.DEFINE_enum(
    "weights",
    None,
    ["raw", "ema", "both"],
    "weights of the generator: raw (those of the step), ema (exponential moving average), or both; "
    "default: ema if the run has them",
)
_METRICS = flags.DEFINE_string(
    "metrics",
    None,
    "metrics, separated by commas (default: what fits the data; fid, kid and prdc without labels)",
)
_SAMPLES = flags.DEFINE_integer(
    "samples",
    None,
    "number of generated examples (default: that of held-out real examples, at most 10,000, or "
    "what the metrics need)",
    lower_bound=1,
    upper_bound=_MOST,
)
_REALS = flags.DEFINE_integer(
    "reals",
    None,
    "number of real examples to compare with (default: as many as samples, or all)",
    lower_bound=1,
    upper_bound=_MOST,
)
_SPLIT = flags.DEFINE_enum(
    "split", "train", ["train", "test"], "split of the real examples for distances"
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "seed of the noise, 0 to 2,147,483,647", lower_bound=0, upper_bound=2**31 - 1
)
_TRUNCATION = flags.DEFINE_float(
    "truncation",
    None,
    "truncate the noise to plus and minus this value; above 0, for uniform noise at most 1 "
    "(default: no truncation)",
)
_INCEPTION = flags.DEFINE(
    PATH,
    "inception",
    None,
    "file of the Inception graph, classify_image_graph_def.pb or inception-2015-12-05.tgz "
    "(default: downloaded to the cache)",
)
_JUDGE_STEPS = flags.DEFINE_integer(
    "judge_steps",
    None,
    "training steps of the judge (default: 2,500, or two epochs if that is more)",
    lower_bound=2,
    upper_bound=_MOST,
)
_DATA_DIR = flags.DEFINE_string("data_dir", None, "folder or file of the data, if it was moved")
_CACHE_DIR = flags.DEFINE_string("cache_dir", None, "cache folder (default: the run's)")
_OUT = flags.DEFINE(
    PATH,
    "out",
    None,
    "JSON file to write (default: evaluation.json in the run or next to the SavedModel, "
    "evaluation_truncated.json with --truncation, A.evaluation.json next to --samples_dir=A)",
)
_OF_RUNS = (
    "run_dir", "saved_model", "checkpoint", "weights", "split", "judge_steps", "data_dir",
    "truncation",
)  # fmt: skip


def main(argv: list[str]) -> None:
    """Run the evaluation command."""
    flags_only(argv)
    if _SAMPLES_DIR.value or _REALS_DIR.value:
        _compare()
        return
    if _IMAGE_SIZE.value:
        raise UserError("--image_size: only for --samples_dir and --reals_dir; omit it")
    place = _RUN_DIR.value or _SAVED_MODEL.value
    if place is None or (_RUN_DIR.value and _SAVED_MODEL.value):
        raise UserError(
            "expected --run_dir=FOLDER of a run, --saved_model=FOLDER, or --samples_dir and "
            "--reals_dir, one of them"
        )
    if _SAVED_MODEL.value:
        refuse_given(["checkpoint"], "a SavedModel has one step; name the run by --run_dir instead")
    names = parse_metrics(_METRICS.value) if _METRICS.value is not None else None
    beside = place if _RUN_DIR.value else place.absolute().parent
    truncation = _TRUNCATION.value
    # Reports and TensorBoard show the evaluation of the whole distribution.
    kept = "evaluation.json" if truncation is None else "evaluation_truncated.json"
    out = _checked_out(_OUT.value or beside / kept)
    import_tensorflow()
    from lsgan_tf.evaluation import generators as candidates
    from lsgan_tf.evaluation.measure import evaluate

    if _RUN_DIR.value:
        found = candidates.of_run(place, _CHECKPOINT.value, _WEIGHTS.value, truncation=truncation)
    else:
        found = candidates.of_saved_model(place, _WEIGHTS.value, truncation=truncation)
    shown = evaluate(
        found,
        names,
        out,
        split=_SPLIT.value,
        judge_steps=_JUDGE_STEPS.value,
        data_dir=_DATA_DIR.value,
        cache_dir=_CACHE_DIR.value,
        **_shared_options(),
    )
    print(shown)
    print(f"wrote {out}")
    board = place / "tensorboard"
    if _RUN_DIR.value and not _OUT.value and truncation is None and board.is_dir():
        from lsgan_tf.monitoring.tensorboard.evaluations import show_evaluation

        show_evaluation(board, read_json(out)["results"], found.config.best_metric)


def _compare() -> None:
    """Compare two sets of image files."""
    refuse_given(_OF_RUNS, "not for image files; omit it, or --samples_dir and --reals_dir")
    samples, reals = _SAMPLES_DIR.value, _REALS_DIR.value
    if not (samples and reals):
        raise UserError(
            "expected --samples_dir=FOLDER and --reals_dir=FOLDER, received one of them; give both"
        )
    names = parse_metrics(_METRICS.value) if _METRICS.value is not None else None
    beside = Path(os.path.abspath(samples))
    out = _checked_out(_OUT.value or Path(f"{beside}.evaluation.json"))
    import_tensorflow()
    from lsgan_tf.evaluation.comparison import compare

    size, cache_dir = _IMAGE_SIZE.value, optional(_CACHE_DIR.value)
    options = {"image_size": size, "cache_dir": cache_dir, **_shared_options()}
    print(compare(samples, reals, names, out, **options))
    print(f"wrote {out}")


def _shared_options() -> dict[str, Any]:
    """Return the options of evaluations of runs and of image files."""
    return {
        "samples": _SAMPLES.value,
        "reals": _REALS.value,
        "seed": _SEED.value,
        "inception": _INCEPTION.value,
        "command": sys.argv,
    }


def _checked_out(out: Path) -> Path:
    if out.is_dir():
        raise UserError(f"--out={out}: is a folder; give the name of a file")
    require_writable(out, "writing the evaluation")
    return out


if __name__ == "__main__":
    run(main, usage=__doc__)
