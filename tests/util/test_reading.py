from __future__ import annotations

import hashlib
import os

import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.util import files, reading

pytestmark = pytest.mark.fast


def test_json_round_trip(tmp_path):
    value = {"名": ["安", 1, 2.5, None, True]}
    files.write_json(tmp_path / "a.json", value)
    assert reading.read_json(tmp_path / "a.json") == value
    assert "安" in (tmp_path / "a.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}", b"{} {}", b'{"a": 1, "a": 2}'])
def test_bad_json_is_named(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.json: not valid JSON"):
        reading.read_json(tmp_path / "a.json")


def test_missing_json_is_named(tmp_path):
    with pytest.raises(UserError, match=r"a\.json: No such file or directory while reading it"):
        reading.read_json(tmp_path / "a.json")


def test_sha256(tmp_path):
    content = os.urandom(5 << 20)  # more than one block
    (tmp_path / "a").write_bytes(content)
    assert reading.sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_json_of_a_windows_editor_and_of_paths_that_are_no_text(tmp_path):
    (tmp_path / "a.json").write_text('{"a": "安"}', encoding="utf-8-sig")
    assert reading.read_json(tmp_path / "a.json") == {"a": "安"}
    odd = {"path": os.fsdecode("汉字".encode("gbk")), "name": "安"}
    files.write_json(tmp_path / "b.json", odd)
    assert reading.read_json(tmp_path / "b.json") == odd
    assert "安" in (tmp_path / "b.json").read_text(encoding="utf-8")
