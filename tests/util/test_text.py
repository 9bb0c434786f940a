"""Columns on a terminal."""

from __future__ import annotations

import pytest

from lsgan_tf.util.text import columns, counted, display_width


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("abc", 3),
        ("安宁", 4),
        ("ｱ", 1),
        ("（全）", 6),
        ("é", 1),
        ("e\u0301", 1),
        ("한", 2),
    ],
)
def test_width(text, width):
    assert display_width(text) == width


def test_columns_are_as_wide_as_their_widest_cell():
    rows = [("run", "state"), ("安宁", "finished"), ("a", "")]
    assert columns(rows) == ["run   state", "安宁  finished", "a"]
    assert columns(rows, indent="  ")[2] == "  a"


def test_counts_agree_with_their_nouns():
    assert [counted(count, "file") for count in (0, 1, 1000)] == [
        "0 files",
        "1 file",
        "1,000 files",
    ]
    assert [counted(count, "class", "classes") for count in (1, 2)] == ["1 class", "2 classes"]
