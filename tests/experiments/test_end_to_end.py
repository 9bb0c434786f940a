"""Each experiment from training to figures, with tiny settings and data."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.experiments import human_study, inception, stability
from lsgan_tf.experiments.common import collapse_grade, evaluations


@pytest.fixture
def scene_folder(tmp_path):
    """Forty small images of noise, in a folder."""
    random = np.random.default_rng(0)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(40):
        pixels = random.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def test_mixture(make):
    runs, conclusion, _ = make("mixture", ["lsgan-110", "gan"], "--batch_size=16")
    assert [run.metrics["modes_covered"] for run in runs] == [
        conclusion.numbers["history"][run.name][-1]["covered"] for run in runs
    ]
    assert [row["step"] for row in conclusion.numbers["history"]["gan-seed0"]] == [0, 2, 4]


@pytest.fixture
def quick_judge(monkeypatch):
    monkeypatch.setattr(evaluations, "EXTRA", ("--judge_steps=20", "--samples=140"))


def test_characters(make, write_characters, tmp_path, quick_judge):
    data = write_characters(tmp_path / "data" / "tiny.gnt", samples=60)
    words = (
        f"--data_dir={data.parent}", f"--cache_dir={tmp_path / 'cache'}", "--image_size=8",
        "--label_dim=4", "--first_filters=8", "--width=0.05",
    )  # fmt: skip
    runs, conclusion, out = make("characters", ["hwdb"], *words)
    assert 0 <= runs[0].metrics["judge_top1"] <= runs[0].metrics["best_judge_top1"] <= 1
    assert "its accuracy on real held-out characters is " in conclusion.findings
    with Image.open(out / conclusion.figures[0].file) as picture:
        # Five characters, ten samples each beside the printed one.
        assert picture.width > 10 * 16 and 5 * 16 < picture.height < 6 * 20


def test_digits(make, quick_judge, tmp_path):
    words = (f"--cache_dir={tmp_path / 'cache'}",)
    runs, conclusion, out = make("digits", ["shift-nsgan"], *words)
    (found,) = (run.metrics for run in runs)
    assert 0 <= found["judge_classes"] <= 10 and 0 <= found["judge_sure"] <= 1
    assert found["collapsed"] in (0, 1)
    assert "| shifted, cross entropy |" in conclusion.findings
    with Image.open(out / conclusion.figures[0].file) as picture:
        assert picture.width > 8 * 2 * 28  # eight columns, enlarged


def test_gradient_penalty(make, scene_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(stability, "_COUNT", 24)
    words = (
        "--dataset=images", f"--data_dir={scene_folder}", f"--cache_dir={tmp_path / 'cache'}",
        "--image_size=16", "--filters=2",
    )  # fmt: skip
    runs, conclusion, _ = make("gradient_penalty", ["bare-gp", "mlp"], *words)
    assert all(run.metrics["grade"] in (0, 1, 2) for run in runs)
    assert "| no normalisation, penalty |" in conclusion.findings


def test_scenes(make, scene_folder, tmp_path):
    words = (
        f"--data_dir={scene_folder}", f"--cache_dir={tmp_path / 'cache'}", "--image_size=16",
    )  # fmt: skip
    _, conclusion, _ = make("scenes", ["kitchen"], *words)
    assert conclusion.figures[0].file == "kitchen-seed0.png"


def test_stability(make, scene_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(stability, "_COUNT", 24)
    words = (
        f"--data_dir={scene_folder}", f"--cache_dir={tmp_path / 'cache'}", "--image_size=16",
        "--filters=2",
    )  # fmt: skip
    arms = ["bn_g-adam-lsgan", "bn_gd-rmsprop-nsgan"]
    runs, conclusion, _ = make("stability", arms, *words)
    assert conclusion.figures[0].file == "grids-seed0.png"
    assert collapse_grade.RULE.strip() in conclusion.findings
    # Four steps make grey mud of no variety.
    assert [stability.label_of(run) for run in runs] == [collapse_grade.COLLAPSE] * 2
    assert "| BN_G, Adam, LSGAN | 0 | 0 | 1 |" in conclusion.findings


def test_human_study(make, scene_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(human_study, "_PAIRS", 6)
    words = (
        "--dataset=images", f"--data_dir={scene_folder}", f"--cache_dir={tmp_path / 'cache'}",
        "--image_size=16", "--filters=2",
    )  # fmt: skip
    _, conclusion, out = make("human_study", ["lsgan", "nsgan"], *words, scale="small")
    key = json.loads((out / "study-seed0.key.json").read_text())
    assert key["names"] == ["LSGAN", "DCGAN"] and len(key["left"]) == 6
    assert "[study-seed0.html](study-seed0.html)" in conclusion.findings


def test_coding(make, write_characters, tmp_path, quick_judge):
    data = write_characters(tmp_path / "data" / "tiny.gnt", samples=60)
    words = (
        f"--data_dir={data.parent}", f"--cache_dir={tmp_path / 'cache'}", "--image_size=8",
        "--label_dim=4", "--first_filters=8", "--width=0.05", "--checkpoint_every=2",
    )  # fmt: skip
    # The comparison of both codings is tested on synthetic metrics.
    runs, conclusion, _ = make("coding", ["lsgan-110"], *words, variant="hwdb")
    assert runs[0].metrics["best_judge_frechet"] <= runs[0].metrics["judge_frechet"]
    assert {"judge_recall", "judge_top1", "diversity", "real_judge_score"} <= set(runs[0].metrics)
    assert "Not both codings" in conclusion.findings


def test_inception(make, write_characters, tmp_path, quick_judge, monkeypatch):
    monkeypatch.setattr(inception, "_SAMPLES", 140)
    data = write_characters(tmp_path / "data" / "tiny.gnt", samples=60)
    words = (
        "--dataset=hwdb", f"--data_dir={data.parent}", f"--cache_dir={tmp_path / 'cache'}",
        "--image_size=16", "--filters=2",
    )  # fmt: skip
    runs, conclusion, _ = make("inception", ["dcgan"], *words)
    assert runs[0].metrics["judge_score"] > 0.999
    assert "Not both losses" in conclusion.findings
