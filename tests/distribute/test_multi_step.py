"""Checks of batch size and XLA before calls of many steps."""

from __future__ import annotations

import pytest

from lsgan_tf.config import resolve
from lsgan_tf.distribute.multi_step import check_replicas, uses_xla
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast


def config(**settings):
    return resolve({"dataset": "mixture", **settings}, {})[0]


class Devices:
    """The attributes of a strategy that the checks read."""

    def __init__(self, replicas, kind="CPU"):
        self.num_replicas_in_sync = replicas
        self.extended = type("Extended", (), {"worker_devices": [f"/device:{kind}:0"]})


class TestRefusals:
    def test_a_batch_that_does_not_divide(self):
        with pytest.raises(UserError, match=r"--batch_size=10 does not divide over 4 .*=8"):
            check_replicas(config(batch_size=10), Devices(4))

    def test_a_batch_that_divides(self):
        check_replicas(config(batch_size=12), Devices(4))

    def test_xla_on_several_replicas(self):
        with pytest.raises(UserError, match=r"--jit_compile=on works on one replica only .* 2"):
            check_replicas(config(jit_compile="on", batch_size=12), Devices(2))

    @pytest.mark.parametrize(
        ("network", "jit_compile", "devices", "expected"),
        [
            ("mixture", "auto", Devices(1), True),
            ("mixture", "auto", Devices(2), False),
            ("mixture", "off", Devices(1), False),
            ("mixture", "on", Devices(1), True),
            ("dcgan", "auto", Devices(1), False),
            ("dcgan", "on", Devices(1), True),
            ("dcgan", "auto", Devices(1, "GPU"), True),
            ("dcgan", "auto", Devices(8, "GPU"), False),
        ],
    )
    def test_when_xla_is_used(self, network, jit_compile, devices, expected):
        dataset = "mixture" if network == "mixture" else "cifar10"
        settings, _ = resolve({"dataset": dataset, "jit_compile": jit_compile}, {})
        assert uses_xla(settings, devices) is expected
