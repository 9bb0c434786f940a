"""Repeats an experiment of the paper and writes a page with the results.

    python -m lsgan_tf reproduce --experiment=theory --out=out/theory
    python -m lsgan_tf reproduce --experiment=mixture --seeds=10 --parallel=2 --out=out/mixture
    python -m lsgan_tf reproduce --experiment=stability --scale=small --seeds=3 --out=out/stability
    python -m lsgan_tf reproduce --experiment=characters --out=out/chars -- --data_dir=/data/HWDB1.0

Every run is a child process of python -m lsgan_tf.main. The same command resumes stopped runs and
retries failed ones; --seeds may be increased later. Only one process at a time may use a folder.
Flags after -- are passed to every run. --out contains results.json, page.md, the figures, runs/ and
logs/. Exit status: 0 all runs finished, 1 some failed (the page is written and lists them), 130 and
143 stopped by Ctrl-C and SIGTERM, with the checkpoints of the runs written.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from lsgan_tf.cli.app import refuse_given
from lsgan_tf.cli.flags import PATH
from lsgan_tf.errors import UserError
from lsgan_tf.experiments.registry import EXPERIMENTS, load
from lsgan_tf.util.files import atomic_file, explained, write_json

if TYPE_CHECKING:
    from lsgan_tf.experiments.common.experiment import Arm, Experiment, Run

_EXPERIMENT = flags.DEFINE_string("experiment", None, f"one of {', '.join(EXPERIMENTS)}")
_OUT = flags.DEFINE(PATH, "out", None, "folder of the experiment; created if it does not exist")
_SEEDS = flags.DEFINE_integer(
    "seeds", None, "number of seeds, 0 to N - 1 (default: the paper's number, or 1)", 1, 10_000
)
_SCALE = flags.DEFINE_string("scale", None, "full, or small if the experiment has it")
_VARIANT = flags.DEFINE_string("variant", None, "variant of the experiment, if it has any")
_PARALLEL = flags.DEFINE_integer("parallel", 1, "number of runs at a time", 1, 1000)
_DRAW = flags.DEFINE_boolean("draw_only", False, "only write the page of the existing runs")


def main(argv: list[str]) -> int:
    """Run the command and return the exit status."""
    if not _EXPERIMENT.value:
        raise UserError(f"--experiment: expected one of {', '.join(EXPERIMENTS)}")
    experiment = load(_EXPERIMENT.value)
    if not _OUT.value:
        raise UserError("--out: expected the folder for the runs and the page")

    from lsgan_tf.experiments.common import output as folder
    from lsgan_tf.experiments.common import runner
    from lsgan_tf.experiments.common.experiment import Run, config_of
    from lsgan_tf.experiments.common.plots import check_matplotlib

    check_matplotlib()
    out = _OUT.value.absolute()
    arms = experiment.chosen(_SCALE.value, _VARIANT.value, argv[1:])
    _check_used(experiment, arms, argv[1:])
    for arm in arms:
        config_of(arm.flags)  # report errors in the flags before any training
    folder.claim(out, experiment, arms)
    seeds = range(_SEEDS.value or experiment.seeds)
    runs = [
        Run(arm, seed, folder.run_folder(out, f"{arm.name}-seed{seed}"))
        for seed in seeds
        for arm in arms
    ]
    if _DRAW.value:
        for one in runs:
            runner.read_status(one, out)
        _conclude(experiment, arms, runs, out)
    else:
        with folder.at_work(out):
            runner.run_all(experiment, runs, out, parallel=_PARALLEL.value)
            _conclude(experiment, arms, runs, out)
    failed = [one for one in runs if one.status == "failed"]
    for one in failed:
        print(f"failed: {one.name}: {one.error}", file=sys.stderr)
    return 1 if failed else 0


def _check_used(experiment: Experiment, arms: Sequence[Arm], extra: Sequence[str]) -> None:
    """Reject flags that have no effect: of the runs, if there are none or none is trained."""
    if _DRAW.value:
        refuse_given(["parallel"], "has no effect with --draw_only; omit one of them")
    if arms:
        return
    reason = f"the experiment {experiment.name} trains nothing; omit it"
    refuse_given(("seeds", "parallel", "draw_only"), reason)
    if extra:
        raise UserError(f"{extra[0]}: {reason}")


def _conclude(experiment: Experiment, arms: Sequence[Arm], runs: Sequence[Run], out: Path) -> None:
    """Measure the finished runs and write the figures, the results and the page."""
    from lsgan_tf.experiments.common import output as folder
    from lsgan_tf.experiments.common import results as gathering
    from lsgan_tf.experiments.common.page import page

    gathering.measure_all(experiment, runs, out)
    outcome = experiment.conclude(runs, out)
    results = gathering.results(experiment, arms, runs, outcome)
    command = f"python -m lsgan_tf reproduce {shlex.join(sys.argv[1:])}"
    text = page(experiment, arms, runs, outcome, command)
    with explained(out, "writing the results"):
        write_json(out / folder.RESULTS, results)
        with atomic_file(out / folder.PAGE) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    print(f"wrote {out / folder.PAGE} and {out / folder.RESULTS}")
