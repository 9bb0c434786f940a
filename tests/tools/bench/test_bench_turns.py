"""Alternating benchmarks with dummy runners, and their tables."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from lsgan_tf.errors import UserError

RUNNER = """
import os, time
def prepare(**settings):
    if settings.get("broken"):
        raise ValueError("out of order")
    return Runner(settings["log"])
class Runner:
    def __init__(self, log):
        self.log = log
        self.name = os.environ["NAME_OF_RUNNER"]
        self.facts = {"name": self.name, "operations": 3, "performed": 2}
        self.facts |= {"batch_size": 2, "replicas": 1}
    def _write(self, word):
        with open(self.log, "a") as log:
            log.write(f"{self.name}-{word} ")
    def burst(self, steps):
        self._write(f"begin{steps}")
        time.sleep(0.05)
        self._write("end")
    def peak(self):
        return {"clock": 7.0, "cpu": 5.0} if self.name == "a" else {}
"""


@pytest.fixture
def tools(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "tools" / "bench"))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "still_runner.py").write_text(RUNNER)
    return importlib.import_module("bench_turns"), importlib.import_module("bench_tables")


def test_one_at_a_time_and_every_other_round_backwards(tools, tmp_path):
    turns, _ = tools
    log = tmp_path / "log"
    contestants = [
        turns.Contestant(name, "still_runner", {"log": str(log)}, [{"NAME_OF_RUNNER": name}])
        for name in "ab"
    ]
    said = []
    results = turns.take_turns(contestants, rounds=2, seconds=0.0, log=said.append)
    words = log.read_text().split()
    # None begins before another has ended.
    assert [word.split("-")[1] for word in words] == ["begin1", "end"] * 8
    assert "".join(word[0] for word in words[::2]) == "aabb" + "abba"
    assert said[-1] == "round 2 of 2" and len(said) == 4
    assert [result.facts["name"] for result in results] == ["a", "b"]
    assert all(len(result.seconds) == len(result.cpu_seconds) == 2 for result in results)
    assert min(results[0].seconds) >= 0.05
    assert results[0].peak == {"clock": 7.0, "cpu": 5.0} and results[1].peak == {}


def test_a_contestant_that_fails_is_named(tools, tmp_path):
    turns, _ = tools
    broken = turns.Contestant("torch eager", "still_runner", {"broken": True})
    with pytest.raises(UserError, match="torch eager: ValueError: out of order"):
        turns.take_turns([broken], rounds=1, seconds=0.0, log=print)


def test_tables_and_ratios(tools):
    turns, tables = tools
    facts = {
        "operations": 4_000_000_000,
        "performed": 3_000_000_000,
        "batch_size": 8,
        "replicas": 2,
    }
    ours = turns.Result("lsgan_tf", facts, [0.1, 0.2, 0.4], [0.2, 0.2, 0.2])
    ours.peak = {"clock": 40e9, "cpu": 25e9}
    # Round by round 3, 2 and 1 times as long: the median is 2, whatever the rounds' own speed.
    peer = turns.Result("torch eager", {}, [0.3, 0.4, 0.4], [0.5, 0.5, 0.5])
    head, _, first, second = tables.of_training("hwdb float32", [ours, peer]).splitlines()
    assert head == (
        "hwdb float32, batch 8: 4.0 GFLOP a step by direct convolution, 3.0 performed; "
        "peak 40 GFLOP/s, 25 per CPU second"
    )
    assert first.split() == [
        "lsgan_tf", "200.0", "100.0..400.0", "50%", "1.00", "0.200", "80%", "1.00"
    ]  # fmt: skip
    assert second.split()[2:] == ["400.0", "300.0..400.0", "25%", "2.00", "0.500", "32%", "2.50"]
    plain = tables.plain([ours, peer])
    assert plain[1]["ratio"] == pytest.approx(2.0) and plain[1]["cpu_ratio"] == pytest.approx(2.5)
    assert json.loads(json.dumps(plain)) == plain
    row = tables.of_scaling([ours]).splitlines()[1].split()
    assert row == ["lsgan_tf", "2", "200.0", "100.0..400.0", "1.00", "0.200", "1.00"]


def test_workers_know_each_other(tools):
    configs = [json.loads(each["TF_CONFIG"]) for each in tools[0].clusters(3)]
    assert [config["task"] for config in configs] == [
        {"type": "worker", "index": index} for index in range(3)
    ]
    assert len(set(configs[0]["cluster"]["worker"])) == 3
    assert all(config["cluster"] == configs[0]["cluster"] for config in configs)
