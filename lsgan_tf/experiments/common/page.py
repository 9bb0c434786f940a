"""The results page of an experiment, in Markdown."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence

from lsgan_tf.experiments.common.experiment import Arm, Conclusion, Experiment, Run
from lsgan_tf.experiments.common.results import standin, summary
from lsgan_tf.util.text import spell


def page(
    experiment: Experiment,
    arms: Sequence[Arm],
    runs: Sequence[Run],
    conclusion: Conclusion,
    command: str,
) -> str:
    """Render the page.

    Args:
      experiment: the experiment.
      arms: its arms.
      runs: all of its runs.
      conclusion: its results.
      command: the command line.
    """
    parts = [f"# {experiment.title}", "## What the paper says", experiment.claims.strip()]
    parts += ["## Results", *_warnings(runs), conclusion.findings.strip()]
    if arms and experiment.columns:
        parts.append(_summary(experiment, arms, runs))
    parts += [f"![{caption}]({file})\n\n{caption}" for file, caption in conclusion.figures]
    if runs:
        parts += ["## Runs", _runs(experiment, runs)]
        parts += ["## Settings", _settings(arms, runs)]
    parts += ["Made by:", f"```bash\n{command}\n```"]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a Markdown table, escaping bars in cells."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def number(value: float | None, digits: int = 3) -> str:
    """Format a value with `digits` significant digits: integers in full, None as a dash.

    Exponents are used below 0.0001 only.
    """
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    if float(value).is_integer():
        return f"{int(value):,}"
    if abs(value) < 1e-4:
        return f"{value:.{digits}g}"
    # Rounded first: 9.996 to three digits is 10, which has fewer decimals.
    rounded = float(f"{value:.{digits}g}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{rounded:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def _warnings(runs: Sequence[Run]) -> list[str]:
    lines = []
    missing = [run for run in runs if run.status != "finished"]
    if missing:
        done = len(runs) - len(missing)
        names = ", ".join(f"{run.arm.name} seed {run.seed} ({run.status})" for run in missing)
        lines.append(
            f"**{done} of {len(runs)} runs are finished.** Not in the results below: {names}."
        )
    if standin(runs):
        lines.append("**Trained on the synthetic stand-in, not on real handwriting.**")
    return lines


def _summary(experiment: Experiment, arms: Sequence[Arm], runs: Sequence[Run]) -> str:
    """Make a table with mean, standard deviation and range over the seeds of each arm."""
    rows = []
    for arm in arms:
        found = summary(arm, runs)
        row = [arm.about]
        count = sum(run.arm.name == arm.name and run.status == "finished" for run in runs)
        for name in experiment.columns:
            values = found.get(name)
            if not values:
                row.append("-")
                continue
            text = _format_statistics(values)
            if values["count"] < count:
                text += f", {values['count']} of {count} seeds"
            row.append(text)
        rows.append([*row, str(count)])
    heads = ["setting", *experiment.columns.values(), "seeds"]
    return f"{table(heads, rows)}\n\nMean ± standard deviation over the seeds (minimum to maximum)."


def _format_statistics(values: Mapping[str, float]) -> str:
    if values["count"] == 1:
        return number(values["mean"])
    ends = f"{number(values['min'])} to {number(values['max'])}"
    return f"{number(values['mean'])} ± {number(values['std'], 2)} ({ends})"


def _runs(experiment: Experiment, runs: Sequence[Run]) -> str:
    rows = [
        [
            run.arm.name,
            str(run.seed),
            run.status + (f": {run.error}" if run.error else ""),
            spell(run.seconds) if run.seconds else "-",
            *(number(run.metrics.get(name)) for name in experiment.columns),
        ]
        for run in runs
    ]
    return table(["run", "seed", "status", "wall time", *experiment.columns.values()], rows)


def _settings(arms: Sequence[Arm], runs: Sequence[Run]) -> str:
    seeds = ", ".join(str(seed) for seed in sorted({run.seed for run in runs}))
    commands = "\n".join(
        f"python -m lsgan_tf.main {shlex.join(arm.flags)}  # {arm.name}" for arm in arms
    )
    total = spell(sum(run.seconds for run in runs))
    return (
        f"Seeds {seeds}; {total} of wall time over all runs. Each run is one of these with its "
        f"`--seed`:\n\n```bash\n{commands}\n```"
    )
