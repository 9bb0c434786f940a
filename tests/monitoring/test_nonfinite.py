"""Diagnosis of a step with values that are not finite."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lsgan_tf.build import build_gan
from lsgan_tf.config import resolve
from lsgan_tf.monitoring import nonfinite


@pytest.mark.parametrize("augment", [0.0, 0.1])
def test_the_noise_of_an_earlier_step_can_be_drawn_again(augment):
    given = {
        "dataset": "hwdb", "image_size": 8, "first_filters": 2, "z_dim": 5, "batch_size": 3,
        "d_steps": 2, "width": 0.05, "augment": augment,
    }  # fmt: skip
    config = dataclasses.replace(resolve(given)[0], data_shape=(8, 8, 1), data_classes=4)
    gan = build_gan(config)
    gan.step.assign(6)
    expected = [tensor for part in gan.draw_noise((8, 8, 1)) for tensor in part]
    gan.step.assign(7)
    drawn = [tensor for part in gan.draw_noise((8, 8, 1), step=6) for tensor in part]
    for mine, theirs in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_first_layer_is_named(monkeypatch):
    given = {
        "dataset": "hwdb", "image_size": 8, "first_filters": 2, "z_dim": 5, "batch_size": 3,
        "width": 0.05, "augment": 0.1,
    }  # fmt: skip
    config = dataclasses.replace(resolve(given)[0], data_shape=(8, 8, 1), data_classes=4)
    gan = build_gan(config)
    examples, labels = np.zeros((1, 3, 8, 8, 1), np.uint8), np.zeros((1, 3), np.int32)
    steps, draw = [], gan.draw_noise

    def noted(shape, step):
        steps.append(step)
        return draw(shape, step=step)

    with monkeypatch.context() as patch:
        patch.setattr(gan, "draw_noise", noted)
        found = nonfinite.first_bad_layers(config, gan, 7, examples, labels)
    assert steps == [6]  # steps are counted from 1
    assert found.startswith("all layers are finite in the forward pass (scores of fakes up to ")
    kernel = gan.discriminator.trainable_variables[0]
    kernel.assign(np.full(kernel.shape, np.nan, np.float32))
    found = nonfinite.first_bad_layers(config, gan, 1, examples, labels)
    assert found.startswith("weights not finite: discriminator ")
