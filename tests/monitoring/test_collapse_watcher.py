"""The collapse alarm in a run: what it tells and keeps, and that it goes on after a kill."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from lsgan_tf.config import resolve
from lsgan_tf.errors import EXIT_COLLAPSED, UserError
from lsgan_tf.exporting.of_run import export_step
from lsgan_tf.gan import METRICS
from lsgan_tf.monitoring.collapse_watcher import Watcher
from lsgan_tf.monitoring.tensorboard.summaries import Summaries
from lsgan_tf.run_dir.checkpoints import Checkpoints, find
from lsgan_tf.run_dir.folder import RunFolder
from lsgan_tf.training import train

BASE = {
    "dataset": "mixture", "steps": 12, "batch_size": 16, "log_every": 4, "sample_every": 0,
    "checkpoint_every": 6, "steps_per_call": 3, "z_dim": 4, "devices": "cpu:1",
    "jit_compile": "off", "watch_every": 2, "evaluate_every": 0,
}  # fmt: skip


def run(path, **settings):
    return train(*resolve(BASE | settings, {}), path)


def rows(path, name="watch.jsonl"):
    return [json.loads(line) for line in (path / name).read_text().splitlines()]


def summary(path):
    return json.loads((path / "summary.json").read_text(encoding="utf-8"))


class Shown:
    """Previews of three classes of four images, as far apart as one says."""

    labels = np.repeat(np.arange(3), 4)
    width = 1.0

    def examples(self):
        rows = np.random.default_rng(0).uniform(size=(12, 8, 8, 1)) * self.width
        return rows.astype(np.float32), self.labels

    def real_examples(self):
        return np.random.default_rng(0).uniform(size=(12, 8, 8, 1)), self.labels


@pytest.fixture
def folder(tmp_path):
    config = dataclasses.replace(resolve({}, {})[0], data_shape=(8, 8, 1))
    folder = RunFolder(tmp_path / "run", config)
    yield folder
    folder.close()


def watcher(folder, shown, config=None, remembered=None):
    summaries = Summaries(folder.tensorboard, enabled=False)
    made = Watcher(config or resolve({}, {})[0], shown, folder, summaries)
    if remembered:
        made.restore(remembered)
    return made


def measure(watcher, **means):
    values = {name: 0.5 for name in METRICS} | means
    watcher.window.add(np.array([10 * values[name] for name in METRICS]), 10, 0, 0)


def test_a_run_that_collapses_is_told_of(folder):
    shown = Shown()
    watch = watcher(folder, shown)
    checkpoints = Checkpoints(folder.checkpoints, keep=2)
    for step in range(200, 2400, 200):
        shown.width = 0.9 if step <= 1000 else 0.1
        measure(watch, score_real=0.95, score_fake=0.05 + 0.3 * (step <= 1000))
        watch.check(step)
        if step % 300 == 0:
            state = tf.train.Checkpoint(a=tf.Variable(0.0))
            checkpoints.save(step, state, {}, spared=watch.last_good())
    found = rows(folder.path)
    assert [row["step"] for row in found] == list(range(200, 2400, 200))
    assert [row["spread"] for row in found[3:7]] == pytest.approx([0.9, 0.9, 0.1, 0.1], rel=1e-3)
    assert found[0]["separation"] == pytest.approx(0.6) and found[0]["gradient"] == 0.5
    assert [row["collapsed"] for row in found].index(True) == 7  # step 1,600
    log = (folder.path / "log.txt").read_text(encoding="utf-8").splitlines()
    assert len(log) == 1
    assert log[0].startswith("step 1,600: this run has probably collapsed since step 1,200: ")
    assert "step-00000600 is the last good checkpoint" in log[0]
    assert summary(folder.path)["collapse"] == {
        "collapsed": True,
        "since_step": 1200,
        "why": "samples are alike (spread 0.10 of that of reals, 0.90 at best); "
        "D separates reals from fakes (0.90 of 1)",
        "best_spread": 0.9,
        "last_sound_step": 1000,
        "last_good_checkpoint": "step-00000600",
    }
    assert [step for step, _ in find(folder.checkpoints)] == [1800, 1200, 600]
    for step in (2400, 2600, 2800):
        shown.width = 0.9
        watch.check(step)
    log = (folder.path / "log.txt").read_text(encoding="utf-8").splitlines()
    assert log[1] == (
        "step 2,800: the samples differ from one another again: the collapse has passed"
    )
    assert summary(folder.path)["collapse"]["collapsed"] is False


def test_goes_on_from_its_memory(folder):
    shown = Shown()
    watch = watcher(folder, shown)
    for step in (200, 400, 600):
        watch.check(step)
    shown.width = 0.1
    watch.check(800)
    measure(watch, score_real=1.0)
    again = watcher(folder, shown, remembered=json.loads(json.dumps(watch.state())))
    for step in (1000, 1200):
        watch.check(step), again.check(step)
    assert again.collapsed and watch.collapsed
    assert again.state() == watch.state()
    found = rows(folder.path)
    assert found[-4] == found[-3] and found[-2] == found[-1]


@pytest.mark.parametrize(
    ("settings", "real", "fake", "expected"),
    [
        ({}, 0.9, 0.2, 0.7),
        ({"label_fake": -1.0, "label_target": 0.0}, 0.5, -0.5, 0.5),
        ({"loss": "nsgan"}, 40.0, -40.0, 1.0),
        ({"loss": "nsgan"}, 0.0, np.log(1 / 3), 0.25),
    ],
)
def test_scores_of_any_objective_are_comparable(folder, settings, real, fake, expected):
    watch = watcher(folder, Shown(), resolve(settings, {})[0])
    measure(watch, score_real=real, score_fake=fake)
    watch.check(200)
    assert rows(folder.path)[0]["separation"] == pytest.approx(expected)


def test_a_single_real_of_each_class_is_enough(folder):
    class Single(Shown):
        def real_examples(self):
            return np.random.default_rng(0).uniform(size=(3, 8, 8, 1)), np.arange(3)

    watch = watcher(folder, Single())
    watch.check(200)
    assert rows(folder.path)[0]["spread"] == pytest.approx(1.0, abs=0.2)


def test_a_run_is_watched_and_goes_on_without_a_gap(tmp_path):
    assert run(tmp_path / "whole") == 0
    found = rows(tmp_path / "whole")
    assert [row["step"] for row in found] == [2, 4, 6, 8, 10, 12]
    assert all(0.0 < row["spread"] < 3.0 for row in found)
    assert summary(tmp_path / "whole")["collapse"]["collapsed"] is False
    assert run(tmp_path / "parts", steps=5) == 0
    assert run(tmp_path / "parts") == 0
    assert rows(tmp_path / "parts") == found
    assert summary(tmp_path / "parts") == summary(tmp_path / "whole")


def test_the_alarm_needs_looks():
    with pytest.raises(UserError, match="--stop_on_collapse=True: requires --watch_every"):
        resolve({"stop_on_collapse": True, "watch_every": 0}, {})


def test_a_run_that_never_rises_ends_with_status_5(tmp_path, write_characters):
    # A generator that does not learn, and a discriminator that does.
    settings = {
        "dataset": "hwdb", "conditional": True, "cache_dir": str(tmp_path / "cache"),
        "data_dir": str(write_characters(tmp_path / "data" / "tiny.gnt")), "image_size": 8,
        "z_dim": 4, "label_dim": 4, "first_filters": 8, "width": 0.05, "batch_size": 8,
        "steps": 400, "learning_rate": 3e-3, "generator_learning_rate": 1e-7,
        "generator_batch_norm": False, "discriminator_batch_norm": False, "watch_every": 10,
        "checkpoint_every": 30, "log_every": 30, "steps_per_call": 10, "stop_on_collapse": True,
    }  # fmt: skip
    path = tmp_path / "run"
    assert run(path, **settings) == EXIT_COLLAPSED
    found = rows(path)
    assert found[-1]["collapsed"] and found[-1]["step"] < 400
    assert found[-1]["spread"] < 0.2 and found[-1]["separation"] > 0.8
    log = (path / "log.txt").read_text(encoding="utf-8").splitlines()
    assert log[-1].startswith(f"ended at step {found[-1]['step']:,} by --stop_on_collapse: ")
    assert "samples are alike" in log[-1] and "never were different" in log[-1]
    assert log[-2].startswith(f"SavedModel of step {found[-1]['step']:,} in ")
    assert export_step(path / "export") == found[-1]["step"]
    assert summary(path)["collapse"]["collapsed"] is True
    written = (path / "export" / "export.json").stat().st_mtime_ns
    # The same command does not go on; without the flag it does.
    assert run(path, **settings) == EXIT_COLLAPSED
    assert rows(path) == found
    assert (path / "export" / "export.json").stat().st_mtime_ns == written
    more = {"stop_on_collapse": False, "steps": found[-1]["step"] + 10}
    assert run(path, **settings | more) == 0
    assert len(rows(path)) == len(found) + 1
    log = (path / "log.txt").read_text(encoding="utf-8").splitlines()
    assert log[-2].startswith("this run has probably collapsed since step ")
    assert log[-1].startswith("finished ")
