"""Evaluations of runs, read and compared."""

from __future__ import annotations

import json

import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.experiments import coding, inception
from lsgan_tf.experiments.common.evaluations import compare, last_and_best
from lsgan_tf.experiments.common.experiment import Arm, Run


@pytest.fixture
def run_of(tmp_path):
    def make(arm, seed, *figures):
        run = Run(arm, seed, tmp_path / f"{arm.name}-{seed}", "finished")
        run.path.mkdir()
        rows = [
            {"step": 10 * n, "weights": weights, "figures": values}
            for n, values in enumerate(figures)
            for weights in ("raw", "ema")
        ]
        report = {"real": dict.fromkeys(figures[0], 1.0), "results": rows[::-1]}
        (run.path / "evaluation.json").write_text(json.dumps(report))
        run.metrics = last_and_best(run)
        return run

    return make


def test_last_and_best_by_hand(run_of):
    run = run_of(
        Arm("a", "", ()), 0,
        {"judge_frechet": 9.0, "judge_score": 2.0, "judge_score_std": 0.5},
        {"judge_frechet": 4.0, "judge_score": 3.0, "judge_score_std": 0.2},
        {"judge_frechet": 7.0, "judge_score": 2.5, "judge_score_std": 0.1},
    )  # fmt: skip
    assert run.metrics == {
        "judge_frechet": 7.0, "best_judge_frechet": 4.0, "judge_score": 2.5,
        "best_judge_score": 3.0, "judge_score_std": 0.1, "real_judge_frechet": 1.0,
        "real_judge_score": 1.0, "real_judge_score_std": 1.0,
    }  # fmt: skip


def test_where_one_kind_of_weights_is_measured_it_is_taken(run_of, tmp_path):
    run = run_of(Arm("a", "", ()), 0, {"judge_frechet": 9.0})
    path = run.path / "evaluation.json"
    report = json.loads(path.read_text())
    averaged = [row for row in report["results"] if row["weights"] == "ema"]
    averaged[0]["figures"]["judge_frechet"] = 3.0
    path.write_text(json.dumps(report | {"results": averaged}))
    assert last_and_best(run)["judge_frechet"] == 3.0


def test_without_evaluations(tmp_path):
    run = Run(Arm("a", "", ()), 0, tmp_path)
    with pytest.raises(UserError, match=r"evaluation\.json: No such file"):
        last_and_best(run)
    (tmp_path / "evaluation.json").write_text('{"results": [], "real": {}}')
    with pytest.raises(UserError, match=r"evaluation\.json: no results"):
        last_and_best(run)


def test_difference_in_standard_errors(run_of):
    first, second = Arm("a", "one", ()), Arm("b", "two", ())
    runs = [run_of(first, n, {"fid": value}) for n, value in enumerate((1.0, 3.0))]
    assert compare(runs, {"fid": "FID"}) == ""
    runs += [run_of(second, n, {"fid": value}) for n, value in enumerate((4.0, 8.0))]
    # Variances 2 and 8 over two seeds each: 4 / sqrt(1 + 4).
    assert compare(runs, {"fid": "FID", "is": "IS"}).splitlines()[2:] == ["| FID | 2 | 6 | +1.8 |"]
    # One seed has no standard deviation, hence no standard error.
    assert compare(runs[:3], {"fid": "FID"}).splitlines()[2:] == ["| FID | 2 | 4 | - |"]


@pytest.mark.parametrize("experiment", [coding.EXPERIMENT, inception.EXPERIMENT])
def test_conclusions(experiment, run_of, tmp_path):
    runs = [
        run_of(arm, seed, {"judge_frechet": 5.0 + seed, "judge_score": 2.0})
        for arm in experiment.arms()
        for seed in (0, 1)
    ]
    findings = experiment.conclude(runs, tmp_path).findings
    assert "| Fréchet distance (judge), last | 5.5 | 5.5 | +0.0 |" in findings
    assert "yet" in experiment.conclude(runs[:2], tmp_path).findings


def test_the_score_says_by_which_network(run_of, tmp_path):
    arms = inception.arms()
    judged = [run_of(arm, 0, {"judge_score": 2.0}) for arm in arms]
    assert "**not** by Inception" in inception.conclude(judged, tmp_path).findings
    canonical = [run_of(arm, 1, {"is": 6.0, "is_std": 0.1, "fid": 30.0}) for arm in arms]
    assert "Scored by the Inception graph" in inception.conclude(canonical, tmp_path).findings


def test_inception_is_used_where_it_is_at_hand(tmp_path):
    arm = inception.arms()[0]._replace(flags=("--dataset=cifar10", f"--cache_dir={tmp_path}"))
    command = inception.after(Run(arm, 0, tmp_path))[0]
    assert "--metrics=judge_score,judge_frechet" in command and "--samples=50000" in command
    (tmp_path / "inception").mkdir()
    (tmp_path / "inception" / "classify_image_graph_def.pb").write_bytes(b"")
    command = inception.after(Run(arm, 0, tmp_path))[0]
    assert "--metrics=judge_score,judge_frechet,is,fid" in command


def test_what_labels_allow(tmp_path):
    for variant, expected in (("cifar10", False), ("hwdb", True)):
        arm = coding.EXPERIMENT.chosen(None, variant, ())[0]
        assert ("diversity" in coding.after(Run(arm, 0, tmp_path))[0][3]) is expected
