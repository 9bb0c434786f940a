"""Control characters in texts do not reach the terminal."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest

from lsgan_tf.util.text import PrintableStream, controls, printable

HOSTILE = "a\x1b[2J\x1b]0;t\x07\rb\x9bc\u202ed\x00\x7f"
PLAIN = "a\ufffd[2J\ufffd]0;t\ufffd\ufffdb\ufffdc\ufffdd\ufffd\ufffd"


def test_each_control_character_is_a_mark():
    assert printable(HOSTILE) == PLAIN
    assert printable("one\ntwo\tthree") == "one\ufffdtwo\ufffdthree"
    assert printable("one\ntwo\tthree", kept="\n\t") == "one\ntwo\tthree"
    assert printable("\ud800") == "\ufffd"


@pytest.mark.parametrize("text", ["", "安 宁", "全角\u3000空格", "Zürich\u00a01", "é"])
def test_ordinary_text_is_unchanged(text):
    assert printable(text) == text


def test_a_stream_lets_lines_and_tabulators_through():
    sink = io.StringIO()
    stream = PrintableStream(sink)
    print(HOSTILE, "x\ty", file=stream)
    stream.writelines(["\x1b\n", "安\n"])
    assert sink.getvalue() == f"{PLAIN} x\ty\n\ufffd\n安\n"
    assert controls(stream) is sink and controls(sink) is sink
    assert stream == sink and sink == stream and stream != io.StringIO()
    assert not stream.isatty()


COMMAND = f"""
import sys
from lsgan_tf.cli.app import run
from lsgan_tf.errors import UserError
from lsgan_tf.util.progress import Progress
def main(argv):
    print({HOSTILE!r})
    if argv[1:] == ["fail"]:
        raise UserError({HOSTILE!r})
    if argv[1:] == ["crash"]:
        raise RuntimeError({HOSTILE!r})
    if argv[1:] == ["bar"]:
        with Progress({HOSTILE!r}, 2, "things") as progress:
            progress.add(1)
run(main, usage=None)
"""


@pytest.mark.parametrize("word", ["fail", "crash", "done"])
def test_commands_print_nothing_that_a_terminal_obeys(tmp_path, word):
    (tmp_path / "command.py").write_text(COMMAND, encoding="utf-8")
    done = subprocess.run([sys.executable, tmp_path / "command.py", word], capture_output=True)
    assert done.stdout.decode() == PLAIN + "\n"
    errors = done.stderr.decode()
    assert all(letter.isprintable() or letter == "\n" for letter in errors)
    if word == "fail":
        assert errors == f"error: {PLAIN}\n".replace("\ufffdb", " b")  # one line of words
    if word == "crash":
        assert errors.endswith(f"RuntimeError: {PLAIN}\n")


def test_a_bar_on_a_terminal_moves_the_cursor_and_its_label_does_not(tmp_path):
    (tmp_path / "command.py").write_text(COMMAND, encoding="utf-8")
    ours, theirs = pty.openpty()
    words = [sys.executable, tmp_path / "command.py", "bar"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 4096):
            shown += block
    except OSError:
        pass  # how a terminal ends on Linux
    os.close(ours)
    assert process.wait() == 0
    assert PLAIN in shown.decode()
    assert b"\r" in shown
    assert b"\x1b" not in shown and b"\x07" not in shown
