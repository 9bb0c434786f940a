"""Child processes of an experiment, with a program that takes milliseconds."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.common import results as gathering
from lsgan_tf.experiments.common import runner
from lsgan_tf.experiments.common.experiment import Arm, Conclusion, Experiment, Run
from lsgan_tf.experiments.common.output import claim, log_file, status_file
from lsgan_tf.experiments.common.runner import ProgressDisplay
from lsgan_tf.util.signals import Terminated, raising

pytestmark = pytest.mark.fast

WORDS = ("--dataset=mixture", "--steps=10")


def experiment(**options):
    return Experiment("small", "Small", "", lambda runs, out: Conclusion(""), **options)


def runs_of(out, seeds, words=WORDS):
    arm = Arm("arm", "the arm", words)
    return [Run(arm, seed, out / "runs" / f"arm-seed{seed}") for seed in range(seeds)]


@pytest.fixture
def program(monkeypatch, tmp_path):
    """Replaces the training command of the children by a script with the same arguments."""

    start = subprocess.Popen

    def use(source):
        script = tmp_path / "program.py"
        script.write_text(source)

        def popen(words, **options):
            assert words[:2] == [sys.executable, "-m"]
            return start([sys.executable, "-S", script, *words[2:]], **options)

        monkeypatch.setattr(runner.subprocess, "Popen", popen)

    return use


def test_runs_every_seed_and_remembers_it(program, tmp_path):
    program("import sys; print(*sys.argv[1:])")
    out = tmp_path / "out"
    runs = runs_of(out, 3)
    after = lambda run: [("sample", f"--run_dir={run.path}")]  # noqa: E731
    runner.run_all(experiment(after=after), runs, out, parallel=2)
    assert [run.status for run in runs] == ["finished"] * 3
    lines = log_file(out, "arm-seed2").read_text().splitlines()
    path = out / "runs" / "arm-seed2"
    assert lines == [
        f"lsgan_tf.main --dataset=mixture --steps=10 --seed=2 --run_dir={path}",
        f"lsgan_tf.sample --run_dir={path}",
    ]
    program("raise SystemExit(9)")
    again = runs_of(out, 3)
    runner.run_all(experiment(after=after), again, out, parallel=1)
    assert [run.status for run in again] == ["finished"] * 3


def test_a_failed_run_is_reported_and_retried_and_the_others_continue(program, tmp_path):
    program(
        "import sys\n"
        "if '--seed=1' in sys.argv: print('error: the data is gone', file=sys.stderr); sys.exit(2)"
    )
    out = tmp_path / "out"
    runs = runs_of(out, 3)
    runner.run_all(experiment(), runs, out, parallel=1)
    assert [run.status for run in runs] == ["finished", "failed", "finished"]
    assert runs[1].error == "main ended with status 2: error: the data is gone"
    found = json.loads(status_file(out, "arm-seed1").read_text())
    assert found["status"] == "failed"
    program("print('well')")
    runner.run_all(experiment(), runs, out, parallel=1)
    assert [run.status for run in runs] == ["finished"] * 3
    assert runs[1].error == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_lets_the_children_end_and_is_no_failure(program, tmp_path, number):
    program(
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n"
        "    print('checkpoint', flush=True)\n"
        "    sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    out = tmp_path / "out"
    runs = runs_of(out, 3)

    def interrupt():
        while not (log_file(out, "arm-seed0").is_file() and log_file(out, "arm-seed0").read_text()):
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    former = signal.signal(number, signal.SIG_DFL)  # these tests may run under nohup
    threading.Thread(target=interrupt).start()
    try:
        with pytest.raises(Terminated), raising():  # as in every command
            runner.run_all(experiment(), runs, out, parallel=1)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, former)
    assert log_file(out, "arm-seed0").read_text() == "ready\ncheckpoint\n"
    assert [run.status for run in runs] == ["waiting"] * 3
    assert not log_file(out, "arm-seed1").exists()


def test_several_at_once_share_the_cores(program, tmp_path, monkeypatch):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.setattr(runner, "cores", lambda: 8)
    program("import os; print(os.environ.get('TF_NUM_INTRAOP_THREADS'))")
    for parallel, expected in ((1, "None\n"), (4, "2\n")):
        out = tmp_path / str(parallel)
        runner.run_all(experiment(), runs_of(out, 1), out, parallel=parallel)
        assert log_file(out, "arm-seed0").read_text() == expected


def test_progress_over_all_runs(tmp_path):
    runs = runs_of(tmp_path, 4)
    display = ProgressDisplay(runs, io.StringIO())
    assert display.line() == "runs: 0 of 4 finished; step 0 of 40 (0%), ETA -"
    runs[0].status, runs[1].status, runs[3].status = "finished", "running", "failed"
    runs[1].path.mkdir(parents=True)
    (runs[1].path / "timing.jsonl").write_text('{"step": 2}\n{"step": 5}\n')
    line = display.line()
    assert line.startswith("runs: 1 of 4 finished, 1 running, 1 failed; step 15 of 30 (50%), ETA 0")
    (runs[1].path / "timing.jsonl").write_text('{"step": 2}\n{"st')
    assert "step 12 of 30" in display.line()  # the last complete line


class TestFolder:
    def test_more_seeds_later_but_no_other_flags(self, tmp_path):
        arms = [Arm("arm", "", WORDS)]
        claim(tmp_path / "out", experiment(), arms)
        claim(tmp_path / "out", experiment(), arms)
        with pytest.raises(UserError, match=r"other flags for arm \(.*--steps=10, not --steps=11"):
            claim(tmp_path / "out", experiment(), [Arm("arm", "", ("--steps=11",))])

    def test_presets_for_the_flag_files_of_before(self, tmp_path):
        claim(tmp_path, experiment(), [Arm("arm", "", ("--flagfile=flags/hwdb.flags", "--flip"))])
        claim(tmp_path, experiment(), [Arm("arm", "", ("--preset=hwdb", "--flip"))])
        with pytest.raises(UserError, match=r"\(--preset=hwdb --flip, not --preset=cats --flip\)"):
            claim(tmp_path, experiment(), [Arm("arm", "", ("--preset=cats", "--flip"))])

    def test_of_another_experiment(self, tmp_path):
        claim(tmp_path, experiment(), [])
        other = Experiment("other", "", "", lambda runs, out: Conclusion(""))
        with pytest.raises(UserError, match="contains the experiment small and this is other"):
            claim(tmp_path, other, [])

    def test_of_something_else(self, tmp_path):
        (tmp_path / "thesis.txt").write_text("mine")
        with pytest.raises(UserError, match=r"contains thesis\.txt but no experiment\.json"):
            claim(tmp_path, experiment(), [])
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_finished_run_that_cannot_be_measured_has_failed_and_is_tried_again(program, tmp_path):
    program("")
    out = tmp_path / "out"

    def measure(run):
        if run.seed == 1:
            raise UserError("samples.npz: damaged")
        return {"good": 1.0}

    runs = runs_of(out, 2)
    runner.run_all(experiment(), runs, out, parallel=1)
    gathering.measure_all(experiment(measure=measure), runs, out)
    assert [run.status for run in runs] == ["finished", "failed"]
    assert runs[0].metrics == {"good": 1.0} and runs[1].error == "samples.npz: damaged"
    again = runs_of(out, 2)
    for run in again:
        runner.read_status(run, out)
    assert again[1].status == "failed"
