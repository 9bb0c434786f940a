"""Mode coverage on eight Gaussians on a ring (section 4.3, figure 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lsgan_tf.config import Config
from lsgan_tf.data.synthetic.mixture import Ring
from lsgan_tf.errors import UserError
from lsgan_tf.experiments.common import plots
from lsgan_tf.experiments.common.experiment import (
    Arm,
    Conclusion,
    Experiment,
    Figure,
    Metrics,
    Run,
    config_of,
)
from lsgan_tf.metrics.mixture import modes
from lsgan_tf.util.files import explained
from lsgan_tf.util.reading import read_array

_CLAIMS = """
Figure 7 shows kernel density estimates of samples during training on a ring of eight Gaussians.
Regular GANs collapse from step 15,000 on and generate around one valid mode; LSGANs learn all
modes. The authors' code makes ten runs of each loss; it doubles the weight of the mode at (0, 1)
and stops at 35,000 steps (`--variant=doubled`; in the text of the paper the modes are equal). Both
networks are updated simultaneously, as in the authors' code; `--variant=alternate` updates D first.
"""
_COMMON = (
    "--dataset=mixture", "--steps=40000", "--sample_every=1000", "--log_every=1000",
    "--steps_per_call=1000", "--checkpoint_every=10000", "--keep_checkpoints=1",
)  # fmt: skip
_NEAR = 0.1
_COLLAPSED_FROM = 0.75
"""Minimum fraction of samples nearest to the two most frequent modes if G is collapsed; two, since
a cluster between two modes is nearest to both. Eight equal modes have a quarter."""
_SHOWN = (0, 5_000, 15_000, 25_000, 35_000, 40_000)
_COLOURS = {"lsgan-011": "#1b7837", "lsgan-110": "#4393c3", "gan": "#762a83"}


class Snapshot(NamedTuple):
    """Metrics of the samples at a step.

    Attributes:
      step: the step.
      covered: number of modes covered (see `covered`).
      good: fraction of samples within three standard deviations of a mode.
      kl: KL divergence of the modes' frequencies from their weights.
      top_two: fraction of samples nearest to the two most frequent modes.
    """

    step: int
    covered: int
    good: float
    kl: float
    top_two: float


def arms() -> list[Arm]:
    """Make an arm for least squares with each coding, and for the regular GAN."""
    codings = {"lsgan-011": (0, 1, 1), "lsgan-110": (-1, 1, 0)}
    made = [
        Arm(
            name,
            f"LSGAN {a}, {b}, {c}",
            (*_COMMON, f"--label_fake={a}", f"--label_real={b}", f"--label_target={c}"),
        )
        for name, (a, b, c) in codings.items()
    ]
    return [*made, Arm("gan", "regular GAN", (*_COMMON, "--loss=nsgan"))]


def history(run: Run) -> list[Snapshot]:
    """Return the metrics at each step with saved samples.

    Raises:
      UserError: if there are none.
    """
    config = config_of(run.arm.flags)
    ring = _ring(config)
    found = []
    for path in _sample_files(run):
        points = _points(path)
        seen = modes(points, ring.means, ring.deviation, ring.weights)
        step = int(path.stem.removeprefix("step-"))
        top_two = float(np.sort(seen.weights)[-2:].sum())
        found.append(Snapshot(step, covered(points, config), seen.within_3std, seen.kl, top_two))
    return found


def _sample_files(run: Run) -> list[Path]:
    """List the sample files by step, without those of EMA weights."""
    files = (run.path / "samples").glob("step-*.npy")
    paths = sorted(path for path in files if path.stem.removeprefix("step-").isdecimal())
    if not paths:
        raise UserError(f"{run.path}: no samples/step-*.npy in it; was it made by another version?")
    return paths


def covered(points: np.ndarray, config: Config) -> int:
    """Count the modes with half their expected points within a tenth of the radius.

    The usual criterion, one point within three standard deviations, is too weak for 5,120
    points: a cloud at the centre meets it for most modes. A uniform ring reaches a quarter of
    the expected number.
    """
    ring = _ring(config)
    distances = np.linalg.norm(points[:, None] - ring.means, axis=2)
    near = (distances <= _NEAR * config.mode_radius).mean(axis=0)
    return int((near >= 0.5 * ring.weights).sum())


def measure(run: Run) -> Metrics:
    """Return final metrics, and the steps from which all modes are covered or G is collapsed."""
    snapshots = history(run)
    whole = len(_ring(config_of(run.arm.flags)).means)
    last = snapshots[-1]
    return {
        "modes_covered": last.covered,
        "good": last.good,
        "kl": last.kl,
        "all_modes_from": since(snapshots, lambda one: one.covered == whole),
        "collapsed_from": since(snapshots, lambda one: one.top_two >= _COLLAPSED_FROM),
    }


def since(snapshots: Sequence[Snapshot], holds: Callable[[Snapshot], bool]) -> int | None:
    """Return the first step from which a condition holds until the end; None if it does not."""
    start = None
    for snapshot in reversed(snapshots):
        if not holds(snapshot):
            break
        start = snapshot.step
    return start


def conclude(runs: Sequence[Run], out: Path) -> Conclusion:
    """Draw the densities and the curves."""
    done = [run for run in runs if run.status == "finished"]
    if not done:
        return Conclusion("No run is finished yet.")
    histories = {run.name: history(run) for run in done}
    shown = [run for run in done if run.seed == min(one.seed for one in done)]
    figures = [
        Figure(
            "densities.png",
            "Kernel density estimates of 5,120 samples, of equal bandwidth, the first seed.",
        ),
        Figure("ends.png", "The same at the last step, every seed."),
        Figure("curves.png", "Modes covered, fraction of good samples: mean and range of seeds."),
    ]
    _draw_densities(shown, out / figures[0].file)
    _draw_ends(done, out / figures[1].file)
    _draw_curves(done, histories, out / figures[2].file)
    kept = {name: [snapshot._asdict() for snapshot in found] for name, found in histories.items()}
    return Conclusion(_findings(done), figures, {"history": kept})


def _findings(done: Sequence[Run]) -> str:
    lines = [
        "A mode is covered if at least half of its expected number of 5,120 samples lies within a "
        "tenth of the radius; a sample is good within three standard deviations of any mode, "
        "which is far stricter (98.9% of the mixture itself). KL is the divergence of the modes' "
        "frequencies from their weights. G is collapsed if three quarters of the samples are "
        "nearest to one or two modes."
    ]
    for name in dict.fromkeys(run.arm.name for run in done):
        mine = [run for run in done if run.arm.name == name]
        whole = len(_ring(config_of(mine[0].arm.flags)).means)
        end = config_of(mine[0].arm.flags).steps
        full = sum(run.metrics["modes_covered"] == whole for run in mine)
        lost = sum(run.metrics["collapsed_from"] is not None for run in mine)
        lines.append(
            f"- {mine[0].arm.about}: at step {end:,} all {whole} modes in {full} of {len(mine)} "
            f"seeds, collapsed in {lost}."
        )
    return "\n".join([lines[0], "", *lines[1:]])


def _draw_densities(shown: Sequence[Run], path: Path) -> None:
    """Draw a row per arm and a column per step, with the mixture itself at the right."""
    steps = [
        step
        for step in _SHOWN
        if all((run.path / "samples" / f"step-{step:08d}.npy").is_file() for run in shown)
    ]
    config = config_of(shown[0].arm.flags)
    figure = plots.new_figure(1.5 * (len(steps) + 1), 1.65 * len(shown))
    cells = figure.subplots(len(shown), len(steps) + 1, squeeze=False)
    target = _ring(config).read(np.arange(5120))
    for row, run in zip(cells, shown, strict=True):
        for axes, step in zip(row, steps, strict=False):
            points = _points(run.path / "samples" / f"step-{step:08d}.npy")
            _draw_density(axes, points, config)
            axes.set_title(f"step {step:,}" if run is shown[0] else "", fontsize=9)
        _draw_density(row[-1], target, config)
        row[0].set_ylabel(run.arm.about, fontsize=9)
    cells[0][-1].set_title("target", fontsize=9)
    plots.save(figure, path)


def _draw_ends(done: Sequence[Run], path: Path) -> None:
    """Draw a row per arm and a column per seed."""
    names = list(dict.fromkeys(run.arm.name for run in done))
    seeds = sorted({run.seed for run in done})
    config = config_of(done[0].arm.flags)
    figure = plots.new_figure(max(1.1 * len(seeds), 2.2), 1.2 * len(names))
    cells = figure.subplots(len(names), len(seeds), squeeze=False)
    for axes in cells.flat:
        axes.axis("off")
    for run in done:
        axes = cells[names.index(run.arm.name)][seeds.index(run.seed)]
        axes.axis("on")
        _draw_density(axes, _points(_sample_files(run)[-1]), config)
        if run.seed == seeds[0]:
            axes.set_ylabel(run.arm.about, fontsize=7)
    plots.save(figure, path)


def _draw_density(axes: Any, points: np.ndarray, config: Config) -> None:
    limit = 2.0 * config.mode_radius
    edges = np.linspace(-limit, limit, 256)
    # Scott's rule for the mixture; by the samples' own deviation collapsed ones would be dots.
    width = config.mode_radius / np.sqrt(2) * len(points) ** (-1 / 6)
    seen = plots.density(points, limit, width)
    # Levels start at 0, so that an empty plot is pale instead of mid-green.
    levels = np.linspace(0, max(seen.max(), 1e-6), 31)
    axes.contourf(edges, edges, seen, levels=levels, cmap="Greens")
    outside = (np.abs(points).max(axis=1) > limit).mean()
    if outside >= 0.01:
        axes.text(0, -0.9 * limit, f"{outside:.0%} outside", ha="center", fontsize=7)
    axes.set(xticks=[], yticks=[], aspect="equal", xlim=(-limit, limit), ylim=(-limit, limit))


def _draw_curves(done: Sequence[Run], histories: Mapping[str, list[Snapshot]], path: Path) -> None:
    figure = plots.new_figure(8, 3)
    left, right = figure.subplots(1, 2)
    for name in dict.fromkeys(run.arm.name for run in done):
        mine = [run for run in done if run.arm.name == name]
        steps = [snapshot.step for snapshot in histories[mine[0].name]]
        for axes, field in ((left, "covered"), (right, "good")):
            values = np.array([[getattr(s, field) for s in histories[run.name]] for run in mine])
            colour = _COLOURS[name]
            axes.plot(steps, values.mean(axis=0), color=colour, label=mine[0].arm.about)
            axes.fill_between(
                steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0
            )
    left.set(title="modes covered", xlabel="step")
    right.set(title="fraction of good samples", xlabel="step", ylim=(-0.02, 1.02))
    left.legend(frameon=False, fontsize=8)
    plots.save(figure, path)


def _points(path: Path) -> np.ndarray:
    try:
        with explained(path, "reading the samples"):
            return np.array(read_array(path, "float32", (None, 2)))
    except ValueError as error:
        raise UserError(f"{path}: not a set of points ({error})") from error


def _ring(config: Config) -> Ring:
    return Ring(
        radius=config.mode_radius, deviation=config.mode_deviation, doubled=config.doubled_mode
    )


EXPERIMENT = Experiment(
    name="mixture",
    title="Eight Gaussians on a ring",
    claims=_CLAIMS,
    arms=arms,
    seeds=10,
    variants={
        "paper": (),
        "doubled": ("--doubled_mode",),
        "alternate": ("--nosimultaneous",),
        "radius2": ("--mode_radius=2", "--mode_deviation=0.02"),
    },
    measure=measure,
    conclude=conclude,
    columns={
        "modes_covered": "modes covered",
        "good": "good samples",
        "kl": "KL of weights",
        "all_modes_from": "all modes since step",
        "collapsed_from": "collapsed since step",
    },
)
