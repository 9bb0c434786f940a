from __future__ import annotations

import os

import pytest

from lsgan_tf.util import cpu


def test_cores():
    assert 1 <= cpu.cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("content", "name", "instructions"),
    [
        ("model name\t: X  8\nflags\t\t: fpu avx2\n\nmodel name\t: X  8\n", "X 8", {"fpu", "avx2"}),
        ("Features\t: asimd\n", None, None),
        (None, None, None),
    ],
)  # fmt: skip
def test_processors(tmp_path, monkeypatch, content, name, instructions):
    monkeypatch.setattr(cpu, "_CPUINFO", tmp_path / "cpuinfo")
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content)
    assert cpu.name() == name or (name is None and cpu.name())
    assert cpu.instructions() == instructions
