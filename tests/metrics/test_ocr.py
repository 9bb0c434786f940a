from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.config import Config
from lsgan_tf.data.hwdb import resize
from lsgan_tf.data.hwdb import source as hwdb
from lsgan_tf.data.hwdb.gb2312 import LEVEL1
from lsgan_tf.data.synthetic import handwriting as standin
from lsgan_tf.errors import UserError
from lsgan_tf.metrics import ocr
from lsgan_tf.metrics import suite as suites
from lsgan_tf.metrics.real import Splits
from lsgan_tf.metrics.suite import open_suite

pytestmark = pytest.mark.fast

CLASSES = ("啊", "阿", "埃", "挨")


class Stub:
    """Scores images by their first pixel: `TABLE[pixel]` holds the scores of some characters."""

    name, digest, resizer, characters = "stub", "d" * 64, "none", LEVEL1
    TABLE = (
        {"啊": 0.9, "阿": 0.1},
        {"阿": 0.4, "哎": 0.5},  # likeliest is another character, then its own
        {"埃": 0.2, "挨": 0.3, "唉": 0.25},
        {"挨": 0.8},
    )

    def __init__(self):
        self.seen = 0

    def scores(self, images, candidates):
        self.seen += len(images)
        rows = [self.TABLE[image[0, 0, 0]] for image in images]
        return np.array([[row.get(c, 0) for c in candidates] for row in rows], np.float32)


def flat(*values):
    """8x8 images, each of one value."""
    return np.broadcast_to(np.array(values, np.uint8)[:, None, None, None], (len(values), 8, 8, 1))


def test_read_gives_the_likeliest_candidate_and_its_score():
    found, scores = ocr.read(flat(0, 1, 2), reader=Stub())
    assert found == ["啊", "哎", "挨"]
    np.testing.assert_allclose(scores, [0.9, 0.5, 0.3])
    found, scores = ocr.read(flat(1, 2), CLASSES[:3], Stub())
    assert found == ["阿", "埃"]
    np.testing.assert_allclose(scores, [0.4, 0.2])


def test_readings_are_labels_where_they_are_classes():
    readings = ocr.Readings(Stub(), CLASSES)
    features, logits = readings(flat(0, 1, 2, 3))
    assert features[:, 1].tolist() == [0, 1, 3, 3]
    assert features[[0, 2, 3], 0].tolist() == [0, 3, 3] and features[1, 0] >= len(CLASSES)
    assert logits.shape == (4, 0)
    assert readings.metadata["candidates"] == len(LEVEL1)
    other = ocr.Readings(Stub(), (*CLASSES, "①"))
    assert other.metadata["candidates"] == len(LEVEL1) + 1
    assert other.metadata["classes not known"] == ["①"] and other.digest != readings.digest


@pytest.fixture
def opened(halves, monkeypatch, tmp_path):
    """Opens a suite whose real examples of class 0 to 3 the stub scores as in `Stub.TABLE`."""
    config = Config(
        conditional=True,
        image_size=8,
        cache_dir=str(tmp_path),
        data_classes=4,
        data_shape=(8, 8, 1),
        data_length=400,
    )
    stub = Stub()

    def source(count):
        made = halves(count, 0, CLASSES)
        monkeypatch.setattr(made, "read", lambda indices: flat(*(indices % 4)))
        return made

    splits = Splits(source(400), source(120), "test split")
    monkeypatch.setattr(suites, "open_splits", lambda *_: splits)
    monkeypatch.setattr(ocr, "find_model", lambda: Path("stub.onnx"))
    monkeypatch.setattr(ocr, "open_reader", lambda: stub)

    def opened(**options):
        return open_suite(["ocr"], config, log=lambda _: None, **options)

    opened.splits, opened.stub, opened.config = splits, stub, config
    return opened


def test_shares_of_samples_and_of_real_examples(opened):
    suite = opened(samples=8)
    # 0 and 3 are read right, 1 among the classes alone; a 0 asked for as 3 is wrong.
    images, labels = flat(0, 1, 2, 3, 0, 0, 3, 3), np.array([0, 1, 2, 3, 0, 3, 3, 0], np.int32)
    found = suite.measure([(images[:5], labels[:5]), (images[5:], labels[5:])])
    assert found == {"ocr_top1": 4 / 8, "ocr_top1_classes": 5 / 8}
    assert suite.real() == {"ocr_top1": 0.5, "ocr_top1_classes": 0.75}
    assert suite.protocol["extractors"]["ocr"]["model_sha256"] == "d" * 64


def test_held_out_examples_alone_are_read_and_once(opened):
    for _ in range(2):
        opened(samples=8).prepare()
    assert opened.stub.seen == 120


def test_classes_that_are_no_characters_are_refused_by_name(opened):
    opened.splits.train.classes = ("cat", "dog", "owl", "fox")
    with pytest.raises(UserError, match=r"--metrics=ocr.*classes of hwdb.*\(cat, dog, owl, \.\.\."):
        opened(samples=8)
    ocr.check_classes(["①", "啊"], "hwdb")
    for classes in (["0", "1"], ["啊", "啊啊"], []):
        with pytest.raises(UserError, match="are not"):
            ocr.check_classes(classes, "images")


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ([], "needs rapidocr and onnxruntime; install it with: pip install 'lsgan_tf"),
        (["rapidocr"], "needs onnxruntime; .*pip install"),
        (["rapidocr", "onnxruntime"], "does not include PP-OCRv6"),
    ],
)
def test_without_the_extra_one_line_names_the_remedy(monkeypatch, tmp_path, there, said):
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    found = {name: spec for name in there}
    monkeypatch.setattr(
        ocr, "importlib", SimpleNamespace(util=SimpleNamespace(find_spec=found.get))
    )
    with pytest.raises(UserError, match=said) as raised:
        ocr.open_reader()
    assert "\n" not in str(raised.value)


def test_the_character_lies_in_the_middle_of_white():
    found = ocr.prepared(flat(0, 255))
    assert found.shape == (2, 3, 48, 128) and found.dtype == np.float32
    black = np.argwhere(found[0, 0] == -1)
    assert (black.min(0).tolist(), black.max(0).tolist()) == ([6, 46], [41, 81])
    assert (found[0] == 1).sum() == 3 * (48 * 128 - 36 * 36) and (found[1] == 1).all()
    colour = np.repeat(flat(0, 255), 3, axis=-1)
    np.testing.assert_array_equal(ocr.prepared(colour), found)


class Session:
    """Two time steps over blank, 啊, 阿 and the space; the second image swaps the steps."""

    STEPS = np.array([[0.6, 0.3, 0.1, 0.0], [0.1, 0.05, 0.8, 0.05]], np.float32)

    def __init__(self, characters="啊\n阿"):
        self._meta = {"character": characters}

    def get_inputs(self):
        return [SimpleNamespace(name="x")]

    def get_outputs(self):
        return [SimpleNamespace(shape=["n", "t", 4])]

    def get_modelmeta(self):
        return SimpleNamespace(custom_metadata_map=self._meta)

    def run(self, names, feed):
        return [np.stack([self.STEPS[:: (-1) ** i] for i in range(len(feed["x"]))])]


def test_a_score_is_the_highest_probability_over_time(monkeypatch, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"x")
    monkeypatch.setattr(ocr, "_session", lambda *_: Session())
    reader = ocr.OcrReader(tmp_path / "model.onnx")
    scores = reader.scores(flat(*range(40)), ["阿", "硷", "啊"])
    np.testing.assert_allclose(scores, np.tile([0.8, 0, 0.3], (40, 1)), rtol=1e-6)
    monkeypatch.setattr(ocr, "_session", lambda *_: Session(characters="啊"))
    with pytest.raises(UserError, match=r"lists the 4 characters .* lists 1"):
        ocr.OcrReader(tmp_path / "model.onnx")


@pytest.fixture(scope="module")
def reader():
    """The real reader."""
    for name in ("rapidocr", "onnxruntime"):
        if not importlib.util.find_spec(name):
            pytest.skip(f"{name} is not installed: pip install 'lsgan_tf[ocr]'")
    return ocr.open_reader()


def test_the_real_reader_reads_the_stand_in(reader):
    assert set(LEVEL1) - set(reader.characters) == {"硷"}
    characters = LEVEL1[::40]
    drawn = standin.draw(characters, writers=[1_000_000], seed=0)
    images = [resize.square(Image.fromarray(bitmap), 28) for _, bitmap in drawn]
    images = np.stack(images)[..., None]
    found, scores = ocr.read(images, reader=reader)
    right = np.mean([a == b for a, b in zip(found, characters, strict=True)])
    assert 0.7 < right < 0.95
    assert scores.dtype == np.float32 and (scores >= 0).all() and (scores <= 1.001).all()
    again = reader.scores(images[:3], LEVEL1)
    np.testing.assert_allclose(again.max(axis=1), scores[:3], atol=1e-4)
    blank = ocr.read(np.full((1, 28, 28, 1), 255, np.uint8), reader=reader)[1]
    assert blank < 0.5


def test_a_file_that_is_no_model_is_refused(reader, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(UserError, match="cannot run this model") as raised:
        ocr.OcrReader(path)
    assert "\n" not in str(raised.value)


def test_the_real_reader_reads_real_handwriting(reader, tmp_path):
    data = os.environ.get("LSGAN_TF_DATA")
    if not data:
        pytest.skip("LSGAN_TF_DATA names no folder of real data")
    source = hwdb.open_source(Path(data, "hwdb"), split="test", cache_dir=tmp_path)
    indices = np.arange(0, len(source), 12)
    found, _ = ocr.read(source.read(indices), reader=reader)
    right = [source.classes[label] for label in source.labels(indices)]
    assert np.mean([a == b for a, b in zip(found, right, strict=True)]) > 0.83
