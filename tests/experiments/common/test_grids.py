"""Grids of several arms and seeds."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.experiments.common import samples
from lsgan_tf.experiments.common.experiment import Arm, Run
from lsgan_tf.experiments.common.grids import group_by_arm, save_grids

A, B = Arm("a", "first", ()), Arm("b", "second", ())


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two settings, the first with two seeds, not in order; samples of a run have one grey."""
    made = [Run(arm, seed, tmp_path, "finished") for arm, seed in ((A, 4), (B, 4), (A, 1))]
    grey = {run.name: 40 * (i + 1) for i, run in enumerate(made)}
    monkeypatch.setattr(
        samples, "read", lambda run: (np.full((20, 8, 8, 3), grey[run.name], np.uint8), None)
    )
    return made


def greys(path):
    """The greys of the samples' first column, from above, by block from left to right."""
    picture = np.asarray(Image.open(path).convert("L"))
    found = []
    for x in (4, picture.shape[1] // 2 + 12):
        column = picture[:, x]
        column = column[np.isin(column, (40, 80, 120))]
        found.append(
            [int(grey) for i, grey in enumerate(column) if i == 0 or grey != column[i - 1]]
        )
    return found


def test_settings_keep_their_order(runs):
    found = group_by_arm(runs)
    assert list(found) == ["first", "second"]
    assert [run.seed for run in found["first"]] == [4, 1]


def test_an_image_of_all_seeds_and_one_of_each(runs, tmp_path):
    figures = save_grids(runs, tmp_path, [["a", "b"], ["none"]], shown=16)
    assert [figure.file for figure in figures] == [
        "grids.png",
        "grids-seed1.png",
        "grids-seed4.png",
    ]
    assert figures[0].caption == "A row for each of the seeds 1, 4."
    # The rows of the image of all seeds are in the order of the seeds.
    assert greys(tmp_path / "grids.png") == [[120, 40], [80]]
    assert greys(tmp_path / "grids-seed4.png") == [[40], [80]]
    assert greys(tmp_path / "grids-seed1.png")[0] == [120]


def test_one_seed_has_one_image_with_its_verdict(runs, tmp_path, monkeypatch):
    titles = []
    block = "lsgan_tf.experiments.common.grids.block"
    monkeypatch.setattr(
        block, lambda images, columns, title, scale: titles.append(title) or images[0]
    )
    figures = save_grids(runs[:2], tmp_path, [["a", "b"]], shown=8, verdict=lambda run: "good")
    assert [figure.file for figure in figures] == ["grids-seed4.png"]
    assert titles == ["first: good", "second: good"]
