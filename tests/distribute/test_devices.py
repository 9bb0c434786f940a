"""Values of --devices, and the warning about slow --precision."""

from __future__ import annotations

import pytest
import tensorflow as tf

from lsgan_tf.distribute import devices
from lsgan_tf.distribute.cluster import Cluster
from lsgan_tf.distribute.devices import make_strategy, slow_precision, unused_gpu
from lsgan_tf.errors import UserError
from lsgan_tf.util import cpu

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    "text", ["tpu", "cpu:", "cpu:x", "auto:2", "gpu:-1", "cpu 2", "", f"cpu:{'9' * 5000}"]
)
def test_another_form(text):
    with pytest.raises(UserError, match=r"expected auto, cpu, cpu:N, gpu or gpu:N"):
        make_strategy(text)


@pytest.mark.parametrize("text", ["cpu:0", "cpu:65"])
def test_a_number_out_of_range(text):
    with pytest.raises(UserError, match=r"expected cpu:1 to cpu:64"):
        make_strategy(text)


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there are GPUs")
def test_more_gpus_than_there_are():
    for text in ("gpu", "gpu:1"):
        with pytest.raises(UserError, match="TensorFlow sees 0 GPUs"):
            make_strategy(text)


def test_one_process_is_one_cpu_device():
    assert make_strategy("cpu").num_replicas_in_sync == 1
    assert make_strategy("cpu:1").num_replicas_in_sync == 1


@pytest.mark.parametrize("devices", ["cpu:2", "cpu:0"])
def test_another_number_of_devices_on_each_of_several_hosts(devices):
    with pytest.raises(UserError, match="each worker trains on one CPU device"):
        make_strategy(devices, Cluster(("127.0.0.1:1", "127.0.0.1:2"), 0))


class Device:
    def __init__(self, kind):
        self.extended = type("Extended", (), {"worker_devices": [f"/device:{kind}:0"]})


@pytest.mark.parametrize(
    ("precision", "instructions", "kind", "slow"),
    [
        ("bfloat16", {"fpu", "avx512f"}, "CPU", True),
        ("bfloat16", {"fpu", "avx512_bf16"}, "CPU", False),
        ("bfloat16", {"fpu", "amx_bf16"}, "CPU", False),
        ("float16", {"fpu", "avx512_bf16"}, "CPU", True),
        ("float16", {"fpu", "avx512_fp16"}, "CPU", False),
        ("float32", {"fpu"}, "CPU", False),
        ("bfloat16", {"fpu"}, "GPU", False),
        ("bfloat16", None, "CPU", False),
    ],
)
def test_slow_arithmetic_is_announced(monkeypatch, precision, instructions, kind, slow):
    monkeypatch.setattr(cpu, "instructions", lambda: instructions)
    warning = slow_precision(precision, Device(kind))
    assert (warning is not None) == slow
    if slow:
        assert warning.startswith(f"--precision={precision}: this processor emulates {precision}")


@pytest.fixture
def driver(monkeypatch, tmp_path):
    """An NVIDIA driver's file, and a TensorFlow without a GPU."""
    monkeypatch.setattr(devices, "_NVIDIA", (tmp_path / "nvidia0",))
    monkeypatch.setattr(devices.tf.config, "list_physical_devices", lambda kind: [])
    return tmp_path / "nvidia0"


def test_a_gpu_that_tensorflow_does_not_see_is_noticed(driver, monkeypatch):
    assert unused_gpu("auto", {}) is None
    driver.touch()
    assert "pip install 'lsgan_tf[cuda]'" in unused_gpu("auto", {})
    assert "\n" not in unused_gpu("auto", {"CUDA_VISIBLE_DEVICES": "0,1"})
    monkeypatch.setattr(devices.tf.config, "list_physical_devices", lambda kind: [Device("GPU")])
    assert unused_gpu("auto", {}) is None


@pytest.mark.parametrize(
    ("chosen", "environment"),
    [("cpu", {}), ("cpu:2", {}), ("auto", {"CUDA_VISIBLE_DEVICES": "-1"}),
     ("auto", {"CUDA_VISIBLE_DEVICES": ""})],
)  # fmt: skip
def test_who_chose_the_cpu_is_not_told(driver, chosen, environment):
    driver.touch()
    assert unused_gpu(chosen, environment) is None
