import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.data.hwdb import resize
from lsgan_tf.errors import UserError
from lsgan_tf.util import cpu


def square(bitmap, size, **options):
    return np.asarray(resize.square(Image.fromarray(np.array(bitmap, np.uint8)), size, **options))


def test_halving_an_edge():
    # Triangles of radius 2 about 1 and 3: pixels at .5, 1.5, 2.5 weigh 3, 3, 1 of 7.
    edge = [[0, 0, 255, 255]] * 4
    assert square(edge, 2).tolist() == [[round(255 / 7), round(255 * 6 / 7)]] * 2


def test_doubling_an_edge():
    # Between the centres of two pixels the weights are 3 and 1 of 4.
    assert square([[0, 200], [0, 200]], 4).tolist() == [[0, 50, 150, 200]] * 4


def test_both_sides_are_stretched_to_the_square():
    tall = np.full((40, 10), 255, np.uint8)
    tall[:20] = 0
    result = square(tall, 28)
    assert result.shape == (28, 28)
    assert (result[:13] == 0).all() and (result[15:] == 255).all()


@pytest.mark.parametrize("keep_aspect", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (28, 28), (57, 31)])
def test_white_stays_white(shape, keep_aspect):
    result = square(np.full(shape, 255), 28, keep_aspect=keep_aspect)
    assert result.shape == (28, 28)
    assert (result == 255).all()


@pytest.mark.parametrize("wide", [False, True])
def test_keep_aspect_centres_on_white(wide):
    black = np.zeros((20, 10), np.uint8)
    result = square(black.T if wide else black, 28, keep_aspect=True)
    expected = np.full((28, 28), 255, np.uint8)
    expected[:, 7:21] = 0
    assert (result == (expected.T if wide else expected)).all()


@pytest.fixture
def plan(tmp_path):
    """A plan for bitmaps of random sizes in two files, and the expected images."""
    random = np.random.default_rng(0)
    records, expected = [], []
    for number in range(2):
        with open(tmp_path / f"{number}.bin", "wb") as stream:
            for _ in range(1500):
                stream.write(b"header")
                height, width = random.integers(1, 12, 2).tolist()
                bitmap = random.integers(0, 256, (height, width), np.uint8)
                records.append(resize.RECORD.pack(number, stream.tell(), width, height))
                stream.write(bitmap.tobytes())
                expected.append(square(bitmap, 8))
    (tmp_path / "records").write_bytes(b"".join(records))
    with open(tmp_path / "images", "wb") as stream:
        stream.truncate(64 * len(records))
    plan = resize.ResizeJob(
        files=(str(tmp_path / "0.bin"), str(tmp_path / "1.bin")),
        records=str(tmp_path / "records"),
        images=str(tmp_path / "images"),
        size=8,
        keep_aspect=False,
    )
    return plan, np.stack(expected)


@pytest.mark.parametrize("source_bytes", [0, 1 << 30], ids=["here", "in child processes"])
def test_all_images_in_order(plan, source_bytes, monkeypatch):
    plan, expected = plan
    monkeypatch.setattr(cpu, "cores", lambda: 2)
    assert list(resize.squash_all(plan, 3000, source_bytes)) == [1024, 1024, 952]
    images = np.fromfile(plan.images, np.uint8).reshape(3000, 8, 8)
    np.testing.assert_array_equal(images, expected)


def test_an_image_is_antialiased_as_pillow_does_it(plan):
    # An independent reference: Pillow on one record.
    plan, expected = plan
    number, offset, width, height = resize.RECORD.unpack(Path(plan.records).read_bytes()[:16])
    pixels = np.fromfile(plan.files[number], np.uint8, width * height, offset=offset)
    image = Image.fromarray(pixels.reshape(height, width))
    resized = image.resize((8, 8), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(np.asarray(resized), expected[0])


@pytest.mark.parametrize("source_bytes", [0, 1 << 30], ids=["here", "in child processes"])
def test_a_source_cut_short_is_an_error(plan, source_bytes, monkeypatch):
    plan, _ = plan
    monkeypatch.setattr(cpu, "cores", lambda: 2)
    with open(plan.files[1], "r+b") as stream:
        stream.truncate(100)
    with pytest.raises(UserError, match=r"1\.bin changed after it was scanned"):
        list(resize.squash_all(plan, 3000, source_bytes))


def test_images_that_cannot_be_written(plan):
    plan, _ = plan
    with pytest.raises(UserError, match="preparing the characters"):
        list(resize.squash_all(dataclasses.replace(plan, images=plan.images + "/no"), 3000, 0))
