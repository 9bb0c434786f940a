"""Two workers on one machine: results equal to one worker's, loss of a worker, resumption."""

from __future__ import annotations

import json
import os
import signal
import socket
import time

import pytest
import spawning
from run_differences import tensors

STEPS = 20


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def runs(tmp_path_factory, write_characters):
    folder = tmp_path_factory.mktemp("workers")
    write_characters(folder / "data" / "tiny.gnt")

    class Runs:
        path = folder

        def words(self, name, *more):
            characters = [
                "--dataset=hwdb", "--conditional", f"--data_dir={folder / 'data'}",
                f"--cache_dir={folder / 'cache'}", "--image_size=8", "--z_dim=6",
                "--label_dim=4", "--first_filters=4", "--batch_size=8",
                "--learning_rate=1e-5",  # bounds the growth of rounding errors
            ]  # fmt: skip
            return [
                *([] if "--dataset=mixture" in more else characters),
                f"--steps={STEPS}", "--log_every=2", "--sample_every=10", "--checkpoint_every=4",
                "--steps_per_call=2", "--devices=cpu", f"--run_dir={folder / name}", *more,
            ]  # fmt: skip

        def alone(self, name, *more):
            process = spawning.start(self.words(name, *more), folder / f"{name}.txt")
            process.join()
            assert process.exitcode == 0, (folder / f"{name}.txt").read_text()

        def together(self, name, *more, indices=(0, 1), words=None):
            addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
            processes = []
            for index in indices:
                task = {
                    "cluster": {"worker": addresses},
                    "task": {"type": "worker", "index": index},
                }
                environment = {"TF_CONFIG": json.dumps(task)}
                own = (words or {}).get(index, more)
                processes.append(
                    spawning.start(
                        self.words(name, *own), folder / f"{name}-{index}.txt", environment
                    )
                )
            return processes

        def output(self, name, index):
            return (folder / f"{name}-{index}.txt").read_text(encoding="utf-8")

        def wait_for_step(self, name, step, processes):
            log = folder / name / "log.txt"
            while not log.is_file() or f"\nstep {step} of" not in log.read_text(encoding="utf-8"):
                assert all(process.exitcode is None for process in processes)
                time.sleep(0.01)

    return Runs()


def statuses(processes):
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


@pytest.fixture(scope="module")
def alone(runs):
    runs.alone("alone", "--noexport_at_end")
    return runs.path / "alone"


def assert_equal_up_to_rounding(run, other):
    rows, others = (
        [json.loads(line) for line in (path / "stats.jsonl").read_text().splitlines()]
        for path in (run, other)
    )
    assert [row["step"] for row in rows] == [row["step"] for row in others]
    for index, (mine, theirs) in enumerate(zip(rows, others, strict=True)):
        for name in ("d_loss", "g_loss", "score_real", "score_fake"):
            assert mine[name] == pytest.approx(theirs[name], abs=2e-3), (index, name)
        for name in ("d_gradient_norm", "g_gradient_norm"):
            assert mine[name] == pytest.approx(theirs[name], rel=1e-2), (index, name)
    assert tensors(run).keys() == tensors(other).keys()


def test_two_workers_equal_one_and_resume_after_a_loss(runs, alone):
    processes = runs.together("two")
    runs.wait_for_step("two", 6, processes)
    processes[1].kill()
    assert statuses(processes) == [4, -signal.SIGKILL]
    errors = [line for line in runs.output("two", 0).splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "another worker of this run was lost" in errors[0] and "start the same" in errors[0]
    assert runs.output("two", 1).count("step ") == 0  # only the chief logs
    assert statuses(runs.together("two")) == [0, 0]
    log = (runs.path / "two" / "log.txt").read_text(encoding="utf-8")
    assert "resumed at step 4 from" in log or "resumed at step 8 from" in log
    assert (runs.path / "two" / "export" / "saved_model.pb").is_file()
    assert_equal_up_to_rounding(runs.path / "two", alone)


def test_the_loss_of_the_chief_ends_the_others(runs):
    processes = runs.together("headless", "--steps=100000")
    runs.wait_for_step("headless", 2, processes)
    processes[0].kill()
    assert statuses(processes) == [-signal.SIGKILL, 4]
    assert "error: worker 1: another worker of this run was lost" in runs.output("headless", 1)


def test_a_signal_to_one_worker_stops_both_at_the_same_step(runs, alone):
    processes = runs.together("stopped")
    runs.wait_for_step("stopped", 2, processes)
    os.kill(processes[1].pid, signal.SIGTERM)
    assert statuses(processes) == [143, 143]
    log = (runs.path / "stopped" / "log.txt").read_text(encoding="utf-8").splitlines()
    assert log[-1].startswith("stopped by SIGTERM at step ")
    runs.alone("stopped", "--noexport_at_end")  # one process resumes the run of two
    assert_equal_up_to_rounding(runs.path / "stopped", alone)


def test_the_chief_measures_and_the_run_goes_on_as_without(runs):
    mixture = (
        "--dataset=mixture", "--z_dim=4", "--batch_size=16", "--learning_rate=1e-5",
        "--noexport_at_end",
    )  # fmt: skip
    measures = ("--evaluate_every=10", "--evaluate_samples=300", "--ema_decay=0.5")
    runs.alone("unmeasured", *mixture, "--ema_decay=0.5")
    assert statuses(runs.together("measured", *mixture, *measures)) == [0, 0]
    path = runs.path / "measured"
    rows = [json.loads(line) for line in (path / "evaluations.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [10, 20]
    assert all("modes_ema" in row["figures"] for row in rows)
    best = json.loads((path / "best" / "best.json").read_text(encoding="utf-8"))
    assert best["step"] in (10, 20)
    assert (path / "best" / "export" / "saved_model.pb").is_file()
    assert_equal_up_to_rounding(path, runs.path / "unmeasured")


def test_a_worker_that_never_comes_up(runs):
    (process,) = runs.together("lonely", "--worker_timeout=2", indices=[0])
    assert statuses([process]) == [2]
    (error,) = [line for line in runs.output("lonely", 0).splitlines() if "error" in line]
    assert "worker 1 (127.0.0.1:" in error and "did not connect within 2 seconds" in error
    assert not (runs.path / "lonely").exists()


def test_workers_with_other_flags_are_refused(runs):
    words = {0: [], 1: ["--learning_rate=0.001"]}
    processes = runs.together("unlike", words=words)
    assert statuses(processes)[1] == 2
    assert "its flags or data differ from the chief's" in runs.output("unlike", 1)


def test_more_devices_than_a_worker_has(runs):
    (process,) = runs.together("many", "--devices=cpu:2", indices=[0])
    assert statuses([process]) == [2]
    assert "each worker trains on one CPU device" in runs.output("many", 0)
