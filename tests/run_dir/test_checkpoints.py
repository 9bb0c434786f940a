"""Checkpoints: atomic, verified, and safe on a full disk."""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
import subprocess

import pytest
import tensorflow as tf

from lsgan_tf.build import build_gan
from lsgan_tf.config import resolve
from lsgan_tf.errors import UserError
from lsgan_tf.run_dir.checkpoints import Checkpoints, _size, check, find
from lsgan_tf.util import files


def state(value=0.0, shape=(50, 50)):
    return tf.train.Checkpoint(a=tf.Variable(tf.fill(shape, value)), step=tf.Variable(int(value)))


@pytest.fixture
def kept(tmp_path):
    """Two checkpoints, of steps 10 and 20."""
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    for step in (10, 20):
        checkpoints.save(step, state(float(step)), {"seconds": step / 2})
    return checkpoints


def folder(tmp_path, step):
    return tmp_path / "checkpoints" / f"step-{step:08d}"


def restored(checkpoints):
    found, warnings = checkpoints.newest()
    into = state()
    checkpoints.restore(found, into)
    assert int(into.step.numpy()) == found.step == float(into.a.numpy()[3, 4])
    return found, warnings


class TestSaving:
    def test_gives_back_what_was_saved(self, kept):
        found, warnings = restored(kept)
        assert (found.step, found.extra, warnings) == (20, {"seconds": 10.0}, [])

    def test_keeps_the_newest(self, tmp_path):
        checkpoints = Checkpoints(tmp_path / "c", keep=2)
        for step in (1, 2, 3, 10):
            checkpoints.save(step, state(float(step)), {})
        assert [step for step, _ in find(tmp_path / "c")] == [10, 3]

    def test_nothing_is_there_at_first(self, tmp_path):
        assert Checkpoints(tmp_path / "c").newest() == (None, [])

    def test_a_moved_folder_still_works(self, kept, tmp_path):
        shutil.move(tmp_path / "checkpoints", tmp_path / "elsewhere")
        assert restored(Checkpoints(tmp_path / "elsewhere"))[0].step == 20

    def test_leftovers_of_a_killed_process_are_removed(self, kept, tmp_path):
        leftover = tmp_path / "checkpoints" / ".step-00000030.abcdefgh.tmp"
        leftover.mkdir()
        (leftover / "state.index").write_bytes(b"half")
        kept.clear_leftovers()
        assert not leftover.exists()
        assert restored(kept)[0].step == 20

    def test_other_workers_neither_write_nor_read(self, kept, tmp_path):
        worker = Checkpoints(tmp_path / "checkpoints", chief=False)
        worker.save(30, state(30.0), {})
        assert not folder(tmp_path, 30).exists()
        assert worker.newest() == (None, [])


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def rename(path, name):
    path.write_text(path.read_text().replace(DATA, name))


DATA = "state.data-00000-of-00001"
DAMAGE = {
    "data cut in half": (DATA, cut),
    "one bit of the data flipped": (DATA, flip),
    "data missing": (DATA, os.remove),
    "index cut in half": ("state.index", cut),
    "index missing": ("state.index", os.remove),
    "manifest cut in half": ("checkpoint.json", cut),
    "manifest missing": ("checkpoint.json", os.remove),
    "manifest empty": ("checkpoint.json", lambda path: path.write_text("{}")),
    "manifest a list": ("checkpoint.json", lambda path: path.write_text("[1]")),
    "a name too long": ("checkpoint.json", lambda path: rename(path, "a" * 300)),
    "a name of another folder": ("checkpoint.json", lambda path: rename(path, f"../x/{DATA}")),
}


class TestDamage:
    @pytest.mark.parametrize("kind", DAMAGE)
    def test_falls_back_with_a_warning(self, kept, tmp_path, kind):
        name, damage = DAMAGE[kind]
        damage(folder(tmp_path, 20) / name)
        found, warnings = restored(kept)
        assert found.step == 10
        assert len(warnings) == 1 and "step-00000020" in warnings[0]
        assert warnings[0].endswith("falling back to the checkpoint before it")
        assert "\n" not in warnings[0]

    def test_a_run_does_not_begin_again_unasked(self, kept, tmp_path):
        for step in (10, 20):
            cut(folder(tmp_path, step) / DATA)
        with pytest.raises(UserError, match=r"no intact checkpoint \(2 damaged\)"):
            kept.newest()

    def test_another_network_is_refused(self, kept):
        found, _ = kept.newest()
        with pytest.raises(UserError, match="of another network"):
            kept.restore(found, state(shape=(3, 3)))
        with pytest.raises(UserError, match="of another network"):
            kept.restore(found, tf.train.Checkpoint(b=tf.Variable(0.0)))

    def test_a_sound_one_passes(self, kept, tmp_path):
        assert check(folder(tmp_path, 20))["step"] == 20


class TestFullDisk:
    def test_free_space_is_checked_first(self, kept, tmp_path, monkeypatch):
        usage = shutil.disk_usage(tmp_path)._replace(free=10_000)  # the state takes 10,004 bytes
        monkeypatch.setattr(files.shutil, "disk_usage", lambda path: usage)
        with pytest.raises(UserError, match="a checkpoint needs 0 MiB and only 0 MiB are free"):
            kept.save(30, state(30.0), {})
        assert restored(kept)[0].step == 20

    def test_the_space_of_networks_and_optimisers_is_known(self):
        config = dataclasses.replace(resolve({"dataset": "mixture"}, {})[0], data_shape=(2,))
        gan = build_gan(config)
        sizes = (math.prod(v.shape) * v.dtype.size for v in gan.state_variables())
        assert _size(gan.state()) == sum(sizes)

    def test_a_disk_that_fills_up_leaves_the_former_one(self, tmp_path, monkeypatch):
        mount = tmp_path / "small"
        mount.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mount)]
        if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("only root can mount a small file system")
        try:
            checkpoints = Checkpoints(mount / "checkpoints")
            checkpoints.save(10, state(10.0), {})
            # Another process fills the disk after the check.
            monkeypatch.setattr("lsgan_tf.run_dir.checkpoints.require_free_space", lambda *_: None)
            with pytest.raises(UserError, match="the disk is full while writing a checkpoint") as e:
                checkpoints.save(20, state(20.0, (300, 300)), {})
            assert "\n" not in str(e.value)
            assert [path.name for path in (mount / "checkpoints").iterdir()] == ["step-00000010"]
            assert restored(checkpoints)[0].step == 10
        finally:
            subprocess.run(["umount", str(mount)], check=True)
