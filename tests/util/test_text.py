"""Columns on a terminal."""

from __future__ import annotations

import pytest

from lsgan_tf.util.text import columns, display_width


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
