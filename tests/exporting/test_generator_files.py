from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from lsgan_tf.build import build_gan
from lsgan_tf.config import resolve
from lsgan_tf.exporting.generator_files import described, write_generator_files
from lsgan_tf.exporting.savedmodel import write_saved_model
from lsgan_tf.exporting.tflite import run
from lsgan_tf.sampling.sampler import Sampler

CLASSES = ("安", "宁", "A")


def make(folder, **given):
    """A model with a moving average that is not the weights, and its SavedModel."""
    config = resolve(
        {
            "dataset": "hwdb", "conditional": True, "image_size": 8, "z_dim": 5, "label_dim": 3,
            "first_filters": 4, "batch_size": 4, **given,
        },
        {},
    )[0]  # fmt: skip
    config = dataclasses.replace(config, data_shape=(8, 8, 1), data_classes=len(CLASSES))
    keras.utils.set_random_seed(1)
    gan = build_gan(config)
    if gan.average is not None:
        for variable in gan.average.trainable_variables:
            variable.assign(variable * 1.5)
    return config, gan, write_saved_model(folder / "export", config, gan, CLASSES, 7)


@pytest.fixture(scope="module")
def averaged(tmp_path_factory):
    """Every file of a model that was trained in bfloat16 with a moving average."""
    folder = tmp_path_factory.mktemp("averaged")
    config, gan, saved = make(folder, ema_decay=0.9, precision="bfloat16")
    said = []
    forms = write_generator_files(
        saved, config, gan, keras_path=folder / "g.keras", tflite_path=folder / "g.tflite",
        log=said.append,
    )  # fmt: skip
    return folder, saved, forms, said


def test_both_weights_have_files_of_their_own(averaged):
    folder, _, forms, said = averaged
    assert sorted(path.name for path in folder.iterdir()) == [
        "export", "g-raw.keras", "g-raw.tflite", "g.keras", "g.tflite",
    ]  # fmt: skip
    assert [(form.file, form.weights) for form in forms] == [
        ("g.keras", "ema"), ("g.tflite", "ema"), ("g-raw.keras", "raw"), ("g-raw.tflite", "raw"),
    ]  # fmt: skip
    for form in forms:
        assert form.size == (folder / form.file).stat().st_size
    # Were the average compared with the weights, it would be far off.
    assert all(form.largest <= 1 for form in forms if form.milliseconds is not None)
    assert len(said) == 4 and "EMA weights" in said[1] and "raw weights" in said[3]


@pytest.mark.parametrize(("name", "weights"), [("g", "ema"), ("g-raw", "raw")])
def test_each_makes_the_savedmodels_images(averaged, name, weights):
    import lsgan_tf.networks.handwriting  # noqa: F401 - makes the class known to Keras

    folder, saved, _, _ = averaged
    sampler = Sampler(saved, weights)
    z, label = sampler.noise(3, 5), np.array([0, 1, 2], np.int32)
    expected = sampler.draw(z, label).astype(float)
    generator = keras.saving.load_model(folder / f"{name}.keras")
    images = np.asarray(generator(z, label, training=False))
    np.testing.assert_allclose(images * 255, expected, atol=0.51)
    lite, _ = run((folder / f"{name}.tflite").read_bytes(), z, label)
    np.testing.assert_allclose(lite * 255, expected, atol=0.51)
    other = Sampler(saved, {"raw": "ema", "ema": "raw"}[weights]).draw(z, label)
    assert np.abs(expected - other).max() > 2


def test_without_an_average_there_is_one_file(tmp_path):
    config, gan, saved = make(tmp_path, ema_decay=0.0)
    forms = write_generator_files(
        saved, config, gan, tflite_path=tmp_path / "g.tflite", float16=True, log=lambda line: None
    )
    assert [(form.file, form.kind) for form in forms] == [
        ("g.tflite", "TensorFlow Lite, float16 weights")
    ]
    assert not list(tmp_path.glob("*-raw*"))
    assert "ms an image on one thread" in described(forms[0], config)
