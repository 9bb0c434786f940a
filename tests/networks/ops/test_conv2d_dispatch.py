from __future__ import annotations

import pytest
import tensorflow as tf

from lsgan_tf.networks.ops import conv2d_dispatch
from lsgan_tf.networks.ops.conv2d_dispatch import algorithm
from lsgan_tf.networks.ops.winograd import Convolution
from lsgan_tf.util import cpu

pytestmark = pytest.mark.fast

CPU = "/job:localhost/replica:0/task:0/device:CPU:1"


@pytest.mark.parametrize(
    ("image", "result", "kernel_size", "strides", "tile"),
    [
        ((64, 14, 14, 256), (64, 7, 7, 320), 5, 2, 4),  # handwriting D, h1
        ((64, 8, 8, 128), (64, 4, 4, 256), 5, 2, 4),  # CIFAR-10 D, h2
        ((64, 4, 4, 256), (64, 2, 2, 512), 5, 2, 2),  # CIFAR-10 D, h3, and G, h1
        ((64, 8, 8, 256), (64, 4, 4, 512), 5, 2, 4),  # DCGAN at 64x64, D, h3
        ((16, 28, 28, 256), (16, 28, 28, 256), 3, 1, 4),  # scene G, h4
        ((None, 14, 14, 256), (None, 7, 7, 512), 5, 2, 4),
    ],
)
def test_shapes_that_pay(image, result, kernel_size, strides, tile):
    for processor in ("avx2", "avx512"):
        found = algorithm(image, result, kernel_size, strides, processor)
        assert found == Convolution(*image[1:3], kernel_size, strides, tile)
        few = (4, *image[1:]), (4, *result[1:])
        assert algorithm(*few, kernel_size, strides, processor) is None
        unknown = (64, None, *image[2:]), (64, None, *result[2:])
        assert algorithm(*unknown, kernel_size, strides, processor) is None


@pytest.mark.parametrize(
    ("image", "result", "kernel_size"),
    [
        ((64, 28, 28, 1), (64, 14, 14, 256), 5),  # handwriting D, h0
        ((64, 16, 16, 64), (64, 8, 8, 128), 5),  # CIFAR-10 D, h1
        ((64, 32, 32, 64), (64, 16, 16, 128), 5),  # DCGAN at 64x64, D, h1
        ((16, 112, 112, 3), (16, 56, 56, 64), 5),  # scene D, h0
        ((16, 56, 56, 128), (16, 28, 28, 256), 3),  # scene G, h5
        ((16, 28, 28, 256), (16, 14, 14, 256), 3),  # scene G, h3
    ],
)
def test_shapes_that_do_not_pay(image, result, kernel_size):
    for processor in ("avx2", "avx512"):
        assert algorithm(image, result, kernel_size, 2, processor) is None


def test_faster_arithmetic_needs_more_channels():
    shapes = (64, 14, 14, 128), (64, 7, 7, 160), 5, 2  # handwriting D, h1, with half the width
    assert algorithm(*shapes, "avx2") == Convolution(14, 14, 5, 2, 4)
    assert algorithm(*shapes, "avx512") is None


def test_the_tile_with_the_fewest_products():
    found = algorithm((64, 12, 12, 256), (64, 6, 6, 256), 5, 2, "avx2")
    assert found.tile == 3 and found.products == (2 * (5 + 4)) ** 2


def test_other_devices_are_left_alone(monkeypatch):
    gpus = []
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: gpus)
    assert conv2d_dispatch._on_cpu(CPU)
    assert conv2d_dispatch._on_cpu("/device:CPU:*") and conv2d_dispatch._on_cpu("")
    assert not conv2d_dispatch._on_cpu(CPU.replace("CPU", "GPU"))
    assert not conv2d_dispatch._on_cpu(CPU.replace("CPU", "TPU"))
    gpus.append("GPU:0")
    assert conv2d_dispatch._on_cpu(CPU)
    assert not conv2d_dispatch._on_cpu("") and not conv2d_dispatch._on_cpu(None)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("sse4_2", None),
        ("sse4_2 avx2", "avx2"),
        ("avx2 avx512f avx512_vnni", "avx512"),
        ("asimd bf16", None),
    ],
)
def test_processors(monkeypatch, words, expected):
    monkeypatch.setattr(cpu, "instructions", lambda: frozenset(words.split()))
    assert conv2d_dispatch._processor.__wrapped__() == expected
    monkeypatch.setattr(cpu, "instructions", lambda: None)
    assert conv2d_dispatch._processor.__wrapped__() is None


SHAPES = ((64, 8, 8, 256), (64, 4, 4, 256), 5, 2)


def test_a_tensor_of_a_graph_knows_its_device(monkeypatch):
    monkeypatch.setattr(conv2d_dispatch, "_processor", lambda: "avx2")
    answers = []

    @tf.function
    def graph():
        for device in ("CPU:0", "GPU:0"):
            with tf.device(device):
                answers.append(conv2d_dispatch.faster(*SHAPES, tf.zeros(())))

    graph.get_concrete_function()
    assert answers == [Convolution(8, 8, 5, 2, 4), None]
    assert conv2d_dispatch.faster(*SHAPES, tf.zeros(())) == answers[0]
    for dtype in (tf.float64, tf.bfloat16, tf.float16):
        assert conv2d_dispatch.faster(*SHAPES, tf.zeros((), dtype)) is None
    monkeypatch.setattr(conv2d_dispatch, "_processor", lambda: None)
    assert conv2d_dispatch.faster(*SHAPES, tf.zeros(())) is None
