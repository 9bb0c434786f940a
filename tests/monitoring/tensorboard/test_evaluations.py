"""Figures measured after training, as curves beneath the run."""

from __future__ import annotations

import pytest
from tensorboard.util.tensor_util import make_ndarray

from lsgan_tf.config import resolve
from lsgan_tf.monitoring.tensorboard.evaluations import show_evaluation
from lsgan_tf.run_dir.folder import RunFolder

pytestmark = pytest.mark.fast


@pytest.fixture
def curves(board_values):
    def read(folder):
        values = board_values(folder / "evaluation")
        return [(tag, step, pytest.approx(float(make_ndarray(t)))) for tag, step, _, _, t in values]

    return read


def result(step, weights="raw", **figures):
    return {"step": step, "weights": weights, "figures": figures}


def test_figures_by_step_and_the_best_so_far(tmp_path, curves):
    measured = [
        result(20, judge_kid_std=0.1, judge_kid=3.0),
        result(10, judge_kid_std=0.2, judge_kid=4.0),
        result(20, "ema", judge_kid_std=0.3, judge_kid=5.0),
    ]
    show_evaluation(tmp_path, measured)
    assert curves(tmp_path) == [
        ("quality/judge_kid_std", 10, 0.2), ("quality/judge_kid", 10, 4.0),
        ("best/judge_kid", 10, 4.0),
        ("quality/judge_kid_std", 20, 0.1), ("quality/judge_kid", 20, 3.0),
        ("best/judge_kid", 20, 3.0),
        ("quality/judge_kid_std_ema", 20, 0.3), ("quality/judge_kid_ema", 20, 5.0),
    ]  # fmt: skip


def test_another_evaluation_takes_its_place(tmp_path, curves):
    show_evaluation(tmp_path, [result(5, fid=1.0, kid=2.0)], "kid")
    assert ("best/kid", 5, 2.0) in curves(tmp_path)
    show_evaluation(tmp_path, [result(6, fid=1.0)], "kid")  # kid was not measured
    assert curves(tmp_path) == [("quality/fid", 6, 1.0), ("best/fid", 6, 1.0)]
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation"]


def test_a_run_that_goes_on_leaves_it_alone(tmp_path, curves):
    config, _ = resolve({"dataset": "mixture"}, {})
    folder = RunFolder(tmp_path / "run", config)
    show_evaluation(folder.tensorboard, [result(5, modes=8.0)])
    folder.truncate({})
    folder.close()
    assert ("quality/modes", 5, 8.0) in curves(folder.tensorboard)
