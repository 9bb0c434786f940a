"""Network files written by version 0.1.0: a small handwriting pair with two classes.

`saved/` holds both networks as `.keras` files and a checkpoint of the GAN after one step.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from lsgan_tf.build import build_gan
from lsgan_tf.config import resolve
from lsgan_tf.networks import handwriting

SAVED = Path(__file__).parent / "saved"
Z, LABEL = np.array([[0.5, -0.5, 1.0]], np.float32), np.array([1])


def test_keras_files_load_and_give_what_they_gave():
    generator, discriminator = (
        keras.models.load_model(SAVED / f"handwriting_{name}.keras")
        for name in ("generator", "discriminator")
    )
    assert type(generator) is handwriting.Generator
    assert type(discriminator) is handwriting.Discriminator
    assert (generator.z_dim, generator.label_dim, generator.width) == (3, 2, 0.01)
    assert (discriminator.first_filters, discriminator.num_classes) == (1, 2)
    images = generator(Z, LABEL)
    row = [0.5, 0.5, 0.5, 0.5, 0.5, 0.006562935188412666, 0.0, 1.0]
    np.testing.assert_allclose(images[0, 3, :, 0], row, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(discriminator(images, LABEL), [3808.8564453125], rtol=1e-4)


def make_gan():
    settings = {
        "dataset": "hwdb", "conditional": True, "image_size": 8, "width": 0.01,
        "first_filters": 1, "label_dim": 2, "z_dim": 3, "batch_size": 4, "ema_decay": 0,
    }  # fmt: skip
    config = dataclasses.replace(resolve(settings, {})[0], data_shape=(8, 8, 1), data_classes=2)
    return build_gan(config)


def test_a_checkpoint_is_restored_whole():
    gan = make_gan()
    status = gan.state().read(str(SAVED / "handwriting"))
    status.assert_consumed()
    status.assert_existing_objects_matched()
    assert int(gan.step) == 1
    # One step of Adam at 0.0002 from the weights of the .keras file.
    before = keras.models.load_model(SAVED / "handwriting_generator.keras")
    for mine, old in zip(gan.generator.trainable_weights, before.trainable_weights, strict=True):
        assert np.abs(mine.numpy() - old.numpy()).max() <= 2.01e-4


def test_a_checkpoint_has_the_names_and_shapes_that_it_had(tmp_path):
    path = make_gan().state().write(str(tmp_path / "new"))
    new, old = (dict(tf.train.list_variables(str(p))) for p in (path, SAVED / "handwriting"))
    assert new == old
