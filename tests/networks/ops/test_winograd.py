"""Minimal filtering compared with TensorFlow's convolutions, up to second derivatives."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lsgan_tf.networks.ops import winograd
from lsgan_tf.networks.ops.winograd import Convolution


def random(*shape: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def error(actual, exact) -> float:
    """Maximum deviation relative to the mean magnitude."""
    actual, exact = (tf.cast(value, tf.float64).numpy() for value in (actual, exact))
    assert actual.shape == exact.shape
    return np.abs(actual - exact).max() / max(np.abs(exact).mean(), 1e-3)


def own(convolution: Convolution, *, transposed: bool):
    def forward(image, kernel):
        return convolution.forward(image, convolution.transform(kernel))

    def backward(result, kernel):
        return convolution.transposed(result, convolution.transform(kernel))

    return backward if transposed else forward


def library(convolution: Convolution, *, transposed: bool):
    """TensorFlow's implementation of the operation."""

    def forward(image, kernel):
        return tf.nn.conv2d(image, kernel, convolution.strides, "SAME")

    def backward(result, kernel):
        shape = (tf.shape(result)[0], convolution.height, convolution.width, kernel.shape[2])
        return tf.nn.conv2d_transpose(result, kernel, shape, convolution.strides, "SAME")

    return backward if transposed else forward


def operands(convolution: Convolution, count: int, channels: int, filters: int, transposed: bool):
    """An image, or a result if transposed, and a kernel."""
    height, width, side, strides, _ = convolution
    small = (count, -(-height // strides), -(-width // strides), filters)
    large = (count, height, width, channels)
    return random(*(small if transposed else large)), random(side, side, channels, filters, seed=1)


def first_order(function, x, kernel):
    with tf.GradientTape() as tape:
        tape.watch((x, kernel))
        value = function(x, kernel)
        weights = tf.cast(random(*value.shape[1:], seed=2), value.dtype)
        loss = tf.reduce_sum(value * weights + value**2 / 2)
    return value, *tape.gradient(loss, (x, kernel))


def second_order(function, x, kernel):
    """Gradients of the squares of both gradients: all second derivatives."""
    with tf.GradientTape() as outer:
        outer.watch((x, kernel))
        _, for_x, for_kernel = first_order(function, x, kernel)
        penalty = tf.reduce_sum(for_x**2) + tf.reduce_sum(for_kernel**2)
    return outer.gradient(penalty, (x, kernel))


def doubled(*tensors):
    return [tf.cast(tensor, tf.float64) for tensor in tensors]


@pytest.mark.parametrize(("m", "r"), [(1, 1), (1, 3), (2, 2), (2, 3), (4, 2), (4, 3), (3, 5)])
def test_minimal_filters_are_exact(m, r):
    """The bilinear identity holds for each coefficient, without rounding."""
    output, kernel, data = winograd.minimal_filter(m, r)
    assert output.shape == (m + r - 1, m) and kernel.shape == (m + r - 1, r)
    # y[i] has the coefficient of g[k] d[j] 1 where j = i + k, else 0.
    found = np.einsum("ni,nk,nj->ikj", output, kernel, data)
    expected = np.zeros((m, r, m + r - 1))
    for i in range(m):
        for k in range(r):
            expected[i, k, i + k] = 1
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_f23_is_the_one_in_the_literature():
    """Lavin and Gray's F(2, 3) has the points 0, 1, -1 and infinity: 4 products."""
    output, kernel, _ = winograd.minimal_filter(2, 3)
    assert output.tolist() == [[1, 0], [1, 1], [1, -1], [0, 1]]
    assert kernel.tolist() == [[1, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 1]]


def test_the_inverse_is_exact():
    points = winograd._POINTS[:6]
    matrix = winograd._vandermonde(points, 7)
    inverse = winograd._inverse(matrix)
    for i in range(7):
        for j in range(7):
            entry = sum(matrix[i][k] * inverse[k][j] for k in range(7))
            assert entry == Fraction(i == j)


def test_more_points_than_there_are_is_refused():
    with pytest.raises(ValueError, match=r"F\(6, 4\) requires 8 points"):
        winograd.minimal_filter(6, 4)


@pytest.mark.parametrize(
    ("convolution", "products"),
    [
        (Convolution(32, 32, 5, 2, 4), 16 * 121),  # 16 tiles of 4x4 outputs
        (Convolution(28, 28, 3, 1, 4), 49 * 36),
        (Convolution(14, 14, 5, 2, 4), 4 * 121),  # 7 outputs: two tiles along each side
        (Convolution(4, 4, 5, 2, 2), 36),  # 3 + 3 along a side: two inputs in each phase
        (Convolution(1, 1, 5, 2, 1), 1),  # the middle tap alone
        (Convolution(6, 6, 1, 2, 1), 9),  # nothing to save
    ],
)
def test_number_of_products(convolution, products):
    assert convolution.products == products


@pytest.mark.parametrize("transposed", [False, True])
@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 11),
    width=st.integers(1, 11),
    kernel_size=st.integers(1, 5),
    strides=st.integers(1, 2),
    tile=st.integers(1, 4),
    count=st.integers(1, 3),
    channels=st.integers(1, 5),
    filters=st.integers(1, 5),
)
def test_values_and_gradients_are_tensorflows(
    transposed, height, width, kernel_size, strides, tile, count, channels, filters
):
    if tile + -(-kernel_size // strides) - 2 > 7:
        tile = 3
    convolution = Convolution(height, width, kernel_size, strides, tile)
    x, kernel = operands(convolution, count, channels, filters, transposed)
    actual = first_order(own(convolution, transposed=transposed), x, kernel)
    exact = first_order(library(convolution, transposed=transposed), *doubled(x, kernel))
    for one, other in zip(actual, exact, strict=True):
        assert error(one, other) < 1e-4


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(14, 14, 5, 2, 4), (4, 4, 5, 2, 2), (9, 8, 3, 1, 4)])
def test_rounding_with_many_channels(shape, transposed):
    convolution = Convolution(*shape)
    x, kernel = operands(convolution, 2, 128, 160, transposed)
    actual = first_order(own(convolution, transposed=transposed), x, kernel)
    exact = first_order(library(convolution, transposed=transposed), *doubled(x, kernel))
    for one, other in zip(actual, exact, strict=True):
        assert error(one, other) < 1e-4


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(7, 6, 5, 2, 4), (4, 5, 3, 1, 2), (6, 6, 1, 2, 1)])
def test_second_derivatives_are_tensorflows(shape, transposed):
    convolution = Convolution(*shape)
    x, kernel = operands(convolution, 2, 3, 4, transposed)
    actual = second_order(own(convolution, transposed=transposed), x, kernel)
    exact = second_order(library(convolution, transposed=transposed), *doubled(x, kernel))
    for one, other in zip(actual, exact, strict=True):
        assert error(one, other) < 1e-4


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
def test_in_a_graph_with_a_batch_of_any_size(jit_compile, transposed):
    convolution = Convolution(9, 4, 3, 2, 4)
    function = own(convolution, transposed=transposed)
    x, kernel = operands(convolution, 3, 2, 4, transposed)
    signature = [tf.TensorSpec((None, *x.shape[1:])), tf.TensorSpec(kernel.shape)]
    graph = tf.function(function, input_signature=signature, jit_compile=jit_compile)
    plain = library(convolution, transposed=transposed)
    for count in (1, 3):
        assert error(graph(x[:count], kernel), plain(*doubled(x[:count], kernel))) < 1e-4


def test_a_convolution_by_hand():
    # One image row 1 2 3 4 5 and the kernel 1 10 100, stride 2: results at 0, 2, 4 read
    # (0 1 2), (2 3 4), (4 5 0).
    image = tf.reshape(tf.constant([1.0, 2, 3, 4, 5]), (1, 1, 5, 1))
    kernel = tf.reshape(tf.constant([[0.0] * 3, [1, 10, 100], [0] * 3]), (3, 3, 1, 1))
    convolution = Convolution(1, 5, 3, 2, 3)
    found = convolution.forward(image, convolution.transform(kernel))
    np.testing.assert_allclose(tf.reshape(found, (3,)), [210, 432, 54], rtol=1e-5)
