"""Calls of many steps: where they end, what they add up, what they refuse."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsgan_tf.config import resolve
from lsgan_tf.distribute.multi_step import Task, Window, check_replicas, next_stop, uses_xla
from lsgan_tf.errors import UserError
from lsgan_tf.gan import METRICS


def config(**settings):
    return resolve({"dataset": "mixture", **settings}, {})[0]


class Devices:
    """As much of a strategy as the checks look at."""

    def __init__(self, replicas, kind="CPU"):
        self.num_replicas_in_sync = replicas
        self.extended = type("Extended", (), {"worker_devices": [f"/device:{kind}:0"]})


def stops(config, tasks, start=0):
    found = [start]
    while found[-1] < config.steps:
        found.append(next_stop(found[-1], config, tasks))
    return found[1:]


class TestNextStop:
    def test_ends_at_every_multiple(self):
        tasks = [Task(4, print), Task(0, print), Task(7, print)]
        assert stops(config(steps=15, steps_per_call=5), tasks) == [4, 5, 7, 8, 10, 12, 14, 15]

    @given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 20), st.data())
    def test_a_resumed_run_makes_the_same_calls(self, steps, per_call, every, data):
        settings, tasks = config(steps=steps, steps_per_call=per_call), [Task(every, print)]
        whole = stops(settings, tasks)
        again = data.draw(st.sampled_from(whole))
        assert stops(settings, tasks, again) == whole[whole.index(again) + 1 :]


class TestWindow:
    def test_means_are_over_sound_steps(self):
        window = Window()
        window.add(np.full(len(METRICS), 6.0), done=4, bad=1, bad_at_end=0)
        window.add(np.full(len(METRICS), 1.0), done=1, bad=0, bad_at_end=0)
        assert window.means() == dict.fromkeys(METRICS, 7.0 / 4)

    def test_no_sound_step_has_no_mean(self):
        window = Window()
        window.add(np.zeros(len(METRICS)), done=2, bad=2, bad_at_end=2)
        assert window.means() == dict.fromkeys(METRICS)

    def test_counts_bad_steps_across_calls(self):
        window, zeros = Window(), np.zeros(len(METRICS))
        window.add(zeros, done=5, bad=3, bad_at_end=2)
        window.add(zeros, done=4, bad=4, bad_at_end=4)
        assert window.bad_in_a_row == 6
        window.add(zeros, done=4, bad=3, bad_at_end=1)
        assert window.bad_in_a_row == 1

    def test_goes_through_numbers_and_back(self):
        window = Window([float(n) / 3 for n in range(len(METRICS))], 5, 2)
        assert Window().unpack(window.pack()) == window
        assert Window(**dataclasses.asdict(window)) == window


class TestRefusals:
    def test_a_batch_that_does_not_divide(self):
        with pytest.raises(UserError, match=r"--batch_size=10 does not divide over 4 .*=8"):
            check_replicas(config(batch_size=10), Devices(4))

    def test_a_batch_that_divides(self):
        check_replicas(config(batch_size=12), Devices(4))

    def test_xla_on_several_replicas(self):
        with pytest.raises(UserError, match=r"--jit_compile=on works on one replica only .* 2"):
            uses_xla(config(jit_compile="on"), Devices(2))

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
