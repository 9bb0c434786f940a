"""Links, devices and pipes in place of an output file: their targets are unchanged."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.util import files, reading
from lsgan_tf.util.in_place import opener, refuse_special

KEPT = "the only copy of a thesis"


@pytest.fixture
def thesis(tmp_path):
    """A file that must not change."""
    path = tmp_path / "thesis.tex"
    path.write_text(KEPT)
    yield path
    assert path.read_text() == KEPT


def opened(path, mode):
    with open(path, mode, opener=opener):
        pass


class TestOpener:
    def test_appends_to_a_file_of_its_own(self, tmp_path):
        for word in "ab":
            with open(tmp_path / "log.txt", "a", opener=opener) as stream:
                stream.write(word)
        assert (tmp_path / "log.txt").read_text() == "ab"
        assert stat.S_IMODE((tmp_path / "log.txt").stat().st_mode) == 0o666 & ~files._umask()

    @pytest.mark.parametrize("mode", ["a", "w", "r+", "a+"])
    def test_refuses_links(self, tmp_path, thesis, mode):
        (tmp_path / "log.txt").symlink_to(thesis)
        with pytest.raises(UserError, match=r"log.txt: is a link, .*; remove the link"):
            opened(tmp_path / "log.txt", mode)

    def test_refuses_a_link_that_comes_in_between(self, tmp_path, thesis, monkeypatch):
        monkeypatch.setattr("lsgan_tf.util.in_place.refuse_link", lambda path: None)
        (tmp_path / "log.txt").symlink_to(thesis)
        with pytest.raises(UserError, match=r"log.txt: is a link, a device or a pipe"):
            opened(tmp_path / "log.txt", "w")

    def test_makes_no_file_where_a_link_points(self, tmp_path):
        (tmp_path / "log.txt").symlink_to(tmp_path / "nowhere")
        with pytest.raises(UserError, match="is a link"):
            opened(tmp_path / "log.txt", "a")
        assert not (tmp_path / "nowhere").exists()

    def test_refuses_hard_links_to_write_and_not_to_read(self, tmp_path, thesis):
        os.link(thesis, tmp_path / "log.txt")
        with pytest.raises(UserError, match=r"log.txt: this file has another hard link.*cp -r"):
            opened(tmp_path / "log.txt", "a")
        with open(tmp_path / "log.txt", opener=opener) as stream:
            assert stream.read() == KEPT

    @pytest.mark.parametrize("mode", ["a", "a+", "r"])
    def test_refuses_pipes_without_waiting(self, tmp_path, mode):
        os.mkfifo(tmp_path / "log.txt")
        with pytest.raises(UserError, match=r"log.txt: is a link, a device or a pipe"):
            opened(tmp_path / "log.txt", mode)


class TestRenamed:
    def test_a_link_is_replaced_and_its_target_stays(self, tmp_path, thesis):
        (tmp_path / "out.json").symlink_to(thesis)
        files.write_json(tmp_path / "out.json", 1)
        assert not (tmp_path / "out.json").is_symlink()
        assert reading.read_json(tmp_path / "out.json") == 1

    def test_a_pipe_stays(self, tmp_path):
        os.mkfifo(tmp_path / "out.json")
        with pytest.raises(UserError, match=r"out.json: is a link, a device or a pipe"):
            files.write_json(tmp_path / "out.json", 1)
        with pytest.raises(UserError, match="is a link, a device or a pipe"):
            files.require_writable(tmp_path / "out.json", "writing it")
        assert os.listdir(tmp_path) == ["out.json"]
        assert stat.S_ISFIFO(os.lstat(tmp_path / "out.json").st_mode)

    def test_a_device_stays(self):
        # Calls the check only: a failing write would replace the device by a file.
        with pytest.raises(UserError, match="/dev/null: is a link, a device or a pipe"):
            refuse_special(Path("/dev/null"))

    def test_leftovers_that_are_links_are_left_alone(self, tmp_path, thesis):
        folder, aside = tmp_path / "run", tmp_path / "aside"
        folder.mkdir()
        (aside / "export").mkdir(parents=True)
        (folder / ".export.abcdefgh.old").symlink_to(aside)
        (folder / ".log.txt.abcdefgh.tmp").symlink_to(thesis)
        files.clear_leftovers(folder)
        assert (aside / "export").is_dir() and not (folder / "export").exists()


def test_the_commands_leave_alone_what_lock_points_to(tiny_run, command, tmp_path, thesis):
    import shutil

    run = tmp_path / "run"
    shutil.copytree(tiny_run.path, run)
    shutil.rmtree(run / "export")
    (run / "lock").unlink()
    (run / "lock").symlink_to(thesis)
    for words in (
        ("main", *tiny_run.flags),
        ("export",),
        ("sample", "--count=2", f"--out={tmp_path / 'o.png'}"),
    ):
        done = command(*words, f"--run_dir={run}")
        assert done.returncode == 2
        assert f"error: {run / 'lock'}: is a link" in done.stderr
        assert thesis.read_text() == KEPT


@pytest.mark.parametrize(
    "name",
    ["log.txt", "stats.jsonl", "timing.jsonl", "watch.jsonl", "tensorboard/events.tfevents.1"],
)
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_run_does_not_write_through_links(tiny_run, command, tmp_path, thesis, name, link):
    from lsgan_tf.run_dir.folder import RunFolder, load_config

    run = tmp_path / "run"
    (run / name).parent.mkdir(parents=True)
    (run / "config.json").write_text((tiny_run.path / "config.json").read_text())
    link(thesis, run / name)
    folder = RunFolder(run, load_config(run))
    with pytest.raises(UserError, match=r"is a link|hard link"):
        folder.truncate({name: 3})
    if "/" not in name:
        with pytest.raises(UserError, match=r"is a link|hard link"):
            folder._append(name, "a line")
    folder.close()


@pytest.mark.parametrize(
    "name", ["samples", "checkpoints", "best", "tensorboard", "tensorboard/plugins"]
)
def test_folders_of_a_run_that_are_links_are_refused(tiny_run, tmp_path, name):
    from lsgan_tf.run_dir.folder import RunFolder, load_config

    run, other = tmp_path / "run", tmp_path / "other"
    (run / name).parent.mkdir(parents=True)
    other.mkdir()
    (other / ".thesis.abcdefgh.tmp").write_text(KEPT)
    (run / "config.json").write_text((tiny_run.path / "config.json").read_text())
    (run / name).symlink_to(other)
    with pytest.raises(UserError, match=f"{name}: is a link"):
        RunFolder(run, load_config(run))
    assert (other / ".thesis.abcdefgh.tmp").read_text() == KEPT


def test_a_run_folder_may_itself_be_a_link(tiny_run, tmp_path):
    from lsgan_tf.run_dir.folder import RunFolder, load_config

    (tmp_path / "real").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "real")
    RunFolder(tmp_path / "run", load_config(tiny_run.path)).close()
    assert (tmp_path / "real" / "config.json").is_file()


def test_the_output_of_runs_does_not_go_through_links(tmp_path, thesis):
    (tmp_path / "log").symlink_to(thesis)
    code = (
        "import os; from pathlib import Path\nfrom spawning import _run\n"
        f"log = Path({str(tmp_path / 'log')!r})\n"
        "_run('runs', [], log, log, dict(os.environ), Path.cwd(), '')"
    )
    tools = str(Path(__file__).parents[2] / "tools")
    path = os.pathsep.join((tools, os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert "is a link" in done.stderr and done.returncode
