"""Tables of byte strings on disk."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lsgan_tf.data.formats import string_table


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(strings=st.lists(st.binary(max_size=30), max_size=30))
def test_round_trip(tmp_path, strings):
    assert string_table.write(tmp_path, iter(strings)) == len(strings)
    table = string_table.StringTable(tmp_path)
    assert len(table) == len(strings)
    assert [table[index] for index in range(len(table))] == strings


def test_more_than_the_buffer_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(string_table, "_BUFFERED", 3)
    strings = [b"x" * n for n in range(10)]
    string_table.write(tmp_path, strings)
    table = string_table.StringTable(tmp_path)
    assert [table[index] for index in range(10)] == strings


def test_the_digest_tells_where_one_string_ends(tmp_path):
    digests = set()
    for name, strings in {"a": [b"ab", b"c"], "b": [b"a", b"bc"], "c": [b"abc"]}.items():
        (tmp_path / name).mkdir()
        string_table.write(tmp_path / name, strings)
        digests.add(string_table.StringTable(tmp_path / name).digest())
    assert len(digests) == 3


def test_damage(tmp_path):
    string_table.write(tmp_path, [b"one", b"two"])
    (tmp_path / "strings.bin").write_bytes(b"onetw")
    with pytest.raises(ValueError, match="damaged"):
        string_table.StringTable(tmp_path)


def test_more_names_than_are_held(tmp_path, monkeypatch):
    monkeypatch.setattr(string_table, "_HELD", 7)
    monkeypatch.setattr(string_table, "_BLOCK", 5)
    names = [str(number) for number in np.random.default_rng(0).permutation(50)] + ["é", "a\nb"]
    for name in names:
        (tmp_path / name).touch()
    found = list(string_table.sorted_names(os.fsencode(tmp_path)))
    assert found == sorted(map(os.fsencode, names))
