"""Convolutions with a gradient of their own, against TensorFlow's, of first and second order."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from lsgan_tf.networks.ops.conv2d_gradient import Convolution


def random(*shape: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def assert_near(actual, expected, relative: float = 5e-6) -> None:
    """Equal up to `relative` of the largest number."""
    actual, expected = (tf.cast(value, tf.float64).numpy() for value in (actual, expected))
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= relative * max(np.abs(expected).max(), 1e-3)


def library(convolution: Convolution, *, transposed: bool):
    """The same operation as TensorFlow has it."""

    def forward(image, kernel):
        return tf.nn.conv2d(image, kernel, convolution.strides, "SAME")

    def backward(result, kernel):
        shape = (result.shape[0], convolution.height, convolution.width, kernel.shape[2])
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
        loss = tf.reduce_sum(tf.sin(value))
    return value, *tape.gradient(loss, (x, kernel))


def second_order(function, x, kernel):
    """Gradients of the squares of both gradients: every path of a second derivative."""
    with tf.GradientTape() as outer:
        outer.watch((x, kernel))
        _, for_x, for_kernel = first_order(function, x, kernel)
        penalty = tf.reduce_sum(for_x**2) + tf.reduce_sum(for_kernel**2)
    return outer.gradient(penalty, (x, kernel))


@pytest.mark.parametrize("transposed", [False, True])
@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    kernel_size=st.integers(1, 5),
    strides=st.integers(1, 2),
    count=st.integers(1, 3),
    channels=st.integers(1, 4),
    filters=st.integers(1, 4),
)
def test_values_and_gradients_are_tensorflows(
    transposed, height, width, kernel_size, strides, count, channels, filters
):
    convolution = Convolution(height, width, kernel_size, strides)
    own = convolution.transposed if transposed else convolution.forward
    x, kernel = operands(convolution, count, channels, filters, transposed)
    actual = first_order(own, x, kernel)
    expected = first_order(library(convolution, transposed=transposed), x, kernel)
    np.testing.assert_array_equal(actual[0], expected[0])
    np.testing.assert_array_equal(actual[1], expected[1])
    assert_near(actual[2], expected[2])


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(7, 6, 5, 2), (4, 5, 3, 1), (6, 6, 1, 2)])
def test_second_derivatives_are_tensorflows(shape, transposed):
    convolution = Convolution(*shape)
    own = convolution.transposed if transposed else convolution.forward
    x, kernel = operands(convolution, 2, 3, 4, transposed)
    expected = second_order(library(convolution, transposed=transposed), x, kernel)
    for one, other in zip(second_order(own, x, kernel), expected, strict=True):
        assert_near(one, other, 2e-5)


@pytest.mark.parametrize(
    ("dtype", "epsilon"), [(tf.float64, 2.0**-52), (tf.float16, 2.0**-10), (tf.bfloat16, 2.0**-7)]
)
@pytest.mark.parametrize("transposed", [False, True])
def test_other_precisions_are_off_by_their_rounding_alone(dtype, epsilon, transposed):
    convolution = Convolution(6, 5, 5, 2)
    own = convolution.transposed if transposed else convolution.forward
    x, kernel = (tf.cast(value, dtype) for value in operands(convolution, 2, 3, 4, transposed))
    found = first_order(own, x, kernel)
    assert {value.dtype for value in found} == {dtype}
    exact = [tf.cast(value, tf.float64) for value in (x, kernel)]
    expected = first_order(library(convolution, transposed=transposed), *exact)
    # The cosine of a rounded value, some tens, is what is off the most.
    for one, other in zip(found, expected, strict=True):
        assert_near(one, other, 8 * epsilon)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
def test_in_a_graph_with_a_batch_of_any_size(jit_compile, transposed):
    convolution = Convolution(5, 4, 3, 2)
    own = convolution.transposed if transposed else convolution.forward
    x, kernel = operands(convolution, 3, 2, 4, transposed)
    signature = [tf.TensorSpec((None, *x.shape[1:])), tf.TensorSpec(kernel.shape)]

    @tf.function(input_signature=signature, jit_compile=jit_compile)
    def graph(x, kernel):
        value, for_x, for_kernel = first_order(own, x, kernel)
        return value, for_x, for_kernel, *second_order(own, x, kernel)

    plain = library(convolution, transposed=transposed)
    for count in (1, 3):
        expected = (
            *first_order(plain, x[:count], kernel),
            *second_order(plain, x[:count], kernel),
        )
        for one, other in zip(graph(x[:count], kernel), expected, strict=True):
            assert_near(one, other, 2e-5)


def test_the_kernels_gradient_by_hand():
    # One image row 1 2 3 4 5, a kernel of three taps, stride 2: results at 0, 2, 4 read
    # (0 1 2), (2 3 4), (4 5 0).
    image = tf.reshape(tf.constant([1.0, 2, 3, 4, 5]), (1, 1, 5, 1))
    result = tf.reshape(tf.constant([1.0, 10, 100]), (1, 1, 3, 1))
    found = Convolution(1, 5, 3, 2).for_kernel(image, result)[:, :, 0, 0].numpy()
    assert found[1].tolist() == [0 + 20 + 400, 1 + 30 + 500, 2 + 40 + 0]
    assert not found[[0, 2]].any()
