from __future__ import annotations

import pytest
import tensorflow as tf
from lsgan_tf.networks.ops.conv2d_gradient import Convolution

from lsgan_tf.networks.ops import conv2d_dispatch
from lsgan_tf.networks.ops.conv2d_dispatch import way

CPU = "/job:localhost/replica:0/task:0/device:CPU:1"


@pytest.mark.parametrize(
    ("image", "result", "kernel_size", "expected"),
    [
        ((64, 14, 14, 256), (64, 7, 7, 320), 5, "dilated"),  # handwriting D, h1
        ((64, 14, 14, 128), (64, 7, 7, 128), 5, "dilated"),  # handwriting G, h1
        ((64, 4, 4, 256), (64, 2, 2, 512), 5, "dilated"),  # CIFAR-10 D, h3, and G, h1
        ((16, 28, 28, 256), (16, 14, 14, 256), 3, "dilated"),  # scene G, h3
        ((None, 14, 14, 256), (None, 7, 7, 512), 5, "dilated"),
        ((64, 56, 56, 128), (64, 28, 28, 256), 3, "channels_first"),  # scene G, h5
        ((64, 112, 112, 64), (64, 56, 56, 128), 3, "channels_first"),  # scene G, h6
    ],
)
def test_ways_that_pay(image, result, kernel_size, expected):
    assert way(image, result, kernel_size, 2, "float32", "avx2") == expected
    assert way(image, result, kernel_size, 2, tf.bfloat16, "avx2") is None
    assert way(image, image, kernel_size, 1, "float32", "avx2") is None
    assert way((4, *image[1:]), (4, *result[1:]), kernel_size, 2, "float32", "avx2") is None
    unknown = (64, None, *image[2:]), (64, None, *result[2:])
    assert way(*unknown, kernel_size, 2, "float32", "avx2") is None


@pytest.mark.parametrize(
    ("side", "kernel_size", "expected"),
    [(4, 5, "dilated"), (14, 5, "dilated"), (16, 5, "dilated"), (28, 5, None), (56, 3, None)],
)
def test_ways_that_pay_with_avx512(side, kernel_size, expected):
    shapes = (64, side, side, 128), (64, side // 2, side // 2, 256), kernel_size, 2
    for processor in ("avx512", "avx512_bf16"):
        assert way(*shapes, "float32", processor) == expected
        assert way(*shapes, "float16", processor) is None
    assert way(*shapes, "bfloat16", "avx512_bf16") == expected
    assert way(*shapes, "bfloat16", "avx512") is None


@pytest.mark.parametrize(
    ("image", "result", "kernel_size"),
    [
        ((64, 28, 28, 1), (64, 14, 14, 256), 5),  # handwriting D, h0
        ((64, 16, 16, 64), (64, 8, 8, 128), 5),  # CIFAR-10 D, h1
        ((64, 32, 32, 64), (64, 16, 16, 128), 5),  # DCGAN at 64x64, D, h1
        ((16, 56, 56, 64), (16, 28, 28, 128), 5),  # scene D, h1
        ((16, 112, 112, 3), (16, 56, 56, 64), 5),  # scene D, h0
    ],
)
def test_where_none_paid_it_is_left_alone(image, result, kernel_size):
    for processor in ("avx2", "avx512", "avx512_bf16"):
        assert way(image, result, kernel_size, 2, "float32", processor) is None


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
        ("avx2 avx512f avx512_bf16", "avx512_bf16"),
        ("avx2 avx512f avx512_bf16 amx_bf16 amx_tile", "avx512"),
        ("asimd bf16", None),
    ],
)
def test_processors(tmp_path, words, expected):
    path = tmp_path / "cpuinfo"
    path.write_text(f"model name\t: X\nflags\t\t: fpu {words}\n")
    assert conv2d_dispatch._processor.__wrapped__(path) == expected
    assert conv2d_dispatch._processor.__wrapped__(tmp_path / "none") is None


SMALL = ((64, 8, 8, 128), (64, 4, 4, 128), 5, 2)
LARGE = ((64, 56, 56, 128), (64, 28, 28, 128), 3, 2)


def test_a_tensor_of_a_graph_knows_its_device(monkeypatch):
    monkeypatch.setattr(conv2d_dispatch, "_processor", lambda: "avx2")
    answers = []

    @tf.function
    def graph():
        for device in ("CPU:0", "GPU:0"):
            with tf.device(device):
                answers.append(conv2d_dispatch.faster(*SMALL, tf.zeros(())))

    graph.get_concrete_function()
    assert answers == [Convolution(8, 8, 5, 2, "dilated"), None]
    assert conv2d_dispatch.faster(*SMALL, tf.zeros(())) == answers[0]
    assert conv2d_dispatch.faster(*SMALL, tf.zeros((), tf.float64)) is None
    monkeypatch.setattr(conv2d_dispatch, "_processor", lambda: None)
    assert conv2d_dispatch.faster(*SMALL, tf.zeros(())) is None


def test_channels_first_where_tensorflow_takes_them(monkeypatch):
    monkeypatch.setattr(conv2d_dispatch, "_processor", lambda: "avx2")
    for takes in (True, False):
        monkeypatch.setattr(conv2d_dispatch, "_takes_channels_first", lambda takes=takes: takes)
        expected = Convolution(56, 56, 3, 2, "channels_first") if takes else None
        assert conv2d_dispatch.faster(*LARGE, tf.zeros(())) == expected
        assert conv2d_dispatch.faster(*SMALL, tf.zeros(())) == Convolution(8, 8, 5, 2)
