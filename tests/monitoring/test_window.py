"""The window of metrics between two log lines."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from lsgan_tf.gan import METRICS
from lsgan_tf.monitoring.window import Window

pytestmark = pytest.mark.fast


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
        shared, restored = Window(), Window()
        shared.unpack(window.pack())
        restored.restore(json.loads(json.dumps(window.state())))
        assert shared == restored == window
        assert Window(**dataclasses.asdict(window)) == window
