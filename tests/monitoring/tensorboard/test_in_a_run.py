"""What a run shows from its beginning to its end, and over its resumptions."""

from __future__ import annotations

import json
import os
import signal

import pytest
from run_differences import differences, tensors
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.util.tensor_util import make_ndarray

from lsgan_tf.config import resolve
from lsgan_tf.errors import DivergedError
from lsgan_tf.monitoring.monitor import Monitor
from lsgan_tf.monitoring.tensorboard import dashboard
from lsgan_tf.training import train

BASE = {
    "dataset": "mixture", "steps": 12, "batch_size": 16, "log_every": 4, "sample_every": 12,
    "checkpoint_every": 6, "steps_per_call": 3, "z_dim": 4, "devices": "cpu:1",
    "jit_compile": "off", "watch_every": 4, "evaluate_every": 4, "evaluate_samples": 300,
}  # fmt: skip


def run(path, **settings):
    return train(*resolve(BASE | settings, {}), path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("board") / "run"
    assert run(path) == 0
    return path


@pytest.fixture
def shown(board_values):
    """Values of a run's TensorBoard folder."""
    return lambda path: board_values(path / "tensorboard")


def ends(values):
    return [
        metadata.parse_session_end_info_plugin_data(content).status
        for tag, _, _, content, _ in values
        if tag == metadata.SESSION_END_INFO_TAG
    ]


def test_what_stands_once(finished, shown):
    values = shown(finished)
    tags = [tag for tag, *_ in values]
    for tag in ("config", "graph", "reals", metadata.SESSION_START_INFO_TAG):
        assert tags.count(tag) == 1
    assert [step for tag, step, *_ in values if tag == "reals"] == [0]
    assert ends(values) == [api_pb2.STATUS_SUCCESS]


def test_curves_are_grouped_and_histograms_follow_the_log(finished, shown):
    values = shown(finished)
    groups = {tag.split("/")[0] for tag, _, plugin, *_ in values if plugin == "scalars"}
    assert groups == {"loss", "score", "gradient", "speed", "quality", "watch", "best"}
    for tag in ("scores/real", "scores/fake"):
        steps = [step for name, step, plugin, *_ in values if (name, plugin) == (tag, "histograms")]
        assert steps == [4, 8, 12]


def test_the_last_value_of_best_is_the_best(finished, shown):
    best = json.loads((finished / "summary.json").read_text())["best"]
    tag = f"best/{best['metric']}"
    found = [(step, tensor) for name, step, _, _, tensor in shown(finished) if name == tag]
    assert found[-1][0] == best["step"]
    assert float(make_ndarray(found[-1][1])) == pytest.approx(best["value"])


def test_a_run_is_the_same_with_histograms_or_without(finished, tmp_path, monkeypatch, shown):
    monkeypatch.setattr(dashboard, "histogram_due", lambda *_: False)
    path = tmp_path / "run"
    assert run(path) == 0
    assert not [tag for tag, *_ in shown(path) if tag.startswith("scores/")]
    mine, theirs = tensors(path), tensors(finished)
    assert {name: value.tobytes() for name, value in mine.items()} == {
        name: value.tobytes() for name, value in theirs.items()
    }
    for name in ("stats.jsonl", "watch.jsonl"):
        assert (path / name).read_bytes() == (finished / name).read_bytes()


def test_resumed_runs_have_one_row_and_one_end(finished, tmp_path, shown):
    path = tmp_path / "run"
    assert run(path, steps=8) == 0
    assert ends(shown(path)) == [api_pb2.STATUS_SUCCESS]
    assert run(path) == 0
    assert run(path) == 0  # finished already
    values = shown(path)
    tags = [tag for tag, *_ in values]
    assert tags.count(metadata.SESSION_START_INFO_TAG) == tags.count("graph") == 1
    assert tags.count("reals") == 1
    assert ends(values) == [api_pb2.STATUS_SUCCESS]
    assert differences(finished, path) == []


def test_a_run_stopped_by_a_signal_can_go_on(finished, tmp_path, shown, monkeypatch):
    log = Monitor.log

    def stopped(monitor, step):
        log(monitor, step)
        if step == 8:
            os.kill(os.getpid(), signal.SIGTERM)

    path = tmp_path / "run"
    monkeypatch.setattr(Monitor, "log", stopped)
    assert run(path, profile_steps="8,10") == 143
    assert ends(shown(path)) == [api_pb2.STATUS_UNKNOWN]
    lines = (path / "log.txt").read_text().splitlines()
    assert lines[-2].startswith("profile of steps 8 to 8 in ")
    assert lines[-1].startswith("stopped by SIGTERM")
    monkeypatch.undo()
    assert run(path, profile_steps="8,10") == 0
    assert ends(shown(path)) == [api_pb2.STATUS_SUCCESS]
    assert differences(finished, path) == []
    assert len(list((path / "tensorboard/plugins/profile").rglob("*.xplane.pb"))) == 2
    assert "profile of steps 9 to 10 in " in (path / "log.txt").read_text()


def test_a_diverged_run_has_failed(tmp_path, shown):
    path = tmp_path / "run"
    with pytest.raises(DivergedError):
        run(path, learning_rate=1e30, steps=40, evaluate_every=0, evaluate_samples=None)
    assert ends(shown(path)) == [api_pb2.STATUS_FAILURE]


def test_a_run_begun_before_there_was_a_dashboard_gets_one(finished, tmp_path, shown, monkeypatch):
    path = tmp_path / "run"
    monkeypatch.setattr(dashboard.Dashboard, "begin", lambda *_: None)
    extra = Monitor.extra

    def former(monitor):
        return {name: value for name, value in extra(monitor).items() if name != "dashboard"}

    monkeypatch.setattr(Monitor, "extra", former)
    assert run(path, steps=8) == 0
    assert metadata.SESSION_START_INFO_TAG not in [tag for tag, *_ in shown(path)]
    monkeypatch.undo()
    assert run(path) == 0
    tags = [tag for tag, *_ in shown(path)]
    assert tags.count(metadata.SESSION_START_INFO_TAG) == tags.count("graph") == 1


def test_only_a_conditional_run_has_an_embedding(finished, tiny_run):
    assert not (finished / "tensorboard" / "projector_config.pbtxt").exists()
    folder = tiny_run.path / "tensorboard"
    assert (folder / "projector_config.pbtxt").is_file()
    rows = (folder / "projector" / "generator.tsv").read_text().splitlines()
    assert len(rows) == 5 and len(rows[0].split("\t")) == 4
