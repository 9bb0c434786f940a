"""The training step against a plain implementation of the paper's algorithm."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from lsgan_tf.build import build_gan, build_networks
from lsgan_tf.config import resolve
from lsgan_tf.gan import GAN, METRICS
from lsgan_tf.losses import objective
from lsgan_tf.networks.ops.augmentation import augment
from lsgan_tf.noise import noise

RATE = 0.05


def make(
    *, d_steps=1, g_steps=1, simultaneous=False, clip_norm=0.0, loss="lsgan", conditional=False,
    batch_size=6, augment=0.0,
):  # fmt: skip
    """A model with plain gradient descent, so that an update is its gradient."""
    if conditional:
        given = {
            "dataset": "hwdb", "conditional": True, "image_size": 8, "first_filters": 2,
            "label_dim": 3, "z_dim": 5,
        }  # fmt: skip
        fields = {"data_shape": (8, 8, 1), "data_classes": 4}
    else:
        given, fields = {"dataset": "mixture", "z_dim": 5}, {"data_shape": (2,)}
    config = dataclasses.replace(resolve(given, {})[0], **fields)
    # With this seed no activation is within rounding of its kink, on one core or more.
    keras.utils.set_random_seed(11)
    generator, discriminator = build_networks(config)
    gan = GAN(
        generator,
        discriminator,
        objective(loss, a=-0.5, b=1.0, c=0.75),
        batch_size=batch_size,
        z_dim=5,
        conditional=conditional,
        pixel_range=generator.output_range,
        d_steps=d_steps,
        g_steps=g_steps,
        simultaneous=simultaneous,
        clip_norm=clip_norm,
        augment=augment,
        seed=7,
    )
    gan.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE))
    return gan


def data_for(gan, seed=0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 4, (gan.d_steps, gan.batch_size)).astype(np.int32)
    if gan.pixel_range is None:
        shape = (gan.d_steps, gan.batch_size, 2)
        return tf.constant(random.normal(size=shape), tf.float32), tf.constant(labels)
    shape = (gan.d_steps, gan.batch_size, 8, 8, 1)
    return tf.constant(random.integers(0, 256, shape), tf.uint8), tf.constant(labels)


def mean(values):
    return tf.reduce_mean(values)


def d_loss(loss, real, fake):
    if loss == "lsgan":
        return 0.5 * mean((real - 1.0) ** 2) + 0.5 * mean((fake + 0.5) ** 2)
    return -mean(tf.math.log_sigmoid(real)) - mean(tf.math.log_sigmoid(-fake))


def g_loss(loss, fake):
    if loss == "lsgan":
        return 0.5 * mean((fake - 0.75) ** 2)
    if loss == "nsgan":
        return -mean(tf.math.log_sigmoid(fake))
    return mean(tf.math.log_sigmoid(-fake))


def descend(tape, value, network, clip_norm):
    weights = network.trainable_variables
    gradients = [tf.convert_to_tensor(g) for g in tape.gradient(value, weights)]
    norm = float(np.sqrt(sum(float(tf.reduce_sum(g * g)) for g in gradients)))
    factor = min(1.0, clip_norm / norm) if clip_norm else 1.0
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.assign_sub(RATE * factor * gradient)
    return norm


def plain_step(gan, loss, data, step):
    """Algorithm and equations as the paper has them, one network and one pass at a time."""
    G, D = gan.generator, gan.discriminator
    measured = {}
    for draw in range(gan.d_steps):
        x = tf.cast(data[0][draw], tf.float32)
        if gan.pixel_range is not None:
            x = x / 255.0 * (gan.pixel_range[1] - gan.pixel_range[0]) + gan.pixel_range[0]
        y = data[1][draw] if gan.conditional else None
        z = noise(7, draw, step, gan.batch_size, 5, "uniform")
        drawn = noise(7, (1 << 17) + draw, step, gan.batch_size, 8, "uniform")

        def seen(images, numbers):
            return augment(images, numbers, gan.augment) if gan.augment else images

        fake = G(z, y, training=True)
        with tf.GradientTape() as tape:
            real_score = D(seen(x, drawn[:, :4]), y, training=True)
            fake_score = D(seen(fake, drawn[:, 4:]), y, training=True)
            value = d_loss(loss, real_score, fake_score)
        measured["d_gradient_norm"] = descend(tape, value, D, gan.clip_norm)
        measured |= {
            "d_loss": value, "score_real": mean(real_score), "score_fake": mean(fake_score)
        }  # fmt: skip
    for _ in range(gan.g_steps):
        averages = [np.array(v) for v in G.non_trainable_variables]
        with tf.GradientTape() as tape:
            fake = seen(G(z, y, training=True), drawn[:, 4:])
            value = g_loss(loss, D(fake, y, training=True))
        measured["g_gradient_norm"] = descend(tape, value, G, gan.clip_norm)
        measured["g_loss"] = value
        if _ == 0:  # the model makes the fakes for both updates in one pass
            for variable, average in zip(G.non_trainable_variables, averages, strict=True):
                variable.assign(average)
    return {name: float(measured[name]) for name in METRICS}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"loss": "nsgan"},
        {"loss": "mmgan", "d_steps": 2},
        {"g_steps": 3, "clip_norm": 0.05},
        {"conditional": True, "clip_norm": 0.5},
        {"conditional": True, "loss": "nsgan", "g_steps": 2},
        {"conditional": True, "clip_norm": 0.5, "d_steps": 2, "augment": 0.2},
    ],
)
def test_a_step_is_the_papers(settings):
    gan, plain = make(**settings), make(**settings)
    for step in range(2):
        data = data_for(gan, step)
        metrics = gan.train_step(data)
        expected = plain_step(plain, settings.get("loss", "lsgan"), data, step)
        assert set(metrics) == set(METRICS)
        for name in METRICS:
            assert float(metrics[name]) == pytest.approx(expected[name], rel=1e-4, abs=1e-6), name
    assert int(gan.step.numpy()) == 2
    for mine, theirs in zip(gan.variables[1:], plain.variables[1:], strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("conditional", [False, True])
def test_simultaneous_updates_are_from_the_same_weights(conditional):
    gan = make(simultaneous=True, conditional=conditional)
    alternate, plain = make(conditional=conditional), make(conditional=conditional)
    data = data_for(gan)
    metrics, others = gan.train_step(data), alternate.train_step(data)
    y = data[1][0] if conditional else None
    z = noise(7, 0, 0, 6, 5, "uniform")
    with tf.GradientTape() as tape:
        fake = plain.generator(z, y, training=True)
        value = g_loss("lsgan", plain.discriminator(fake, y, training=True))
    norm = descend(tape, value, plain.generator, 0.0)
    assert float(metrics["g_loss"]) == pytest.approx(float(value), rel=1e-5)
    assert float(metrics["g_gradient_norm"]) == pytest.approx(norm, rel=1e-4)
    assert float(metrics["d_loss"]) == pytest.approx(float(others["d_loss"]), rel=1e-5)
    assert float(metrics["g_loss"]) != pytest.approx(float(others["g_loss"]), rel=1e-5)
    for mine, theirs in (
        (gan.generator, plain.generator), (gan.discriminator, alternate.discriminator)
    ):  # fmt: skip
        for a, b in zip(mine.trainable_variables, theirs.trainable_variables, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=2e-6)


def test_the_generators_step_leaves_d_alone_and_the_other_way_round():
    gan = make()
    data = data_for(gan)
    before = [np.array(w) for w in gan.generator.trainable_variables]
    gan.g_optimizer.learning_rate.assign(0.0)
    gan.train_step(data)
    after = [np.array(w) for w in gan.generator.trainable_variables]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


def test_a_bad_gradient_does_not_reach_the_weights():
    gan = make()
    examples, labels = data_for(gan)
    before = [np.array(w) for w in gan.discriminator.trainable_variables]
    metrics = gan.train_step((examples * np.nan, labels))
    assert np.isnan(float(metrics["d_loss"])) and np.isnan(float(metrics["d_gradient_norm"]))
    after = [np.array(w) for w in gan.discriminator.trainable_variables]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize(
    ("network", "size"), [("handwriting", 8), ("dcgan", 16), ("scene", 16), ("mixture", 0)]
)
def test_mixed_precision_keeps_outputs_and_state_in_float32(network, size, precision):
    names = {"handwriting": "hwdb", "dcgan": "images", "scene": "lsun", "mixture": "mixture"}
    given = {"dataset": names[network], "z_dim": 4, "precision": precision, "batch_size": 2}
    if network != "mixture":
        small = {"handwriting": {"first_filters": 2}, "dcgan": {"filters": 2}}
        given |= {"image_size": size, **small.get(network, {})}
    channels = 1 if network == "handwriting" else 3
    fields = {"data_shape": (size, size, channels) if size else (2,)}
    gan = build_gan(dataclasses.replace(resolve(given, {})[0], **fields))
    fake = gan.generator(tf.zeros((2, 4)), None, training=False)
    assert fake.dtype == tf.float32
    assert gan.discriminator(fake, None, training=False).dtype == tf.float32
    for optimizer in (gan.d_optimizer, gan.g_optimizer):
        kinds = {tf.as_dtype(v.dtype) for v in optimizer.variables}
        assert kinds <= {tf.float32, tf.int32, tf.int64}
        assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer) == (
            precision == "float16"
        )
    assert gan.d_optimizer is not gan.g_optimizer
    assert {v.dtype for v in gan.generator.variables} == {"float32"}
