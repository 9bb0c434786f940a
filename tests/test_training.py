"""The whole of a run on the mixture: XLA, what is logged, what is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsgan_tf.config import resolve
from lsgan_tf.data.source import ArraySource, Source
from lsgan_tf.errors import UserError
from lsgan_tf.monitoring.schedule import Task, next_stop
from lsgan_tf.run_dir.restore import restore_run
from lsgan_tf.training import train

BASE = {
    "dataset": "mixture", "steps": 12, "batch_size": 16, "log_every": 4, "sample_every": 12,
    "checkpoint_every": 6, "steps_per_call": 3, "z_dim": 4, "devices": "cpu:1",
}  # fmt: skip


def run(path, **settings):
    config, origins = resolve(BASE | settings, {})
    return train(config, origins, path)


def rows(path, name="stats.jsonl"):
    return [json.loads(line) for line in (path / name).read_text().splitlines()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("mixture") / "run"
    assert run(path, jit_compile="off") == 0
    return path


def test_what_is_measured_has_its_time_apart(finished):
    assert [row["step"] for row in rows(finished)] == [4, 8, 12]
    times = rows(finished, "timing.jsonl")
    assert [row["step"] for row in times] == [4, 8, 12]
    assert times[0]["seconds"] <= times[-1]["seconds"]
    assert not {"seconds", "images_per_second"} & rows(finished)[0].keys()


def test_the_first_call_is_told_of_before_the_first_line_of_progress(finished):
    log = (finished / "log.txt").read_text()
    told = log.index("under way: step 1 took ")
    assert "a line follows every 4 steps" in log
    assert log.index("training from step 0") < told < log.index("step 4 of ")


@pytest.mark.parametrize("name", ["nowhere", "run/export", "run/config.json"])
def test_a_wrong_init_from_leaves_no_run(finished, tmp_path, name):
    with pytest.raises(UserError, match=r"no config\.json in it"):
        run(tmp_path / "new", init_from=str(finished.parent / name))
    assert not (tmp_path / "new").exists()


def test_an_init_from_of_another_network_leaves_no_run(finished, tmp_path):
    with pytest.raises(UserError, match="this checkpoint is of another network"):
        run(tmp_path / "new", init_from=str(finished), z_dim=5)
    assert not (tmp_path / "new").exists()


def test_the_clock_and_the_logs_go_on(finished, tmp_path):
    path = tmp_path / "run"
    assert run(path, jit_compile="off", steps=8) == 0
    before = json.loads((path / "checkpoints/step-00000008/checkpoint.json").read_text())["extra"]
    assert run(path, jit_compile="off") == 0
    after = json.loads((path / "checkpoints/step-00000012/checkpoint.json").read_text())["extra"]
    assert after["seconds"] > before["seconds"] > 0
    assert rows(path) == rows(finished)
    log = (path / "log.txt").read_text()
    assert "resumed at step 8 from step-00000008" in log
    assert log.count("step 8 of ") == 1 and log.count("step 12 of ") == 1


def test_xla_changes_rounding_alone(finished, tmp_path):
    assert run(tmp_path / "philox", jit_compile="on") == 0
    for mine, theirs in zip(rows(tmp_path / "philox"), rows(finished), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-5)


def test_xla_changes_rounding_alone_where_it_draws_the_noise(tmp_path):
    for jit_compile in ("on", "off"):
        settings = {"jit_compile": jit_compile, "noise": "hash"}
        assert run(tmp_path / jit_compile, **settings) == 0
    for mine, theirs in zip(rows(tmp_path / "on"), rows(tmp_path / "off"), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-5)


def test_xla_on_several_replicas_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("lsgan_tf.training.make_strategy", lambda *_, **__: Replicas(2))
    with pytest.raises(UserError, match="--jit_compile=on works on one replica only"):
        run(tmp_path / "run", jit_compile="on")
    assert not list(tmp_path.iterdir())


class Replicas:
    def __init__(self, count):
        self.num_replicas_in_sync = count


def test_a_batch_that_does_not_divide_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("lsgan_tf.training.make_strategy", lambda *_, **__: Replicas(3))
    with pytest.raises(UserError, match="--batch_size=16 does not divide over 3 replicas"):
        run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["{", '{"cluster": {"worker": ["a"]}}'])
def test_a_malformed_tf_config_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match=r"TF_CONFIG: .*expected the form"):
        run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def has_checkpoint(path):
    return (path / "checkpoints" / "step-00000006").exists()


def ended_full(path, caught):
    """One line, the former checkpoint, and nothing half-written."""
    assert "\n" not in str(caught.value)
    assert [file.name for file in (path / "checkpoints").iterdir()] == ["step-00000006"]


def test_a_full_disk_ends_in_one_line(finished, tmp_path, monkeypatch):
    path, usage = tmp_path / "run", shutil.disk_usage

    def nearly_full(folder):
        return usage(folder)._replace(free=70_000) if has_checkpoint(path) else usage(folder)

    monkeypatch.setattr("lsgan_tf.util.files.shutil.disk_usage", nearly_full)
    with pytest.raises(UserError, match=r"a checkpoint needs .* free some space") as caught:
        run(path, jit_compile="off")
    ended_full(path, caught)
    monkeypatch.undo()
    assert run(path, jit_compile="off") == 0
    assert rows(path) == rows(finished)


def test_a_disk_that_fills_up_ends_in_one_line(finished, small_disk, monkeypatch):
    path = small_disk.path / "run"

    def someone_else_writes(*_):
        if has_checkpoint(path):
            small_disk.fill()

    monkeypatch.setattr("lsgan_tf.run_dir.checkpoints.require_free_space", someone_else_writes)
    with pytest.raises(UserError, match="the disk is full while writing a checkpoint") as caught:
        run(path, jit_compile="off")
    ended_full(path, caught)
    small_disk.free()
    monkeypatch.undo()
    assert run(path, jit_compile="off") == 0
    assert rows(path) == rows(finished)


def test_flags_of_another_run_are_refused(finished):
    config, _ = resolve(BASE, {})
    changed = dataclasses.replace(config, loss="nsgan", z_dim=5)
    with pytest.raises(UserError, match='z_dim: 4 -> 5; loss: "lsgan" -> "nsgan"'):
        train(changed, {}, finished)


def mixture(**settings):
    return resolve({"dataset": "mixture", **settings}, {})[0]


def stops(config, tasks, start=0):
    found = [start]
    while found[-1] < config.steps:
        found.append(next_stop(found[-1], config, tasks))
    return found[1:]


class TestNextStop:
    def test_ends_at_every_multiple(self):
        tasks = [Task(4, print), Task(0, print), Task(7, print)]
        assert stops(mixture(steps=15, steps_per_call=5), tasks) == [4, 5, 7, 8, 10, 12, 14, 15]

    @given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 20), st.data())
    def test_a_resumed_run_makes_the_same_calls(self, steps, per_call, every, data):
        settings, tasks = mixture(steps=steps, steps_per_call=per_call), [Task(every, print)]
        whole = stops(settings, tasks)
        again = data.draw(st.sampled_from(whole))
        assert stops(settings, tasks, again) == whole[whole.index(again) + 1 :]


OWN = {
    "dataset": "images", "conditional": True, "image_size": 8, "filters": 2, "z_dim": 4,
    "label_dim": 2, "batch_size": 4, "steps": 3, "log_every": 3, "watch_every": 0,
    "devices": "cpu:1",
}  # fmt: skip


def own_source(classes=("dark", "light"), shape=(8, 8, 1)):
    images = np.random.default_rng(0).integers(0, 256, (12, *shape), np.uint8)
    labels = np.arange(12) % max(len(classes), 1)
    return ArraySource(images, labels if classes else None, classes)


def test_a_source_of_ones_own_is_trained_and_resumed(tmp_path):
    settings = OWN | {"run_dir": str(tmp_path / "run")}
    assert train(resolve(settings)[0], source=own_source()) == 0
    assert train(resolve(settings | {"steps": 5})[0], source=own_source()) == 0
    config, gan, classes, step = restore_run(tmp_path / "run")
    assert (classes, step) == (["dark", "light"], 5)
    assert config.data_shape == (8, 8, 1) and int(gan.step.numpy()) == 0
    assert (tmp_path / "run" / "export" / "saved_model.pb").is_file()
    assert "12 examples in memory" in config.data_description
    others = ArraySource(np.zeros((12, 8, 8, 1), np.uint8), np.arange(12) % 2, ["dark", "light"])
    with pytest.raises(UserError, match="data_fingerprint"):
        train(resolve(settings | {"steps": 6})[0], source=others)


class Unfinished(Source):
    """Without a shape and a fingerprint."""

    name = "unfinished"

    def __len__(self):
        return 1

    def read(self, indices):
        return np.zeros((len(indices), 8, 8, 1), np.uint8)


@pytest.mark.parametrize(
    ("settings", "source", "reason"),
    [
        ({}, np.zeros((12, 8, 8, 1), np.uint8), r"expected an lsgan_tf\.Source. Received: ndarray"),
        ({}, Unfinished(), "Unfinished has no attribute 'shape'"),
        ({"image_size": 16}, own_source(), r"give resolve\(\{\"image_size\": 8"),
        ({}, own_source(shape=(8, 9, 1)), "expected square images"),
        ({}, own_source(()), "the source has no classes"),
        ({}, own_source(("one", "one")), "classes of different names"),
        ({"dataset": "cifar10", "image_size": None}, own_source(), "is trained as images"),
    ],
)
def test_a_source_that_does_not_fit_is_refused_before_a_folder_is_made(
    tmp_path, settings, source, reason
):
    config, _ = resolve(OWN | {"run_dir": str(tmp_path / "run")} | settings)
    with pytest.raises(UserError, match=reason):
        train(config, source=source)
    assert list(tmp_path.iterdir()) == []
