"""Gradient penalty: by hand, compared with NumPy and with single examples, and in a step."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from lsgan_tf.build import build_gan, build_networks
from lsgan_tf.config import resolve
from lsgan_tf.distribute.multi_step import make_run_steps
from lsgan_tf.gan import METRICS
from lsgan_tf.gradient_penalty import STREAM, GradientPenalty, numbers_drawn, perturbed
from lsgan_tf.monitoring.progress import CURVES, progress_line
from lsgan_tf.monitoring.window import Window
from lsgan_tf.noise import noise
from lsgan_tf.util.pixels import to_range

RATE = 0.05


def drawn(count, length, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, length)).astype(np.float32)


# By hand


def linear(weights):
    return lambda x, label, training: tf.linalg.matvec(x, weights)


def test_of_a_linear_discriminator_only_its_weights_matter():
    weights = tf.Variable([3.0, 4.0])
    real = tf.constant(drawn(6, 2, seed=1))
    with tf.GradientTape() as tape:
        penalty = GradientPenalty(1.0, 30.0)(linear(weights), real, None, tf.constant(drawn(6, 3)))
    assert float(penalty) == pytest.approx((5 - 1) ** 2)
    # 2 (|w| - 1) w / |w|
    np.testing.assert_allclose(tape.gradient(penalty, weights), [4.8, 6.4], rtol=1e-5)


def test_a_flat_discriminator_is_at_distance_one_and_gives_no_nan():
    weights = tf.Variable([0.0, 0.0])
    with tf.GradientTape() as tape:
        penalty = GradientPenalty(1.0)(
            linear(weights), tf.zeros((2, 2)), None, tf.constant(drawn(2, 3))
        )
    assert float(penalty) == 1
    assert np.isfinite(tape.gradient(penalty, weights)).all()


def test_points_by_hand():
    real = tf.constant([[1.0, -1.0], [0.0, 2.0]])
    # alpha 1/2 and u (0, 3/4); alpha 1/4 and u (1/2, 1/2).
    random = tf.constant([[0.0, -1.0, 0.5], [-0.5, 0.0, 0.0]])
    found = perturbed(real, random, 8.0)
    np.testing.assert_allclose(found, [[1.0, 2.0], [1.0, 3.0]])
    assert numbers_drawn((2,)) == 3 and numbers_drawn((28, 28, 1)) == 785


def test_a_bowl_has_its_gradient_where_the_points_are():
    real, random = drawn(5, 3, seed=2), drawn(5, 4)
    bowl = lambda x, label, training: 0.5 * tf.reduce_sum(x**2, axis=1)  # noqa: E731
    found = GradientPenalty(1.0, 2.0)(bowl, tf.constant(real), None, tf.constant(random))
    points = real + 2.0 * (random[:, :1] + 1) / 2 * (random[:, 1:] + 1) / 2
    norms = np.sqrt((points**2).sum(axis=1))
    assert float(found) == pytest.approx(((norms - 1) ** 2).mean(), rel=1e-5)


def test_against_numpy_and_finite_differences():
    """tanh(x W + b) v, whose gradient with respect to x is W ((1 - tanh^2) v)."""
    generator = np.random.default_rng(3)
    W, b, v = (generator.normal(size=shape) for shape in ((4, 6), (6,), (6,)))
    real, random = drawn(5, 4, seed=4), drawn(5, 5)

    def by_numpy(W, b, v):
        points = real + 3.0 * (random[:, :1] + 1) / 2 * (random[:, 1:] + 1) / 2
        hidden = np.tanh(points @ W + b)
        gradients = ((1 - hidden**2) * v) @ W.T
        return ((np.sqrt((gradients**2).sum(axis=1)) - 1) ** 2).mean()

    weights = [tf.Variable(value, dtype=tf.float32) for value in (W, b, v)]

    def network(x, label, training):
        return tf.linalg.matvec(tf.tanh(x @ weights[0] + weights[1]), weights[2])

    with tf.GradientTape() as tape:
        found = GradientPenalty(1.0, 3.0)(network, tf.constant(real), None, tf.constant(random))
    assert float(found) == pytest.approx(by_numpy(W, b, v), rel=1e-4)
    step = 1e-5
    for place, gradient in enumerate(tape.gradient(found, weights)):
        values = [W, b, v]
        for index in np.ndindex(values[place].shape):
            shift = np.zeros_like(values[place])
            shift[index] = step
            up, down = ([*values[:place], values[place] + s, *values[place + 1 :]]
                        for s in (shift, -shift))  # fmt: skip
            slope = (by_numpy(*up) - by_numpy(*down)) / (2 * step)
            assert float(gradient.numpy()[index]) == pytest.approx(slope, rel=2e-3, abs=1e-4)


# In a step


SMALL = {
    "handwriting": {"first_filters": 2, "width": 0.02},
    "dcgan": {"filters": 2},
    "mlp": {"filters": 2},
}


def build(*, dataset="hwdb", precision="float32", sgd=True, **given):
    fields = {"data_shape": (2,)}
    given = {"gradient_penalty": 2.0, "z_dim": 5, **given}
    if given["gradient_penalty"]:
        given["penalty_scale"] = 0.5
    if dataset != "mixture":
        small = SMALL.get(given.get("network", "handwriting"), {})
        if given.get("conditional"):
            small = small | {"label_dim": 3}
        given = {"image_size": 8, "discriminator_layer_norm": True, **small, **given}
        fields = {"data_shape": (8, 8, 1), "data_classes": 4}
    given = {"dataset": dataset, "batch_size": 6, "precision": precision, "seed": 7, **given}
    config = dataclasses.replace(resolve(given, {})[0], **fields)
    keras.utils.set_random_seed(1)
    gan = build_gan(config)
    if sgd:
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


def one_by_one(gan, real, label, random):
    """The penalty from separate gradients of each example."""
    uniform = (random + 1) / 2
    values = []
    for row in range(len(real)):
        at = uniform[row, :1] * tf.reshape(uniform[row, 1:], real.shape[1:])
        near = real[row : row + 1] + gan.gradient_penalty.scale * at
        with tf.GradientTape() as tape:
            tape.watch(near)
            score = gan.discriminator(near, None if label is None else label[row : row + 1])
        values.append((tf.norm(tape.gradient(score, near)) - 1) ** 2)
    return sum(values) / len(values)


@pytest.mark.parametrize(
    "settings",
    [
        {"dataset": "mixture", "simultaneous": False},
        {"dataset": "mixture", "loss": "nsgan", "d_steps": 2, "simultaneous": False},
        {"conditional": True},
        {"conditional": True, "simultaneous": True},
        {"network": "dcgan", "d_steps": 2},
        {"network": "dcgan", "nonlinearity": "gated"},
        {"network": "mlp"},
        {"network": "digits", "conditional": True, "discriminator_layer_norm": False,
         "discriminator_batch_norm": False},
    ],
)  # fmt: skip
def test_a_step_minimises_objective_and_penalty(settings):
    gan, plain = build(**settings), build(**settings)
    data = data_for(gan)
    metrics = gan.train_step(data)
    assert set(metrics) == {*METRICS, "gradient_penalty"} == set(gan.measured)
    for draw in range(gan.d_steps):
        real = to_range(data[0][draw], plain.pixel_range)
        label = data[1][draw] if gan.conditional else None
        z = noise(7, draw, 0, 6, 5, gan.z_distribution, gan.noise_generator)
        length = 1 + int(np.prod(real.shape[1:]))
        random = noise(7, STREAM + draw, 0, 6, length, "uniform", gan.noise_generator)
        fake = plain.generator(z, label, training=True)
        weights = plain.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            loss = plain.objective.discriminator(
                plain.discriminator(real, label), plain.discriminator(fake, label)
            )
            penalty = one_by_one(plain, real, label, random)
            total = loss + 2.0 * penalty
        gradients = tape.gradient(total, weights)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.assign_sub(RATE * tf.convert_to_tensor(gradient))
    assert float(metrics["d_loss"]) == pytest.approx(float(loss), rel=1e-4)
    assert float(metrics["gradient_penalty"]) == pytest.approx(float(penalty), rel=1e-4)
    assert float(metrics["d_gradient_norm"]) == pytest.approx(
        float(tf.linalg.global_norm(gradients)), rel=1e-3
    )
    for mine, theirs in zip(gan.discriminator.weights, plain.discriminator.weights, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-3, atol=2e-6)


def test_noise_is_new_at_every_step_and_of_every_draw():
    gan = build(d_steps=2)
    _, first, _ = gan.draw_noise((8, 8, 1))
    gan.step.assign(1)
    _, second, _ = gan.draw_noise((8, 8, 1))
    assert len(first) == 2 and first[0].shape == (6, 65)
    drawn = np.concatenate([tensor.numpy() for tensor in (*first, *second)])
    assert len(np.unique(drawn[:, 0])) == len(drawn)
    assert drawn.min() < -0.9 and drawn.max() > 0.9


def test_without_a_penalty_nothing_is_drawn_or_measured():
    gan = build(gradient_penalty=0.0)
    assert gan.gradient_penalty is None and gan.measured == METRICS
    assert gan.draw_noise((None, None, 1))[1] == ()
    assert set(gan.train_step(data_for(gan))) == set(METRICS)


def test_a_batch_from_fit_may_have_any_size():
    gan = build(conditional=True)
    images, labels = (part[0] for part in data_for(gan))
    pipeline = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
    history = gan.fit(pipeline, shuffle=False, verbose=0).history
    assert np.isfinite(history["gradient_penalty"]).all()


class Same:
    """The same data at every step."""

    def __init__(self, data):
        self._data = data

    def __iter__(self):
        return iter(tf.data.Dataset.from_tensors(self._data).repeat())


@pytest.mark.parametrize("noise_generator", ["philox", "hash"])
def test_xla_changes_rounding_alone(noise_generator):
    sums, weights = [], []
    for jit_compile in (False, True):
        gan = build(dataset="mixture", noise=noise_generator)
        strategy = tf.distribute.get_strategy()
        run = make_run_steps(gan, strategy, jit_compile=jit_compile, stop_at_bad=True)
        found = run(iter(Same(data_for(gan))), tf.constant(5, tf.int64))
        sums.append(found[0].numpy())
        weights.append(gan.discriminator.get_weights())
    assert len(sums[0]) == len(METRICS) + 1
    np.testing.assert_allclose(sums[1], sums[0], rtol=1e-4)
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


# Reporting


@pytest.mark.parametrize(("precision", "error"), [("bfloat16", 0.1), ("float16", 0.02)])
@pytest.mark.parametrize("network", ["dcgan", "handwriting"])
def test_mixed_precision_is_near_float32(network, precision, error):
    found = []
    for policy in ("float32", precision):
        gan = build(network=network, precision=policy, conditional=True, sgd=False)
        # A gradient whose norm is not close to 0, as it is initially.
        last = gan.discriminator.get_layer("h4" if network == "dcgan" else "h3")
        last.kernel.assign(20.0 * last.kernel)
        if policy == "float16":
            gan.d_optimizer.dynamic_scale.assign(256.0)  # of a run that has found its scale
        examples, labels = data_for(gan)
        real = to_range(examples[0], gan.pixel_range)
        weights = [weight.value for weight in gan.discriminator.trainable_variables]
        with tf.GradientTape() as tape:
            penalty = gan.gradient_penalty(
                gan.discriminator, real, labels[0], tf.constant(drawn(6, 65))
            )
            scaled = gan.d_optimizer.scale_loss(penalty)
        assert penalty.dtype == tf.float32
        scale = float(gan.d_optimizer.scale_loss(tf.ones(())))
        gradients = [
            np.ravel(tf.convert_to_tensor(g).numpy()) / scale
            for g in tape.gradient(
                scaled, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
        ]
        found.append((float(penalty), np.concatenate(gradients)))
    (exact, exact_gradient), (near, gradient) = found
    assert abs(exact - 1) > 0.05
    # Roots: how far, on average, the norms are from 1.
    assert near**0.5 == pytest.approx(exact**0.5, rel=error)
    difference = np.linalg.norm(gradient - exact_gradient) / np.linalg.norm(exact_gradient)
    assert difference < 4 * error


def test_a_window_of_more_metrics_comes_back_from_a_checkpoint():
    names = (*METRICS, "gradient_penalty")
    window = Window(names=names)
    window.add(np.arange(7.0), done=2, bad=0, bad_at_end=0)
    assert window.means()["gradient_penalty"] == 3
    stored = {**dataclasses.asdict(window), "names": list(names)}  # as JSON has it
    shared = Window(names=names)
    shared.unpack(window.pack())
    assert Window(**stored) == window == shared
    old = {"sums": [1.0] * len(METRICS), "count": 2, "bad_in_a_row": 0}
    assert Window(**old).means() == dict.fromkeys(METRICS, 0.5)


def test_the_line_of_progress_tells_of_it():
    config = resolve({"steps": 10}, {})[0]
    means = dict.fromkeys(METRICS, 0.5)
    assert "penalty" not in progress_line(5, config, means, 1.0)
    line = progress_line(5, config, {**means, "gradient_penalty": 0.25}, 1.0)
    assert line.endswith("  penalty 0.2500")
    assert CURVES["gradient_penalty"] == "loss/gradient penalty"


def test_the_weight_is_for_half_means():
    """The authors' 150 with sums over 64 examples has the same minimum as 150 / 64 here."""
    real, fake = drawn(64, 1, seed=5)[:, 0], drawn(64, 1, seed=6)[:, 0]
    halves = build(dataset="mixture").objective.discriminator(real, fake)
    sums = 0.5 * ((real - 1) ** 2).sum() + 0.5 * (fake**2).sum()
    penalty = 0.7
    assert sums + 150 * penalty == pytest.approx(64 * (float(halves) + 150 / 64 * penalty))


def test_networks_of_a_run_have_the_norm_that_was_asked_for():
    config = dataclasses.replace(
        resolve({"dataset": "digits", "discriminator_layer_norm": True}, {})[0],
        data_shape=(28, 28, 1),
    )
    generator, discriminator = build_networks(config)
    kinds = [[row.kind for row in network.describe()] for network in (generator, discriminator)]
    assert "batch norm" in kinds[0] and "layer norm" not in kinds[0]
    assert "batch norm" not in kinds[1] and kinds[1].count("layer norm") == 2
