"""LSUN in all formats, and error messages for others."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lsgan_tf.data.images import decode
from lsgan_tf.data.lsun import source as lsun
from lsgan_tf.data.verify import images as verify_images
from lsgan_tf.errors import UserError


@pytest.fixture
def opened(tmp_path):
    def open_it(folder, category="bedroom", **options):
        options = {"image_size": 8, "cache_dir": tmp_path / "cache", **options}
        return lsun.open_source(folder, category=category, **options)

    return open_it


@pytest.fixture
def expected(bedrooms):
    contents = [content for _, content in sorted(bedrooms.items())]
    pictures = [decode.to_size(decode.decode(content), 8, crop=False) for content in contents]
    return np.stack(pictures)


def zipped(path, folder, name):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "data.mdb", f"{name}/data.mdb")
        archive.writestr(f"{name}/lock.mdb", b"")
    return path


def test_an_lmdb_itself_or_in_its_parent(tmp_path, write_lmdb, bedrooms, expected, opened):
    folder = write_lmdb(tmp_path / "lsun" / "bedroom_train_lmdb", bedrooms)
    direct, parent = opened(folder), opened(folder.parent)
    assert direct.fingerprint == parent.fingerprint
    assert (direct.name, len(direct)) == ("lsun", 30)
    np.testing.assert_array_equal(direct.read(np.arange(30)), expected)
    assert (direct.read(np.arange(4)) != opened(folder, crop=True).read(np.arange(4))).any()


def test_a_zip_is_unpacked_once_into_the_cache(tmp_path, write_lmdb, bedrooms, expected, opened):
    folder = write_lmdb(tmp_path / "made" / "x", bedrooms)
    (tmp_path / "lsun").mkdir()
    archive = zipped(tmp_path / "lsun" / "bedroom_train_lmdb.zip", folder, "bedroom_train_lmdb")
    for place in (archive, archive.parent):
        np.testing.assert_array_equal(opened(place).read(np.arange(30)), expected)
    assert opened(archive).fingerprint == opened(folder).fingerprint
    assert [path.name for path in (tmp_path / "lsun").iterdir()] == [archive.name]
    assert len(list((tmp_path / "cache" / "lsun_unpacked").iterdir())) == 1


def test_objects_come_without_a_split(tmp_path, write_lmdb, bedrooms, opened):
    write_lmdb(tmp_path / "objects" / "cat", bedrooms)
    assert len(opened(tmp_path / "objects", "cat")) == 30
    zipped(tmp_path / "dog.zip", tmp_path / "objects" / "cat", "dog")
    assert len(opened(tmp_path / "dog.zip", "dog")) == 30
    with pytest.raises(UserError, match=r"no val images of cat"):
        opened(tmp_path / "objects", "cat", split="val")


def test_splits(tmp_path, write_lmdb, bedrooms, opened):
    write_lmdb(tmp_path / "lsun" / "bedroom_train_lmdb", bedrooms)
    write_lmdb(tmp_path / "lsun" / "bedroom_val_lmdb", dict(list(bedrooms.items())[:7]))
    assert len(opened(tmp_path / "lsun")) == 30
    for split in ("val", "validation", "test"):
        assert len(opened(tmp_path / "lsun", split=split)) == 7
    with pytest.raises(UserError, match="received 'dev'"):
        opened(tmp_path / "lsun", split="dev")


def test_an_unknown_category_that_is_there(tmp_path, write_lmdb, bedrooms, opened):
    write_lmdb(tmp_path / "lsun" / "castle_train_lmdb", bedrooms)
    assert len(opened(tmp_path / "lsun", "castle")) == 30
    assert len(opened(tmp_path / "lsun" / "castle_train_lmdb", "castle")) == 30


@pytest.mark.parametrize("below", ["", "bedroom", "bedroom_train", "bedroom/train"])
def test_a_folder_of_images(tmp_path, bedrooms, expected, opened, below):
    root = tmp_path / "lsun"
    for key, content in bedrooms.items():
        name = key.decode()
        path = root / below / name[-1] / name[-2] / f"{name}.webp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    source = opened(root)
    assert len(source) == 30
    found = source.read(np.arange(30))
    assert {row.tobytes() for row in found} == {row.tobytes() for row in expected}


def test_smaller_images_are_noticed(tmp_path, bedrooms, opened):
    (tmp_path / "bedroom").mkdir()
    for key, content in bedrooms.items():
        (tmp_path / "bedroom" / key.decode()).with_suffix(".jpg").write_bytes(content)
    source = opened(tmp_path / "bedroom", image_size=17)
    assert source.warnings == ("enlarging 30 images smaller than 17 pixels",)


def test_a_folder_of_tensorflow_datasets(tmp_path, bedrooms, expected, opened):
    tfds = pytest.importorskip("tensorflow_datasets")
    import io

    def rows(count):
        return [
            (number, {"id": key.decode(), "image": io.BytesIO(content)})
            for number, (key, content) in enumerate(sorted(bedrooms.items())[:count])
        ]

    features = tfds.features.FeaturesDict(
        {"id": tfds.features.Text(), "image": tfds.features.Image(encoding_format="jpeg")}
    )
    builder = tfds.dataset_builders.store_as_tfds_dataset(
        name="lsun",
        version="3.1.0",
        config="bedroom",
        features=features,
        split_datasets={"train": rows(30), "validation": rows(4)},
        data_dir=str(tmp_path / "tfds"),
        disable_shuffling=True,
    )
    prepared = Path(builder.data_dir)
    for place in (prepared, *list(prepared.parents)[:3]):
        np.testing.assert_array_equal(opened(place).read(np.arange(30)), expected)
    assert len(opened(prepared, split="val")) == 4
    lines, fine = verify_images.report(prepared, cache_dir=tmp_path / "cache")
    assert fine
    assert "decoded 30 of 30" in "\n".join(lines) and "decoded 4 of 4" in "\n".join(lines)
    with pytest.raises(UserError, match="no train images of kitchen"):
        opened(tmp_path / "tfds", "kitchen")
    shard = next(prepared.glob("*train*"))
    shard.write_bytes(shard.read_bytes()[:-20])
    with pytest.raises(UserError, match="damaged or truncated"):
        opened(prepared)


def test_nothing_given_says_what_to_fetch(opened):
    with pytest.raises(UserError, match=r"scenes/bedroom_train_lmdb\.zip"):
        opened(None)
    with pytest.raises(UserError, match=r"objects/cat\.zip"):
        opened(None, "cat")
    with pytest.raises(UserError, match=r"no such category; there are bedroom, .*tv-monitor"):
        opened(None, "castle")


def test_the_wrong_place(tmp_path, write_lmdb, bedrooms, opened):
    write_lmdb(tmp_path / "lsun" / "bedroom_train_lmdb", bedrooms)
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.tar").write_bytes(b"")
    for place, category, message in [
        (tmp_path / "gone", "bedroom", "no such file or folder"),
        (tmp_path / "x.tar", "bedroom", r"expected LSUN's \.zip"),
        (tmp_path / "empty", "bedroom", "no train images of bedroom"),
        (tmp_path / "lsun", "kitchen", "only bedroom_train_lmdb"),
        (tmp_path / "lsun", "castle", "there are bedroom"),
        (tmp_path / "lsun" / "bedroom_train_lmdb", "kitchen", r"contains bedroom \(train\)"),
    ]:
        with pytest.raises(UserError, match=message) as caught:
            opened(place, category)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"requested bedroom \(val\)"):
        opened(tmp_path / "lsun" / "bedroom_train_lmdb", split="val")


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("category", ["bedroom", "cat"])
def test_the_test_set_is_of_no_category(
    tmp_path, write_lmdb, bedrooms, opened, encode, category, split
):
    """LSUN publishes one test set for all scenes."""
    folder = write_lmdb(tmp_path / "test_lmdb", bedrooms)
    archive = zipped(tmp_path / "test_lmdb.zip", folder, "test_lmdb")
    renamed = zipped(tmp_path / f"{category}_{split}_lmdb.zip", folder, "test_lmdb")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "link").symlink_to(folder)
    for place in (folder, archive, renamed, folder / "data.mdb", tmp_path / "x" / "link"):
        with pytest.raises(UserError, match=r"test_lmdb is LSUN's test set by its name"):
            opened(place, category, split=split)
    renamed.unlink()
    with pytest.raises(UserError, match="only test_lmdb"):
        opened(tmp_path, category, split=split)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("kitchen", "contains kitchen by its name kitchen"),
        ("kitchen_val", r"contains kitchen \(val\)"),
        ("bedroom_val", r"contains bedroom \(val\)"),
        ("bedroom_test", r"contains bedroom \(val\)"),
        ("bedroom/val", r"contains images \(val\)"),
        ("validation", r"contains images \(val\)"),
        ("test", "is LSUN's test set by its name"),
    ],
)
def test_images_of_another_category_or_split(tmp_path, encode, opened, name, message):
    (tmp_path / name).mkdir(parents=True)
    (tmp_path / name / "x.png").write_bytes(encode())
    with pytest.raises(UserError, match=message):
        opened(tmp_path / name)
    with pytest.raises(UserError, match=r"no bedroom_train_lmdb in it, only|val in it is not"):
        opened((tmp_path / name).parent)


def test_an_lmdb_named_after_another_category(tmp_path, write_lmdb, bedrooms, opened):
    folder = write_lmdb(tmp_path / "cat", bedrooms)
    with pytest.raises(UserError, match="pass --category=cat or another folder"):
        opened(folder)
    assert len(opened(folder, "cat")) == 30
    for free in ("anything", "train", "data"):
        assert len(opened(write_lmdb(tmp_path / free, bedrooms))) == 30
    inside = zipped(tmp_path / "bedroom_train_lmdb.zip", folder, "kitchen_train_lmdb")
    with pytest.raises(UserError, match="pass --category=kitchen"):
        opened(inside)


def test_an_lmdb_without_its_data(tmp_path, opened):
    (tmp_path / "bedroom_train_lmdb").mkdir()
    for place in (tmp_path, tmp_path / "bedroom_train_lmdb"):
        with pytest.raises(UserError, match=r"without its data\.mdb"):
            opened(place)


def test_two_forms_in_one_folder(tmp_path, write_lmdb, bedrooms, encode, opened):
    folder = write_lmdb(tmp_path / "bedroom_train_lmdb", bedrooms)
    (tmp_path / "bedroom").mkdir()
    (tmp_path / "bedroom" / "x.png").write_bytes(encode())
    with pytest.raises(UserError, match="two formats, bedroom_train_lmdb and bedroom;"):
        opened(tmp_path)
    (folder / "x.png").write_bytes(encode())
    with pytest.raises(UserError, match=r"two kinds of data .* \(data\.mdb and x\.png\)"):
        opened(folder)
    (tmp_path / "bedroom" / "x.png").unlink()
    with pytest.raises(UserError, match="two kinds of data"):
        opened(tmp_path)


def test_a_zip_that_is_not_lsuns(tmp_path, opened):
    path = tmp_path / "bedroom_train_lmdb.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(UserError, match=r"expected one data\.mdb .* not one of LSUN's"):
        opened(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(UserError, match="damaged or truncated"):
        opened(path)


def test_a_zip_that_does_not_fit(tmp_path, write_lmdb, bedrooms, opened, monkeypatch):
    folder = write_lmdb(tmp_path / "made" / "x", bedrooms)
    archive = zipped(tmp_path / "bedroom_train_lmdb.zip", folder, "bedroom_train_lmdb")
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(UserError, match=r"unpacking bedroom_train_lmdb\.zip needs"):
        opened(archive)
    assert not (tmp_path / "cache" / "lsun_unpacked").exists()


@pytest.mark.skipif("LSGAN_TF_DATA" not in os.environ, reason="needs real data: LSGAN_TF_DATA")
def test_real_bedrooms(opened):
    root = Path(os.environ["LSGAN_TF_DATA"]) / "lsun"
    train, val = opened(root, image_size=112), opened(root, image_size=112, split="val")
    assert (len(train), len(val)) == (1200, 150)
    for source in (train, val):
        pictures = source.read(np.arange(0, len(source), 30))
        assert not source.damaged
        # Photographs: neither black nor white nor flat.
        assert (pictures.std(axis=(1, 2, 3)) > 15).all()
        assert 60 < pictures.mean() < 200


def test_a_killed_unpacking_is_cleared(tmp_path, write_lmdb, bedrooms, opened):
    left = tmp_path / "cache" / "lsun_unpacked" / ".bedroom_train_lmdb-0.abcd1234.tmp"
    left.mkdir(parents=True)
    (left / "data.mdb").write_bytes(b"half")
    folder = write_lmdb(tmp_path / "made" / "x", bedrooms)
    assert len(opened(zipped(tmp_path / "bedroom_train_lmdb.zip", folder, "x"))) == 30
    assert not left.exists()


def test_the_database_file_itself(tmp_path, write_lmdb, bedrooms, opened):
    folder = write_lmdb(tmp_path / "bedroom_train_lmdb", bedrooms)
    assert len(opened(folder / "data.mdb")) == 30


def test_another_split_is_said_to_be_one(tmp_path, write_lmdb, bedrooms, opened):
    folder = write_lmdb(tmp_path / "bedroom_val_lmdb", bedrooms)
    with pytest.raises(UserError, match=r"pass another folder \(.*has --split=val\)"):
        opened(folder)


def test_a_folder_of_images_names_its_own_category(tmp_path, encode, opened):
    for name, split in (("garden", "train"), ("garden_train", "train"), ("garden_val", "val")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").write_bytes(encode())
        assert len(opened(tmp_path / name, "garden", split=split)) == 1
    with pytest.raises(UserError, match="no such category"):
        opened(tmp_path / "garden", "gardens")


def test_smaller_images_of_a_database_are_noticed(tmp_path, write_lmdb, encode, opened):
    entries = {b"a": encode(size=(9, 40)), b"b": encode(size=(40, 10)), b"c": b""}
    folder = write_lmdb(tmp_path / "bedroom_train_lmdb", entries)
    (warning,) = opened(folder, image_size=10).warnings
    assert warning.startswith("enlarging images smaller than 10 pixels (1 of 3 sampled)")
    assert opened(folder, image_size=9).warnings == ()
