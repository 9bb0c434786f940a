"""The voting page and its key, without a browser."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.human_study.study import write_study

pytestmark = pytest.mark.fast

# The first set is dark and the second bright, and each image tells its number.
A = np.stack([np.full((4, 5, 1), number, np.uint8) for number in range(30)])
B = A + 100


def study_in(page):
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'type="application/json">(.*?)</script>', text, re.S)[1])


def pixel(encoded):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))[0, 0]


@pytest.fixture
def written(tmp_path):
    page = tmp_path / "study.html"
    names = ("LSGAN", "DCGAN")
    key = write_study(page, A, B, pairs=20, seed=3, names=names, metadata={"a": "runs/x"})
    return page, json.loads(key.read_text())


def test_pairs_are_those_of_the_key(written):
    page, key = written
    pairs = study_in(page)["pairs"]
    assert len(pairs) == len(key["left"]) == 20
    for (left, right), side, number in zip(pairs, key["left"], key["pictures"], strict=True):
        first, second = (left, right) if side == "a" else (right, left)
        assert (pixel(first), pixel(second)) == (number, number + 100)
    assert sorted(set(key["left"])) == ["a", "b"]
    assert len(set(key["pictures"])) == 20 and key["pictures"] != sorted(key["pictures"])


def test_the_page_does_not_tell_which_is_which(written):
    page, key = written
    text = page.read_text(encoding="utf-8")
    for word in ("LSGAN", "DCGAN", "runs/x", '"left": [', "pictures"):
        assert word not in text
    assert set(study_in(page)) == {"id", "pairs"}
    assert "http" not in re.sub(r"<script id.*?</script>", "", text, flags=re.S)
    assert key["names"] == ["LSGAN", "DCGAN"] and key["a"] == "runs/x"


def test_the_seed_decides_sides_and_order(tmp_path):
    keys = [
        write_study(tmp_path / f"{n}.html", A, B, pairs=30, seed=seed, names=("x", "y"))
        for n, seed in enumerate((1, 1, 2))
    ]
    same, again, other = (json.loads(key.read_text()) for key in keys)
    assert same == again
    assert (tmp_path / "0.html").read_text() == (tmp_path / "1.html").read_text()
    assert same["left"] != other["left"] and same["pictures"] != other["pictures"]
    assert same["study"] != other["study"]


def test_colours(tmp_path):
    red = np.zeros((3, 4, 4, 3), np.uint8)
    red[..., 0] = 200
    write_study(tmp_path / "s.html", red, red // 2, pairs=3, seed=0, names=("x", "y"))
    found = {tuple(pixel(encoded)) for encoded in study_in(tmp_path / "s.html")["pairs"][0]}
    assert found == {(200, 0, 0), (100, 0, 0)}


@pytest.mark.parametrize(
    ("b", "pairs", "message"),
    [
        (B[:, :3], 5, "4x5x1 and those of y 3x5x1"),
        (B[:4], 5, "--pairs=5: there are 30 and 4 images"),
    ],
)
def test_sets_that_do_not_fit(tmp_path, b, pairs, message):
    with pytest.raises(UserError, match=message):
        write_study(tmp_path / "s.html", A, b, pairs=pairs, seed=0, names=("x", "y"))
    assert list(tmp_path.iterdir()) == []
