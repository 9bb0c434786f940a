from __future__ import annotations

import io

import pytest

from lsgan_tf.util import progress
from lsgan_tf.util.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that tests advance."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_in_a_file_it_is_a_line_every_ten_seconds_and_one_at_the_end(clock):
    stream = io.StringIO()
    with Progress("drawing", total=2000, unit="characters", stream=stream) as bar:
        for _ in range(20):
            clock.now += 1
            bar.add(100)
    assert stream.getvalue().splitlines() == [
        "drawing: 1,100 of 2,000 characters (55%), 11 s",
        "drawing: 2,000 of 2,000 characters (100%), 20 s",
    ]


def test_bytes_are_megabytes(clock):
    stream = io.StringIO()
    with Progress("reading", total=5_000_000, unit="B", stream=stream) as bar:
        bar.add(2_500_000)
    assert stream.getvalue() == "reading: 2.5 of 5.0 MB (50%), 0 s\n"


@pytest.mark.parametrize("total", [None, 0])
def test_without_a_total_there_is_no_fraction(clock, total):
    stream = io.StringIO()
    with Progress("reading", total=total, unit="files", stream=stream) as bar:
        bar.add(7)
    assert stream.getvalue() == "reading: 7 files, 0 s\n"


def test_an_error_leaves_no_line_that_says_done():
    stream = io.StringIO()
    with pytest.raises(ValueError):
        with Progress("reading", total=2, unit="files", stream=stream) as bar:
            bar.add(1)
            raise ValueError
    assert stream.getvalue() == ""


def test_on_a_terminal_it_is_a_bar_that_ends_as_a_line(clock):
    stream = Terminal()
    with Progress("drawing", total=3, unit="characters", stream=stream) as bar:
        bar.add(1)
        bar.add(2)
    shown = stream.getvalue()
    assert "\r" in shown and "0/3" in shown
    assert shown.endswith("drawing: 3 of 3 characters (100%), 0 s\n")


def test_it_writes_to_standard_error(capsys):
    with Progress("drawing", total=1, unit="characters") as bar:
        bar.add(1)
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("drawing: 1 of 1 characters")
