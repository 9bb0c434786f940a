"""CIFAR-10 in all layouts, with 20 images per batch instead of 10,000."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from lsgan_tf.data.cifar10 import batches as cifar10_batches
from lsgan_tf.data.cifar10 import source as cifar10
from lsgan_tf.data.verify import cifar10 as verify_cifar10
from lsgan_tf.errors import UserError

PER_BATCH = 20
BATCHES = [*cifar10_batches.SPLITS["train"], *cifar10_batches.SPLITS["test"]]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(cifar10_batches, "IMAGES_PER_BATCH", PER_BATCH)


@pytest.fixture
def records():
    """The records of each batch: two images of each class."""
    random = np.random.default_rng(0)
    made = {}
    for batch in BATCHES:
        labels = random.permutation(np.repeat(np.arange(10), 2))
        pixels = random.integers(0, 256, (PER_BATCH, 3072))
        made[batch] = np.concatenate([labels[:, None], pixels], axis=1).astype(np.uint8)
    return made


def write_binary(folder, records):
    folder.mkdir(parents=True, exist_ok=True)
    for batch, rows in records.items():
        (folder / f"{batch}.bin").write_bytes(rows.tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(cifar10_batches.CLASSES))
    return folder


def write_python(folder, records, protocol=2):
    folder.mkdir(parents=True, exist_ok=True)
    for batch, rows in records.items():
        value = {b"labels": rows[:, 0].tolist(), b"data": rows[:, 1:], b"filenames": [b"x.png"]}
        (folder / batch).write_bytes(pickle.dumps(value, protocol=protocol))
    (folder / "batches.meta").write_bytes(pickle.dumps({b"num_vis": 3072}, protocol=2))
    return folder


WRITERS = {"cifar-10-batches-bin": write_binary, "cifar-10-batches-py": write_python}


def write_archive(path, folder):
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, folder.name)
    return path


def check(source, records, batches):
    rows = np.concatenate([records[batch] for batch in batches])
    assert len(source) == len(rows)
    assert source.shape == (32, 32, 3)
    indices = np.random.default_rng(1).permutation(len(rows))
    np.testing.assert_array_equal(source.labels(indices), rows[indices, 0])
    assert source.labels(indices).dtype == np.int32
    images = source.read(indices)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[..., 1].reshape(-1, 1024), rows[indices, 1025:2049])


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_folders_and_archives_hold_the_same(tmp_path, records, name, split):
    folder = WRITERS[name](tmp_path / "plain" / name, records)
    (tmp_path / "packed").mkdir()
    archive_name = name.replace("batches-py", "python").replace("batches-bin", "binary")
    archive = write_archive(tmp_path / "packed" / f"{archive_name}.tar.gz", folder)
    places = [folder, folder.parent, archive, archive.parent]
    sources = [cifar10.open_source(place, split=split) for place in places]
    for source in sources:
        check(source, records, cifar10_batches.SPLITS[split])
        assert source.classes[3] == "cat"
        assert len({source.fingerprint for source in sources}) == 1


def test_both_layouts_have_one_fingerprint(tmp_path, records):
    binary = cifar10.open_source(write_binary(tmp_path / "a", records))
    python = cifar10.open_source(write_python(tmp_path / "b", records))
    newest = cifar10.open_source(write_python(tmp_path / "c", records, protocol=5))
    assert binary.fingerprint == python.fingerprint == newest.fingerprint
    records["data_batch_5"][7, 100] ^= 1
    other = cifar10.open_source(write_binary(tmp_path / "d", records))
    assert other.fingerprint != binary.fingerprint


def test_planes_become_channels(tmp_path, records):
    row = records["data_batch_1"][0]
    row[1:1025], row[1025:2049], row[2049:] = 10, 20, 30
    row[1 + 32 * 2 + 5] = 99  # Red, third row, sixth column.
    source = cifar10.open_source(write_binary(tmp_path, records))
    image = source.read(np.array([0]))[0]
    assert image[2, 5].tolist() == [99, 20, 30]
    assert image[5, 2].tolist() == [10, 20, 30]


def test_other_data_than_the_official_is_noticed(tmp_path, records):
    source = cifar10.open_source(write_binary(tmp_path, records))
    assert "not the official" in " ".join(source.warnings)


def test_further_forms_beside_are_mentioned(tmp_path, records):
    write_binary(tmp_path / "cifar-10-batches-bin", records)
    write_python(tmp_path / "cifar-10-batches-py", records)
    source = cifar10.open_source(tmp_path)
    assert "cifar-10-batches-py is ignored" in source.warnings[0]
    (tmp_path / "cifar-10-batches-bin" / "data_batch_2.bin").unlink()
    with pytest.raises(UserError, match=r"data_batch_2 missing.* pass --data_dir=.*batches-py, or"):
        cifar10.open_source(tmp_path)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("damage", ["cut", "label", "missing"])
def test_damage_is_named(tmp_path, records, name, damage):
    if damage == "label":
        records["data_batch_3"][4, 0] = 10
    if damage == "missing":
        del records["data_batch_3"]
    folder = WRITERS[name](tmp_path / name, records)
    path = next(folder.glob("data_batch_3*"), None)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    expected = {
        "cut": r"data_batch_3.*(truncated)",
        "label": r"data_batch_3.*image 4 has label 10, expected 0 to 9",
        "missing": r"data_batch_3 missing",
    }[damage]
    for place in (folder, write_archive(tmp_path / "x.tar.gz", folder)):
        with pytest.raises(UserError, match=expected) as caught:
            cifar10.open_source(place)
        assert "\n" not in str(caught.value)
    assert len(cifar10.open_source(folder, split="test")) == PER_BATCH  # It needs no other.


@pytest.mark.parametrize("label", [-1, 256, 265, 2**40])
def test_pickled_labels_do_not_wrap_around(tmp_path, records, label):
    folder = write_python(tmp_path, records)
    labels = [0] * 19 + [label]
    value = {b"labels": labels, b"data": records["data_batch_1"][:, 1:]}
    (folder / "data_batch_1").write_bytes(pickle.dumps(value, protocol=2))
    with pytest.raises(UserError, match="image 19 has label"):
        cifar10.open_source(folder)


@pytest.mark.parametrize(
    "value",
    [
        [1, 2],
        {b"data": b"none", b"labels": [0] * 20},
        {b"data": np.zeros((19, 3072), np.uint8), b"labels": [0] * 20},
        {b"data": np.zeros((20, 3072), np.int64), b"labels": [0] * 20},
        {b"data": np.zeros((20, 3072), np.uint8), b"labels": [0] * 19},
        {b"data": np.zeros((20, 3072), np.uint8), b"labels": ["a"] * 20},
        {b"data": np.zeros((20, 3072), np.uint8), b"labels": [[0], [0, 1]] * 10},
        {b"data": np.zeros((20, 3072), np.uint8)},
    ],
)
def test_pickles_of_something_else(tmp_path, records, value):
    folder = write_python(tmp_path, records)
    (folder / "data_batch_1").write_bytes(pickle.dumps(value, protocol=2))
    with pytest.raises(UserError, match="data_batch_1: expected"):
        cifar10.open_source(folder)


def test_labels_that_would_fill_the_memory_are_not_converted(tmp_path, records):
    folder = write_python(tmp_path, records)
    labels = [0] * 10
    for _ in range(15):
        labels = [labels] * 10
    value = {b"labels": [labels] * 20, b"data": records["data_batch_1"][:, 1:]}
    (folder / "data_batch_1").write_bytes(pickle.dumps(value, protocol=2))
    with pytest.raises(UserError, match="20 integers"):
        cifar10.open_source(folder)


def test_a_pickle_that_asks_for_more_is_refused(tmp_path, records):
    folder = write_python(tmp_path, records)
    (folder / "data_batch_2").write_bytes(b"cos\nsystem\n(S'touch evil'\ntR.")
    with pytest.raises(UserError, match=r"data_batch_2: this pickle refers to os\.system"):
        cifar10.open_source(folder)


def test_a_hostile_archive_writes_nothing(tmp_path, records):
    path = tmp_path / "in" / "cifar-10-python.tar.gz"
    path.parent.mkdir()
    folder = write_binary(tmp_path / "in" / "b", records)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder / "data_batch_1.bin", "../../data_batch_1.bin")
    with pytest.raises(UserError, match="leads outside"):
        cifar10.open_source(path)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_nothing_there(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    for place in (tmp_path, tmp_path / "gone", tmp_path / "notes.txt"):
        with pytest.raises(UserError, match=r"--data_dir=.*cifar-10-batches-bin"):
            cifar10.open_source(place)
    with pytest.raises(UserError, match="'train' and 'test', received 'val'"):
        cifar10.open_source(tmp_path, split="val")


def test_two_layouts_mixed_in_one_folder(tmp_path, records):
    write_python(write_binary(tmp_path, records), records)
    with pytest.raises(UserError, match="exists twice"):
        cifar10.open_source(tmp_path)


def test_without_a_network_the_error_says_what_to_fetch(tmp_path, monkeypatch):
    def refuse(request, timeout):
        assert timeout < 10
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"no network.*kriz/cifar-10-binary.tar.gz.*--data_dir"):
        cifar10.open_source(None, cache_dir=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_download_that_fails_says_what_to_fetch(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")

    class Builder:
        def download_and_prepare(self):
            raise ConnectionError("reset by peer")

    class Response:
        def close(self):
            pass

    monkeypatch.setattr(urllib.request, "urlopen", lambda request, timeout: Response())
    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: Builder())
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"reset by peer.*by hand and pass --data_dir"):
        cifar10.open_source(None, cache_dir=tmp_path / "cache")


@pytest.fixture
def prepared(tmp_path, records):
    """A folder prepared by tensorflow-datasets: images in shuffled order, with ids."""
    tfds = pytest.importorskip("tensorflow_datasets")
    return store(tmp_path, records, tfds.features.ClassLabel(names=cifar10_batches.CLASSES))


def store(tmp_path, records, label, added=0):
    import tensorflow_datasets as tfds

    def examples(split):
        rows = np.concatenate([records[batch] for batch in cifar10_batches.SPLITS[split]])
        images = cifar10_batches.images_of(rows)
        for index in np.random.default_rng(5).permutation(len(rows)):
            name = f"{split}_{index:05d}"
            number = int(rows[index, 0]) + added * (index == 3)
            yield name, {"id": name, "image": images[index], "label": number}

    features = tfds.features.FeaturesDict(
        {
            "id": tfds.features.Text(),
            "image": tfds.features.Image(shape=(32, 32, 3)),
            "label": label,
        }
    )
    builder = tfds.dataset_builders.store_as_tfds_dataset(
        name="cifar10",
        version="3.0.2",
        features=features,
        split_datasets={split: list(examples(split)) for split in cifar10_batches.SPLITS},
        data_dir=str(tmp_path / "tensorflow_datasets"),
    )
    return Path(builder.data_dir)


def test_a_folder_of_tensorflow_datasets(prepared, records, tmp_path, monkeypatch):
    official = cifar10.open_source(write_binary(tmp_path / "official", records))
    for place in (prepared, prepared.parent, prepared.parent.parent):
        source = cifar10.open_source(place)
        check(source, records, cifar10_batches.SPLITS["train"])
        assert source.fingerprint == official.fingerprint
    check(cifar10.open_source(prepared, split="test"), records, ["test_batch"])
    # What was prepared before is found when no folder is given.
    monkeypatch.setenv("HOME", str(tmp_path))
    check(cifar10.open_source(None, cache_dir=tmp_path / "c"), records, BATCHES[:5])
    shard = next(prepared.glob("*train*tfrecord*"))
    shard.write_bytes(shard.read_bytes()[:-50])
    with pytest.raises(UserError, match="tensorflow-datasets cannot read"):
        cifar10.open_source(prepared)


@pytest.mark.parametrize(
    "form", ["cifar-100-python.tar.gz", "renamed.tar.gz", "folder", "bin", "in it"]
)
def test_cifar100_is_told_from_cifar10(tmp_path, form):
    root = tmp_path / "x"
    folder = root / ("cifar-100-python" if form == "in it" else "any")
    folder.mkdir(parents=True)
    for name in ("train.bin", "test.bin") if form == "bin" else ("train", "test", "meta"):
        (folder / name).write_bytes(b"x")
    place = root if form == "in it" else folder
    if form.endswith(".gz"):
        place = tmp_path / form
        with tarfile.open(place, "w:gz") as archive:
            archive.add(folder, "cifar-100-python")
    for split in ("train", "test"):
        with pytest.raises(UserError, match=r"this is CIFAR-100, expected CIFAR-10 .*; fetch http"):
            cifar10.open_source(place, split=split)


def test_other_archives_are_named(tmp_path):
    (tmp_path / "cifar-10-python.rar").write_bytes(b"x")
    with pytest.raises(UserError, match="found a RAR archive, which cannot be read here"):
        cifar10.open_source(tmp_path / "cifar-10-python.rar")


def test_a_copy_of_a_prepared_folder_is_identified_by_its_metadata(prepared, records, tmp_path):
    for place in ("3.0.2", "mine/3.0.2", "copy"):
        shutil.copytree(prepared, tmp_path / "elsewhere" / place)
        source = cifar10.open_source(tmp_path / "elsewhere" / place)
        check(source, records, cifar10_batches.SPLITS["train"])
    check(cifar10.open_source(tmp_path / "elsewhere" / "mine"), records, BATCHES[:5])
    metadata = tmp_path / "elsewhere" / "copy" / "dataset_info.json"
    for other in (metadata.read_text().replace('"cifar10"', '"mnist"'), "[]", "{"):
        metadata.write_text(other)
        with pytest.raises(UserError, match="no CIFAR-10 in it"):
            cifar10.open_source(metadata.parent)


@pytest.mark.parametrize("added", [10, 256, -256])
def test_labels_of_tensorflow_datasets_do_not_wrap_around(tmp_path, records, added):
    tfds = pytest.importorskip("tensorflow_datasets")
    folder = store(tmp_path, records, tfds.features.Scalar(np.int64), added)
    with pytest.raises(UserError, match=r"label .*, expected 0 to 9"):
        cifar10.open_source(folder)


@pytest.mark.parametrize("name", ["data_batch_1", "data_batch_1.bin"])
def test_a_batch_that_is_a_fifo_or_endless_is_not_waited_for(tmp_path, records, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match=rf"{name}: expected a regular file, found a FIFO"):
        cifar10.open_source(tmp_path)
    (tmp_path / name).unlink()
    with open(tmp_path / name, "wb") as stream:
        stream.truncate(10 << 30)
    with pytest.raises(UserError, match=rf"{name}: larger than the 67,108,864 bytes"):
        cifar10.open_source(tmp_path)


def test_report(tmp_path, records):
    folder = write_binary(tmp_path / "cifar-10-batches-bin", records)
    assert verify_cifar10.detect(folder)
    assert verify_cifar10.detect(tmp_path)
    assert not verify_cifar10.detect(tmp_path / "gone")
    lines, fine = verify_cifar10.report(tmp_path)
    assert fine
    assert "train: airplane 10, automobile 10" in "\n".join(lines)
    (folder / "test_batch.bin").unlink()
    lines, fine = verify_cifar10.report(tmp_path)
    assert not fine
    assert "test_batch missing" in lines[-1]


@pytest.mark.skipif("LSGAN_TF_DATA" not in os.environ, reason="needs real data: LSGAN_TF_DATA")
def test_the_real_set_is_recognised(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setattr(cifar10_batches, "IMAGES_PER_BATCH", 10_000)
    sheets = Path(os.environ["LSGAN_TF_DATA"]) / "cifar10"
    labels = json.loads((sheets / "labels.json").read_text())["test_batch"]
    tiles = []
    for number in range(10):
        sheet = np.asarray(Image.open(sheets / f"test_batch_{number}.webp").convert("RGB"))
        tiles.append(sheet.reshape(20, 32, 50, 32, 3).swapaxes(1, 2).reshape(1000, 32, 32, 3))
    rows = cifar10_batches.records_of(np.concatenate(tiles), np.array([int(c) for c in labels]))
    (tmp_path / "test_batch.bin").write_bytes(rows.tobytes())
    source = cifar10.open_source(tmp_path, split="test")
    assert not source.warnings
    assert np.bincount(source.labels(np.arange(10_000))).tolist() == [1000] * 10
