from __future__ import annotations

import errno
import os
import threading

import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.util import files

pytestmark = pytest.mark.fast


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class TestAtomicFile:
    def test_appears_whole_in_a_new_folder(self, tmp_path):
        path = tmp_path / "new" / "deep" / "a.txt"
        with files.atomic_file(path) as temporary:
            temporary.write_text("one")
            assert not path.exists()
        assert path.read_text() == "one"
        assert names(path.parent) == ["a.txt"]

    def test_follows_the_umask(self, tmp_path):
        old = os.umask(0o027)
        try:
            with files.atomic_file(tmp_path / "a"):
                pass
            with files.atomic_folder(tmp_path / "b"):
                pass
        finally:
            os.umask(old)
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
        assert (tmp_path / "b").stat().st_mode & 0o777 == 0o750

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_leaves_what_was_there_on_an_exception(self, tmp_path, error):
        path = tmp_path / "a.txt"
        path.write_text("old")
        with pytest.raises(error), files.atomic_file(path) as temporary:
            temporary.write_text("half")
            raise error
        assert path.read_text() == "old"
        assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("name", ["a" * 255, "安" * 85])
def test_the_longest_names(tmp_path, name):
    with files.atomic_file(tmp_path / name) as temporary:
        temporary.write_text("content")
    assert (tmp_path / name).read_text() == "content"
    (tmp_path / name).unlink()
    for content in "ab":
        with files.atomic_folder(tmp_path / name) as folder:
            (folder / content).touch()
        assert names(tmp_path / name) == [content]
    assert names(tmp_path) == [name]


class TestRequireWritable:
    @pytest.mark.parametrize("name", ["a.json", "new/deep/a.json", "old.json"])
    def test_leaves_nothing(self, tmp_path, name):
        (tmp_path / "old.json").write_text("old")
        files.require_writable(tmp_path / name, "writing it")
        assert names(tmp_path) == ["old.json"] and (tmp_path / "old.json").read_text() == "old"

    def test_a_file_where_a_folder_is_needed(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(UserError, match=r"file/a\.json: .* while writing it: there is a file"):
            files.require_writable(tmp_path / "file" / "a.json", "writing it")

    def test_a_folder_without_permission(self, tmp_path, monkeypatch):
        def refuse(dir):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(files.tempfile, "TemporaryFile", refuse)
        with pytest.raises(UserError, match="permission denied while writing it"):
            files.require_writable(tmp_path / "a.json", "writing it")


class TestAtomicFolder:
    def test_replaces_a_whole_folder(self, tmp_path):
        path = tmp_path / "set"
        path.mkdir()
        (path / "old").write_text("old")
        with files.atomic_folder(path) as temporary:
            (temporary / "new").write_text("new")
            assert names(path) == ["old"]
        assert names(path) == ["new"]
        assert names(tmp_path) == ["set"]

    def test_leaves_what_was_there_on_an_exception(self, tmp_path):
        path = tmp_path / "set"
        path.mkdir()
        (path / "old").write_text("old")
        with pytest.raises(ValueError), files.atomic_folder(path) as temporary:
            (temporary / "new").write_text("new")
            raise ValueError
        assert names(path) == ["old"]
        assert names(tmp_path) == ["set"]

    def test_puts_the_old_one_back_if_the_new_one_cannot_be_renamed(self, tmp_path, monkeypatch):
        path = tmp_path / "set"
        path.mkdir()
        (path / "old").write_text("old")
        replace = os.replace

        def refuse(source, target):
            if str(source).endswith(".tmp"):
                raise OSError(errno.EIO, "no")
            replace(source, target)

        monkeypatch.setattr(os, "replace", refuse)
        with pytest.raises(OSError, match="no"), files.atomic_folder(path):
            pass
        assert names(path) == ["old"]
        assert names(tmp_path) == ["set"]


class TestExplained:
    @pytest.mark.parametrize(
        ("number", "words"),
        [
            (errno.ENOSPC, "the disk is full while writing it; free some space"),
            (errno.EDQUOT, "the disk is full"),
            (errno.EACCES, "permission denied while writing it; change the permissions or choose"),
            (errno.EROFS, "permission denied"),
            (errno.ENOTDIR, "while writing it: there is a file where a folder is needed"),
            (errno.EIO, "Input/output error while writing it"),
        ],
    )
    def test_says_what_to_do(self, tmp_path, number, words):
        path = tmp_path / "a.txt"
        with pytest.raises(UserError) as caught, files.explained(path, "writing it"):
            raise OSError(number, os.strerror(number))
        message = str(caught.value)
        assert message.startswith(f"{path}: ") and words in message and "\n" not in message

    def test_lets_other_errors_through(self, tmp_path):
        with pytest.raises(ValueError, match="mine"), files.explained(tmp_path, "reading"):
            raise ValueError("mine")

    def test_a_full_disk_leaves_nothing(self, tmp_path, monkeypatch):
        def full(path):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(files, "sync", full)
        path = tmp_path / "a.json"
        with pytest.raises(UserError, match="disk is full"), files.explained(path, "writing it"):
            files.write_json(path, [1])
        assert names(tmp_path) == []

    def test_a_file_in_the_way_of_a_folder(self, tmp_path):
        (tmp_path / "file").write_text("")
        path = tmp_path / "file" / "a.json"
        with pytest.raises(UserError, match=r"file/a\.json: .* there is a file where a folder"):
            with files.explained(path, "writing it"):
                files.write_json(path, [1])


def test_free_space_is_that_of_the_nearest_folder(tmp_path):
    files.require_free_space(tmp_path / "not" / "yet", 1, "a set")
    with pytest.raises(UserError, match=r"not/yet: a set needs 1,\d{3}(,\d{3})+ MiB and only"):
        files.require_free_space(tmp_path / "not" / "yet", 1 << 60, "a set")


def test_a_lock_has_others_wait(tmp_path):
    order = []
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with files.locked(tmp_path / "set"):
            inside.set()
            leave.wait(10)
            order.append("first")

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(10)
    waiting = threading.Timer(0.1, leave.set)
    waiting.start()
    with files.locked(tmp_path / "set"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert files.default_cache_dir() == tmp_path / "lsgan_tf"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.default_cache_dir() == tmp_path / ".cache" / "lsgan_tf"


def test_what_killed_processes_left_is_cleared(tmp_path):
    (tmp_path / ".export.a1b2c3_4.tmp" / "variables").mkdir(parents=True)
    (tmp_path / ".config.json.a1b2c3_4.tmp").write_text("{")
    # Killed between moving the old folder aside and renaming the new one.
    (tmp_path / ".best.a1b2c3_4.old" / "best").mkdir(parents=True)
    long = "安" * 85  # 255 bytes
    (tmp_path / f".{long[:79]}.a1b2c3_4.old" / long).mkdir(parents=True)
    (tmp_path / ".kept.a1b2c3_4.old" / "kept").mkdir(parents=True)
    for name in ("kept", ".gitignore", ".mine.tmp"):
        (tmp_path / name).mkdir()
    files.clear_leftovers(tmp_path)
    assert names(tmp_path) == [".gitignore", ".mine.tmp", "best", "kept", long]
    files.clear_leftovers(tmp_path / "nowhere")


@pytest.mark.parametrize("home", ["file", "missing/below"])
def test_a_cache_folder_that_cannot_be_made_names_the_flag(tmp_path, monkeypatch, home):
    """As with HOME=/ for users other than root."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / home))
    (tmp_path / "file").write_text("")
    if home != "file":
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(UserError, match=r"cannot be written; give a writable folder"):
        files.default_cache_dir()
    (tmp_path / "there" / ".cache" / "lsgan_tf").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "there"))  # read-only is fine
    assert files.default_cache_dir() == tmp_path / "there" / ".cache" / "lsgan_tf"
