"""Preparing shards, resuming, and reading them."""

from __future__ import annotations

import json
import os
import pickle
import resource

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.data.formats import tfrecords
from lsgan_tf.data.images import decode, encode_workers, prepare_shards, shards
from lsgan_tf.data.images.image_files import open_folder
from lsgan_tf.data.images.shards import Manifest, Preprocessing, ShardRecords
from lsgan_tf.data.lsun import source as lsun
from lsgan_tf.data.lsun.lmdb_records import open_lmdb
from lsgan_tf.errors import UserError

PNG = Preprocessing(image_size=8, crop=False, resize=decode.RESIZE, encoding="png", quality=0)
JPEG = Preprocessing(image_size=8, crop=False, resize=decode.RESIZE, encoding="jpeg", quality=95)


@pytest.fixture
def records(tmp_path, write_lmdb, bedrooms):
    return open_lmdb(write_lmdb(tmp_path / "bedroom_train_lmdb", bedrooms), cache_dir=tmp_path)


@pytest.fixture
def prepare(records, tmp_path):
    def prepare(out="out", records=records, preprocessing=PNG, shard_images=7, workers=1):
        return prepare_shards.prepare(
            records,
            tmp_path / out,
            category="bedroom",
            split="train",
            preprocessing=preprocessing,
            shard_images=shard_images,
            workers=workers,
        )

    return prepare


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def open_prepared(folder, **options):
    options = {"category": "bedroom", "image_size": 8, **options}
    return lsun.open_source(folder, **options)


def test_lossless_shards_hold_what_direct_reading_gives(prepare, records, tmp_path):
    manifest = prepare()
    assert [shard.count for shard in manifest.shards] == [7, 7, 7, 7, 2]
    source = open_prepared(tmp_path / "out")
    direct = lsun.open_source(
        tmp_path / "bedroom_train_lmdb", category="bedroom", image_size=8, cache_dir=tmp_path
    )
    order = np.random.default_rng(0).permutation(30)
    np.testing.assert_array_equal(source.read(order), direct.read(order))
    assert (source.name, len(source), source.shape) == ("lsun", 30, (8, 8, 3))
    assert source.read(np.array([], int)).shape == (0, 8, 8, 3)


def test_jpeg_shards_and_plain_pillow_agree_to_the_bit(prepare, tmp_path):
    prepare(preprocessing=JPEG)
    source = open_prepared(tmp_path / "out")
    records = ShardRecords(tmp_path / "out")
    for index in (0, 6, 7, 29):
        picture = decode.decode(records.content(index))
        np.testing.assert_array_equal(source.read(np.array([index]))[0], np.asarray(picture))


def test_tensorflow_reads_the_shards(prepare, tmp_path):
    import tensorflow as tf

    manifest = prepare(preprocessing=JPEG)
    paths = [str(tmp_path / "out" / shard.file) for shard in manifest.shards]
    dataset = tf.data.TFRecordDataset(paths).map(tf.io.decode_image)
    found = np.stack([picture.numpy() for picture in dataset])
    assert found.shape == (30, 8, 8, 3)
    exact = tf.data.TFRecordDataset(paths).map(
        lambda content: tf.io.decode_jpeg(content, dct_method="INTEGER_ACCURATE")
    )
    source = open_prepared(tmp_path / "out")
    np.testing.assert_array_equal(np.stack(list(exact)), source.read(np.arange(30)))


def test_processes_do_not_change_a_byte(prepare, tmp_path):
    prepare("one", preprocessing=JPEG)
    prepare("two", preprocessing=JPEG, workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_an_interrupted_preparation_goes_on(prepare, tmp_path, monkeypatch):
    prepare("whole")
    encoded = []
    original = encode_workers._encode

    def counted(content, preprocessing):
        if len(encoded) == 50:
            raise KeyboardInterrupt
        encoded.append(content)
        return original(content, preprocessing)

    monkeypatch.setattr(encode_workers, "_encode", counted)
    with pytest.raises(KeyboardInterrupt):
        prepare()
    finished = sorted(path.name for path in (tmp_path / "out").glob("*.tfrecord"))
    # All 30 were encoded once to estimate the space; then 20 more.
    assert finished == ["shard-00000-of-00005.tfrecord", "shard-00001-of-00005.tfrecord"]
    assert not [path for path in (tmp_path / "out").rglob("*.tmp")]
    with pytest.raises(UserError, match="interrupted"):
        open_prepared(tmp_path / "out")
    before = (tmp_path / "out" / finished[0]).stat().st_mtime_ns
    monkeypatch.setattr(encode_workers, "_encode", original)
    prepare()
    assert (tmp_path / "out" / finished[0]).stat().st_mtime_ns == before
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_finished_preparation_is_not_repeated(prepare, monkeypatch):
    first = prepare()
    monkeypatch.setattr(encode_workers, "_encode", None)  # Calling it would fail.
    assert prepare() == first


@pytest.mark.parametrize("damage", ["shard", "gone", "offsets", "description", "extra"])
def test_a_damaged_shard_is_made_again(prepare, tmp_path, damage):
    prepare()
    whole = contents(tmp_path / "out")
    path = tmp_path / "out" / "shard-00001-of-00005.tfrecord"
    index = tmp_path / "out" / "index"
    if damage == "shard":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "gone":
        path.unlink()
    elif damage == "offsets":
        (index / path.name).with_suffix(".npy").unlink()
    elif damage == "extra":
        description = json.loads((index / path.name).with_suffix(".json").read_text())
        description["shard"]["colour"] = 1
        (index / path.name).with_suffix(".json").write_text(json.dumps(description))
    else:
        (index / path.name).with_suffix(".json").write_text("{")
    if damage not in ("description", "extra"):
        with pytest.raises(UserError, match=r"prepare-lsun"):
            ShardRecords(tmp_path / "out").content(8)
    prepare()
    assert contents(tmp_path / "out") == whole


@pytest.mark.parametrize(
    ("row", "value"),
    [(2, -5), (2, 7), (2, 0), (2, 1 << 62), (0, 1), (0, -1), (7, 1 << 40)],
)
def test_altered_offsets(prepare, tmp_path, row, value):
    prepare()
    whole = contents(tmp_path / "out")
    path = tmp_path / "out" / "shard-00001-of-00005.tfrecord"
    table = shards.offsets_path(tmp_path / "out", path.name)
    offsets = np.load(table)
    offsets[row] = value
    np.save(table, offsets)
    byte = offsets[max(row - 1, 0)]  # of the first record that the value belongs to
    with pytest.raises(UserError) as caught:
        open_prepared(tmp_path / "out").read(np.arange(7, 14))
    assert str(caught.value) == (
        f"{path}: no intact record at byte {byte:,}: the file is damaged or truncated; delete it "
        "and run python -m lsgan_tf prepare-lsun again with the same flags, intact shards are "
        "kept"
    )
    path.unlink()
    prepare()
    assert contents(tmp_path / "out") == whole


def test_a_flipped_byte_is_not_trained_on(prepare, tmp_path):
    prepare()
    whole = contents(tmp_path / "out")
    path = tmp_path / "out" / "shard-00000-of-00005.tfrecord"
    content = bytearray(path.read_bytes())
    content[60] ^= 4
    path.write_bytes(content)
    source = open_prepared(tmp_path / "out")
    with pytest.raises(UserError, match=r"shard-00000.* no intact record at byte 0: .*; delete it"):
        source.read(np.array([0]))
    assert source.read(np.array([1])).shape == (1, 8, 8, 3)
    path.unlink()  # As the message says.
    prepare()
    assert contents(tmp_path / "out") == whole


def test_other_settings_are_refused_and_named(prepare, tmp_path):
    prepare()
    with pytest.raises(UserError, match=r"shard_images 7 -> 8"):
        prepare(shard_images=8)
    with pytest.raises(UserError, match=r"preprocessing\.encoding png -> jpeg"):
        prepare(preprocessing=JPEG)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="new or empty folder"):
        prepare("mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_what_is_skipped_is_counted_and_named(prepare, tmp_path, write_lmdb, bedrooms, encode):
    keys = sorted(bedrooms)
    bedrooms[keys[0]], bedrooms[keys[9]] = b"", b""
    bedrooms[keys[20]] = bedrooms[keys[20]][:40]
    grey = Image.new("L", (30, 30), 77)
    bedrooms[keys[21]], bedrooms[keys[22]] = encode(grey), encode(grey.convert("CMYK"), "JPEG")
    bedrooms[keys[23]] = encode(Image.new("RGBA", (5, 30)))
    records = open_lmdb(write_lmdb(tmp_path / "holes", bedrooms), cache_dir=tmp_path)
    manifest = prepare(records=records)
    assert manifest.count == 27
    assert [shard.count for shard in manifest.shards] == [6, 6, 6, 7, 2]
    assert manifest.skipped == {"empty": 2, "undecodable": 1}
    assert manifest.converted == {"L": 1, "CMYK": 1, "RGBA": 1}
    assert manifest.smaller == 1
    lines = (tmp_path / "out" / "skipped.txt").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == [keys[i].decode() for i in (0, 9, 20)]
    assert lines[0].endswith("\tempty")
    text = "\n".join(prepare_shards.summary(manifest, tmp_path / "out"))
    assert "left out: 2 empty, 1 undecodable" in text
    source = open_prepared(tmp_path / "out")
    assert source.read(np.arange(27))[18].tolist() == [[[77] * 3] * 8] * 8


def test_nothing_decodable(prepare, tmp_path, write_lmdb):
    records = open_lmdb(write_lmdb(tmp_path / "bad", {b"a": b"x", b"b": b""}), cache_dir=tmp_path)
    with pytest.raises(UserError, match="none of 2 images can be decoded"):
        prepare(records=records)
    assert not shards.holds_shards(tmp_path / "out")


def test_too_little_space_is_said_before_anything_is_written(prepare, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    with pytest.raises(UserError, match=r"30 prepared images \(estimated\) needs"):
        prepare()
    assert not list((tmp_path / "out").glob("*.tfrecord"))


def test_the_fingerprint_is_of_the_content(prepare, tmp_path):
    first, other = prepare("a"), prepare("b", preprocessing=JPEG)
    assert prepare("c").fingerprint == first.fingerprint != other.fingerprint
    (tmp_path / "a").rename(tmp_path / "moved")
    assert open_prepared(tmp_path / "moved").fingerprint == (
        open_prepared(tmp_path / "c").fingerprint
    )


def test_the_folder_that_fits_is_chosen_and_others_are_refused(prepare, tmp_path):
    prepare("lsun/small")
    prepare("lsun/cropped", preprocessing=Preprocessing(8, True, decode.RESIZE, "png", 0))
    assert "squashed" in open_prepared(tmp_path / "lsun").description
    assert "cropped" in open_prepared(tmp_path / "lsun", crop=True).description
    for options, message in [
        ({"image_size": 16}, r"prepared for bedroom \(train\) at 8x8, squashed, requested .*16x16"),
        ({"crop": True}, "8x8, cropped; change"),
        ({"category": "kitchen"}, r"requested kitchen"),
        ({"split": "val"}, r"requested bedroom \(val\)"),
    ]:
        with pytest.raises(UserError, match=message):
            open_prepared(tmp_path / "lsun" / "small", **options)
    with pytest.raises(UserError, match="already prepared"):
        lsun.open_records(tmp_path / "lsun" / "small", category="bedroom")


def test_damaged_manifests(prepare, tmp_path):
    prepare()
    path = tmp_path / "out" / "manifest.json"
    whole = json.loads(path.read_text())
    for change, message in [
        ({"format": "x"}, "not the manifest"),
        ({"version": 99}, "version 99, expected 1"),
        ({"shards": [{}]}, "damaged manifest"),
        ({"preprocessing": None}, "damaged manifest"),
    ]:
        path.write_text(json.dumps({**whole, **change}))
        with pytest.raises(UserError, match=message):
            Manifest.read(tmp_path / "out")
    path.write_text("[")
    with pytest.raises(UserError, match="not valid JSON"):
        Manifest.read(tmp_path / "out")


def test_records_cross_to_other_processes(prepare, tmp_path):
    prepare()
    records = ShardRecords(tmp_path / "out")
    again = pickle.loads(pickle.dumps(records))
    assert again.content(13) == records.content(13)
    assert records.name_of(13) == "shard-00001-of-00005.tfrecord, record 6"
    offset = sum(tfrecords.framed_bytes(len(records.content(index))) for index in range(7, 13))
    path = tmp_path / "out" / "shard-00001-of-00005.tfrecord"
    assert tfrecords.RecordFile(path).read(offset) == records.content(13)


def test_a_folder_as_the_source(prepare, tmp_path, encode, noise):
    (tmp_path / "p").mkdir()
    for number in range(5):
        (tmp_path / "p" / f"{number}.png").write_bytes(encode(noise(number)))
    records = open_folder(tmp_path / "p", cache_dir=tmp_path / "cache")
    assert prepare(records=records, workers=2).count == 5


def test_a_folder_that_does_not_fit_is_left_as_it_was(prepare, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000}))
        with pytest.raises(UserError, match="needs"):
            prepare()
    assert not (tmp_path / "out").exists()
    assert prepare(preprocessing=JPEG).count == 30  # Other settings are no contradiction.


def test_shards_among_the_images_are_refused(prepare, tmp_path, encode):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "x.png").write_bytes(encode())
    folder = open_folder(tmp_path / "p", cache_dir=tmp_path / "cache")
    for out in ("p", "p/out", "p/deep/out"):
        with pytest.raises(UserError, match="inside the folder of images"):
            prepare(out, records=folder)
    assert [path.name for path in (tmp_path / "p").iterdir()] == ["x.png"]
    assert prepare("p_out", records=folder).count == 1


def test_two_that_fit_are_refused(prepare, tmp_path):
    prepare("lsun/a")
    prepare("lsun/b", preprocessing=JPEG)
    with pytest.raises(UserError, match="prepared twice, in a and b"):
        open_prepared(tmp_path / "lsun")
    assert len(open_prepared(tmp_path / "lsun" / "b")) == 30


def test_more_shards_than_files_may_be_open(prepare, tmp_path, monkeypatch):
    prepare(shard_images=1)
    monkeypatch.setattr(tfrecords, "_KEPT_OPEN", 4)
    source = open_prepared(tmp_path / "out")
    used = len(os.listdir("/dev/fd"))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert source._records.content(0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, limits[1]))
    try:
        contents = [source._records.content(index) for index in range(30)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(set(contents)) == 30


def test_enlarged_images_are_noticed_when_training(prepare, tmp_path):
    prepare(preprocessing=Preprocessing(20, False, decode.RESIZE, "png", 0))
    source = open_prepared(tmp_path / "out", image_size=20)
    assert source.warnings == ("enlarged 30 images smaller than 20 pixels",)


def test_two_at_once_do_not_disturb_each_other(prepare, tmp_path, monkeypatch):
    write, refused = prepare_shards._write_shard, []

    def meanwhile(*arguments):
        if not refused:
            with pytest.raises(UserError, match="another process is preparing it") as caught:
                prepare()
            refused.append(caught)
        write(*arguments)

    monkeypatch.setattr(prepare_shards, "_write_shard", meanwhile)
    assert prepare().count == 30
    assert refused
    assert prepare().count == 30
