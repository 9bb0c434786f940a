"""Folders whose path has glob characters."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import tensorflow as tf

from lsgan_tf.errors import UserError
from lsgan_tf.run_dir.checkpoints import Checkpoints
from lsgan_tf.util import tensorflow_paths
from lsgan_tf.util.reading import read_json
from lsgan_tf.util.tensorflow_paths import literal

ODD = "lsgan[lr=0.1] \\ *?{a,b} é中"


def test_a_plain_path_stays_as_it_is(tmp_path):
    with literal(tmp_path) as folder:
        assert folder == tmp_path


@pytest.mark.parametrize("through", ["descriptors", "links"])
def test_another_name_of_the_same_folder(tmp_path, monkeypatch, through):
    if through == "links":
        monkeypatch.setattr(tensorflow_paths, "Path", lambda *a: no_descriptors(*a))
    folder = tmp_path / ODD
    folder.mkdir()
    (folder / "file").write_text("content")
    with literal(folder) as other:
        assert not set(str(other)) & set("[]*?\\")
        assert (other / "file").read_text() == "content"
    assert not other.exists()
    assert (folder / "file").read_text() == "content"


def no_descriptors(*words):
    """Paths of a system without `/proc/self/fd`."""
    from pathlib import Path

    return Path("/nonexistent") if words == ("/proc/self/fd",) else Path(*words)


def test_no_other_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorflow_paths, "Path", lambda *a: no_descriptors(*a))
    monkeypatch.setattr(tensorflow_paths.tempfile, "tempdir", str(tmp_path / "a[b]"))
    (tmp_path / "a[b]").mkdir()
    with pytest.raises(UserError, match=r"a\[b\]: TensorFlow takes this path for a glob pattern"):
        with literal(tmp_path / "a[b]"):
            pass


@pytest.mark.parametrize("name", [ODD, "[a]", "a\\b", "a*", "a?", "a\nb"])
def test_checkpoints_are_read_back(tmp_path, name):
    checkpoints = Checkpoints(tmp_path / name)
    checkpoints.save(3, tf.train.Checkpoint(a=tf.Variable(7.0)), {})
    into = tf.train.Checkpoint(a=tf.Variable(0.0))
    found, warnings = checkpoints.newest()
    checkpoints.restore(found, into)
    assert (into.a.numpy(), warnings) == (7.0, [])


def test_a_run_in_such_a_folder_can_do_all_that_others_can(tiny_run, command, tmp_path):
    run = tmp_path / ODD / "run[1]"
    shutil.copytree(tiny_run.path, run)
    shutil.rmtree(run / "export")
    done = command("main", *tiny_run.flags, f"--run_dir={run}", "--steps=14")
    assert done.returncode == 0, done.stderr
    assert "resumed at step 12" in done.stdout and "finished 14 steps" in done.stdout
    assert read_json(run / "export" / "export.json")["step"] == 14
    for path in (run, tiny_run.path):
        words = (f"--run_dir={path}", "--count=3", f"--out={tmp_path / ODD / path.name}.npz")
        done = command("sample", *words)
        assert done.returncode == 0, done.stderr
    drawn = np.load(tmp_path / ODD / "run[1].npz")["images"]
    assert drawn.shape == (3, 8, 8)
    done = command(
        "export", f"--run_dir={run}", "--step=12", f"--out={tmp_path / ODD / 'saved[12]'}",
        f"--keras={tmp_path / ODD / 'g.keras'}", f"--tflite={tmp_path / ODD / 'g.tflite'}",
        f"--serving={tmp_path / ODD / 'models'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    saved = tmp_path / ODD / "saved[12]"
    done = command("sample", f"--saved_model={saved}", "--count=3", f"--out={tmp_path / 'o.npz'}")
    assert done.returncode == 0, done.stderr
    # The same weights from both folders.
    first, second = (
        np.load(p)["images"] for p in (tmp_path / "o.npz", tmp_path / ODD / "tiny.npz")
    )
    assert np.array_equal(first, second)
