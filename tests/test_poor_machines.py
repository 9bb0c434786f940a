"""Machines that lack what others have: a home, places to write, memory, signals."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from run_differences import differences

from lsgan_tf.errors import UserError
from lsgan_tf.util import files, tensorflow_setup

ROOT = Path(__file__).parents[1]
MIXTURE = [
    "--dataset=mixture", "--batch_size=16", "--steps=12", "--log_every=4", "--watch_every=6",
    "--evaluate_every=0", "--devices=cpu:1", "--deterministic", "--jit_compile=off",
    "--noexport_at_end",
]  # fmt: skip


def call(*words, without=(), before="", **environment):
    """A command, perhaps after a line of bash, without some of the environment."""
    kept = {k: v for k, v in os.environ.items() if k not in without}
    command = ["bash", "-c", f'{before}\nexec "$@"', "bash", sys.executable, *map(str, words)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
    )


def one_line(done):
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and "Traceback" not in done.stderr
    return lines[0]


class TestHome:
    @pytest.fixture
    def homeless(self, monkeypatch):
        def none(*words):
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "home", none)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def test_the_cache_needs_a_flag(self, homeless):
        with pytest.raises(UserError, match=r"no home folder .*; give a writable folder"):
            files.default_cache_dir()

    def test_the_cache_may_be_named(self, homeless, monkeypatch, tmp_path):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert files.default_cache_dir() == tmp_path / "lsgan_tf"


class TestPlacesToWrite:
    def test_no_temporary_folder_is_one_line_before_anything_is_made(self, tmp_path):
        code = (
            "import tempfile\ntempfile._candidate_tempdir_list = lambda: ['/nonexistent']\n"
            "from lsgan_tf import main\nfrom lsgan_tf.cli.app import run\nrun(main.main, usage='')"
        )
        done = call("-c", code, *MIXTURE, f"--run_dir={tmp_path / 'run'}")
        assert one_line(done) == (
            "error: there is no usable temporary folder; set TMPDIR to one you may write to"
        )
        assert not (tmp_path / "run").exists()

    def test_a_read_only_root(self, tmp_path, tiny_run):
        before = f"mount --bind / / && mount -o remount,ro,bind / && cd {tmp_path} || exit 99"
        rooted = ["unshare", "-m", "bash", "-c", f'{before}; exec "$@"', "bash", sys.executable]
        writable = tmp_path / "writable"
        if subprocess.run([*rooted, "-c", ""], capture_output=True).returncode:
            pytest.skip("only root can have a root file system of its own")
        writable.mkdir()
        mount = f"mount -t tmpfs tmpfs {writable}; {before}; unset HOME"
        rooted[4] = f'{mount}; export TMPDIR={writable}; exec "$@"'
        for words, flag in (
            (
                [*tiny_run.flags, f"--run_dir={writable / 'run'}", "--cache_dir=cache"],
                "--cache_dir",
            ),
            (MIXTURE, "--run_dir"),
        ):
            done = subprocess.run(
                [*rooted, "-m", "lsgan_tf.main", *words],
                capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            assert "permission denied while " in one_line(done)
            assert f"choose another folder ({flag})" in done.stderr


class TestMemory:
    @pytest.mark.parametrize("limit", [1_000_000, 2_000_000])
    def test_too_little_address_space_is_one_line(self, tmp_path, limit):
        words = ("-m", "lsgan_tf.main", *MIXTURE, f"--run_dir={tmp_path / 'run'}")
        done = call(*words, before=f"ulimit -v {limit}")
        line = one_line(done)
        assert f"the address space is limited to {limit / 2**20:.2f} GiB" in line
        assert "raise the limit: ulimit -v unlimited" in line
        assert not (tmp_path / "run").exists()

    def test_a_library_that_does_not_fit_is_one_line(self, monkeypatch):
        def fail(name):
            raise ImportError("libtensorflow_cc.so.2: failed to map segment from shared object")

        monkeypatch.setattr(tensorflow_setup.importlib, "import_module", fail)
        with pytest.raises(UserError, match="too little memory to load TensorFlow"):
            tensorflow_setup.import_tensorflow()


class TestThreads:
    def test_training_in_a_thread_is_the_same(self, tmp_path, command):
        done = command("main", *MIXTURE, f"--run_dir={tmp_path / 'main'}")
        assert done.returncode == 0, done.stderr
        code = (
            "import sys, threading; from pathlib import Path\n"
            "from lsgan_tf import train\nfrom lsgan_tf.cli import flags as flagging\n"
            "from absl import flags\n"
            "flagging.define_flags()\nflags.FLAGS(sys.argv[:1] + sys.argv[2:])\n"
            "config, origins = flagging.from_flags(sys.argv)\n"
            "found = []\n"
            "work = lambda: found.append(train(config, origins, Path(sys.argv[1])))\n"
            "thread = threading.Thread(target=work)\nthread.start(); thread.join()\n"
            "assert found == [0], found\n"
        )
        done = call("-c", code, tmp_path / "thread", *MIXTURE)
        assert done.returncode == 0, done.stderr
        assert differences(tmp_path / "main", tmp_path / "thread") == []


class TestDisks:
    def test_a_short_write_is_a_full_disk(self, tmp_path):
        error = OSError("10240 requested and 9184 written")
        line = f"{tmp_path}: the disk is full while writing it; free some space"
        with pytest.raises(UserError, match=line), files.explained(tmp_path, "writing it"):
            raise error

    @pytest.mark.parametrize("number", [errno.EBUSY, errno.ESTALE, errno.EIO, errno.ENOSPC])
    @pytest.mark.parametrize("what", ["file", "folder", "folder again"])
    def test_a_rename_that_fails_leaves_what_was_there(self, tmp_path, monkeypatch, number, what):
        place = tmp_path / "x"
        if what == "file":
            place.write_text("before")
        elif what == "folder again":
            place.mkdir()
            (place / "y").write_text("before")
        before = sorted(p.name for p in tmp_path.rglob("*"))

        def fail(*words):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(files.os, "replace", fail)
        with pytest.raises(OSError):
            if what == "file":
                files.write_json(place, 1)
            else:
                with files.atomic_folder(place) as temporary:
                    (temporary / "z").write_text("after")
        assert sorted(p.name for p in tmp_path.rglob("*")) == before

    def test_what_cannot_be_put_back_is_kept(self, tmp_path, monkeypatch):
        place = tmp_path / "x"
        place.mkdir()
        (place / "y").write_text("before")
        replace, calls = os.replace, []

        def fail_from_the_second(*words):
            calls.append(words)
            if len(calls) > 1:
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
            replace(*words)

        with monkeypatch.context() as patch, pytest.raises(OSError):
            patch.setattr(files.os, "replace", fail_from_the_second)
            with files.atomic_folder(place) as temporary:
                (temporary / "z").write_text("after")
        assert not place.exists()
        files.clear_leftovers(tmp_path)
        assert (place / "y").read_text() == "before"

    def test_an_error_that_nobody_explained_is_one_line(self, tmp_path):
        code = (
            "import errno, os, sys\nfrom lsgan_tf.cli.app import run\n"
            "def main(argv):\n"
            "    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), 'run/x.npy')\n"
            "run(main, usage='')"
        )
        assert one_line(call("-c", code)) == (
            "error: run/x.npy: Device or resource busy; check the disk and run the same command "
            "again"
        )

    WORDS = (*MIXTURE, "--export_at_end", "--checkpoint_every=4", "--sample_every=4")

    @pytest.fixture(scope="class")
    def undisturbed(self, tmp_path_factory, command):
        path = tmp_path_factory.mktemp("disks") / "undisturbed"
        done = command("main", *self.WORDS, f"--run_dir={path}")
        assert done.returncode == 0, done.stderr
        return path

    @pytest.mark.parametrize(
        ("nth", "number"), [(3, errno.EBUSY), (5, errno.ESTALE), (6, errno.EBUSY)]
    )
    def test_a_run_ends_in_one_line_and_goes_on(self, tmp_path, command, undisturbed, number, nth):
        code = (
            "import os, sys\nreplace, calls = os.replace, []\n"
            "def fail(*words):\n    calls.append(words)\n"
            f"    if len(calls) == {nth}: raise OSError({number}, os.strerror({number}))\n"
            "    replace(*words)\n"
            "os.replace = fail\n"
        )
        words = [*self.WORDS, f"--run_dir={tmp_path / 'run'}"]
        assert f"{os.strerror(number)} while " in one_line(command("main", *words, before=code))
        done = command("main", *words)
        assert done.returncode == 0, done.stderr
        assert differences(undisturbed, tmp_path / "run") == []


class TestClusters:
    def test_a_leftover_cluster_says_at_once_for_whom_it_waits(self, tmp_path):
        cluster = (
            '{"cluster": {"worker": ["127.0.0.1:29311", "nowhere.invalid:2222"]},'
            ' "task": {"type": "worker", "index": 0}}'
        )
        words = ("-m", "lsgan_tf.main", *MIXTURE, f"--run_dir={tmp_path / 'run'}")
        done = call(*words, "--worker_timeout=1", TF_CONFIG=cluster)
        assert done.stderr.splitlines()[0] == (
            "TF_CONFIG: this is worker 0 of 2; waiting up to 1 seconds (--worker_timeout) for "
            "worker 1 (nowhere.invalid:2222); Ctrl-C stops, and without TF_CONFIG (unset "
            "TF_CONFIG) this host trains alone"
        )
        assert "did not connect" in one_line(done)

    def test_another_form_says_how_to_do_without(self, tmp_path):
        from lsgan_tf.distribute.cluster import from_environment

        left = {"TF_CONFIG": '{"cluster": {"ps": ["a:1"], "worker": ["b:1"]}, "task": {}}'}
        with pytest.raises(UserError, match=r"unknown job ps; .*unset TF_CONFIG"):
            from_environment(left)


def test_arrays_of_samples_on_a_full_disk_are_one_line(small_disk):
    from lsgan_tf.util.files import explained, save_array

    small_disk.fill()
    path = small_disk.path / "points.npy"
    with pytest.raises(UserError, match="the disk is full while writing it"):
        save_array(path, np.zeros((5120, 2), np.float32))
    assert [p.name for p in small_disk.path.iterdir()] == ["ballast"]
    with pytest.raises(UserError), explained(path, "writing it"):
        save_array(path, np.zeros(10_000))
