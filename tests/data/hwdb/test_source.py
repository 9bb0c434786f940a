import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.data.formats import gnt
from lsgan_tf.data.hwdb import gb2312
from lsgan_tf.data.hwdb import source as hwdb
from lsgan_tf.data.synthetic import handwriting as standin
from lsgan_tf.data.synthetic import strokes
from lsgan_tf.data.synthetic.handwriting_endless import FreshStandin
from lsgan_tf.errors import UserError


def bitmaps(text, count, seed=0):
    """`count` records of each character, interleaved, of random sizes and grey levels."""
    random = np.random.default_rng(seed)
    return [
        (character, random.integers(0, 256, random.integers(5, 70, 2), np.uint8))
        for _ in range(count)
        for character in text
    ]


@pytest.fixture
def data_dir(tmp_path):
    """A training set of three characters, a symbol and one of level 2, and a test set."""
    folder = tmp_path / "hwdb"
    gnt.write(folder / "train" / "1.gnt", bitmaps("座啊安", 4, seed=1))
    gnt.write(folder / "train" / "2.gnt", bitmaps("安A齄啊", 3, seed=2))
    gnt.write(folder / "test" / "1.gnt", bitmaps("座安", 2, seed=3))
    return folder


@pytest.fixture
def cache_dir(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def opened(data_dir, cache_dir):
    def opened(place=data_dir, **options):
        return hwdb.open_source(place, cache_dir=cache_dir, **options)

    return opened


def everything(source):
    indices = np.arange(len(source))
    return source.read(indices), source.labels(indices)


def pairs(source):
    """All images with their characters, in any order."""
    pictures, labels = everything(source)
    return sorted(
        (source.classes[label], picture.tobytes())
        for label, picture in zip(labels.tolist(), pictures, strict=True)
    )


def squashed(records, size=28):
    return sorted(
        (
            character,
            Image.fromarray(bitmap).resize((size, size), Image.Resampling.BILINEAR).tobytes(),
        )
        for character, bitmap in records
    )


def test_images_and_labels(opened):
    source = opened()
    assert source.name == "hwdb"
    assert source.shape == (28, 28, 1)
    assert source.classes == ("啊", "安", "座")
    assert len(source) == 12 + 6
    pictures, labels = everything(source)
    assert (pictures.dtype, pictures.shape) == (np.uint8, (18, 28, 28, 1))
    assert (labels.dtype, labels.shape) == (np.int32, (18,))
    wanted = bitmaps("座啊安", 4, seed=1) + bitmaps("安A齄啊", 3, seed=2)
    assert pairs(source) == squashed(pair for pair in wanted if pair[0] in "啊安座")
    assert not source.standin
    assert "18 images of 3 characters" in source.description
    assert source.warnings == (
        "left out 6 images of 2 symbols and characters outside GB2312 level 1 "
        "(--all_classes includes them)",
    )


def test_reading_is_a_function_of_the_indices(opened):
    source = opened()
    pictures, labels = everything(source)
    indices = np.array([17, 0, 5, 5])
    np.testing.assert_array_equal(source.read(indices), pictures[indices])
    np.testing.assert_array_equal(source.labels(indices), labels[indices])
    assert source.read(np.array([], np.int64)).shape == (0, 28, 28, 1)


def test_all_classes(opened):
    source = opened(all_classes=True)
    assert source.classes == ("啊", "安", "座", "A", "齄")
    assert len(source) == 24
    assert source.warnings == ()


@pytest.mark.parametrize(("most", "classes"), [(1, "啊"), (2, "啊安"), (9, "啊安座")])
def test_max_classes(opened, most, classes):
    source = opened(max_classes=most)
    assert "".join(source.classes) == classes
    assert set(everything(source)[1].tolist()) == set(range(len(classes)))


def test_classes_of_another_split(opened):
    source = opened(split="test", classes=("安", "啊", "座"))
    assert source.classes == ("安", "啊", "座")
    assert sorted(everything(source)[1].tolist()) == [0, 0, 2, 2]
    with pytest.raises(UserError, match=r"none of its 2 characters .* one of the 1 requested"):
        opened(split="test", classes=("宁",))


@pytest.mark.parametrize("size", [16, 64])
def test_image_size(opened, size):
    source = opened(split="test", image_size=size)
    assert source.shape == (size, size, 1)
    assert pairs(source) == squashed(bitmaps("座安", 2, seed=3), size)


def test_keep_aspect(tmp_path, opened):
    gnt.write(tmp_path / "tall" / "a.gnt", [("安", np.zeros((56, 14), np.uint8))])
    picture = opened(tmp_path / "tall", keep_aspect=True).read(np.array([0]))[0, :, :, 0]
    assert (picture[:, :10] == 255).all() and (picture[:, 18:] == 255).all()
    assert (picture[:, 11:17] == 0).all()


def test_splits(opened, data_dir):
    assert len(opened(split="train")) == 18
    assert len(opened(split="test")) == 4
    assert len(opened(split="all")) == 22
    # Without a test-like name below the folder, all is for training.
    assert len(opened(data_dir / "test")) == 4
    with pytest.raises(UserError, match="no test file in it"):
        opened(data_dir / "test", split="test")


def test_test_files_are_never_trained_on(tmp_path, opened, cache_dir):
    gnt.write(tmp_path / "x" / "1.0test-gb1.gnt", bitmaps("安", 2))
    for place in (tmp_path / "x", tmp_path / "x" / "1.0test-gb1.gnt"):
        with pytest.raises(UserError, match=r"only 1 named as test files \(1.0test-gb1"):
            opened(place)
    assert not cache_dir.exists()
    assert len(opened(tmp_path / "x", split="test")) == 2


def test_a_training_set_that_is_packed_is_not_replaced_by_the_test_set(tmp_path, opened):
    """HWDB1.1 as published: a zip of an ALZip archive and a zip of `.gnt` files."""
    gnt.write(tmp_path / "made.gnt", bitmaps("安", 2))
    (tmp_path / "x").mkdir()
    with zipfile.ZipFile(tmp_path / "x" / "HWDB1.1trn_gnt.zip", "w") as archive:
        archive.writestr("HWDB1.1trn_gnt.alz", b"ALZ\x01")
    with zipfile.ZipFile(tmp_path / "x" / "HWDB1.1tst_gnt.zip", "w") as archive:
        archive.write(tmp_path / "made.gnt", "1241-c.gnt")
    for split in ("train", "test", "all"):
        with pytest.raises(
            UserError, match=r"HWDB1.1trn_gnt.zip/HWDB1.1trn_gnt.alz: this is an AL"
        ):
            opened(tmp_path / "x", split=split)


@pytest.mark.parametrize("name", ["Gnt1.0TrainPart1.zip", "HWDB1.0trn_gnt.zip"])
def test_an_archive_gives_the_same(data_dir, tmp_path, opened, name):
    with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (data_dir / "train").iterdir():
            archive.write(path, f"any/{path.name}")
    plain, packed = opened(), opened(tmp_path / name)
    assert packed.fingerprint == plain.fingerprint
    np.testing.assert_array_equal(everything(packed)[0], everything(plain)[0])


def test_fingerprint_is_of_content_not_of_place_or_names(data_dir, tmp_path, opened):
    here = opened()
    (data_dir / "train" / "1.gnt").rename(data_dir / "zzz.gnt")
    data_dir.rename(tmp_path / "elsewhere")
    there = opened(tmp_path / "elsewhere")
    assert there.fingerprint == here.fingerprint
    np.testing.assert_array_equal(everything(there)[0], everything(here)[0])


def test_fingerprint_tells_what_differs(data_dir, opened):
    options = [
        {},
        {"image_size": 32},
        {"keep_aspect": True},
        {"all_classes": True},
        {"max_classes": 2},
        {"split": "test"},
    ]
    prints = {opened(**option).fingerprint for option in options}
    gnt.write(data_dir / "train" / "2.gnt", bitmaps("安", 1, seed=9))
    prints.add(opened().fingerprint)
    assert len(prints) == len(options) + 1
    # The same choice by another flag is the same data.
    assert opened(max_classes=3).fingerprint == opened().fingerprint


def test_a_copy_of_a_file_is_left_out(data_dir, opened):
    (data_dir / "train" / "copy of 1.gnt").write_bytes((data_dir / "train" / "1.gnt").read_bytes())
    source = opened()
    assert len(source) == 18
    assert source.warnings[0] == "train/copy of 1.gnt is a duplicate of train/1.gnt: left out"


def test_many_copies_are_one_warning_more(data_dir, opened):
    for number in range(9):
        shutil.copyfile(data_dir / "train" / "1.gnt", data_dir / "train" / f"2-{number}.gnt")
    copies = [line for line in opened().warnings if "duplicate" in line]
    assert len(copies) == 6
    assert copies[-1] == "4 more duplicates: left out"


def test_nothing_is_written_beside_the_data(data_dir, opened):
    before = {path: path.stat().st_mtime_ns for path in data_dir.rglob("*")}
    opened()
    assert {path: path.stat().st_mtime_ns for path in data_dir.rglob("*")} == before


def test_the_cache_must_not_lie_in_the_data(data_dir):
    with pytest.raises(UserError, match=r"is inside the data folder .* --cache_dir"):
        hwdb.open_source(data_dir, cache_dir=data_dir / "cache")


def with_damage(path, sound, damaged):
    """Writes intact records and, after the first, records with tags that are not GBK."""
    gnt.write(path, [("安", np.full((3, 3), 9, np.uint8))] * (sound + damaged))
    content = bytearray(path.read_bytes())
    for number in range(1, damaged + 1):
        content[19 * number + 4 : 19 * number + 6] = b"\xff\xff"
    path.write_bytes(content)


def test_few_damaged_records_are_left_out_with_a_notice(tmp_path, opened):
    with_damage(tmp_path / "x" / "a.gnt", sound=1998, damaged=2)
    source = opened(tmp_path / "x")
    assert len(source) == 1998
    assert source.warnings == (
        "skipped 2 damaged records; the first is in a.gnt at byte 19: tag ffff is not GBK "
        "(python -m lsgan_tf verify-data lists them)",
    )


@pytest.mark.parametrize("prepared_before", [False, True])
def test_more_damaged_records_are_an_error(tmp_path, opened, cache_dir, prepared_before):
    with_damage(tmp_path / "x" / "a.gnt", sound=1997, damaged=3)
    if prepared_before:
        opened(tmp_path / "x", max_bad_records=3)
    message = (
        r"x: 3 of 2,000 records damaged, 2 tolerated; the first is in a\.gnt at byte "
        r"19: tag ffff is not GBK; .* --max_bad_records"
    )
    with pytest.raises(UserError, match=message):
        opened(tmp_path / "x")
    if not prepared_before:
        assert not list(cache_dir.rglob("*.u8"))


def test_max_bad_records_decides(tmp_path, opened):
    with_damage(tmp_path / "x" / "a.gnt", sound=10, damaged=3)
    assert len(opened(tmp_path / "x", max_bad_records=3)) == 10
    with pytest.raises(UserError, match="3 of 13 records damaged, 2 tolerated"):
        opened(tmp_path / "x", max_bad_records=2)
    with_damage(tmp_path / "y" / "a.gnt", sound=2000, damaged=1)
    with pytest.raises(UserError, match="1 of 2,001 records damaged, 0 tolerated"):
        opened(tmp_path / "y", max_bad_records=0)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_is_no_gnt_is_named(data_dir, opened, packed):
    path = data_dir / "train" / "3.gnt"
    if packed:
        with zipfile.ZipFile(data_dir / "train" / "3.zip", "w") as archive:
            archive.writestr("3.gnt", b"no characters")
        path = data_dir / "train" / "3.zip" / "3.gnt"
    else:
        path.write_bytes(b"no characters")
    with pytest.raises(UserError) as error:
        opened()
    assert str(error.value).startswith(f"{path}: not a GNT file: ")


def test_no_class_left(tmp_path, opened, cache_dir):
    gnt.write(tmp_path / "x" / "a.gnt", bitmaps("A，齄", 2))
    message = r"no class is left: none of its 3 characters \(A, ，, 齄\) .* --all_classes"
    with pytest.raises(UserError, match=message):
        opened(tmp_path / "x")
    assert not list(cache_dir.rglob("*.u8"))
    assert len(opened(tmp_path / "x", all_classes=True)) == 6


def test_a_standin_says_so_first(data_dir, opened):
    (data_dir / "STANDIN.json").write_text("{}")
    for place in (data_dir, data_dir / "train", data_dir / "train" / "1.gnt"):
        source = opened(place)
        assert source.standin
        assert source.warnings[0].startswith("STAND-IN DATA")
        assert "--data_dir" in source.warnings[1]
        assert source.description.startswith("stand-in for HWDB")


def test_without_a_folder_the_standin_is_made(data_dir, cache_dir, monkeypatch):
    def ensure(cache, *, samples_per_class, seed=0, characters=None):
        assert (cache, samples_per_class, seed) == (cache_dir, 7, 0)
        assert characters == gb2312.LEVEL1
        (data_dir / "STANDIN.json").write_text("{}")
        return data_dir

    monkeypatch.setattr(standin, "ensure", ensure)
    assert hwdb.open_source(None, cache_dir=cache_dir, standin_samples=7).standin


def test_a_standin_that_is_not_drawn_is_said(data_dir, cache_dir):
    warnings = hwdb.open_source(data_dir, cache_dir=cache_dir, standin_samples=7).warnings
    (warning,) = [line for line in warnings if "--standin_samples=7 has no effect" in line]
    assert f"--data_dir={data_dir}" in warning
    again = hwdb.open_source(data_dir, cache_dir=cache_dir).warnings
    assert not any("--standin_samples" in line for line in again)


@pytest.mark.parametrize(
    ("options", "drawn", "classes"),
    [
        ({"max_classes": 2}, "啊阿", "啊阿"),
        ({"characters": "座安"}, "安座", "座安"),
        ({"classes": ("座", "安")}, "安座", "座安"),
    ],
)
def test_a_standin_has_the_trained_characters_alone(cache_dir, options, drawn, classes):
    source = hwdb.open_source(None, cache_dir=cache_dir, standin_samples=6, **options)
    assert "".join(source.classes) == classes
    assert np.bincount(everything(source)[1]).tolist() == [5, 5]
    (manifest,) = cache_dir.glob("standin/*/STANDIN.json")
    assert json.loads(manifest.read_text(encoding="utf-8"))["plan"]["characters"] == drawn
    assert "10 images of 2 characters" in source.description


def test_a_standin_that_is_drawn_anew(cache_dir):
    options = {"cache_dir": cache_dir, "standin_samples": 0, "image_size": 16}
    source = hwdb.open_source(None, characters="座安", seed=3, **options)
    assert source.fresh and source.standin and not cache_dir.exists()
    assert (source.classes, source.shape, len(source)) == (("座", "安"), (16, 16, 1), 120)
    assert source.warnings[0].startswith("STAND-IN DATA")
    alike = FreshStandin("座安", image_size=16, seed=3)
    assert source.fingerprint == alike.fingerprint
    np.testing.assert_array_equal(source.read(np.array([4])), alike.read(np.array([4])))
    everyone = hwdb.open_source(None, **options)
    assert everyone.classes == gb2312.LEVEL1 and len(everyone) == 60 * 3755


def test_a_run_that_an_older_version_began_finds_its_standin(cache_dir, monkeypatch):
    """Older versions drew all characters and trained on `max_classes` of them."""
    few = strokes.load().characters[:70]
    monkeypatch.setattr(strokes.load(), "characters", few)
    options = {"cache_dir": cache_dir, "standin_samples": 2, "max_classes": 66}
    folder = standin.ensure(cache_dir, samples_per_class=2)
    old = hwdb.open_source(folder, cache_dir=cache_dir, max_classes=66)
    new = hwdb.open_source(None, **options)
    assert new.fingerprint != old.fingerprint
    again = hwdb.open_source(None, fingerprint=old.fingerprint, **options)
    assert again.fingerprint == old.fingerprint and len(again) == 66
    np.testing.assert_array_equal(everything(again)[0], everything(old)[0])
    assert hwdb.open_source(None, fingerprint="another", **options).fingerprint == new.fingerprint
    shutil.rmtree(folder)
    found = hwdb.open_source(None, fingerprint=old.fingerprint, **options)
    assert found.fingerprint == new.fingerprint


def test_characters(opened):
    source = opened(characters="座齄安")
    assert source.classes == ("座", "齄", "安")
    wanted = bitmaps("座啊安", 4, seed=1) + bitmaps("安A齄啊", 3, seed=2)
    assert pairs(source) == squashed(pair for pair in wanted if pair[0] in "座齄安")
    assert source.warnings == ()
    test = opened(split="test", characters="座齄安", classes=source.classes)
    assert sorted(everything(test)[1].tolist()) == [0, 0, 2, 2]
    assert opened(characters="安座齄").fingerprint != source.fingerprint


def test_characters_that_are_not_there_are_named(opened, data_dir, cache_dir):
    with pytest.raises(UserError) as caught:
        opened(characters="安宁座宽")
    assert str(caught.value) == (
        f"--characters: 宁, 宽: not among the 5 characters of {data_dir}; omit these, or pass "
        "other data as --data_dir"
    )
    for samples in (None, 0):
        with pytest.raises(
            UserError, match=r"^--characters: A, 齄: the stand-in has only the 3,755 ch"
        ):
            hwdb.open_source(None, cache_dir=cache_dir, characters="安A齄", standin_samples=samples)


def test_the_users_cache_folder_is_the_default(data_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    hwdb.open_source(data_dir)
    assert list((tmp_path / "home" / "lsgan_tf" / "hwdb").glob("*/images.u8"))


@pytest.mark.skipif("LSGAN_TF_DATA" not in os.environ, reason="LSGAN_TF_DATA is not set")
def test_real_data(cache_dir):
    folder = Path(os.environ["LSGAN_TF_DATA"]) / "hwdb"
    if not folder.is_dir():
        pytest.skip("no hwdb in LSGAN_TF_DATA")
    train = hwdb.open_source(folder, cache_dir=cache_dir)
    test = hwdb.open_source(folder, cache_dir=cache_dir, split="test", classes=train.classes)
    assert (len(train), len(test), len(train.classes)) == (21_834, 2_409, 67)
    assert all(map(gb2312.is_level1, train.classes))
    assert train.warnings == test.warnings == ()
    pictures, labels = everything(train)
    counts = np.bincount(labels)
    assert (counts.min(), counts.max()) == (321, 332)
    # White paper, dark ink, and the corners are mostly paper.
    assert pictures.max() == 255 and pictures.min() < 30
    assert np.median(pictures[:, [0, 0, -1, -1], [0, -1, 0, -1]]) == 255
