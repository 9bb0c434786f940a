"""The page and results.json, for synthetic runs."""

from __future__ import annotations

import json

import pytest

from lsgan_tf.experiments.common.experiment import Arm, Conclusion, Experiment, Figure, Run
from lsgan_tf.experiments.common.page import number, page, table
from lsgan_tf.experiments.common.results import measure_all, results

pytestmark = pytest.mark.fast

ARMS = [Arm("a", "first", ("--loss=lsgan",)), Arm("b", "second", ("--loss=nsgan",))]
OUTCOME = Conclusion("It came out.", [Figure("f.png", "A figure.")], {"x": 1})


@pytest.fixture
def experiment():
    return Experiment(
        "small",
        "Small things",
        "The paper says so.",
        lambda runs, out: OUTCOME,
        measure=lambda run: {"score": float(run.seed), "step": None if run.seed else 5},
        columns={"score": "the score", "step": "since"},
    )


@pytest.fixture
def runs(experiment, tmp_path):
    made = [Run(arm, seed, tmp_path / f"{arm.name}{seed}") for arm in ARMS for seed in range(3)]
    for run in made:
        run.status, run.seconds = "finished", 60.0
    made[4].status, made[4].error = "failed", "main ended with status 3: error: not finite"
    made[5].status = "waiting"
    made[0].path.mkdir()
    metadata = {"data_description": "drawn", "data_standin": True}
    (made[0].path / "config.json").write_text(json.dumps(metadata))
    measure_all(experiment, made, tmp_path)
    return made


def test_page(experiment, runs):
    text = page(experiment, ARMS, runs, OUTCOME, "python tools/reproduce.py --experiment=small")
    assert text.startswith("# Small things\n\n## What the paper says\n\nThe paper says so.\n")
    assert "**4 of 6 runs are finished.** Not in the results below: b seed 1 (failed), " in text
    assert "**Trained on the synthetic stand-in, not on real handwriting.**" in text
    assert "| first | 1 ± 1 (0 to 2) | 5, 1 of 3 seeds | 3 |" in text
    assert "| second | 0 | 5 | 1 |" in text
    assert "![A figure.](f.png)" in text
    assert (
        "| b | 1 | failed: main ended with status 3: error: not finite | 00:01:00 | - | - |" in text
    )
    assert "python -m lsgan_tf.main --loss=nsgan  # b" in text
    assert "Seeds 0, 1, 2; 00:06:00 of wall time" in text
    assert text.endswith("```bash\npython tools/reproduce.py --experiment=small\n```\n")


def test_results(experiment, runs):
    found = json.loads(json.dumps(results(experiment, ARMS, runs, OUTCOME)))
    assert found["experiment"] == "small" and found["numbers"] == {"x": 1}
    assert found["settings"]["b"] == ["--loss=nsgan"]
    assert found["runs"][0]["data"] == {"description": "drawn", "standin": True}
    assert found["runs"][4]["status"] == "failed" and found["runs"][4]["measures"] == {}
    assert found["summary"]["a"]["score"]["mean"] == 1
    assert found["summary"]["a"]["step"]["count"] == 1
    assert found["summary"]["b"]["score"]["count"] == 1


def test_a_page_without_runs_has_no_tables_of_runs():
    experiment = Experiment("theory", "Theory", "So.", lambda runs, out: OUTCOME)
    text = page(experiment, [], [], OUTCOME, "python x")
    assert "## Runs" not in text and "## Settings" not in text and "It came out." in text


def test_table_escapes_bars():
    assert table(["a"], [["x|y"]]) == "| a |\n| --- |\n| x\\|y |"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (None, 3, "-"),
        (35_000, 3, "35,000"),
        (8.0, 3, "8"),
        (0.98765, 3, "0.988"),
        (0.98765, 2, "0.99"),
        (12_345.6, 3, "12,300"),
        (9.996, 3, "10"),
        (5.5, 3, "5.5"),
        (1200.4, 3, "1,200"),
        (-0.0123, 2, "-0.012"),
        (0.00012345, 2, "0.00012"),
        (0.000012345, 2, "1.2e-05"),
        (float("nan"), 3, "nan"),
    ],
)
def test_number(value, digits, text):
    assert number(value, digits) == text
