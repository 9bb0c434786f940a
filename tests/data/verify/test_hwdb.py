import zipfile

import numpy as np
import pytest

from lsgan_tf.data.formats import gnt
from lsgan_tf.data.hwdb import source as hwdb
from lsgan_tf.data.verify import hwdb as verify_hwdb
from lsgan_tf.data.verify import hwdb_prepared
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast


def records(text):
    return [(character, np.full((3, 5), 200, np.uint8)) for character in text]


@pytest.fixture
def data_dir(tmp_path):
    folder = tmp_path / "hwdb"
    gnt.write(folder / "train" / "1.gnt", records("啊啊啊安A齄"))
    gnt.write(folder / "test" / "1.gnt", [*records("安"), ("安", np.zeros((9, 2), np.uint8))])
    return folder


def report(path, module=verify_hwdb):
    lines, fine = module.report(path)
    assert all("\n" not in line for line in lines)
    return "\n".join(lines), fine


def test_sound_data(data_dir):
    text, fine = report(data_dir)
    assert fine
    assert "           6         0             150  train/1.gnt" in text
    assert "           2         0              53  test/1.gnt" in text
    assert "train split: 6 images" in text
    assert (
        "2 of the 3,755 characters of GB2312 level 1, 4 images; "
        "per class 1 (安) to 3 (啊), median 2" in text
    )
    assert "1 other character, 1 image, and 1 symbol, 1 image" in text
    assert "test split: 2 images" in text
    assert "width: 2 to 5 pixels" in text and "height: 3 to 9 pixels" in text
    assert "damaged: none" in text
    assert f"intact: train with --dataset=hwdb --data_dir={data_dir}" in text


def test_damaged_records_are_listed_with_their_place(data_dir):
    path = data_dir / "train" / "1.gnt"
    content = bytearray(path.read_bytes())
    content[25 + 4] = 0xFF  # the tag of the second record
    path.write_bytes(content[:-1])  # and the last one is truncated
    text, fine = report(data_dir)
    assert not fine
    assert "damaged: 2 records" in text
    assert "  train/1.gnt, byte 25: tag ffa1 is not GBK" in text
    assert "  train/1.gnt, byte 125: truncated: the record has 25 bytes and 24 are left" in text
    assert "download train/1.gnt again" in text
    assert "here 250.00 in 1,000" in text and "--max_bad_records=2" in text


def test_long_lists_are_cut(tmp_path):
    path = tmp_path / "a.gnt"
    gnt.write(path, records("安" * 400))
    content = bytearray(path.read_bytes())
    for number in range(0, 300, 2):
        content[25 * number + 4] = 0xFF
    path.write_bytes(content)
    text, _ = report(path)
    assert text.count("is not GBK") == 100
    assert "and others, 150 records in total" in text


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_is_no_gnt_does_not_hide_the_others(data_dir, packed):
    if packed:
        with zipfile.ZipFile(data_dir / "bad.zip", "w") as archive:
            archive.writestr("bad.gnt", "no characters")
    else:
        (data_dir / "bad.gnt").write_text("no characters")
    text, fine = report(data_dir)
    assert not fine
    assert "train split: 6 images" in text
    assert f"{data_dir}/bad.{'zip/bad.gnt' if packed else 'gnt'}: not a GNT file" in text
    assert "download again or remove bad." in text


@pytest.mark.parametrize("name", ["more.alz", "deep/1001.pot", "x.gnt.gz"])
def test_what_cannot_be_read_is_not_sound(data_dir, name):
    (data_dir / name).parent.mkdir(exist_ok=True)
    (data_dir / name).write_bytes(b"x")
    assert verify_hwdb.detect(data_dir)
    text, fine = report(data_dir)
    assert not fine and "intact: train" not in text
    assert f"  {name}: this is " in text
    assert "train split: 6 images" in text


def test_other_formats_of_casia_alone(tmp_path):
    (tmp_path / "1.mpf").write_bytes(b"x")
    assert verify_hwdb.detect(tmp_path) and verify_hwdb.detect(tmp_path / "1.mpf")
    with pytest.raises(UserError, match="CASIA's feature vectors"):
        report(tmp_path)


def test_detect(data_dir, tmp_path):
    assert verify_hwdb.detect(data_dir)
    assert verify_hwdb.detect(data_dir / "train" / "1.gnt")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.txt").write_text("a")
    assert not verify_hwdb.detect(tmp_path / "other")
    assert not verify_hwdb.detect(tmp_path / "other" / "a.txt")
    assert not verify_hwdb.detect(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"no \.gnt file in it"):
        verify_hwdb.report(tmp_path / "other")


def test_a_prepared_set(data_dir, tmp_path):
    folder = hwdb.open_source(data_dir, cache_dir=tmp_path / "cache").folder
    assert hwdb_prepared.detect(folder)
    assert not hwdb_prepared.detect(data_dir)
    text, fine = report(folder, hwdb_prepared)
    assert fine
    assert "6 images of 4 characters and symbols, 1 to 3 each" in text
    assert "28 x 28 pixels, squashed" in text
    assert "train/1.gnt: 6 images" in text
    (folder / "images.u8").write_bytes(b"short")
    text, fine = report(folder, hwdb_prepared)
    assert not fine
    assert f"damaged: images.u8 has 5 bytes, expected {6 * 784}" in text
