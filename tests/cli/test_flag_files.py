"""Flag files as people's editors write them."""

from __future__ import annotations

import codecs
import os
import subprocess
import sys

import pytest
from absl import flags

from lsgan_tf.cli import flag_files

pytestmark = pytest.mark.fast

TEXT = "# 手写\n--seed=3\n\n  --data_dir=/data/手写  \n// no\n--conditional\n"
FLAGS = ["--seed=3", "--data_dir=/data/手写", "--conditional"]


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.replace("\n", "\r\n").encode("utf-8-sig"),
        TEXT.replace("\n", "\r").encode(),
        codecs.BOM_UTF8 + b"--seed=3\n" + codecs.BOM_UTF8 + TEXT.encode().partition(b"\n\n")[2],
    ],
    ids=["plain", "mark", "utf-16", "utf-16-be", "mark and crlf", "cr", "put together"],
)
def test_encodings(tmp_path, content):
    (tmp_path / "a.flags").write_bytes(content)
    assert flag_files.lines(str(tmp_path / "a.flags")) == FLAGS


def test_other_bytes_are_those_of_the_path(tmp_path):
    (tmp_path / "a.flags").write_bytes("# 汉\n--data_dir=/汉字".encode("gbk"))
    (word,) = flag_files.lines(str(tmp_path / "a.flags"))
    assert os.fsencode(word) == "--data_dir=/汉字".encode("gbk")


def test_within_each_other(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text(f"--flagfile={two}\n--steps=1\n", encoding="utf-8-sig")
    two.write_text(f"--seed=2\n--flagfile={one}\n", encoding="utf-8-sig")
    words = ["--flip", f"--flagfile={one}", "-flagfile", str(two), "--", f"--flagfile={one}"]
    assert flag_files.expanded(words) == [
        "--flip", "--seed=2", "--steps=1", "--seed=2", "--steps=1", "--", f"--flagfile={one}",
    ]  # fmt: skip


@pytest.mark.parametrize("times", [1, 2])
def test_many_files_within_each_other(tmp_path, times):
    for number in range(2000):
        line = f"--flagfile={tmp_path / str(number + 1)}\n"
        (tmp_path / str(number)).write_text(line * times)
    first = tmp_path / "0"
    with pytest.raises(flags.Error, match=f"{first}: includes more than 100 flag files"):
        flag_files.expanded([f"--flagfile={first}"])


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\0\1\2", "expected text"), (b"\xff\xfea", "starts like UTF-16 but is not")],
)
def test_what_is_no_text(tmp_path, content, message):
    (tmp_path / "a.flags").write_bytes(content)
    with pytest.raises(flags.Error, match=message):
        flag_files.lines(str(tmp_path / "a.flags"))
    with pytest.raises(flags.Error, match="Unable to open flagfile"):
        flag_files.lines(str(tmp_path / "none"))
    with pytest.raises(flags.Error, match="no argument"):
        flag_files.expanded(["--flagfile"])
    with pytest.raises(flags.Error, match=r"--flagfile=gs://b/a.flags: is an address"):
        flag_files.expanded(["--flagfile=gs://b/a.flags"])
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(flags.Error, match=r"--flagfile=.*fifo: expected a regular file"):
        flag_files.expanded([f"--flagfile={tmp_path / 'fifo'}"])
    with pytest.raises(flags.Error, match=r"--flagfile=~nobody-here/a: there is no such home"):
        flag_files.expanded(["--flagfile=~nobody-here/a"])


def test_utf8_where_the_locale_is_ascii(tmp_path):
    """The bytes of a path in a flag file are those of the path."""
    folder = tmp_path / "手写"
    folder.mkdir()
    (tmp_path / "a.flags").write_text(f"# 手写\n--data_dir={folder}\n", encoding="utf-8-sig")
    code = (
        "import os, sys; from lsgan_tf.cli import flag_files\n"
        "word, = flag_files.expanded(sys.argv[1:])\n"
        "print(sys.getfilesystemencoding(), os.path.isdir(word.partition('=')[2]))"
    )
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code, f"--flagfile={tmp_path / 'a.flags'}"],
        capture_output=True,
        text=True,
        env={**os.environ, **ascii_only},
    )
    assert (done.stdout, done.stderr) == ("ascii True\n", "")
    # Presets, the package's own flag files, hold Chinese characters.
    code = (
        "from absl import flags; from lsgan_tf.cli import flags as flagging\n"
        "values = flags.FlagValues(); flagging.define_flags(values)\n"
        "words = ['main', '--preset=hwdb_pretrained']; values(words)\n"
        "print(len(flagging.from_flags(words, values)[0].characters))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **ascii_only},
    )
    assert (done.stdout, done.stderr) == ("500\n", "")
