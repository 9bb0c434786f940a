"""The run folder: lock, refusals, and logs that are rolled back to a checkpoint."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lsgan_tf.config import resolve
from lsgan_tf.errors import UserError
from lsgan_tf.run_dir.folder import RunFolder, load_classes, load_config, new_run_dir, tidied

pytestmark = pytest.mark.fast

CONFIG = dataclasses.replace(resolve({}, {})[0], data_shape=(28, 28, 1), data_fingerprint="aa")


def changed(**values):
    return dataclasses.replace(CONFIG, **values)


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "run", CONFIG, ["甲", "乙"])
    yield folder
    folder.close()


class TestOpening:
    def test_writes_what_the_run_is(self, run):
        assert not run.resumed
        assert load_config(run.path) == CONFIG
        assert load_classes(run.path) == ["甲", "乙"]

    @pytest.mark.parametrize(
        ("classes", "reason"),
        [
            (["a", 7], r"damaged, or of another program \(\[1\]: expected text, found 7\)"),
            (["a", None], r"damaged, or of another program \(\[1\]: expected text, found null\)"),
            ({"a": 0}, r"damaged, or of another program \(expected a list, found dict\)"),
            (
                ["a", "b", "a"],
                "damaged: empty, repeated or invalid class names; restore the original file",
            ),
            (
                ["a", "\ud800"],
                "damaged: empty, repeated or invalid class names; restore the original file",
            ),
            (
                ["a", ""],
                "damaged: empty, repeated or invalid class names; restore the original file",
            ),
        ],
    )
    def test_altered_classes(self, run, classes, reason):
        path = run.path / "classes.json"
        path.write_text(json.dumps(classes))
        with pytest.raises(UserError, match=rf"^{re.escape(str(path))}: {reason}$"):
            load_classes(run.path)

    def test_what_cannot_change_the_result_may_change(self, run):
        run.close()
        free = changed(steps=7, log_every=3, devices="cpu:2", data_dir="/moved", keep_checkpoints=1)
        again = RunFolder(run.path, free)
        again.close()
        assert again.resumed and load_config(run.path).steps == 7

    def test_other_settings_are_refused_with_the_difference(self, run):
        run.close()
        with pytest.raises(UserError) as caught:
            RunFolder(run.path, changed(learning_rate=0.5, loss="nsgan"))
        assert 'loss: "lsgan" -> "nsgan"; learning_rate: 0.0002 -> 0.5' in str(caught.value)
        assert load_config(run.path) == CONFIG
        RunFolder(run.path, CONFIG).close()  # and the folder is free again

    def test_other_data_is_refused(self, run):
        run.close()
        with pytest.raises(UserError, match='data_fingerprint: "aa" -> "bb"'):
            RunFolder(run.path, changed(data_fingerprint="bb"))
        other, _ = resolve({"dataset": "cifar10"}, {})
        with pytest.raises(UserError, match='dataset: "hwdb" -> "cifar10"'):
            RunFolder(run.path, other)

    def test_an_older_format_is_refused(self, run):
        run.close()
        values = json.loads((run.path / "config.json").read_text()) | {"format": 0}
        (run.path / "config.json").write_text(json.dumps(values))
        with pytest.raises(UserError, match=r"written in format 0, this version .* reads format 1"):
            RunFolder(run.path, CONFIG)

    def test_a_folder_of_something_else_is_refused(self, tmp_path):
        (tmp_path / "thesis.tex").write_text("...")
        with pytest.raises(UserError, match=r"contains thesis.tex but no config.json"):
            RunFolder(tmp_path, CONFIG)
        assert not (tmp_path / "config.json").exists()

    def test_a_file_is_refused(self, tmp_path):
        (tmp_path / "run").write_text("...")
        with pytest.raises(UserError, match="opening the run folder"):
            RunFolder(tmp_path / "run", CONFIG)

    def test_a_folder_in_use_is_refused(self, run):
        # flock belongs to the open file, so another process has to hold it.
        run.close()
        code = (
            "import sys, json; from pathlib import Path\n"
            "from lsgan_tf.run_dir.folder import RunFolder, load_config\n"
            f"path = Path({str(run.path)!r})\n"
            "folder = RunFolder(path, load_config(path))\n"
            "print('open', flush=True); sys.stdin.read()\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "open\n"
        with pytest.raises(UserError, match=rf"another process \(id {process.pid}\)"):
            RunFolder(run.path, CONFIG)
        process.kill()  # releases the lock
        process.wait()
        process.stdin.close()
        process.stdout.close()
        RunFolder(run.path, CONFIG).close()

    def test_other_workers_do_not_touch_it(self, tmp_path):
        worker = RunFolder(tmp_path / "run", CONFIG, chief=False)
        worker.log("hello")
        worker.append("stats.jsonl", {"step": 1})
        worker.truncate({})
        worker.close()
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("fails", [1, 2])
    def test_a_new_run_that_cannot_be_described_leaves_nothing(self, tmp_path, monkeypatch, fails):
        renames = []
        real = os.replace

        def replace(source, target):
            renames.append(target)
            if len(renames) == fails:
                raise OSError(errno.EIO, "Input/output error")
            real(source, target)

        monkeypatch.setattr(os, "replace", replace)
        with pytest.raises(UserError, match="Input/output error"):
            RunFolder(tmp_path / "run", CONFIG, ["甲"])
        assert [path.name for path in (tmp_path / "run").iterdir()] == ["lock"]
        other = RunFolder(tmp_path / "run", changed(seed=7), ["甲"])
        other.close()
        assert not other.resumed and load_classes(tmp_path / "run") == ["甲"]

    @pytest.mark.parametrize("left", [[], ["classes.json"], ["classes.json", ".config.json.x.tmp"]])
    def test_killed_before_its_config_was_written(self, tmp_path, left):
        """Earlier versions wrote the classes before the config."""
        (tmp_path / "run").mkdir()
        for name in ("lock", *left):
            (tmp_path / "run" / name).write_text("")
        RunFolder(tmp_path / "run", CONFIG, ["甲"]).close()
        assert load_config(tmp_path / "run") == CONFIG

    def test_killed_before_its_classes_were_written(self, run):
        run.close()
        (run.path / "classes.json").unlink()
        RunFolder(run.path, CONFIG, ["甲", "乙"]).close()
        assert load_classes(run.path) == ["甲", "乙"]

    def test_data_whose_path_is_no_text(self, tmp_path):
        """Such as a folder named in GBK: the path is kept, and shown escaped."""
        odd = os.fsdecode("汉字".encode("gbk"))
        config = changed(data_dir=odd, data_description=f"3 pictures in {odd}")
        run = RunFolder(tmp_path / "run", config)
        run.note(f"data in {odd}")
        run.close()
        assert load_config(tmp_path / "run").data_dir == odd
        assert (tmp_path / "run" / "log.txt").read_text(encoding="utf-8") == (
            f"data in {4 * chr(0xFFFD)}\n"
        )
        (tmp_path / "run" / "config.json").read_text(encoding="utf-8")

    def test_a_run_folder_whose_path_is_no_text_is_refused(self, tmp_path):
        with pytest.raises(UserError, match="the path is not UTF-8"):
            RunFolder(tmp_path / os.fsdecode("汉字".encode("gbk")), CONFIG)
        assert not list(tmp_path.iterdir())

    def test_a_run_of_an_earlier_version_goes_on(self, tmp_path):
        from lsgan_tf.settings.fingerprints import versioned

        RunFolder(tmp_path / "run", CONFIG).close()
        RunFolder(tmp_path / "run", changed(data_fingerprint=versioned("bb", "aa"))).close()
        with pytest.raises(UserError, match='data_fingerprint: "bb:aa" -> "cc:aa"'):
            RunFolder(tmp_path / "run", changed(data_fingerprint=versioned("cc", "aa")))


class TestLogs:
    def test_go_back_to_a_checkpoint(self, run, capsys):
        run.log("first")
        run.append("stats.jsonl", {"step": 1})
        run.tensorboard.mkdir()
        (run.tensorboard / "events.out.tfevents.1").write_bytes(b"12345")
        sizes = run.sizes()
        run.log("second")
        run.note("third")
        run.append("stats.jsonl", {"step": 2})
        run.append("timing.jsonl", {"step": 2})
        (run.tensorboard / "events.out.tfevents.1").write_bytes(b"1234567")
        (run.tensorboard / "events.out.tfevents.2").write_bytes(b"new")
        run.truncate(sizes)
        assert (run.path / "log.txt").read_text() == "first\n"
        assert (run.path / "stats.jsonl").read_text() == '{"step": 1}\n'
        assert not (run.path / "timing.jsonl").exists()
        assert [p.name for p in run.tensorboard.iterdir()] == ["events.out.tfevents.1"]
        assert (run.tensorboard / "events.out.tfevents.1").read_bytes() == b"12345"
        run.log("again")
        assert (run.path / "log.txt").read_text() == "first\nagain\n"
        assert capsys.readouterr().out == "first\nsecond\nagain\n"

    def test_a_file_shorter_than_its_size_stays(self, run):
        run.log("one")
        run.truncate({"log.txt": 100})
        assert (run.path / "log.txt").read_text() == "one\n"

    def test_a_full_disk_is_one_line_and_the_folder_closes(self, run, monkeypatch):
        monkeypatch.setattr("lsgan_tf.run_dir.folder.opener", None)  # follows the link
        (run.path / "stats.jsonl").symlink_to("/dev/full")
        with pytest.raises(UserError, match="the disk is full while writing it"):
            run.append("stats.jsonl", {"step": 1})
        run.close()  # with the line still in its buffer


def leave_behind(path):
    """Leftovers of processes killed while writing."""
    (path / ".export.x1_y2z3a.tmp" / "variables").mkdir(parents=True)
    (path / "samples").mkdir(exist_ok=True)
    (path / "samples" / ".step-00000003.png.abcdefgh.tmp").write_bytes(b"half")
    (path / ".mine.tmp").write_text("not ours")


def hidden(path):
    return sorted(file.name for file in path.rglob(".*"))


class TestLeftovers:
    def test_are_removed_by_the_next_run(self, run):
        run.close()
        leave_behind(run.path)
        RunFolder(run.path, CONFIG).close()
        assert hidden(run.path) == [".mine.tmp"]

    def test_stay_if_the_folder_is_refused(self, run):
        run.close()
        leave_behind(run.path)
        with pytest.raises(UserError):
            RunFolder(run.path, changed(seed=9))
        assert len(hidden(run.path)) == 3

    def test_are_removed_by_an_export_unless_someone_trains(self, run):
        leave_behind(run.path)
        with tidied(run.path):
            assert len(hidden(run.path)) == 3
        run.close()
        with tidied(run.path):
            assert ".export.x1_y2z3a.tmp" not in hidden(run.path)
            with pytest.raises(UserError, match=rf"\(id {os.getpid()}\)"):
                RunFolder(run.path, CONFIG)
        RunFolder(run.path, CONFIG).close()

    def test_a_folder_that_may_not_be_written_is_left_alone(self, tmp_path):
        with tidied(tmp_path / "nowhere"):
            pass
        assert not (tmp_path / "nowhere").exists()


def test_an_address_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"gs:/b/run: is an address"):
        RunFolder(Path("gs://b/run"), CONFIG)
    assert list(tmp_path.iterdir()) == []


class TestNewRunDir:
    def test_takes_the_next_number(self, tmp_path):
        begun = time.strptime("2026-01-31 15:45:07", "%Y-%m-%d %H:%M:%S")
        first = new_run_dir(CONFIG, tmp_path / "runs", begun)
        assert first.name == "00000-hwdb-lsgan-seed0-20260131-154507"
        (tmp_path / "00041-hwdb-lsgan").mkdir()
        (tmp_path / "notes").mkdir()
        second = new_run_dir(changed(conditional=True, seed=3), tmp_path, begun)
        assert second.name == "00042-hwdb-conditional-lsgan-seed3-20260131-154507"

    def test_the_time_is_that_of_the_beginning(self, tmp_path):
        assert re.fullmatch(
            r"00000-hwdb-lsgan-seed0-\d{8}-\d{6}", new_run_dir(CONFIG, tmp_path).name
        )
