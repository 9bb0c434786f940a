"""Layers: comparison with TensorFlow's operations, initial weights, label map, labelled conv."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lsgan_tf.networks import label_layers, layers

FLOAT = "float32"
shapes = settings(max_examples=25, deadline=None)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def gradients_of(function, variables, cotangent):
    """The value of `function()` and its gradients, contracted with `cotangent`."""
    with tf.GradientTape() as tape:
        tape.watch(variables)
        value = function()
    gradients = tape.gradient(value, variables, output_gradients=tf.constant(cotangent))
    return value.numpy(), [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]


def assert_near(actual: np.ndarray, expected: np.ndarray, relative: float = 3e-6) -> None:
    """Equal up to `relative` of the largest number."""
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= relative * max(np.abs(expected).max(), 1e-3)


# Sizes


@pytest.mark.parametrize(
    ("size", "times", "expected"),
    [(28, 0, 28), (28, 1, 14), (28, 2, 7), (7, 1, 4), (45, 4, 3), (1, 3, 1)],
)
def test_halved_is_ceiling_division(size, times, expected):
    assert layers.halved(size, times) == expected


@shapes
@given(
    target=st.integers(1, 12),
    kernel_size=st.sampled_from([3, 5]),
    strides=st.sampled_from([1, 2]),
)
def test_deconv_is_tensorflows_for_every_target_size(target, kernel_size, strides):
    source = -(-target // strides)
    layer = layers.deconv(3, kernel_size, strides, source, target, "h1", FLOAT)
    x = random(2, source, source, 4)
    actual = layer(x).numpy()
    assert actual.shape == (2, target, target, 3)
    expected = tf.nn.conv2d_transpose(x, layer.kernel.value, actual.shape, strides, "SAME")
    np.testing.assert_array_equal(actual, expected.numpy())


def test_deconv_refuses_a_size_that_no_convolution_undoes():
    with pytest.raises(ValueError, match="size 7 to 12"):
        layers.deconv(3, 5, 2, source=7, target=12, name="h1", dtype=FLOAT)


# Initial weights


def test_convolutions_start_from_a_truncated_normal():
    layer = layers.conv(64, 5, 2, "h0", FLOAT)
    layer.build((None, 8, 8, 32))
    kernel = layer.kernel.numpy()
    # Cut at two sigma, a normal's standard deviation falls to 0.8796 of what it was.
    assert np.abs(kernel).max() <= 0.04
    assert kernel.std() == pytest.approx(0.8796 * 0.02, rel=0.02)
    assert abs(kernel.mean()) < 4e-4
    assert not layer.bias.numpy().any()


@pytest.mark.parametrize("kind", ["dense", "deconv", "label map"])
def test_other_weights_start_from_a_normal(kind):
    layer, shape = {
        "dense": (layers.dense(256, "h0", FLOAT), (None, 200)),
        "deconv": (layers.deconv(64, 5, 2, 4, 8, "h1", FLOAT), (None, 4, 4, 32)),
        "label map": (label_layers.LabelMap(200), (None,)),
    }[kind]
    layer.build(shape)
    kernel = layer.kernel.numpy()
    assert kernel.std() == pytest.approx(0.02, rel=0.02)
    assert 0.06 < np.abs(kernel).max() < 0.14
    assert abs(kernel.mean()) < 4e-4
    assert not layer.bias.numpy().any()


def test_layers_of_one_shape_start_apart_and_a_seed_repeats_them():
    def kernels():
        keras.utils.set_random_seed(7)
        made = [layers.deconv(4, 3, 1, 4, 4, name, FLOAT) for name in ("h2", "h4")]
        for layer in made:
            layer.build((None, 4, 4, 4))
        return [layer.kernel.numpy() for layer in made]

    first, second = kernels(), kernels()
    assert np.abs(first[0] - first[1]).max() > 1e-3
    np.testing.assert_array_equal(first, second)


def test_batch_norm_gamma():
    normal, one = (layers.batch_norm("bn0", FLOAT, gamma) for gamma in ("normal", "one"))
    for layer in (normal, one):
        layer.build((None, 5000))
        assert not layer.beta.numpy().any()
        assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)
    assert normal.gamma.numpy().mean() == pytest.approx(1, abs=2e-3)
    assert normal.gamma.numpy().std() == pytest.approx(0.02, rel=0.05)
    assert (one.gamma.numpy() == 1).all()
    with pytest.raises(ValueError, match="gamma"):
        layers.batch_norm("bn0", FLOAT, "two")


# The label map


@shapes
@given(
    num_classes=st.integers(1, 9),
    dim=st.integers(1, 6),
    data=st.data(),
)
def test_label_map_is_the_linear_layer_on_a_one_hot_vector(num_classes, dim, data):
    labels = data.draw(st.lists(st.integers(0, num_classes - 1), min_size=1, max_size=8))
    layer = label_layers.LabelMap(num_classes, dim)
    layer.build((None,))
    layer.bias.assign(random(dim))
    kernel, bias = layer.kernel.value, layer.bias.value
    cotangent = random(len(labels), dim, seed=1)
    one_hot = tf.one_hot(labels, num_classes)
    looked_up = gradients_of(lambda: layer(np.array(labels)), [kernel, bias], cotangent)
    linear = gradients_of(lambda: one_hot @ kernel + bias, [kernel, bias], cotangent)
    assert_near(looked_up[0], linear[0])
    for actual, expected in zip(looked_up[1], linear[1], strict=True):
        assert_near(actual, expected)


def test_a_projection_is_the_inner_product_with_the_row_of_the_class():
    layer = label_layers.Projection(3)
    layer.build((None, 2))
    assert not layer.embeddings.numpy().any()
    layer.embeddings.assign([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    x = tf.constant([[1.0, 1.0], [1.0, -1.0], [0.5, 2.0]])
    with tf.GradientTape() as tape:
        products = layer(x, np.array([2, 1, 2]))
    np.testing.assert_array_equal(products, [11.0, -1.0, 14.5])
    # A class that is there twice has the sum, one that is not there has zeros.
    gradient = tape.gradient(products, layer.embeddings.value)
    np.testing.assert_array_equal(gradient, [[0, 0], [1, -1], [1.5, 3]])


def test_adam_moves_a_label_map_as_it_moves_the_linear_layer():
    """Rows of classes absent from a batch are still updated by Adam's momentum."""
    layer = label_layers.LabelMap(6, 3)
    layer.build((None,))
    kernel = tf.Variable(layer.kernel.numpy())
    lookup, dense = (keras.optimizers.Adam(0.01, beta_1=0.5) for _ in range(2))
    for step, labels in enumerate(([0, 1, 1], [1, 2, 5], [3, 3, 3])):
        cotangent = tf.constant(random(3, 3, seed=step))
        with tf.GradientTape(persistent=True) as tape:
            by_lookup = tf.reduce_sum(layer(np.array(labels)) * cotangent)
            by_product = tf.reduce_sum(tf.one_hot(labels, 6) @ kernel * cotangent)
        lookup.apply(tape.gradient(by_lookup, [layer.kernel.value]), [layer.kernel])
        dense.apply(tape.gradient(by_product, [kernel]), [kernel])
    assert_near(layer.kernel.numpy(), kernel.numpy())


# The labelled convolution


def labelled(height, width, channels, dim, filters, kernel_size, strides):
    """A layer with a nonzero bias, and the same convolution by concatenation."""
    layer = label_layers.LabelledConv2D(filters, kernel_size, strides)
    layer.build((None, height, width, channels), (None, dim))
    layer.bias.assign(random(filters, seed=5))

    def concatenated(x, phi):
        maps = tf.tile(phi[:, None, None, :], (1, height, width, 1))
        kernel = tf.concat([layer.kernel.value, layer.label_kernel.value], axis=2)
        joined = tf.concat([x, maps], axis=-1)
        return tf.nn.conv2d(joined, kernel, strides, "SAME") + layer.bias.value

    return layer, concatenated


@shapes
@given(
    height=st.integers(1, 11),
    width=st.integers(1, 11),
    kernel_size=st.sampled_from([1, 2, 3, 5]),
    strides=st.sampled_from([1, 2]),
)
def test_labelled_conv_is_the_convolution_of_the_concatenation(height, width, kernel_size, strides):
    layer, concatenated = labelled(height, width, 3, 4, 5, kernel_size, strides)
    x, phi = tf.constant(random(2, height, width, 3, seed=1)), tf.constant(random(2, 4, seed=2))
    shape = layer.compute_output_shape(x.shape, phi.shape)
    cotangent = random(*shape, seed=3)
    variables = [x, phi, layer.kernel.value, layer.label_kernel.value, layer.bias.value]
    actual = gradients_of(lambda: layer(x, phi), variables, cotangent)
    expected = gradients_of(lambda: concatenated(x, phi), variables, cotangent)
    assert_near(actual[0], expected[0])
    for one, other in zip(actual[1], expected[1], strict=True):
        assert_near(one, other)


def test_labelled_conv_makes_no_maps():
    layer, concatenated = labelled(6, 6, 3, 13, 5, 5, 2)

    def widest(function):
        signature = [tf.TensorSpec((2, 6, 6, 3)), tf.TensorSpec((2, 13))]
        graph = tf.function(function).get_concrete_function(*signature).graph
        shapes_made = [tensor.shape for op in graph.get_operations() for tensor in op.outputs]
        return max(shape[-1] for shape in shapes_made if shape.rank == 4 and shape[1] == 6)

    assert widest(layer) == 3
    assert widest(concatenated) == 16


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_labelled_conv_in_half_precision_is_off_by_rounding_alone(policy):
    layer, _ = labelled(14, 14, 8, 64, 16, 5, 2)
    low = label_layers.LabelledConv2D(16, 5, 2, dtype=policy)
    low.build((None, 14, 14, 8), (None, 64))
    low.set_weights(layer.get_weights())
    x, phi = tf.constant(random(2, 14, 14, 8, seed=1)), tf.constant(random(2, 64, seed=2))
    exact = layer(x, phi).numpy()
    output = low(x, phi)
    assert output.dtype == low.compute_dtype
    # One rounding to 8 (bfloat16) or 11 bits at each of the few stages.
    epsilon = 2.0**-8 if policy == "mixed_bfloat16" else 2.0**-11
    error = np.abs(tf.cast(output, tf.float32).numpy() - exact)
    assert 0 < error.max() < 3 * epsilon * np.abs(exact).max()


def test_labelled_conv_needs_a_known_size():
    with pytest.raises(ValueError, match="height and width"):
        label_layers.LabelledConv2D(4, 5).build((None, None, 8, 3), (None, 2))


@pytest.mark.parametrize(
    "layer",
    [
        label_layers.LabelMap(5, 3),
        label_layers.Projection(5),
        label_layers.LabelledConv2D(4, 5, 2, name="h1"),
    ],
)
def test_own_layers_round_trip_through_their_config(layer):
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("shape", [(5, 4, 3), (7,)])
def test_layer_norm_is_over_all_of_an_example_with_a_scale_for_each_channel(shape):
    layer = layers.layer_norm("ln1", FLOAT)
    layer.build((None, *shape))
    random = np.random.default_rng(0)
    x = random.normal(3.0, 2.0, (4, *shape)).astype(np.float32)
    axes = tuple(range(1, x.ndim))
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    expected = (x - mean) / np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)
    assert layer.gamma.shape == layer.beta.shape == (shape[-1],)
    gamma, beta = random.normal(size=(2, shape[-1]))
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    np.testing.assert_allclose(layer(x), expected * gamma + beta, rtol=1e-4, atol=1e-4)
