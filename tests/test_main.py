"""The commands as a user meets them: what a run leaves behind, and every mistake in one line."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.config import resolve
from lsgan_tf.data import open_source
from lsgan_tf.errors import UserError
from lsgan_tf.run_dir.folder import load_config

NUMBER = r"[+-]?\d+\.\d+"
PROGRESS = re.compile(
    rf"step \d+ of 12 \(\d+\.\d%\)  (\d+|-) images/s  ETA (\d\d:\d\d:\d\d|-)  "
    rf"D {NUMBER}  G {NUMBER}  D\(real\) {NUMBER}  D\(fake\) {NUMBER}"
)


def train(given, run_dir):
    from lsgan_tf.training import train

    return train(*resolve(given, {}), run_dir)


class TestRun:
    def test_ends_well(self, tiny_run):
        assert tiny_run.done.returncode == 0, tiny_run.done.stderr
        errors = tiny_run.done.stderr.splitlines()
        assert all(line.startswith("preparing the characters: ") for line in errors)

    def test_says_what_it_does(self, tiny_run):
        lines = tiny_run.done.stdout.splitlines()
        # Only what differs from the defaults, and the dataset.
        shown = {line.split()[0]: line.split()[1:] for line in lines if line.startswith("  ")}
        assert shown["dataset"] == ["hwdb", "command", "line"]
        assert shown["batch_size"] == ["4", "command", "line"]
        assert "beta1" not in shown and "run_dir" not in shown
        assert any(line.startswith("training from step 0 in ") for line in lines)
        assert any("left out 8 images of 1 symbol or character outside" in line for line in lines)
        assert sum(line.startswith("machine: ") for line in lines) == 1
        assert [line for line in lines if line.startswith("step ")] == [
            line for line in lines if PROGRESS.fullmatch(line)
        ]
        assert sum(line.startswith("step ") for line in lines) == 2

    def test_ends_with_commands_that_are_not_logged(self, tiny_run):
        log, commands = tiny_run.done.stdout.split("next:\n")
        assert log.splitlines()[-1].startswith("finished 12 steps in ")
        assert (tiny_run.path / "log.txt").read_text(encoding="utf-8") == log
        assert f"python -m lsgan_tf.report {tiny_run.path}\n" in commands
        assert f"--run_dir={tiny_run.path} --text=啊阿埃安 --out=line.png\n" in commands

    def test_leaves_a_whole_folder(self, tiny_run):
        names = {path.name for path in tiny_run.path.iterdir()}
        assert {
            "config.json", "classes.json", "log.txt", "stats.jsonl", "timing.jsonl", "tensorboard",
            "samples", "reals.png", "checkpoints", "export",
        } <= names  # fmt: skip
        assert not [name for name in names if name.startswith(".")]
        samples = sorted(path.name for path in (tiny_run.path / "samples").iterdir())
        assert samples == [
            f"step-{step:08d}{kind}.png" for step in (0, 6, 12) for kind in ("-raw", "")
        ]
        kept = sorted(path.name for path in (tiny_run.path / "checkpoints").iterdir())
        assert kept == ["step-00000010", "step-00000012"]
        assert (tiny_run.path / "export" / "saved_model.pb").is_file()
        assert list((tiny_run.path / "tensorboard").glob("events.out.tfevents.*"))

    def test_config_contains_the_metadata_of_the_data(self, tiny_run):
        config = load_config(tiny_run.path)
        assert (config.data_shape, config.data_classes, config.data_length) == ((8, 8, 1), 5, 40)
        assert not config.data_standin
        assert str(tiny_run.data) in config.data_description
        assert (config.z_dim, config.steps, config.conditional) == (6, 12, True)

    def test_classes_are_in_the_order_of_gb2312(self, tiny_run):
        classes = json.loads((tiny_run.path / "classes.json").read_text(encoding="utf-8"))
        assert classes == list("啊阿埃安宁")

    def test_statistics(self, tiny_run):
        lines = (tiny_run.path / "stats.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        assert [row["step"] for row in rows] == [5, 10]
        for row in rows:
            assert set(row) == {
                "step", "d_loss", "g_loss", "score_real", "score_fake", "d_gradient_norm",
                "g_gradient_norm",
            }  # fmt: skip
            assert all(np.isfinite(value) for value in row.values())

    def test_images_are_in_their_range(self, tiny_run):
        source = open_source(load_config(tiny_run.path))
        reals = np.asarray(Image.open(tiny_run.path / "reals.png").convert("L"))
        first = source.read(np.flatnonzero(source.labels(np.arange(40)) == 0)[:1])[0, ..., 0]
        # A row of 12 cells of 8 pixels at twice their size, each after a gap of 2.
        left = reals.shape[1] - 12 * 18
        cell = reals[22 : 22 + 16, left : left + 16]
        np.testing.assert_array_equal(cell, first.repeat(2, 0).repeat(2, 1))
        samples = np.asarray(
            Image.open(tiny_run.path / "samples" / "step-00000000.png").convert("L")
        )
        assert samples.shape == reals.shape
        # A sigmoid that has learnt nothing is grey, in the middle of its range.
        made = samples[22 : 22 + 16, left : left + 16]
        assert 90 < made.mean() < 165

    def test_the_same_again_is_finished(self, tiny_run, capsys):
        before = (tiny_run.path / "stats.jsonl").read_bytes()
        config = load_config(tiny_run.path)
        from lsgan_tf.training import train

        assert train(config, {}, tiny_run.path) == 0
        assert "this run is finished: 12 of 12 steps done" in capsys.readouterr().out
        assert (tiny_run.path / "stats.jsonl").read_bytes() == before

    def test_other_settings_are_refused_and_named(self, tiny_run):
        config = dataclasses.replace(load_config(tiny_run.path), batch_size=2, seed=5)
        from lsgan_tf.training import train

        with pytest.raises(UserError, match=r"batch_size: 4 -> 2; seed: 0 -> 5.*--run_dir"):
            train(config, {}, tiny_run.path)


def test_dry_run_prints_everything_and_leaves_nothing(tiny_run, command, tmp_path):
    done = command("main", *tiny_run.flags, "--dry_run", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
    text = done.stdout
    assert "  image_size                8                             command line" in text
    assert "  learning_rate             0.0002                        default for hwdb" in text
    # G: labels 5 x 4 + 4; (6 + 4) x 512 + 512 dense; 5x5 128 -> 128 and 128 -> 1 with biases; and
    # gamma and beta of two normalisations, over 512 features and 128 channels.
    total = 24 + 5632 + (25 * 128 * 128 + 128) + (25 * 128 + 1) + 2 * 512 + 2 * 128
    assert re.search(rf"^total +{total:,}$", text, re.MULTILINE)
    assert len(re.findall(r"^total +[\d,]+$", text, re.MULTILINE)) == 2
    assert "40 examples of shape (8, 8, 1)" in text
    assert "5 classes: 啊 阿 埃 安 宁" in text


def one_line(done, *parts):
    """A mistake: one line on standard error that says so, nothing else."""
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    for part in parts:
        assert str(part) in done.stderr


class TestMistakesInFlags:
    """Found before TensorFlow is imported."""

    @pytest.mark.parametrize(
        ("words", "parts"),
        [
            (["--batch_size=0"], ["--batch_size=0", "1 to 65,536"]),
            (["--z_dim=99999999"], ["--z_dim=99999999", "1 to 65,536"]),
            (["--learning_rate=nan"], ["--learning_rate=nan"]),
            (["--label_real=0"], ["--label_fake", "--label_real"]),
            (
                ["--dataset=cifar10", "--label_fake=0"],
                ["--label_fake=0 and --label_target=0 (default for cifar10): ", "--label_real=1"],
            ),
            (["--dataset=mixture", "--conditional"], ["--conditional"]),
            (["--data_dir="], ["--data_dir="]),
            (["--dataset=mnist"], ["--dataset=mnist", "hwdb|cifar10"]),
            (["--steps=many"], ["--steps=many"]),
            (["--stepz=3"], ["stepz", "Did you mean: steps"]),
            (["hwdb"], ["hwdb", "--name=value"]),
            (["--flagfile=none.flags"], ["none.flags"]),
        ],
    )
    def test_of_main(self, command, tmp_path, words, parts):
        one_line(command("main", *words, cwd=tmp_path), *parts)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("words", "parts"),
        [
            (["--nopretrained", "--text=安", "--out=o.png"], ["--run_dir", "--saved_model"]),
            (["--pretrained", "--run_dir=r", "--text=安", "--out=o.png"], ["--run_dir"]),
            (["--run_dir=r", "--saved_model=s", "--text=安", "--out=o"], ["--run_dir"]),
            (["--run_dir=r", "--text=安"], ["--out"]),
            (["--run_dir=r", "--out=o.png"], ["--text", "--count"]),
            (["--run_dir=r", "--out=o.png", "--text= "], ["--text", "--count"]),
            (
                ["--run_dir=r", "--out=o.jpg", "--text=安"],
                ["--out=o.jpg", ".gnt, .npz or .tfrecord"],
            ),
            (["--run_dir=r", "--out=o.npz", "--count=0"], ["--count=0"]),
            (["--run_dir=r", "--out=o.npz", "--count=1", "--format=jpg"], ["--format=jpg"]),
            (["--run_dir=r", "--out=o.npz", "--count=1", "--seed=-1"], ["--seed=-1"]),
            (["--run_dir=r", "--out=o.png", "--text=安", "宁"], ["宁", "--name=value"]),
            # What has no effect.
            *(
                (
                    ["--run_dir=r", "--text=安", "--count=2", "--out=o.png", flag],
                    [flag.partition("=")[0], "only for an image of --text without --count"],
                )
                for flag in ("--wrap=3", "--writers=one", "--scale=3")
            ),
            (["--text=安", "--format=npz", "--out=o.npz", "--wrap=3"], ["--wrap: only for"]),
            (["--show=sweep", "--out=o.png", "--text=安", "--wrap=3"], ["--wrap: only for"]),
            (["--text=安", "--out=o.png", "--rows=3"], ["--rows: only for --show; give that, or"]),
            (["--count=2", "--out=o.png", "--frames=3"], ["--frames: only for --show; give that"]),
            (
                ["--show=interpolation", "--out=o.png", "--dimension=1"],
                ["--dimension: only for --show=sweep; give that, or omit it"],
            ),
            (["--text=安", "--out=o.png", "--data_dir=d"], ["--data_dir: only for --show=neighb"]),
            (
                ["--show=sweep", "--out=o.png", "--cache_dir=d"],
                ["--cache_dir: only for --show=nei"],
            ),
            (
                ["--show=sweep", "--out=o.png", "--text=安", "--rows=2"],
                ["--rows: a sweep has a row for each of --text; omit one of them"],
            ),
        ],
    )
    def test_of_sample(self, command, tmp_path, words, parts):
        one_line(command("sample", *words, cwd=tmp_path), *parts)
        assert list(tmp_path.iterdir()) == []

    def test_of_export(self, command, tmp_path):
        one_line(command("export", cwd=tmp_path), "--run_dir")
        one_line(command("export", "--run_dir=r", "--step=-1"), "--step=-1")
        for flag, other in (("quantize=float16", "tflite"), ("serving_name=x", "serving=FOLDER")):
            done = command("export", "--run_dir=r", f"--{flag}", cwd=tmp_path)
            one_line(done, f"--{flag.partition('=')[0]}: ", f"--{other}", "give ")
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.txt").write_text("all of it")
        done = command("export", "--run_dir=r", "--out=mine", cwd=tmp_path)
        one_line(done, "--out=mine", "not a SavedModel")
        assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"


def record(character="安", size=None, width=4, height=3, tag=None, pixels=None):
    """A record of a `.gnt`, with fields that may lie."""
    pixels = bytes(width * height) if pixels is None else pixels
    size = 10 + width * height if size is None else size
    fields = [size.to_bytes(4, "little"), tag or character.encode("gbk")]
    fields += [width.to_bytes(2, "little"), height.to_bytes(2, "little")]
    return b"".join(fields) + pixels


SOUND = record()
BAD_FILES = {
    "empty": (b"", "not a GNT file: it is empty"),
    "no GNT at all": (b"PK\3\4 this is something else" * 40, "not a GNT file"),
    "truncated": (SOUND * 3 + SOUND[:-5], "byte 66: truncated"),
    "a size that is not 10 + W*H": (SOUND * 3 + record(size=23) + SOUND, "byte 66: record size 23"),
    "no width": (SOUND * 3 + record(width=0) + SOUND, "byte 66: width 0 and height 3"),
    "no GBK": (SOUND * 3 + record(tag=b"\xff\xff") + SOUND, "byte 66: tag ffff is not GBK"),
    "no class left": (record("齄") * 3, "no class is left"),
}


class TestMistakesInData:
    @pytest.fixture
    def settings(self, tmp_path):
        return {
            "dataset": "hwdb",
            "conditional": True,
            "cache_dir": str(tmp_path / "cache"),
            "image_size": 8,
            "steps": 1,
            "devices": "cpu",
        }

    def refused(self, settings, tmp_path, data_dir, *parts):
        """Starts a run that must fail in one line and leave nothing behind."""
        with pytest.raises(UserError) as caught:
            train(settings | {"data_dir": str(data_dir)}, tmp_path / "run")
        message = str(caught.value)
        assert "\n" not in message
        for part in parts:
            assert str(part) in message
        assert not (tmp_path / "run").exists()
        half = [path for path in (tmp_path / "cache").rglob("*") if path.name.startswith(".")]
        assert half == []

    @pytest.mark.parametrize("name", BAD_FILES)
    def test_a_bad_file_is_named_with_what_is_wrong(self, settings, tmp_path, name):
        content, reason = BAD_FILES[name]
        data = tmp_path / "data"
        data.mkdir()
        (data / "bad.gnt").write_bytes(content)
        where = data if name == "no class left" else "bad.gnt"
        self.refused(settings, tmp_path, data, where, reason)

    def test_no_such_folder(self, settings, tmp_path):
        self.refused(settings, tmp_path, tmp_path / "nowhere", tmp_path / "nowhere")

    def test_a_folder_without_gnt(self, settings, tmp_path):
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "notes.txt").write_text("none")
        self.refused(settings, tmp_path, tmp_path / "data", tmp_path / "data", ".gnt")

    def test_labels_that_are_not_there(self, settings, tmp_path):
        data = tmp_path / "pictures"
        data.mkdir()
        for number in range(3):
            Image.new("RGB", (9, 9), (number, 0, 0)).save(data / f"{number}.png")
        self.refused(settings | {"dataset": "images"}, tmp_path, data, "--conditional")

    def test_through_the_command_it_is_one_line_and_status_2(self, command, tmp_path):
        (tmp_path / "bad.gnt").write_bytes(BAD_FILES["truncated"][0])
        done = command(
            "main", f"--data_dir={tmp_path / 'bad.gnt'}", "--cache_dir=cache", "--run_dir=run",
            "--image_size=8", cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 2
        errors = done.stderr.splitlines()
        assert errors[-1].startswith("error: ") and "bad.gnt at byte 66: truncated" in errors[-1]
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "run").exists()

    def test_damage_that_is_allowed_is_reported(self, settings, tmp_path):
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "a.gnt").write_bytes(BAD_FILES["no width"][0])
        config = resolve(settings | {"data_dir": str(tmp_path / "data"), "max_bad_records": 1}, {})[
            0
        ]
        source = open_source(config)
        assert len(source) == 4
        assert any("skipped 1 damaged" in line and "byte 66" in line for line in source.warnings)


class TestMistakesInFolders:
    def test_a_run_folder_below_a_file(self, tiny_run, tmp_path):
        (tmp_path / "file").write_text("mine")
        config = load_config(tiny_run.path)
        from lsgan_tf.training import train

        with pytest.raises(UserError, match=r"file/run: .* the run folder: there is a file"):
            train(config, {}, tmp_path / "file" / "run")
        assert (tmp_path / "file").read_text() == "mine"

    def test_a_folder_of_something_else(self, tiny_run, tmp_path):
        (tmp_path / "thesis.txt").write_text("mine")
        config = load_config(tiny_run.path)
        from lsgan_tf.training import train

        with pytest.raises(UserError, match=r"contains thesis\.txt but no config\.json"):
            train(config, {}, tmp_path)
        assert {path.name for path in tmp_path.iterdir()} <= {"thesis.txt", "lock"}

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99, "dataset": "hwdb"}'])
    def test_a_damaged_config(self, tmp_path, content):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(UserError, match=r"config\.json: "):
            load_config(tmp_path)

    def test_a_folder_that_is_no_run(self, tmp_path):
        with pytest.raises(UserError, match=r"no config\.json in it; expected the folder of a run"):
            load_config(tmp_path / "nowhere")


def test_help_and_docs_list_every_exit_status():
    from lsgan_tf import errors, main

    kinds = (errors.UserError, *errors.UserError.__subclasses__())
    statuses = {0, 130, 143, errors.EXIT_COLLAPSED, errors.EXIT_PIPE_CLOSED}
    statuses |= {kind.status for kind in kinds}
    assert {2, 3, 4, 5} < statuses
    page = (Path(main.__file__).parents[1] / "docs" / "runs.md").read_text(encoding="utf-8")
    in_help = main.__doc__.split("Exit status:")[1].split("\n\n")[0]
    in_docs = page.split("## Exit status\n")[1].split("\n## ")[0]
    for listed in (in_help, in_docs):
        assert statuses <= set(map(int, re.findall(r"\b\d+\b", listed)))
