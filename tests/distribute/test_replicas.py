"""Results do not depend on the number of devices; non-finite values on one stop all.

The number of logical devices must be set before TensorFlow starts, hence not in a fixture.
"""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from lsgan_tf.build import POLICIES, build_gan
from lsgan_tf.config import resolve
from lsgan_tf.data.pipeline import Batches
from lsgan_tf.data.source import ArraySource
from lsgan_tf.data.synthetic.handwriting_endless import FreshStandin
from lsgan_tf.distribute.devices import make_strategy
from lsgan_tf.distribute.multi_step import make_run_steps
from lsgan_tf.gan import GAN
from lsgan_tf.networks import layers

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 4
)
BATCH = 8


class Blots(ArraySource):
    """Four classes of 8x8 images."""

    def __init__(self):
        random = np.random.default_rng(0)
        labels = random.integers(0, 4, 64)
        images = random.integers(0, 256, (4, 8, 8, 1))[labels]
        images += random.integers(-40, 40, (64, 8, 8, 1))
        super().__init__(np.clip(images, 0, 255).astype(np.uint8), labels, "甲乙丙丁")


class Training:
    """A model on its devices, trained call by call."""

    def __init__(self, devices, source=None, **settings):
        given = {
            "dataset": "hwdb", "conditional": True, "image_size": 8, "z_dim": 16, "label_dim": 8,
            "first_filters": 8, "batch_size": BATCH, **settings,
        }  # fmt: skip
        config = dataclasses.replace(resolve(given, {})[0], data_shape=(8, 8, 1), data_classes=4)
        strategy = make_strategy(devices)
        keras.utils.set_random_seed(0)
        with strategy.scope():
            self.gan = build_gan(config, synchronized=strategy.num_replicas_in_sync > 1)
        batches = Batches(source or Blots(), batch_size=BATCH, draws=1, seed=0)
        self._data = iter(batches.distribute(strategy, 0))
        self._run = make_run_steps(
            self.gan, strategy, jit_compile=False, stop_at_bad=config.precision != "float16"
        )

    def steps(self, count):
        """Sums over finite steps, last metrics, steps done, bad steps, bad steps at the end."""
        return [value.numpy() for value in self._run(self._data, tf.constant(count, tf.int64))]

    def weights(self):
        return {
            variable.path: variable.numpy()
            for network in (self.gan.generator, self.gan.discriminator)
            for variable in network.variables
        }


@pytest.fixture
def float64(monkeypatch):
    """Networks in float64, so that differences are not due to rounding."""
    # In float32 a rounding error that moves one unit across a kink of its activation grows to
    # whole percents within ten steps.
    dense = layers.dense
    monkeypatch.setattr(
        layers,
        "dense",
        lambda units, name, dtype, *rest: dense(
            units, name, "float64" if dtype == "float32" else dtype, *rest
        ),
    )
    monkeypatch.setitem(POLICIES, "float32", "float64")
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")


@pytest.mark.parametrize(
    ("loss", "optimizer", "number"),
    [("lsgan", "adam", 4), ("nsgan", "rmsprop", 2)],
)
def test_twenty_steps_are_the_same_on_any_number_of_devices(float64, loss, optimizer, number):
    settings = {"loss": loss, "optimizer": optimizer, "clip_norm": 2.0}
    one = Training("cpu:1", **settings)
    start = one.weights()
    expected = [one.steps(5)[:2] for _ in range(4)]
    moved = max(np.abs(value - start[name]).max() for name, value in one.weights().items())
    assert moved > 1e-3
    several = Training(f"cpu:{number}", **settings)
    for sums, last in expected:
        found = several.steps(5)
        np.testing.assert_allclose(found[0], sums, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found[1], last, rtol=1e-5, atol=1e-5)
    for name, value in several.weights().items():
        np.testing.assert_allclose(value, one.weights()[name], rtol=0, atol=1e-6, err_msg=name)


def test_images_drawn_on_the_fly_are_the_same_on_two_devices(float64):
    one, two = (
        Training(devices, FreshStandin("安宽容峰", image_size=8, seed=3))
        for devices in ("cpu:1", "cpu:2")
    )
    for mine, theirs in zip(one.steps(4)[:2], two.steps(4)[:2], strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-5, atol=1e-5)
    for name, value in two.weights().items():
        np.testing.assert_allclose(value, one.weights()[name], rtol=0, atol=1e-6, err_msg=name)


def test_the_gradient_penalty_is_of_the_global_batch(float64):
    settings = {"gradient_penalty": 2.0, "penalty_scale": 0.5, "discriminator_layer_norm": True}
    one, two = Training("cpu:1", **settings), Training("cpu:2", **settings)
    start = one.weights()
    for mine, theirs in zip(one.steps(4)[:2], two.steps(4)[:2], strict=True):
        assert mine[-1] > 0  # the penalty
        np.testing.assert_allclose(theirs, mine, rtol=1e-5, atol=1e-5)
    moved = 0.0
    for name, value in two.weights().items():
        np.testing.assert_allclose(value, one.weights()[name], rtol=0, atol=1e-6, err_msg=name)
        moved = max(moved, np.abs(value - start[name]).max())
    assert moved > 1e-3


def test_in_float32_numbers_of_devices_differ_by_rounding_only():
    # Biases before a batch normalisation have a gradient of rounding errors only, which Adam
    # scales to full steps and the normalisation cancels.
    idle = {
        "generator/h0/bias", "generator/h1/bias", "generator/label_map/bias",
        "discriminator/h1/bias", "discriminator/h2/bias",
    }  # fmt: skip
    one, two = Training("cpu:1"), Training("cpu:2")
    for count in (1, 9):
        np.testing.assert_allclose(two.steps(count)[0], one.steps(count)[0], rtol=1e-3, atol=1e-3)
    mine, theirs = one.weights(), two.weights()
    for name in mine.keys() - idle:
        if "moving" not in name:
            np.testing.assert_allclose(theirs[name], mine[name], atol=3e-4, rtol=0, err_msg=name)


def poison(monkeypatch, step, replica):
    """Makes the real examples of one replica NaN in one step (from 0)."""
    original = GAN._update_discriminator

    def update(self, real, *others):
        context = tf.distribute.get_replica_context()
        here = tf.equal(context.replica_id_in_sync_group, replica) & (self.step.value == step)
        return original(self, tf.where(here, np.float32(np.nan), real), *others)

    monkeypatch.setattr(GAN, "_update_discriminator", update)


def copies(variable):
    """A variable's value on each device."""
    return [value.numpy() for value in variable.value.values]


def test_float16_skips_a_bad_step_on_all_replicas_together(monkeypatch):
    poison(monkeypatch, step=2, replica=1)
    training = Training("cpu:2", precision="float16")
    gan = training.gan
    for optimizer in (gan.d_optimizer, gan.g_optimizer):
        optimizer.dynamic_scale.assign(64.0)  # so low that nothing else overflows
    assert training.steps(2)[3] == 0
    d_before = [w.numpy() for w in gan.discriminator.trainable_variables]
    g_before = [w.numpy() for w in gan.generator.trainable_variables]
    scale = float(gan.d_optimizer.dynamic_scale.numpy())
    _, last, done, bad, bad_at_end = training.steps(1)
    assert (done, bad, bad_at_end) == (1, 1, 1)
    assert not np.isfinite(last[0])
    g_weights = gan.generator.trainable_variables
    d_after = [w.numpy() for w in gan.discriminator.trainable_variables]
    assert all((a == b).all() for a, b in zip(d_before, d_after, strict=True))
    assert any((a != b.numpy()).any() for a, b in zip(g_before, g_weights, strict=True))
    assert float(gan.d_optimizer.dynamic_scale.numpy()) == scale / 2
    assert float(gan.g_optimizer.dynamic_scale.numpy()) == scale  # each network has its own
    _, last, done, bad, _ = training.steps(3)
    assert (done, bad) == (3, 0) and np.isfinite(last).all()
    for network in (gan.generator, gan.discriminator):
        for variable in network.variables:
            first, second = copies(variable)
            assert np.isfinite(first).all(), variable.path
            np.testing.assert_array_equal(first, second)


def test_float32_stops_at_a_bad_step_of_one_replica(monkeypatch):
    poison(monkeypatch, step=1, replica=1)
    training = Training("cpu:2")
    _, last, done, bad, bad_at_end = training.steps(5)
    assert (done, bad, bad_at_end) == (2, 1, 1)
    assert not np.isfinite(last).all()
    assert int(training.gan.step.numpy()) == 2
    assert all(np.isfinite(value).all() for value in training.weights().values())


def test_every_replica_has_the_same_moving_average(float64):
    one, two = Training("cpu:1", ema_decay=0.6), Training("cpu:2", ema_decay=0.6)
    start = [variable.numpy() for variable in one.gan.average.variables]
    one.steps(4), two.steps(4)
    moved = 0.0
    for before, mine, theirs in zip(
        start, one.gan.average.variables, two.gan.average.variables, strict=True
    ):
        first, second = copies(theirs)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, mine.numpy(), rtol=0, atol=1e-6, err_msg=mine.path)
        moved = max(moved, np.abs(mine.numpy() - before).max())
    assert moved > 1e-3
