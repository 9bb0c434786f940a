from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from lsgan_tf.build import build_networks
from lsgan_tf.config import resolve
from lsgan_tf.exporting.tflite import run, write_tflite
from lsgan_tf.util.pixels import to_uint8


def generator(shape, classes=0, **given):
    config, _ = resolve({"z_dim": 5, **given}, {})
    config = dataclasses.replace(config, data_shape=shape, data_classes=classes)
    keras.utils.set_random_seed(1)
    return config, build_networks(config)[0]


def pixels(g):
    """What `write_tflite` compares with: here the generator itself."""
    return lambda z, label: to_uint8(g(z, label, training=False).numpy(), g.output_range)


@pytest.mark.parametrize("float16", [False, True])
def test_of_characters(tmp_path, float16):
    config, g = generator(
        (8, 8, 1), 3, conditional=True, image_size=8, label_dim=3, first_filters=4, width=0.1
    )
    path = tmp_path / "new" / "g.tflite"
    written = write_tflite(path, config, g, pixels(g), float16=float16)
    content = path.read_bytes()
    assert written.file == "g.tflite" and ("float16" in written.kind) == float16
    assert written.size == len(content) and written.largest <= 1 and written.mean < 0.1
    assert written.milliseconds > 0
    z = np.random.default_rng(0).uniform(-1, 1, (2, 5)).astype(np.float32)
    label = np.array([2, 0], np.int32)
    expected = g(z, label, training=False).numpy()
    images, seconds = run(content, z, label)
    assert seconds.shape == (2,)
    np.testing.assert_allclose(images, expected, atol=5e-3 if float16 else 1e-5)
    assert [found.name for found in path.parent.iterdir()] == ["g.tflite"]


def test_float16_is_about_half_the_size(tmp_path):
    config, g = generator((16, 16, 3), dataset="images", image_size=16, filters=16)
    sizes = [
        write_tflite(tmp_path / "g.tflite", config, g, pixels(g), float16=float16).size
        for float16 in (False, True)
    ]
    assert sizes[1] < 0.65 * sizes[0]


def test_the_difference_is_that_from_the_reference(tmp_path):
    config, g = generator((16, 16, 3), dataset="images", image_size=16, filters=4)

    def off(z, label):
        images = np.minimum(pixels(g)(z, label), 240)
        images[0, 0, 0, 0] += 15
        return images

    exact = write_tflite(tmp_path / "g.tflite", config, g, pixels(g))
    written = write_tflite(tmp_path / "g.tflite", config, g, off)
    assert exact.largest <= 1 and 14 <= written.largest <= 16
    assert exact.mean < written.mean
