"""Splitting a call of many steps does not change its results, bit for bit."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest
import spawning
from run_differences import differences

from lsgan_tf.distribute import multi_step
from lsgan_tf.distribute.multi_step import Pace
from lsgan_tf.gan import METRICS
from lsgan_tf.monitoring.window import Window

FLAGS = [
    "--dataset=mixture", "--batch_size=16", "--steps=90", "--log_every=30", "--watch_every=45",
    "--evaluate_every=0", "--sample_every=30", "--checkpoint_every=0", "--devices=cpu:1",
    "--deterministic", "--steps_per_call=1000000", "--noexport_at_end",
]  # fmt: skip
LONG = ["--steps=4000", "--log_every=4000", "--sample_every=0", "--watch_every=0"]
WHOLE = (1e9, 10**9, 10**9)
CUTS = [(0.0, 1, 1), (1e9, 2, 1), (1e9, 1, 7), (0.02, 8, 1)]
"""Limits of a call: seconds, growth of its steps, and its first number of steps."""
# All runs in one process, because its start takes longer than a run.
TRAIN = """
import json, sys
from lsgan_tf.util.tensorflow_setup import import_tensorflow
import_tensorflow()
from absl import flags
from lsgan_tf import training
from lsgan_tf.cli import flags as flagging
from lsgan_tf.distribute import multi_step

for words, (seconds, growth, first) in json.loads(sys.argv[1]):
    multi_step._SECONDS, multi_step._GROWTH = seconds, growth

    class First(multi_step.Pace):
        def __init__(self):
            super().__init__()
            self.steps = first

    training.Pace = First
    values = flags.FlagValues()
    flagging.define_flags(values)
    values(["main", *words])
    config, origins = flagging.from_flags(["main", *words], values)
    assert training.train(config, origins) == 0
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs by the limits of their calls, and a long run."""
    folder = tmp_path_factory.mktemp("pieces")
    paths = {limits: folder / str(number) for number, limits in enumerate((WHOLE, *CUTS))}
    made = [([*FLAGS, f"--run_dir={path}"], limits) for limits, path in paths.items()]
    paths["long"] = folder / "long"
    made.append(([*FLAGS, *LONG, f"--run_dir={paths['long']}"], WHOLE))
    words = [sys.executable, "-c", TRAIN, json.dumps(made)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return paths


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


@pytest.mark.parametrize("limits", CUTS)
def test_a_run_is_the_same_however_its_calls_are_cut(runs, limits):
    whole, other = runs[WHOLE], runs[limits]
    assert differences(whole, other) == []
    rows = [(path / "stats.jsonl").read_text() for path in (whole, other)]
    assert rows[0] == rows[1] and json.loads(rows[0].splitlines()[0])["step"] == 30


def test_a_run_stopped_by_a_signal_in_a_long_call_resumes_exactly(runs, tmp_path):
    path, said = tmp_path / "run", tmp_path / "said.txt"
    words = [*FLAGS, *LONG, f"--run_dir={path}"]
    said.touch()
    stops = 0
    while stops < 3:
        process = spawning.start(words, said)
        count = said.read_text().count("under way")
        while process.exitcode is None and said.read_text().count("under way") == count:
            time.sleep(0.01)
        process.terminate()
        begun = time.monotonic()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == 143, said.read_text()
        assert time.monotonic() - begun < 20.0
        stops += 1
    assert stops
    process = spawning.start(words, said)
    process.join()
    assert process.exitcode == 0, said.read_text()
    assert differences(runs["long"], path) == []
