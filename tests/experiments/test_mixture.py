"""Metrics and plots of mixture runs, on synthetic samples."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.data.synthetic.mixture import Ring
from lsgan_tf.errors import UserError
from lsgan_tf.experiments import mixture
from lsgan_tf.experiments.common.experiment import Run, config_of

STEPS = (0, 1000, 2000, 3000)


def make(tmp_path, arm, seed, modes_at):
    """A finished run with the given number of modes at each step."""
    run = Run(arm, seed, tmp_path / f"{arm.name}-{seed}", "finished")
    (run.path / "samples").mkdir(parents=True)
    ring = Ring()
    for step, count in zip(STEPS, modes_at, strict=True):
        random = np.random.default_rng(step)
        points = random.normal(0, 0.01, (800, 2))
        points += ring.means[np.arange(800) % count] if count else (0.0, 0.0)
        np.save(run.path / "samples" / f"step-{step:08d}.npy", points.astype(np.float32))
    # Beside them what a run with --ema_decay keeps.
    np.save(run.path / "samples" / "step-00003000-raw.npy", np.zeros((800, 2), np.float32))
    run.metrics = mixture.measure(run)
    return run


def test_measures(tmp_path):
    arm = mixture.arms()[0]
    learnt = make(tmp_path, arm, 0, (0, 4, 8, 8)).metrics
    assert learnt["modes_covered"] == 8 and learnt["good"] == pytest.approx(0.989, abs=0.01)
    assert learnt["kl"] == pytest.approx(0, abs=1e-6)
    assert (learnt["all_modes_from"], learnt["collapsed_from"]) == (2000, None)
    lost = make(tmp_path, arm, 1, (0, 8, 1, 1)).metrics
    assert (lost["modes_covered"], lost["collapsed_from"]) == (1, 2000)
    assert lost["all_modes_from"] is None
    assert lost["kl"] == pytest.approx(np.log(8))


@pytest.mark.parametrize(
    ("points_at", "expected"),
    [
        ([0], 0),
        ([0, 1], 0),  # a blob between two modes, nearest to both
        ([0, 0, 0, 0, 1, 1, 2, 3], 0),  # three quarters on two modes
        ([0, 0, 0, 1, 2, 3], None),
        (list(range(8)), None),
    ],
)
def test_collapsed(tmp_path, points_at, expected):
    run = Run(mixture.arms()[0], 0, tmp_path)
    (tmp_path / "samples").mkdir()
    points = Ring().means[np.resize(points_at, 240)]
    np.save(tmp_path / "samples" / "step-00000000.npy", 0.6 * points)  # on no mode at all
    assert mixture.measure(run)["collapsed_from"] == expected
    assert mixture.measure(run)["modes_covered"] == 0


def test_what_counts_as_covered():
    config = config_of(("--dataset=mixture", "--mode_radius=2"))
    angles = np.linspace(0, 2 * np.pi, 8001)[:-1]
    ring = 2 * np.stack([np.cos(angles), np.sin(angles)], 1)
    assert mixture.covered(ring, config) == 0  # a ring without modes
    assert mixture.covered(ring[::1000], config) == 8
    # Seven modes well, and the eighth with a little less and a little more than a sixteenth.
    for share, expected in ((60, 7), (65, 8)):
        points = ring[np.concatenate([np.arange(1000 - share) % 7 * 1000, [7000] * share])]
        assert mixture.covered(points, config) == expected


def test_history_without_samples(tmp_path):
    with pytest.raises(UserError, match=r"no samples/step-\*\.npy"):
        mixture.history(Run(mixture.arms()[0], 0, tmp_path))


def test_figures_and_findings(tmp_path):
    pytest.importorskip("matplotlib")
    runs = [
        make(tmp_path, arm, seed, (0, 8, 8, 8)) for arm in mixture.arms()[:1] for seed in (0, 1)
    ]
    runs += [make(tmp_path, mixture.arms()[2], seed, (0, 8, 1, 1)) for seed in (0, 1)]
    runs += [Run(mixture.arms()[1], 0, tmp_path / "none", "failed")]
    conclusion = mixture.conclude(runs, tmp_path)
    for figure in conclusion.figures:
        with Image.open(tmp_path / figure.file) as picture:
            assert min(picture.size) > 100 and len(picture.getcolors(1 << 16)) > 5
    assert "- LSGAN 0, 1, 1: at step 40,000 all 8 modes in 2 of 2 seeds, collapsed in 0." in (
        conclusion.findings
    )
    assert "- regular GAN: at step 40,000 all 8 modes in 0 of 2 seeds, collapsed in 2." in (
        conclusion.findings
    )
    assert len(conclusion.numbers["history"]) == 4
    assert conclusion.numbers["history"]["gan-seed1"][1]["covered"] == 8


def test_samples_outside_the_image(tmp_path):
    """A diverged G leaves an empty, annotated plot."""
    figure = pytest.importorskip("matplotlib.figure").Figure(figsize=(2, 2), dpi=100)
    axes = figure.subplots()
    config = config_of(mixture.arms()[0].flags)
    mixture._draw_density(axes, np.full((100, 2), 28.0), config)
    assert [text.get_text() for text in axes.texts] == ["100% outside"]
    figure.savefig(tmp_path / "far.png")
    with Image.open(tmp_path / "far.png") as picture:
        assert min(picture.convert("RGB").getpixel((100, 60))) > 220  # pale
    axes = figure.subplots()
    mixture._draw_density(axes, Ring().read(np.arange(512)), config)
    assert not axes.texts


def test_nothing_is_drawn_of_no_run(tmp_path):
    assert mixture.conclude([Run(mixture.arms()[0], 0, tmp_path)], tmp_path).figures == ()


def test_both_codings_and_the_authors_updates():
    configs = {arm.name: config_of(arm.flags) for arm in mixture.arms()}
    assert [configs["lsgan-110"].label_fake, configs["lsgan-110"].label_real] == [-1, 1]
    assert configs["lsgan-110"].label_target == 0
    assert configs["gan"].loss == "nsgan"
    assert all(c.simultaneous and c.steps == 40_000 for c in configs.values())
