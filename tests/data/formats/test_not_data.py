"""Files and folders among data that are not data."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.data.formats import gnt, not_data
from lsgan_tf.data.hwdb import gnt_files
from lsgan_tf.data.images import image_files
from lsgan_tf.data.images import source as image_folder
from lsgan_tf.errors import UserError
from lsgan_tf.run_dir.folder import RunFolder
from lsgan_tf.sampling import image_grid

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir", "@tmp", "@Recycle", "@Recently-Snapshot", "#recycle", "#snapshot", "~snapshot",
        "$RECYCLE.BIN", "RECYCLER", "System Volume Information", "found.000", "Thumbs.db",
        "desktop.ini", ".AppleDouble", ".DS_Store", "._a.png", "__MACOSX", "_MACOSX",
        "Network Trash Folder", "Temporary Items", "lost+found", ".Trash-1000", ".git",
        ".ipynb_checkpoints", "__pycache__", "Icon\r",
    ],
)  # fmt: skip
def test_ignored(name):
    assert not_data.is_ignored(name)
    assert not_data.is_ignored_path(f"a/{name}/b.png")


@pytest.mark.parametrize(
    "name", ["#", "@", "$", "~", ".", "@alice", "recycled", "snapshot", "trash", "安", "eaDir"]
)
def test_what_may_be_a_class_is_not_ignored(name):
    assert not not_data.is_ignored(name)
    assert not not_data.is_ignored_path(f"./{name}/b.png")


@pytest.fixture
def folder(tmp_path, encode, noise):
    """Two classes of one image each."""
    root = tmp_path / "pictures"
    for number, name in enumerate(["ants", "cats"]):
        (root / name).mkdir(parents=True)
        (root / name / "1.png").write_bytes(encode(noise(number)))
    return root


@pytest.fixture
def opened(folder, tmp_path):
    def opened(**options):
        options = {"image_size": 8, "labels_from_folders": True, **options}
        return image_folder.open_source(folder, cache_dir=tmp_path / "cache", **options)

    return opened


def test_ignored_folders_are_no_classes(folder, opened, encode):
    before = opened()
    for name in (
        "@eaDir",
        "#recycle",
        "lost+found",
        "ants/@eaDir/1.png",
        "System Volume Information",
    ):
        (folder / name).mkdir(parents=True)
        (folder / name / "SYNOPHOTO_THUMB_S.png").write_bytes(encode("lime"))
    source = opened()
    assert source.classes == ("ants", "cats")
    assert (len(source), source.fingerprint) == (2, before.fingerprint)
    (warning,) = [line for line in source.warnings if "left out" in line]
    assert (
        "#recycle (a system folder), @eaDir (a system folder)" in warning
        and "ants/@eaDir" in warning
    )


def begin_run(path):
    from lsgan_tf.config import resolve

    values = {**resolve({"dataset": "images"}, {})[0].to_json(), "data_fingerprint": "aa"}
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(values))


def make_nothing(path):
    """A run folder without its config."""
    for name in ("lock", "stats.jsonl"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("")


def make_file(name, content="{}"):
    def make(path):
        path.mkdir(parents=True)
        (path / name).write_text(content)

    return make


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (begin_run, "a run folder"),
        (make_nothing, "a run folder"),
        (make_file("saved_model.pb"), "an exported model"),
        (make_file("experiment.json", '{"experiment": "coding", "arms": {}}'), "an experiment"),
        (make_file("preparation.json", '{"format": "lsgan_tf picture shards"}'), "a prepared set"),
        (not_data.tag_cache, "a cache"),
    ],
)
@pytest.mark.parametrize("place", ["runs/00000-images-lsgan", "cats/deep/x"])
def test_what_this_package_made_is_no_data(folder, opened, encode, make, what, place):
    before = opened()
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    if make is not_data.tag_cache:
        (folder / place).mkdir()
    make(folder / place)
    (folder / place / "samples").mkdir()
    (folder / place / "samples" / "step-00000100.png").write_bytes(encode("lime"))
    (folder / place / "reals.png").write_bytes(encode("lime"))
    source = opened()
    assert (source.classes, len(source)) == (("ants", "cats"), 2)
    assert source.fingerprint == before.fingerprint
    assert what.split()[-1] in source.warnings[-1] and place in source.warnings[-1]


def test_a_folder_with_a_config_of_something_else_is_data(folder, opened, encode):
    (folder / "birds").mkdir()
    (folder / "birds" / "config.json").write_text('{"dataset": "birds"}')
    (folder / "birds" / "experiment.json").write_text("[1")
    (folder / "birds" / "1.png").write_bytes(encode())
    assert opened().classes == ("ants", "birds", "cats")


def test_a_run_folder_itself_is_refused(tmp_path, encode):
    begin_run(tmp_path / "run")
    (tmp_path / "run" / "reals.png").write_bytes(encode())
    with pytest.raises(UserError, match="this is a run folder of lsgan_tf, which cannot be used"):
        image_files.open_folder(tmp_path / "run", cache_dir=tmp_path / "cache")


def test_images_that_this_package_wrote_are_no_data(folder, opened):
    before = opened()
    image_grid.save_png(folder / "grid.png", np.zeros((20, 20, 3), np.uint8))
    image_grid.save_png(folder / "samples" / "0000000.png", np.zeros((8, 8, 1), np.uint8))
    frame = Image.new("L", (8, 8))
    frame.save(folder / "way.webp", lossless=True, exif=image_grid.exif_origin())
    frame.save(folder / "way.gif", comment=b"lsgan_tf")
    source = opened()
    assert (source.classes, source.fingerprint) == (before.classes, before.fingerprint)
    assert "left out 4 images that lsgan_tf itself wrote" in source.warnings[-1]
    with Image.open(folder / "grid.png") as image:
        assert image.info == {"Software": "lsgan_tf"}


def test_characters_in_ignored_folders_and_in_what_this_package_made(tmp_path):
    picture = [("安", np.full((3, 3), 200, np.uint8))]
    for name in ("a.gnt", "@eaDir/b.gnt", "run/c.gnt", "#recycle/d.gnt"):
        gnt.write(tmp_path / name, picture)
    begin_run(tmp_path / "run2")
    gnt.write(tmp_path / "run2" / "e.gnt", picture)
    (tmp_path / "run" / "config.json").write_text("{}")
    names = [part.name for part in gnt_files.find(tmp_path)]
    assert names == ["a.gnt", "run/c.gnt"]


def test_a_run_folder_is_recognised_from_its_first_file_on(tmp_path, monkeypatch):
    from lsgan_tf.config import resolve
    from lsgan_tf.run_dir import folder as run_folder

    written = []
    real = run_folder.write_json

    def noted(path, value):
        real(path, value)
        written.append((path.name, not_data.our_own(path.parent)))

    monkeypatch.setattr(run_folder, "write_json", noted)
    RunFolder(tmp_path / "run", resolve({}, {})[0], ["安"]).close()
    assert written == [("config.json", "a run folder"), ("classes.json", "a run folder")]


def test_a_fifo_in_the_place_of_a_cache_tag_is_not_waited_for(folder, opened):
    os.mkfifo(folder / "ants" / "CACHEDIR.TAG")
    assert len(opened()) == 2


def test_the_cache_of_another_program_is_a_cache(folder):
    (folder / "cats" / "CACHEDIR.TAG").write_text(
        "Signature: 8a477f597d28d172789f06886806bc55\n# of another program\n"
    )
    assert not_data.our_own(folder / "cats") == "a cache"
