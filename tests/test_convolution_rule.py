from __future__ import annotations

import pytest
import tensorflow as tf

from lsgan_tf import convolution_rule
from lsgan_tf.convolution_rule import pays

CPU = "/job:localhost/replica:0/task:0/device:CPU:1"


@pytest.mark.parametrize(
    ("image", "result"),
    [
        ((64, 14, 14, 256), (64, 7, 7, 320)),  # handwriting D, h1
        ((64, 14, 14, 128), (64, 7, 7, 128)),  # handwriting G, h1
        ((64, 4, 4, 256), (64, 2, 2, 512)),  # CIFAR-10 D, h3, and G, h1
        ((16, 28, 28, 256), (16, 14, 14, 256)),  # scene G, h3
        ((None, 14, 14, 256), (None, 7, 7, 512)),
    ],
)
def test_many_channels_and_a_small_result_pay(image, result):
    assert pays(image, result, 2, "float32")
    assert not pays(image, result, 2, tf.bfloat16)
    assert not pays(image, image, 1, "float32")
    assert not pays((4, *image[1:]), (4, *result[1:]), 2, "float32")
    assert not pays((64, None, *image[2:]), (64, None, *result[2:]), 2, "float32")


@pytest.mark.parametrize(
    ("image", "result"),
    [
        ((64, 28, 28, 1), (64, 14, 14, 256)),  # handwriting D, h0
        ((64, 16, 16, 64), (64, 8, 8, 128)),  # CIFAR-10 D, h1
        ((64, 56, 56, 128), (64, 28, 28, 256)),  # scene G, h5
        ((64, 112, 112, 64), (64, 56, 56, 128)),  # scene G, h6
    ],
)
def test_where_it_did_not_pay_it_is_left_alone(image, result):
    assert not pays(image, result, 2, "float32")


def test_other_devices_are_left_alone(monkeypatch):
    gpus = []
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: gpus)
    assert convolution_rule._on_cpu(CPU)
    assert convolution_rule._on_cpu("/device:CPU:*") and convolution_rule._on_cpu("")
    assert not convolution_rule._on_cpu(CPU.replace("CPU", "GPU"))
    assert not convolution_rule._on_cpu(CPU.replace("CPU", "TPU"))
    gpus.append("GPU:0")
    assert convolution_rule._on_cpu(CPU)
    assert not convolution_rule._on_cpu("") and not convolution_rule._on_cpu(None)


def test_only_avx2(tmp_path):
    without_avx512 = convolution_rule._without_avx512.__wrapped__

    def told(words):
        path = tmp_path / "cpuinfo"
        path.write_text(f"model name\t: X\nflags\t\t: fpu {words}\n")
        return without_avx512(path)

    assert told("sse4_2 avx2")
    assert not told("avx2 avx512f avx512_bf16")
    assert not told("sse4_2")
    assert not without_avx512(tmp_path / "none")


def test_a_tensor_of_a_graph_knows_its_device(monkeypatch):
    monkeypatch.setattr(convolution_rule, "_without_avx512", lambda: True)
    asked = []

    @tf.function
    def graph():
        for device in ("CPU:0", "GPU:0"):
            with tf.device(device):
                asked.append(convolution_rule.on_such_a_cpu(tf.zeros(())))

    graph.get_concrete_function()
    assert asked == [True, False]
    assert convolution_rule.on_such_a_cpu(tf.zeros(()))
    monkeypatch.setattr(convolution_rule, "_without_avx512", lambda: False)
    assert not convolution_rule.on_such_a_cpu(tf.zeros(()))
