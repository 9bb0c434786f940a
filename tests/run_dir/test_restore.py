"""Run folders without a usable model are refused, and not modified."""

from __future__ import annotations

import json
import shutil

import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.evaluation import generators as candidates
from lsgan_tf.exporting.of_run import export_of_run
from lsgan_tf.run_dir.restore import restore_run

WAYS = [restore_run, export_of_run, lambda path: candidates.of_run(path, "newest", None)]


@pytest.fixture(params=WAYS, ids=["restore", "sample", "evaluate"])
def refused(request):
    """The error message for a folder; checks that nothing in it has changed."""

    def contents(path):
        return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}

    def refused(path):
        before = contents(path)
        with pytest.raises(UserError) as caught:
            request.param(path)
        assert contents(path) == before
        return str(caught.value)

    return refused


def test_before_the_first_checkpoint(make_run, refused):
    path = make_run()
    shutil.rmtree(path / "checkpoints")
    assert "no checkpoint yet; train on" in refused(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "written in format 99, this version of lsgan_tf reads format 1"),
        ({"learning_rate_of_tomorrow": 1}, "unknown setting learning_rate_of_tomorrow"),
    ],
)
def test_of_a_newer_version(make_run, refused, change, message):
    path = make_run()
    values = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(values | change))
    assert message in refused(path)


@pytest.mark.parametrize(
    "change",
    [{"data_shape": shape} for shape in ([], [8], [8, 8], [9, 9, 1], [0, 8, 8])]
    + [{"image_size": 16}, {"data_classes": 0}],
    ids=str,
)
def test_altered_metadata_of_the_dataset(tiny_run, tmp_path, change):
    run = shutil.copytree(tiny_run.path, tmp_path / "run")
    values = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(values | change))
    if "data_classes" in change:
        (run / "classes.json").write_text("[]")
    with pytest.raises(UserError, match=r"config\.json"):
        restore_run(run)


def test_the_only_checkpoint_is_damaged(make_run, refused):
    assert "step-00000300" in refused(make_run())


def test_an_empty_folder(tmp_path, refused):
    assert "no config.json in it" in refused(tmp_path)


def test_a_damaged_checkpoint_is_skipped_with_a_note(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run.path, tmp_path / "run")
    next((run / "checkpoints" / "step-00000012").glob("state.data*")).write_bytes(b"")
    shutil.rmtree(run / "export")
    notes = []
    path = export_of_run(run, log=notes.append)
    assert json.loads((path / "export.json").read_text(encoding="utf-8"))["step"] == 10
    (line,) = notes
    assert "step-00000012: the checkpoint is damaged" in line and "using step-00000010" in line
    assert restore_run(run)[3] == 10
