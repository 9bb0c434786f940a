import json
import os
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from lsgan_tf.data.formats import gnt
from lsgan_tf.data.hwdb import cache as hwdb_cache
from lsgan_tf.data.hwdb import prepare as hwdb_prepare
from lsgan_tf.data.hwdb import resize
from lsgan_tf.data.hwdb import source as hwdb
from lsgan_tf.errors import UserError


@pytest.fixture
def data_dir(tmp_path):
    random = np.random.default_rng(0)
    folder = tmp_path / "data"
    for name in ("1.gnt", "2.gnt"):
        records = [(char, random.integers(0, 256, (9, 9), np.uint8)) for char in "安宁A" * 40]
        gnt.write(folder / name, records)
        # Old modification times, which identify unchanged files.
        os.utime(folder / name, (1e9, 1e9))
    return folder


@pytest.fixture
def cache_dir(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def opened(data_dir, cache_dir):
    return lambda: hwdb.open_source(data_dir, cache_dir=cache_dir)


@pytest.fixture
def work(monkeypatch):
    """Counts files read and datasets prepared."""
    done = {"read": 0, "prepared": 0}

    def counting(module, name, what):
        original = getattr(module, name)

        def counted(*args, **options):
            done[what] += 1
            return original(*args, **options)

        monkeypatch.setattr(module, name, counted)

    counting(hwdb_cache, "content_hash", "read")
    counting(hwdb_prepare, "prepare", "prepared")
    return done


def pictures(source):
    return source.read(np.arange(len(source)))


def test_prepared_once(opened, work):
    first = pictures(opened())
    assert work == {"read": 2, "prepared": 1}
    np.testing.assert_array_equal(pictures(opened()), first)
    assert work == {"read": 2, "prepared": 1}


def test_a_touched_file_is_read_again_but_not_prepared(opened, data_dir, work):
    opened()
    os.utime(data_dir / "1.gnt", (1.1e9, 1.1e9))
    opened()
    assert work == {"read": 3, "prepared": 1}
    opened()
    assert work == {"read": 3, "prepared": 1}


def test_a_file_changed_just_now_is_not_trusted_by_its_time(opened, data_dir, work):
    os.utime(data_dir / "1.gnt")
    opened()
    opened()
    assert work == {"read": 3, "prepared": 1}


def test_a_repaired_file_of_the_same_size_and_time_is_read_again(opened, data_dir, work):
    opened()
    shutil.copyfile(data_dir / "2.gnt", data_dir / "1.gnt")
    os.utime(data_dir / "1.gnt", (1e9, 1e9))
    assert len(opened()) == 80
    assert work == {"read": 3, "prepared": 2}


def test_each_file_of_several_splits_is_read_once(data_dir, cache_dir, work):
    shutil.move(data_dir / "2.gnt", data_dir / "test.gnt")
    for split in ("train", "test", "train", "test"):
        hwdb.open_source(data_dir, cache_dir=cache_dir, split=split)
    assert work == {"read": 2, "prepared": 2}


def test_changed_content_is_prepared(opened, data_dir, work):
    before = pictures(opened())
    gnt.write(data_dir / "2.gnt", [("安", np.zeros((3, 3), np.uint8))])
    assert len(opened()) != len(before)
    assert work["prepared"] == 2


def test_moved_data_is_not_prepared_again(opened, data_dir, cache_dir, work):
    opened()
    shutil.move(data_dir, data_dir.with_name("elsewhere"))
    hwdb.open_source(data_dir.with_name("elsewhere"), cache_dir=cache_dir)
    assert work["prepared"] == 1


def test_choices_of_classes_share_one_set(opened, data_dir, cache_dir, work):
    opened()
    for options in ({"all_classes": True}, {"max_classes": 1}, {"max_bad_records": 5}):
        hwdb.open_source(data_dir, cache_dir=cache_dir, **options)
    assert work["prepared"] == 1
    hwdb.open_source(data_dir, cache_dir=cache_dir, keep_aspect=True)
    hwdb.open_source(data_dir, cache_dir=cache_dir, image_size=32)
    assert work["prepared"] == 3


def test_manifest(opened):
    folder = opened().folder
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["classes"] == {"安": 80, "宁": 80, "A": 80}
    assert manifest["outside_level1"] == {"classes": 1, "samples": 80}
    assert manifest["samples"] == 240
    assert (manifest["image_size"], manifest["keep_aspect"]) == (28, False)
    assert manifest["resampling"].startswith("antialiased bilinear")
    files = {file["name"]: file for file in manifest["files"]}
    assert set(files) == {"1.gnt", "2.gnt"}
    assert files["1.gnt"]["bytes"] == 120 * 91
    assert files["1.gnt"]["samples"] == 120
    assert len(files["1.gnt"]["sha256"]) == 64
    assert sorted(path.name for path in folder.iterdir()) == [
        "codes.npy",
        "images.u8",
        "manifest.json",
    ]


def overwrite(path, at, content):
    with open(path, "r+b") as stream:
        stream.seek(at)
        stream.write(content)


def drop_key(path):
    manifest = json.loads(path.read_text("utf-8"))
    del manifest["samples"]
    path.write_text(json.dumps(manifest), "utf-8")


def replace(path, old, new):
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: os.truncate(folder / "images.u8", 5000),
        lambda folder: (folder / "images.u8").unlink(),
        lambda folder: (folder / "codes.npy").unlink(),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: os.truncate(folder / "codes.npy", 200),
        lambda folder: os.truncate(folder / "codes.npy", 0),
        lambda folder: overwrite(folder / "codes.npy", 200, b"\xb0\xa1"),
        lambda folder: overwrite(folder / "images.u8", 0, bytes(784)),
        lambda folder: (folder / "manifest.json").write_bytes(b"\xff{"),
        lambda folder: (folder / "manifest.json").write_text("[]"),
        lambda folder: (folder / "manifest.json").write_text("{}"),
        lambda folder: replace(folder / "manifest.json", '"samples": 240', '"samples": "240"'),
        lambda folder: replace(folder / "manifest.json", '"安": 80', '"安": 81'),
        lambda folder: replace(folder / "manifest.json", '"format": 1', '"format": 0'),
        lambda folder: drop_key(folder / "manifest.json"),
    ],
)
def test_a_damaged_cache_is_prepared_again_with_a_notice(opened, damage):
    source = opened()
    before = pictures(source).copy()
    damage(source.folder)
    again = opened()
    np.testing.assert_array_equal(pictures(again), before)
    assert any("damaged cache" in warning and "\n" not in warning for warning in again.warnings)
    assert not any("damaged cache" in warning for warning in opened().warnings)


@pytest.mark.parametrize("content", ["[]", "{}", '{"files": 3}', '{"files": {"1.gnt": 3}}', "{"])
def test_a_damaged_list_of_seen_files_is_ignored(opened, cache_dir, work, content):
    opened()
    (seen,) = (cache_dir / "hwdb" / "seen").iterdir()
    seen.write_text(content)
    opened()
    assert work["prepared"] == 1


def leftovers(cache_dir):
    return [path for path in cache_dir.rglob("*") if path.name.startswith(".")]


def prepared(cache_dir):
    return list(cache_dir.rglob("images.u8"))


def test_disk_full_while_preparing(opened, cache_dir, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(resize, "squash_chunk", no_space)
    with pytest.raises(UserError, match="the disk is full while preparing the characters"):
        opened()
    assert not leftovers(cache_dir) and not prepared(cache_dir)


def test_too_little_space_is_noticed_before(opened, cache_dir, monkeypatch):
    free = shutil.disk_usage(cache_dir.parent)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(UserError, match="preparing the characters needs"):
        opened()
    assert not leftovers(cache_dir) and not prepared(cache_dir)


def test_stopped_while_preparing(opened, cache_dir, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(resize, "squash_chunk", stopped)
    with pytest.raises(KeyboardInterrupt):
        opened()
    assert not leftovers(cache_dir) and not prepared(cache_dir)


def test_what_a_killed_process_left_is_removed(opened, cache_dir):
    folder = opened().folder
    shutil.rmtree(folder)
    left = folder.with_name(f".{folder.name}.abc.tmp")
    left.mkdir()
    (left / "images.u8").write_bytes(bytes(1000))
    opened()
    assert not left.exists()


def test_a_cache_that_cannot_be_written(data_dir, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="file/cache/hwdb"):
        hwdb.open_source(data_dir, cache_dir=tmp_path / "file" / "cache")


def test_a_cache_that_can_only_be_read(opened, cache_dir, monkeypatch):
    opened()
    shutil.rmtree(cache_dir / "hwdb" / "seen")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(hwdb_cache, "write_json", refuse)
    monkeypatch.setattr(hwdb_cache, "locked", refuse)
    assert len(opened()) == 160


def test_two_processes_at_once(data_dir, cache_dir):
    program = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from lsgan_tf.data.hwdb import source as hwdb
        sys.stdin.readline()
        source = hwdb.open_source(Path({str(data_dir)!r}), cache_dir=Path({str(cache_dir)!r}))
        print(len(source), source.warnings)
        """
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [output.splitlines()[0].split()[0] for output, _ in outputs] == ["160"] * 3
    assert not any("damaged" in output for output, _ in outputs)
    assert sum("preparing" in errors for _, errors in outputs) == 1
    assert len(prepared(cache_dir)) == 1 and not leftovers(cache_dir)
