"""The presets of images have the settings of the papers."""

from __future__ import annotations

from pathlib import Path

import pytest
from absl import flags

import lsgan_tf
from lsgan_tf.cli import flags as flagging
from lsgan_tf.config import resolve

pytestmark = pytest.mark.fast

PRESETS = Path(lsgan_tf.__file__).parent / "presets"
LSUN = ("bedroom", "church_outdoor", "dining_room", "kitchen", "conference_room")


def config(name):
    values = flags.FlagValues()
    flagging.define_flags(values)
    argv = ["main", f"--preset={name}"]
    values(argv)
    return flagging.from_flags(argv, values)[0]


@pytest.mark.parametrize("category", LSUN)
def test_scenes(category):
    found = config(f"lsun_{category}")
    assert (found.dataset, found.category, found.network) == ("lsun", category, "scene")
    assert (found.image_size, found.z_dim, found.z_distribution) == (112, 1024, "uniform")
    assert (found.loss, found.label_fake, found.label_real, found.label_target) == (
        "lsgan",
        0,
        1,
        1,
    )
    assert (found.optimizer, found.learning_rate, found.beta1) == ("adam", 0.001, 0.5)
    assert (found.batch_size, found.d_steps, found.g_steps) == (64, 1, 1)
    assert not (found.crop or found.flip)


def test_small_scenes():
    found = config("lsun_small")
    assert (found.dataset, found.category, found.network) == ("lsun", "bedroom", "dcgan")
    assert (found.image_size, found.filters, found.z_dim) == (64, 16, 100)
    assert (found.label_fake, found.label_real, found.label_target) == (-1, 1, 0)
    assert (found.augment, found.flip, found.ema_decay) == (0.1, True, 0.999)
    assert (found.learning_rate, found.rate_decay, found.steps) == (0.0004, 0.4, 10_000)
    text = (PRESETS / "lsun_small.flags").read_text(encoding="utf-8")
    assert "python -m lsgan_tf.main --preset=lsun_small" in text


def test_cifar10_runs_differ_in_the_objective_alone():
    least_squares, entropy = config("cifar10_lsgan"), config("cifar10_dcgan")
    assert least_squares.differences(entropy) == ['loss: "lsgan" -> "nsgan"']
    assert (least_squares.dataset, least_squares.network) == ("cifar10", "dcgan")
    assert (least_squares.learning_rate, least_squares.beta1) == (0.0002, 0.5)
    coding = (least_squares.label_fake, least_squares.label_real, least_squares.label_target)
    assert coding == (-1, 1, 0)
    # Of what can differ, all but the average is spelled out.
    default = resolve({"dataset": "cifar10"}, {})[0]
    assert least_squares.differences(default) == [
        "z_dim: 1024 -> 100", "ema_decay: 0.0 -> 0.999",
    ]  # fmt: skip


def test_digits_are_the_defaults_and_differ_as_they_say():
    turned, shifted = config("digits_shift_rotate"), config("digits_shift")
    default = resolve({"dataset": "digits"}, {})[0]
    assert turned.differences(default) == ["ema_decay: 0.0 -> 0.999"]
    assert turned.differences(shifted) == ["digits_rotation: 10.0 -> 0.0"]
    entropy = config("digits_cross_entropy")
    assert entropy.loss == "nsgan"
    assert turned.differences(entropy) == ['loss: "lsgan" -> "nsgan"']
    assert (turned.label_fake, turned.label_real, turned.label_target) == (-1, 1, 0)
    assert (turned.steps, turned.batch_size, turned.z_dim) == (50_000, 64, 100)


def test_cats():
    found = config("cats")
    assert (found.dataset, found.network, found.image_size) == ("images", "dcgan", 128)
    assert (found.filters, found.flat_norm, found.z_dim) == (64, True, 100)
    assert (found.label_fake, found.label_real, found.label_target) == (-1, 1, 0)
    assert (found.learning_rate, found.beta1, found.batch_size) == (0.0002, 0.5, 64)


def test_lsgan_gp():
    found = config("lsgan_gp_bedroom")
    assert (found.dataset, found.category, found.image_size) == ("lsun", "bedroom", 64)
    assert found.gradient_penalty == 150 / 64 and found.penalty_scale == 30
    assert (found.learning_rate, found.beta1, found.beta2) == (1e-4, 0.5, 0.9)
    assert (found.z_dim, found.z_distribution, found.filters) == (128, "normal", 64)
    assert (found.label_fake, found.label_real, found.label_target) == (0, 1, 1)
    assert found.discriminator_layer_norm and not found.discriminator_batch_norm
    assert found.generator_batch_norm and found.steps == 500_000


@pytest.mark.parametrize(
    "name",
    [
        *(f"lsun_{category}" for category in LSUN), "cifar10_lsgan", "cifar10_dcgan", "cats",
        "digits_shift", "digits_shift_rotate", "digits_cross_entropy", "lsgan_gp_bedroom",
    ],
)  # fmt: skip
def test_each_begins_with_what_to_type_and_expect(name):
    assert config(name).ema_decay == 0  # the authors keep no average
    text = (PRESETS / f"{name}.flags").read_text(encoding="utf-8")
    assert f"python -m lsgan_tf.main --preset={name}" in text
    assert "# Time: " in text
    assert "# What to see" in text
