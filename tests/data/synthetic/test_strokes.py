from __future__ import annotations

import configparser
import fnmatch
import io
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from lsgan_tf.data.hwdb.gb2312 import LEVEL1
from lsgan_tf.data.synthetic import strokes

pytestmark = pytest.mark.fast

ROOT = Path(__file__).parents[3]


def test_has_every_character_of_level_1_in_the_order_of_the_codes():
    known = strokes.load()
    assert known.characters == LEVEL1
    assert len(known.characters) == 3755
    assert "永" in known and "A" not in known


def test_every_stroke_is_a_path_inside_the_unit_box():
    known = strokes.load()
    for character in known.characters:
        medians = known.medians(character)
        assert 1 <= len(medians) <= 30
        assert len(known.radical(character)) == len(medians)
        for median in medians:
            assert median.dtype == np.float32
            assert median.shape[0] >= 2 and median.shape[1] == 2
        points = np.concatenate(medians)
        assert points.min() >= 0 and points.max() <= 1


@pytest.mark.parametrize(("character", "count"), [("一", 1), ("人", 2), ("永", 5), ("国", 8)])
def test_number_of_strokes(character: str, count: int):
    assert len(strokes.load().medians(character)) == count


def test_y_points_down_and_strokes_are_in_the_order_of_writing():
    dot, upright, *_ = strokes.load().medians("永")
    assert dot[:, 1].mean() < upright[:, 1].mean()
    # 十 is written across first, to the right, and then down.
    across, down = strokes.load().medians("十")
    assert across[-1, 0] - across[0, 0] > 0.5
    assert down[-1, 1] - down[0, 1] > 0.5


def test_radical_of_a_character():
    # 安: the roof's three strokes come first.
    assert strokes.load().radical("安").tolist() == [True] * 3 + [False] * 3


def test_unknown_character():
    with pytest.raises(KeyError):
        strokes.load().medians("鑫")
    assert strokes.render_glyph("鑫", 28) is None


def test_loaded_strokes_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        strokes.load().medians("永")[0][0, 0] = 0


@pytest.mark.parametrize("size", [1, 20, 28, 64])
def test_glyph_is_clean_black_on_white(size: int):
    glyph = strokes.render_glyph("永", size)
    assert glyph.shape == (size, size)
    assert glyph.dtype == np.uint8
    if size > 1:
        assert glyph.min() < 60
        assert (glyph == 255).mean() > 0.5
        assert glyph[0].min() == 255 and glyph[:, 0].min() == 255


def test_glyphs_of_different_characters_differ():
    a, b = (strokes.render_glyph(character, 28).astype(int) for character in "安宽")
    assert np.abs(a - b).mean() > 10


def test_crowded_glyphs_stay_open():
    assert strokes.render_glyph("赢", 64).mean() > 100


def test_licence_and_notice_of_change_are_shipped():
    folder = resources.files("lsgan_tf.data.synthetic") / strokes.FOLDER
    assert strokes.licence().startswith(b"ARPHIC PUBLIC LICENSE")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    with np.load(io.BytesIO(strokes.packed_file())) as packed:
        notice = str(packed["notice"])
    for text in (readme, notice):
        assert "hanzi-writer-data" in text
        assert "lsgan_tf authors" in text
        assert strokes.LICENCE in text
    assert sum(len(file.read_bytes()) for file in folder.iterdir()) < 1 << 20


def test_the_package_takes_all_of_the_folder_along():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    patterns = config["options.package_data"]["lsgan_tf.data.synthetic"].split()
    for file in (resources.files("lsgan_tf.data.synthetic") / strokes.FOLDER).iterdir():
        name = f"{strokes.FOLDER}/{file.name}"
        assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns), name
