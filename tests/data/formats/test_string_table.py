"""Tables of byte strings on disk."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lsgan_tf.data.formats import string_table

pytestmark = pytest.mark.fast


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(strings=st.lists(st.binary(max_size=30), max_size=30))
def test_round_trip(tmp_path, strings):
    assert string_table.write(tmp_path, iter(strings)) == len(strings)
    table = string_table.StringTable(tmp_path)
    assert len(table) == len(strings)
    assert [table[index] for index in range(len(table))] == strings


def test_the_digest_tells_where_one_string_ends(tmp_path):
    digests = set()
    for name, strings in {"a": [b"ab", b"c"], "b": [b"a", b"bc"], "c": [b"abc"]}.items():
        (tmp_path / name).mkdir()
        string_table.write(tmp_path / name, strings)
        digests.add(string_table.StringTable(tmp_path / name).digest())
    assert len(digests) == 3


@pytest.mark.parametrize("name", ["strings.bin", "ends.i64"])
def test_damage(tmp_path, name):
    string_table.write(tmp_path, [b"one", b"two"])
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"damaged|not a multiple"):
        string_table.StringTable(tmp_path)
