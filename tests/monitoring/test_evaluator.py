"""Measures while a run trains: where they go, what is kept as the best, and that nothing moves."""

from __future__ import annotations

import dataclasses
import json

import pytest
import tensorflow as tf
from run_differences import differences, events, tensors

from lsgan_tf.build import build_gan
from lsgan_tf.config import resolve
from lsgan_tf.data.synthetic.mixture import Ring
from lsgan_tf.errors import UserError
from lsgan_tf.metrics.registry import check_evaluation, chosen_metric
from lsgan_tf.monitoring import evaluator as evaluating
from lsgan_tf.monitoring.evaluator import Evaluator, evaluation_due
from lsgan_tf.monitoring.tensorboard.summaries import Summaries
from lsgan_tf.run_dir.checkpoints import Checkpoints, find
from lsgan_tf.run_dir.folder import RunFolder
from lsgan_tf.run_dir.restore import restore_run
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.training import train

BASE = {
    "dataset": "mixture", "steps": 12, "batch_size": 16, "log_every": 4, "sample_every": 12,
    "checkpoint_every": 6, "steps_per_call": 3, "z_dim": 4, "devices": "cpu:1",
    "jit_compile": "off", "watch_every": 4, "evaluate_every": 6, "evaluate_samples": 300,
    "ema_decay": 0.5,
}  # fmt: skip


def run(path, **settings):
    assert train(*resolve(BASE | settings, {}), path) == 0
    return path


def rows(path, name="evaluations.jsonl"):
    return [json.loads(line) for line in (path / name).read_text().splitlines()]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return run(tmp_path_factory.mktemp("measured") / "run")


def test_a_run_is_the_same_whether_it_is_measured_or_not(measured, tmp_path):
    plain = run(tmp_path / "plain", evaluate_every=0, evaluate_samples=None)
    mine, theirs = tensors(plain), tensors(measured)
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if mine[name].tobytes() != theirs[name].tobytes()] == []
    for name in ("stats.jsonl", "watch.jsonl"):
        assert (plain / name).read_bytes() == (measured / name).read_bytes()
    assert not (plain / "evaluations.jsonl").exists() and not (plain / "best").exists()


def test_figures_go_to_the_log_and_tensorboard(measured):
    found = rows(measured)
    assert [row["step"] for row in found] == [6, 12]
    for row in found:
        names = {"mode_overlap", "modes", "modes_touched", "within_3std", "mode_kl"}
        assert row["figures"].keys() == {f"{name}_ema" for name in names}
        assert row["real"].keys() == names and row["real"]["modes"] == 8
    tags = {tag for _, tag, _ in events(measured / "tensorboard")}
    assert "quality/mode_kl_ema" in tags and "quality/mode_kl" not in tags
    log = (measured / "log.txt").read_text(encoding="utf-8")
    assert ", modes 8, modes_touched 8, " in log
    assert "step 6: quality of the EMA weights: mode_overlap " in log
    about = json.loads((measured / "summary.json").read_text(encoding="utf-8"))
    assert about["evaluation"]["protocol"]["samples"] == 300
    assert about["evaluation"]["real"]["modes"] == 8


def test_without_an_average_the_weights_are_measured(tmp_path):
    path = run(tmp_path / "raw", ema_decay=0.0)
    assert all("mode_overlap" in row["figures"] for row in rows(path))
    assert "step 6: quality: mode_overlap " in (path / "log.txt").read_text(encoding="utf-8")
    best = json.loads((path / "best" / "best.json").read_text(encoding="utf-8"))
    assert best["weights"] == "raw"


def test_the_best_is_kept_whole(measured):
    best = json.loads((measured / "best" / "best.json").read_text(encoding="utf-8"))
    values = [(row["figures"]["mode_overlap_ema"], row["step"], "ema") for row in rows(measured)]
    highest = max(value for value, _, _ in values)
    first = next((step, name) for value, step, name in values if value == highest)
    assert (best["metric"], best["value"]) == ("mode_overlap", highest)
    assert (best["step"], best["weights"]) == first
    about = json.loads((measured / "summary.json").read_text(encoding="utf-8"))
    assert about["best"] == {k: best[k] for k in ("step", "metric", "weights", "value")}
    sampler = Sampler(measured / "best" / "export")
    assert (sampler.step, sampler.weights) == (best["step"], best["weights"])
    assert [step for step, _ in find(measured / "best")] == [best["step"]]
    found, warnings = Checkpoints(measured / "best").newest()
    assert found.step == best["step"] and not warnings


def test_goes_on_across_an_evaluation(measured, tmp_path):
    path = tmp_path / "run"
    run(path, steps=9)
    run(path)
    assert differences(measured, path) == []
    assert json.loads((path / "summary.json").read_text()) == json.loads(
        (measured / "summary.json").read_text()
    )


class Fake:
    """A suite whose figures are given."""

    keys, samples, seed, protocol = ("judge_frechet", "kid_std"), 3, 0, {"samples": 3}

    def __init__(self, values):
        self.values = iter(values)

    def measure(self, batches):
        assert sum(len(examples) for examples, _ in batches) == 3
        value = next(self.values)
        if isinstance(value, Exception):
            raise value
        return {"judge_frechet": value, "kid_std": 0.0}


@pytest.fixture
def evaluator(tmp_path, monkeypatch):
    """Makes an evaluator of a tiny model with given figures, and a way to call it."""
    config = dataclasses.replace(
        resolve({"dataset": "mixture", "z_dim": 3}, {})[0], data_shape=(2,)
    )
    gan = build_gan(config)
    folder = RunFolder(tmp_path / "run", config)

    def make(values, best=None):
        monkeypatch.setattr(evaluating, "open_suite", lambda *_, **__: Fake(values))
        summaries = Summaries(folder.tensorboard, enabled=False)
        made = Evaluator(config, gan, Ring(), folder, summaries)
        made.restore(best)

        def evaluate(step):
            made.evaluate(step, lambda: {"best": made.best})

        return made, evaluate

    make.path, make.gan = folder.path, gan
    yield make
    folder.close()


def test_lower_may_be_better_and_worse_changes_nothing(evaluator):
    made, evaluate = evaluator([9.0, 5.0, 5.0, float("nan"), 7.0])
    kept = []
    for step in (1, 2, 3, 4, 5):
        evaluate(step)
        kept.append(json.loads((evaluator.path / "best" / "best.json").read_text())["step"])
    assert kept == [1, 2, 2, 2, 2]
    assert made.best == {"step": 2, "metric": "judge_frechet", "weights": "raw", "value": 5.0}
    (manifest,) = evaluator.path.glob("best/step-*/checkpoint.json")
    assert json.loads(manifest.read_text())["extra"]["best"] == made.best
    # Its step can be asked for when the run's own checkpoints have moved on.
    Checkpoints(evaluator.path / "checkpoints").save(9, evaluator.gan.state(), {})
    assert restore_run(evaluator.path, 2)[3] == 2
    assert restore_run(evaluator.path)[3] == 9


def test_what_a_checkpoint_remembers_stays_the_best(evaluator):
    other = {"step": 7, "metric": "kid", "weights": "raw", "value": 4.0}
    assert evaluator([], other)[0].best is None  # of no use to choose by another figure
    former = {"step": 7, "metric": "judge_frechet", "weights": "raw", "value": 4.0}
    made, evaluate = evaluator([5.0], former)
    evaluate(9)
    assert made.best == former and not (evaluator.path / "best").exists()


def test_a_failure_is_told_and_training_goes_on(evaluator, monkeypatch):
    made, evaluate = evaluator([tf.errors.ResourceExhaustedError(None, None, "OOM"), 6.0, 5.0])
    evaluate(1)
    evaluate(2)

    def full(*arguments, **options):
        raise UserError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(evaluating, "write_saved_model", full)
        evaluate(3)
    assert made.best["step"] == 2
    assert [path.name for path in evaluator.path.glob("best/step-*")] == ["step-00000002"]
    assert not list(evaluator.path.glob(".best*"))
    log = (evaluator.path / "log.txt").read_text(encoding="utf-8")
    assert "step 1: evaluation failed, training continues: out of memory in TensorFlow" in log
    assert "step 3: evaluation failed, training continues: the disk is full" in log


def test_a_mistake_of_ours_is_not_hidden(evaluator):
    _, evaluate = evaluator([KeyError("label")])
    with pytest.raises(KeyError):
        evaluate(1)


def test_what_is_no_number_is_null_in_the_rows(evaluator):
    _, evaluate = evaluator([float("nan")])
    evaluate(1)
    (row,) = rows(evaluator.path)
    assert row["figures"] == {"judge_frechet": None, "kid_std": 0.0}
    log = (evaluator.path / "log.txt").read_text(encoding="utf-8")
    assert "step 1: quality: judge_frechet -, kid_std 0" in log


class TestChoosing:
    KEYS = ("kid_std", "judge_top1", "judge_frechet")

    def test_the_first_that_can_be_compared(self):
        assert chosen_metric(None, self.KEYS) == "judge_top1"

    def test_what_was_asked_for(self):
        assert chosen_metric("judge_frechet", self.KEYS) == "judge_frechet"

    @pytest.mark.parametrize("name", ["fid", "kid_std"])
    def test_what_is_not_measured(self, name):
        with pytest.raises(UserError, match=f"--best_metric={name}: expected one of .*judge_top1"):
            chosen_metric(name, self.KEYS)

    @pytest.mark.parametrize(
        ("settings", "reason"),
        [
            ({"metrics": "fid,nonsense"}, "--metrics=nonsense: expected some of is, fid"),
            ({"metrics": "fid,kid", "best_metric": "judge_top1"}, "--best_metric=judge_top1"),
            ({"best_metric": "beauty"}, "--best_metric=beauty"),
            ({"evaluate_samples": 0}, "--evaluate_samples=0"),
            (
                {"metrics": "judge", "inception": "x"},
                "--inception: only for is, fid, kid, prdc, and",
            ),
        ],
    )
    def test_is_checked_before_anything_starts(self, settings, reason):
        with pytest.raises(UserError, match=reason):
            config, _ = resolve({"evaluate_every": 9, **settings}, {})
            check_evaluation(config.metrics, config.best_metric, config.inception)

    @pytest.mark.parametrize(
        ("settings", "reason"),
        [
            ({"metrics": "fid"}, "--metrics=fid: does not fit --dataset=mixture"),
            ({"inception": "x"}, "--inception: only for .*, and the metrics are mixture; omit it"),
        ],
    )
    def test_measures_of_images_do_not_fit_points(self, tmp_path, settings, reason):
        config, _ = resolve(BASE | settings, {})
        with pytest.raises(UserError, match=reason):
            train(config, {}, tmp_path / "run")


@pytest.mark.parametrize(
    ("every", "step", "due"),
    [(0, 0, False), (5, 0, True), (5, 7, True), (5, 10, False), (20, 0, False)],
)
def test_nothing_is_prepared_for_no_evaluation(every, step, due):
    config, _ = resolve(BASE | {"evaluate_every": every, "evaluate_samples": None}, {})
    assert evaluation_due(config, step) is due
