"""Splitting a call of many steps does not change its results, bit for bit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from run_differences import differences

from lsgan_tf.distribute import multi_step
from lsgan_tf.distribute.multi_step import Pace
from lsgan_tf.gan import METRICS
from lsgan_tf.monitoring.window import Window

FLAGS = [
    "--dataset=mixture", "--batch_size=16", "--steps=90", "--log_every=30", "--watch_every=45",
    "--evaluate_every=0", "--sample_every=30", "--checkpoint_every=0", "--devices=cpu:1",
    "--deterministic", "--steps_per_call=1000000",
]  # fmt: skip
TRAIN = """
import sys
from lsgan_tf.util.tensorflow_setup import import_tensorflow
import_tensorflow()
from lsgan_tf import main
from lsgan_tf.distribute import multi_step as steps
from lsgan_tf.cli.app import run
steps._SECONDS, steps._GROWTH = {seconds}, {growth}
class First(steps.Pace):
    def __init__(self):
        super().__init__()
        self.steps = {first}
from lsgan_tf import training
training.Pace = First
run(main.main, usage="")
"""


def train(path, *more, seconds=1e9, growth=10**9, first=10**9):
    code = TRAIN.format(seconds=seconds, growth=growth, first=first)
    words = [sys.executable, "-c", code, *FLAGS, f"--run_dir={path}", *more]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return path


class TestPace:
    def test_begins_with_a_step_and_grows_to_a_second(self):
        pace, found = Pace(), []
        for _ in range(6):
            found.append(pace.steps)
            pace.note(pace.steps, pace.steps * 0.004 + (30.0 if len(found) == 1 else 0.0))
        assert found == [1, 1, 8, 64, 250, 250]

    def test_never_stops(self):
        pace = Pace()
        pace.note(1, 1e6)
        assert pace.steps == 1
        pace.note(4, 0.0)
        assert pace.steps == 4 * multi_step._GROWTH


def test_sums_are_those_of_the_whole_call():
    # Summing in parts changes the rounding, unless the running sum is carried over.
    values = np.random.default_rng(0).normal(size=(50, len(METRICS)))
    whole, cut, naive = (Window([1 / 3] * len(METRICS)) for _ in range(3))
    sums = np.zeros(len(METRICS))
    for row in values:
        sums = sums + row
    whole.add(sums, 50, 0, 0)
    part = np.zeros(len(METRICS))
    for number, row in enumerate(values):
        part = part + row
        cut.add(part, 1, 0, 0, ends=number == 49)
        again = Window()
        again.unpack(cut.pack())
        assert again == cut and np.array_equal(again.call, cut.call)
        naive.add(row, 1, 0, 0)
    assert cut == whole and cut.sums != naive.sums
    assert cut.count == 50


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run whose calls are not split."""
    return train(tmp_path_factory.mktemp("pieces") / "whole")


@pytest.mark.parametrize(
    ("seconds", "growth", "first"), [(0.0, 1, 1), (1e9, 2, 1), (1e9, 1, 7), (0.02, 8, 1)]
)
def test_a_run_is_the_same_however_its_calls_are_cut(tmp_path, whole, seconds, growth, first):
    other = train(tmp_path / "run", seconds=seconds, growth=growth, first=first)
    assert differences(whole, other) == []
    rows = [(p / "stats.jsonl").read_text() for p in (whole, other)]
    assert rows[0] == rows[1] and json.loads(rows[0].splitlines()[0])["step"] == 30


def test_a_run_stopped_by_a_signal_in_a_long_call_resumes_exactly(tmp_path):
    more = ("--steps=4000", "--log_every=4000", "--sample_every=0", "--watch_every=0")
    undisturbed, run = train(tmp_path / "undisturbed", *more), tmp_path / "run"
    words = [sys.executable, "-m", "lsgan_tf.main", *FLAGS, *more, f"--run_dir={run}"]
    stops = 0
    while True:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("under way"):
                process.send_signal(signal.SIGTERM)
                begun = time.monotonic()
        process.stdout.close()
        process.stderr.close()
        if process.wait(120) == 0:
            break
        assert process.returncode == 143, lines
        assert time.monotonic() - begun < 20.0
        stops += 1
        if stops == 3:
            done = subprocess.run(words, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            break
    assert stops
    assert differences(undisturbed, run) == []
