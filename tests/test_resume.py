"""Killed anywhere and started again, a run ends as if nothing had happened.

All runs here are forked from one process that has imported TensorFlow.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import time

import pytest
import spawning
from run_differences import differences, events, tensors

STEPS = 60


@pytest.fixture(scope="session")
def runs(tmp_path_factory, write_characters):
    """Starts runs by name on the same tiny data: deterministic, on one CPU device."""
    folder = tmp_path_factory.mktemp("resume")
    write_characters(folder / "data" / "tiny.gnt")

    class Runs:
        path = folder

        def start(self, name, *more):
            words = [
                "--dataset=hwdb", "--conditional", f"--data_dir={folder / 'data'}",
                f"--cache_dir={folder / 'cache'}", "--image_size=8", "--z_dim=6",
                "--label_dim=4", "--first_filters=4", "--batch_size=4", f"--steps={STEPS}",
                "--log_every=4", "--sample_every=15", "--checkpoint_every=6", "--steps_per_call=3",
                "--devices=cpu:1", "--deterministic", "--noexport_at_end",
                f"--run_dir={folder / name}", *more,
            ]  # fmt: skip
            if "--standin_samples=0" in more:
                words = [word for word in words if not word.startswith("--data_dir")]
            return spawning.start(words, folder / f"{name}.txt")

        def finish(self, name, *more, status=0):
            process = self.start(name, *more)
            process.join()
            assert process.exitcode == status, self.output(name)

        def output(self, name):
            return (folder / f"{name}.txt").read_text(encoding="utf-8")

        def step(self, name):
            """The last step that the log tells of."""
            with contextlib.suppress(OSError):
                lines = (folder / name / "log.txt").read_text(encoding="utf-8").splitlines()
                steps = [int(line.split()[1]) for line in lines if line.startswith("step ")]
                return steps[-1] if steps else 0
            return 0

        def wait(self, process, reached):
            """Waits until something has happened, or the process has ended."""
            while process.exitcode is None and not reached():
                time.sleep(0.001)
            assert process.exitcode is None, "the run ended before it could be killed"

    return Runs()


@pytest.fixture(scope="session")
def undisturbed(runs):
    runs.finish("undisturbed", "--export_at_end")
    return runs.path / "undisturbed"


def kill(process, number=signal.SIGKILL):
    process.kill() if number == signal.SIGKILL else process.terminate()
    process.join()


def test_six_kills_change_nothing(runs, undisturbed):
    dice = random.Random(0)
    folder = runs.path / "killed" / "checkpoints"
    inside = 0
    for number in range(6):
        process = runs.start("killed")
        if number % 3 == 2:
            runs.wait(process, lambda: list(folder.glob(".step-*.tmp")))
            time.sleep(dice.uniform(0, 0.01))
            inside += bool(list(folder.glob(".step-*.tmp")))
        else:
            before = runs.step("killed")
            goal = before + dice.randrange(0, 9, 4)
            runs.wait(process, lambda goal=goal: runs.step("killed") >= goal)
            time.sleep(dice.uniform(0, 0.2))
        kill(process)
        assert process.exitcode == -signal.SIGKILL
    runs.finish("killed")
    assert inside, "no kill hit a checkpoint being written"
    assert differences(undisturbed, runs.path / "killed") == []
    assert not list(folder.glob(".*"))
    assert "resumed at step " in (runs.path / "killed" / "log.txt").read_text(encoding="utf-8")


def test_the_comparison_sees_what_differs(runs, undisturbed, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(undisturbed, other)
    assert differences(undisturbed, other) == []
    (other / "stats.jsonl").write_text("")
    (other / "samples" / "step-00000015.png").unlink()
    newest = sorted((other / "checkpoints").iterdir())[-1]
    shutil.rmtree(newest)
    found = differences(undisturbed, other)
    assert "stats.jsonl" in found and "samples/step-00000015.png" in found
    assert any(row.startswith("checkpoint: generator/") for row in found)
    assert any("d_optimizer" in name for name in tensors(undisturbed))
    per_log = 6 + 2  # curves and histograms
    images = 1 + 2 * (STEPS // 15 + 1)  # real examples once, and samples of both weights
    assert len(events(undisturbed / "tensorboard")) == per_log * (STEPS // 4) + images


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_writes_a_checkpoint_and_leaves(runs, undisturbed, number, status):
    name = f"stopped-{number.name}"
    process = runs.start(name, "--export_at_end")
    runs.wait(process, lambda: runs.step(name) >= 8)
    os.kill(process.pid, number)
    process.join()
    assert process.exitcode == status
    log = (runs.path / name / "log.txt").read_text(encoding="utf-8").splitlines()
    assert log[-1].startswith(f"stopped by {number.name} at step ")
    stopped = int(log[-1].split()[5].strip(","))
    assert (runs.path / name / "checkpoints" / f"step-{stopped:08d}").is_dir()
    assert (runs.path / name / "export").is_dir() == (number == signal.SIGINT)
    runs.finish(name)
    assert differences(undisturbed, runs.path / name) == []


def test_a_standin_that_is_drawn_anew_goes_on_where_it_was(runs):
    words = (
        "--standin_samples=0", "--characters=安啊宁", "--steps=24", "--evaluate_every=20",
        "--metrics=diversity", "--evaluate_samples=30", "--augment=0.2", "--rate_decay=0.5",
    )  # fmt: skip
    runs.finish("fresh", *words)
    log = (runs.path / "fresh" / "log.txt").read_text(encoding="utf-8")
    assert "STAND-IN DATA" in log and "diversity" in log
    config = json.loads((runs.path / "fresh" / "config.json").read_text(encoding="utf-8"))
    assert (config["data_standin"], config["data_length"]) == (True, 180)
    assert "new images in every epoch" in config["data_description"]
    classes = json.loads((runs.path / "fresh" / "classes.json").read_text(encoding="utf-8"))
    assert classes == ["安", "啊", "宁"]
    for reached in (5, 14):
        process = runs.start("fresh-killed", *words)
        runs.wait(process, lambda reached=reached: runs.step("fresh-killed") >= reached)
        kill(process)
    runs.finish("fresh-killed", *words)
    assert differences(runs.path / "fresh", runs.path / "fresh-killed") == []
    again = (runs.path / "fresh-killed" / "log.txt").read_text(encoding="utf-8")
    assert "resumed at step 12 from" in again
    other = tuple(word.replace("安啊宁", "啊安宁") for word in words)
    runs.finish("fresh", *other, "--steps=30", status=2)
    error = runs.output("fresh").splitlines()[-1]
    assert error.startswith("error: ") and "started with other settings (characters: " in error


def test_a_damaged_checkpoint_is_passed_over(runs, undisturbed):
    shutil.copytree(undisturbed, runs.path / "damaged")
    newest = sorted((runs.path / "damaged" / "checkpoints").iterdir())[-1]
    data = newest / "state.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    runs.finish("damaged")
    log = (runs.path / "damaged" / "log.txt").read_text(encoding="utf-8")
    assert "is truncated or missing); falling back to the checkpoint before it" in log
    assert "resumed at step 54 from step-00000054" in log
    assert differences(undisturbed, runs.path / "damaged") == []


def test_a_finished_run_says_so_and_changes_nothing(runs, undisturbed):
    shutil.copytree(undisturbed, runs.path / "again")
    # As a kill while exporting leaves it.
    os.rename(runs.path / "again" / "export", runs.path / "again" / ".export.abcdefgh.tmp")
    runs.finish("again", "--export_at_end")
    log = (runs.path / "again" / "log.txt").read_text(encoding="utf-8")
    assert "finished 60 steps" in log  # of the first time: nothing was taken back
    assert "this run is finished: 60 of 60 steps done" in log
    assert (runs.path / "again" / "export" / "saved_model.pb").is_file()
    assert not list((runs.path / "again").glob(".*"))
    assert differences(undisturbed, runs.path / "again") == []


def test_changed_flags_are_refused_and_nothing_is_lost(runs, undisturbed):
    shutil.copytree(undisturbed, runs.path / "changed")
    runs.finish("changed", "--learning_rate=0.5", status=2)
    (line,) = runs.output("changed").splitlines()
    assert line.startswith("error: ") and "learning_rate: 0.0002 -> 0.5" in line
    assert differences(undisturbed, runs.path / "changed") == []


def test_two_replicas_go_on_with_what_one_began_and_back(runs, undisturbed):
    name = "replicas"
    runs.finish(name, "--steps=12")
    runs.finish(name, "--steps=18", "--devices=cpu:2")
    log = (runs.path / name / "log.txt").read_text(encoding="utf-8")
    assert "resumed at step 12 from step-00000012" in log
    runs.finish(name, "--steps=24")
    mine = (runs.path / name / "stats.jsonl").read_text().splitlines()
    theirs = (undisturbed / "stats.jsonl").read_text().splitlines()
    assert mine[:3] == theirs[:3] and len(mine) == 6


def test_a_run_that_diverges_keeps_its_last_good_checkpoint(runs):
    # A discriminator that nothing holds back grows by four powers of its weights a step.
    flags = (
        "--learning_rate=3", "--generator_learning_rate=1e-6", "--nodiscriminator_batch_norm",
        "--checkpoint_every=1", "--steps_per_call=1", "--log_every=1",
    )  # fmt: skip
    runs.finish("diverged", *flags, status=3)
    error = runs.output("diverged").splitlines()[-1]
    assert error.startswith("error: step ") and "not finite: " in error
    assert "is the last good checkpoint" in error and "--init_from" in error
    step = int(error.split()[2].strip(":"))
    kept = sorted(p.name for p in (runs.path / "diverged" / "checkpoints").iterdir())
    assert kept[-1] == f"step-{step - 1:08d}"
    log = (runs.path / "diverged" / "log.txt").read_text(encoding="utf-8").splitlines()
    assert log[-1].startswith(f"diverged: step {step}: ")
    stats = (runs.path / "diverged" / "stats.jsonl").read_text()
    assert "NaN" not in stats and len(stats.splitlines()) == step - 1
    runs.finish("diverged", *flags, status=3)
    assert runs.output("diverged").splitlines()[-1] == error


def test_a_new_run_from_anothers_weights(runs, undisturbed):
    runs.finish("heir", f"--init_from={undisturbed}", "--steps=4", "--learning_rate=0.001")
    log = (runs.path / "heir" / "log.txt").read_text(encoding="utf-8")
    assert f"a new run from the weights of {undisturbed} at step 60 (--init_from)" in log
    assert "training from step 0" in log
    first = (runs.path / "heir" / "samples" / "step-00000000.png").read_bytes()
    assert first != (undisturbed / "samples" / "step-00000000.png").read_bytes()


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--z_dim=7"], "this checkpoint is of another network"),
        (["--init_from={path}/data"], "no config.json in it"),
        (["--max_classes=2"], "its classes differ"),
    ],
)
def test_weights_that_do_not_fit_are_refused(runs, undisturbed, flags, reason):
    name = f"heir-{flags[0][2:7]}"
    flags = [f"--init_from={undisturbed}", *(flag.format(path=runs.path) for flag in flags)]
    runs.finish(name, *flags, status=2)
    error = runs.output(name).splitlines()[-1]
    assert error.startswith("error: ") and reason in error


def test_the_moving_average_goes_on_too(runs):
    shared = ("--sample_every=6", "--watch_every=5")
    words = ("--ema_decay=0.9", *shared)
    runs.finish("average", *words, "--steps=15")
    runs.finish("average-again", *words, "--steps=8")
    runs.finish("average-again", *words, "--steps=15")
    assert differences(runs.path / "average", runs.path / "average-again") == []
    names = tensors(runs.path / "average")
    assert any(name.startswith("average/") for name in names)
    samples = runs.path / "average" / "samples"
    average, raw = samples / "step-00000012.png", samples / "step-00000012-raw.png"
    assert raw.read_bytes() != average.read_bytes()
    # It changes nothing of the training.
    runs.finish("no-average", "--ema_decay=0", *shared, "--steps=15")
    for name in ("stats.jsonl", "watch.jsonl"):
        mine, plain = (runs.path / run / name for run in ("average", "no-average"))
        assert mine.read_bytes() == plain.read_bytes()
    mine, plain = tensors(runs.path / "average"), tensors(runs.path / "no-average")
    assert plain.keys() < mine.keys()
    assert [name for name in plain if plain[name].tobytes() != mine[name].tobytes()] == []
    assert not list((runs.path / "no-average" / "samples").glob("*-raw.png"))
    runs.finish(
        "average-heir", f"--init_from={runs.path / 'average'}", "--ema_decay=0.5", "--steps=2"
    )
    runs.finish("average-heir-raw", f"--init_from={runs.path / 'average'}", "--steps=2")


def test_a_run_that_an_older_version_began_keeps_its_defaults(runs):
    runs.finish("older", "--ema_decay=0", "--steps=6")
    runs.finish("older", "--steps=12")
    config = json.loads((runs.path / "older" / "config.json").read_text())
    assert (config["ema_decay"], config["steps"]) == (0, 12)
    assert not any("average" in name for name in tensors(runs.path / "older"))
    assert "resumed at step 6" in (runs.path / "older" / "log.txt").read_text()
    runs.finish("older", "--ema_decay=0.999", status=2)
    assert "(ema_decay: 0.0 -> 0.999)" in runs.output("older").splitlines()[-1]


def test_the_gradient_penalty_goes_on_too(runs):
    words = ("--gradient_penalty=2.34", "--penalty_scale=0.5", "--discriminator_layer_norm")
    runs.finish("penalty", *words, "--steps=15")
    runs.finish("penalty-again", *words, "--steps=8")
    runs.finish("penalty-again", *words, "--steps=15")
    assert differences(runs.path / "penalty", runs.path / "penalty-again") == []
    stats = (runs.path / "penalty" / "stats.jsonl").read_text()
    rows = [json.loads(line) for line in stats.splitlines()]
    assert all(row["gradient_penalty"] > 0 for row in rows) and len(rows) == 3
    log = (runs.path / "penalty" / "log.txt").read_text(encoding="utf-8")
    assert f"  penalty {rows[0]['gradient_penalty']:.4f}" in log
    curves = {tag for _, tag, _ in events(runs.path / "penalty" / "tensorboard")}
    assert "loss/gradient penalty" in curves
