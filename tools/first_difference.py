"""Find the step at which the samples of runs start to differ from one another.

    for seed in 0 1 2; do
      python -m lsgan_tf.main --dataset=cifar10 --filters=32 --steps=500 --watch_every=50 \
          --seed=$seed --run_dir=runs/cifar10-seed$seed
    done
    python tools/first_difference.py runs/cifar10-seed*

At first a generator maps every z to the same noise. The collapse alarm writes the spread of samples
relative to reals to `watch.jsonl` every `--watch_every` steps; this tool prints for each run the
first check with a spread of at least `--threshold`.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from lsgan_tf.errors import UserError

_THRESHOLD = flags.DEFINE_float(
    "threshold", 0.3, "spread of samples relative to reals from which they differ, 0.01 to 10",
    lower_bound=0.01, upper_bound=10.0,
)  # fmt: skip


def first_difference(rows: Sequence[dict[str, float]], threshold: float) -> int | None:
    """Return the step of the first row with a spread of at least `threshold`, or None."""
    return next((row["step"] for row in rows if row["spread"] >= threshold), None)


def table(runs: Sequence[Path], threshold: float) -> str:
    """Format a row for each run, and the median over all.

    Raises:
      UserError: if a folder is not a run, or its alarm has written nothing.
    """
    from lsgan_tf.run_dir.folder import load_config
    from lsgan_tf.run_dir.status import rows

    lines = [f"{'first step':>10}  {'spread then':>11}  {'last step':>9}  {'spread':>6}  seed  run"]
    found = []
    for path in runs:
        seed, checks = load_config(path).seed, rows(path / "watch.jsonl")
        if not checks:
            raise UserError(f"{path}: no checks in watch.jsonl; train it with --watch_every=50")
        step, last = first_difference(checks, threshold), checks[-1]
        found.append(step)
        then = next((f"{row['spread']:.2f}" for row in checks if row["step"] == step), "-")
        shown = "not yet" if step is None else f"{step:,}"
        end = f"{last['step']:>9,}  {last['spread']:>6.2f}"
        lines.append(f"{shown:>10}  {then:>11}  {end}  {seed:>4}  {path}")
    started = [step for step in found if step is not None]
    # A run that has not started counts as later than all that have.
    middle = statistics.median_low([float("inf") if step is None else step for step in found])
    lines.append(
        f"{len(started)} of {len(found)} runs reach a spread of {threshold:g}; median of the first "
        f"step: {'not yet' if middle == float('inf') else format(int(middle), ',')}"
    )
    return "\n".join(lines)


def main(argv: list[str]) -> None:
    if len(argv) < 2:
        raise UserError("expected folders of runs: python tools/first_difference.py runs/a runs/b")
    print(table([Path(word) for word in argv[1:]], _THRESHOLD.value))


if __name__ == "__main__":
    from lsgan_tf.cli.app import run

    run(main, usage=__doc__)
