"""Names of a folder in order."""

from __future__ import annotations

import os

import numpy as np

from lsgan_tf.data import sorted_names


def test_more_names_than_are_held(tmp_path, monkeypatch):
    monkeypatch.setattr(sorted_names, "_HELD", 7)
    monkeypatch.setattr(sorted_names, "_BLOCK", 5)
    names = [str(number) for number in np.random.default_rng(0).permutation(50)] + ["é", "a\nb"]
    for name in names:
        (tmp_path / name).touch()
    found = list(sorted_names.sorted_names(os.fsencode(tmp_path)))
    assert found == sorted(map(os.fsencode, names))
