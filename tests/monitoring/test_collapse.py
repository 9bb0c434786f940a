"""The collapse alarm on series of looks: what raises it, when, and what does not."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from lsgan_tf.monitoring.collapse import Alarm, Check, Event, separation, spread

pytestmark = pytest.mark.fast

EVERY = 200


def series(spreads, separations, gradients=None):
    """Looks 200 steps apart."""
    separations = np.broadcast_to(separations, len(spreads))
    gradients = np.broadcast_to(0.5 if gradients is None else gradients, len(spreads))
    columns = zip(spreads, separations, gradients, strict=True)
    return [
        Check(EVERY * number, *map(float, look)) for number, look in enumerate(columns, start=1)
    ]


def events(looks, alarm=None):
    """What happened, and at which step."""
    alarm = alarm or Alarm()
    found = [(look.step, alarm.update(look)) for look in looks]
    return [(step, event) for step, event in found if event], alarm


def noisy(values, seed=0, amount=0.06):
    return np.asarray(values) * np.random.default_rng(seed).uniform(
        1 - amount, 1 + amount, len(values)
    )


HEALTHY = noisy(np.concatenate([[0.05, 0.6, 1.1], np.linspace(1.05, 0.78, 97)]))
SLOW = noisy(np.concatenate([np.full(40, 0.02), np.linspace(0.02, 0.9, 60)]))


class TestHealthy:
    @pytest.mark.parametrize("separation", [0.1, 0.5, 0.85, 0.97])
    def test_a_run_whose_samples_differ_is_left_alone_even_if_d_wins(self, separation):
        found, alarm = events(series(HEALTHY, separation))
        assert found == []
        assert alarm.summary()["collapsed"] is False
        assert alarm.sound_step == EVERY * len(HEALTHY)

    def test_a_slow_start_is_no_collapse(self):
        assert events(series(SLOW, 0.6))[0] == []

    def test_d_may_win_for_a_short_while_at_the_start(self):
        won = np.where(np.arange(len(SLOW)) < 4, 0.95, 0.5)
        assert events(series(SLOW, won))[0] == []

    def test_two_looks_are_not_enough(self):
        spreads = HEALTHY.copy()
        for start in range(10, 90, 5):
            spreads[start : start + 2] = 0.05
        assert events(series(spreads, 0.5))[0] == []

    def test_one_early_peak_sets_no_reference(self):
        spreads = np.concatenate([[0.1, 3.0], np.full(30, 0.45)])
        assert events(series(spreads, 0.5))[0] == []

    def test_more_spread_than_reals_is_no_reference_either(self):
        spreads = np.concatenate([np.full(5, 2.5), np.full(30, 0.7)])
        assert events(series(spreads, 0.9))[0] == []

    def test_a_gradient_that_drifts_is_not_odd(self):
        gradients = np.geomspace(5.0, 0.05, len(HEALTHY))
        assert events(series(HEALTHY, 0.95, gradients))[0] == []


class TestCollapse:
    def test_late(self):
        spreads = np.concatenate([HEALTHY, noisy(np.full(20, 0.1))])
        found, alarm = events(series(spreads, np.where(np.arange(120) < 100, 0.5, 0.95)))
        assert found == [(103 * EVERY, Event.COLLAPSED)]
        assert (alarm.since, alarm.sound_step) == (101 * EVERY, 100 * EVERY)
        assert "samples are alike (spread 0.09 of" in alarm.why
        assert "D separates reals from fakes (0.95 of 1)" in alarm.why

    def test_without_d_winning(self):
        spreads = np.concatenate([HEALTHY, np.full(20, 0.25)])
        found, alarm = events(series(spreads, 0.1))
        assert found == [(103 * EVERY, Event.COLLAPSED)]
        assert "D separates" not in alarm.why

    def test_less_is_enough_where_d_wins(self):
        spreads = np.concatenate([HEALTHY, np.full(20, 0.5)])
        assert events(series(spreads, 0.3))[0] == []
        assert events(series(spreads, 0.9))[0] == [(103 * EVERY, Event.COLLAPSED)]

    def test_modes_that_drop_one_by_one(self):
        # Eight modes on a ring, and at last two neighbours: mean distances of all pairs.
        chords = 2 * np.sin(np.pi * np.arange(8) / 8)
        left = [
            np.mean([chords[abs(i - j)] for i in range(n) for j in range(n)])
            for n in (8, 7, 6, 5, 4, 3, 2)
        ]
        spreads = np.repeat(np.array(left) / left[0], 10)
        found, alarm = events(series(spreads, 0.2))
        assert found == [(63 * EVERY, Event.COLLAPSED)]
        assert alarm.since == 61 * EVERY

    def test_samples_that_never_differed(self):
        # As a small DCGAN on twelve characters did: 0.44 at its 500 steps, with D at 0.85.
        found, alarm = events(series(noisy(np.full(10, 0.4)), 0.85))
        assert found == [(5 * EVERY, Event.COLLAPSED)]
        assert (alarm.since, alarm.sound_step) == (EVERY, 0)
        assert "never were different" in alarm.why

    @pytest.mark.parametrize("gradient", [40.0, 0.002])
    def test_a_gradient_that_jumps_while_d_wins(self, gradient):
        gradients = np.where(np.arange(100) < 60, 0.5, gradient)
        found, alarm = events(series(HEALTHY, 0.9, gradients))
        assert found == [(63 * EVERY, Event.COLLAPSED)]
        assert f"G's gradient is {gradient:g}, usually 0.5" in alarm.why
        assert events(series(HEALTHY, 0.5, gradients))[0] == []

    def test_steps_that_were_all_skipped_do_not_count(self):
        looks = [dataclasses.replace(look, gradient=None) for look in series(HEALTHY, 0.9)]
        assert events(looks)[0] == []


class TestHysteresis:
    COLLAPSED = np.concatenate([HEALTHY, np.full(5, 0.2)])

    def test_is_told_once(self):
        spreads = np.concatenate([self.COLLAPSED, np.full(50, 0.2)])
        assert len(events(series(spreads, 0.9))[0]) == 1

    def test_a_little_better_is_not_well(self):
        spreads = np.concatenate([self.COLLAPSED, np.tile([0.5, 0.7, 0.9, 0.9], 10)])
        assert len(events(series(spreads, 0.3))[0]) == 1

    def test_goes_when_samples_differ_again(self):
        spreads = np.concatenate([self.COLLAPSED, np.full(10, 0.9), np.full(10, 0.1)])
        found, alarm = events(series(spreads, 0.3))
        assert found == [
            (103 * EVERY, Event.COLLAPSED),
            (108 * EVERY, Event.RECOVERED),
            (118 * EVERY, Event.COLLAPSED),
        ]
        assert (alarm.since, alarm.sound_step) == (116 * EVERY, 115 * EVERY)


@pytest.mark.parametrize("cut", [1, 57, 101, 102, 103, 107])
def test_goes_on_from_what_a_checkpoint_kept(cut):
    spreads = np.concatenate([HEALTHY, np.full(5, 0.2), np.full(10, 0.9)])
    looks = series(spreads, 0.85, noisy(np.full(len(spreads), 0.5)))
    expected, whole = events(looks)
    before, alarm = events(looks[:cut])
    kept = Alarm(**json.loads(json.dumps(dataclasses.asdict(alarm))))
    after, again = events(looks[cut:], kept)
    assert before + after == expected and len(expected) == 2
    assert again == whole


def test_separation_is_the_way_from_target_to_target():
    assert separation(1.0, 0.0, low=0.0, high=1.0) == 1.0
    assert separation(0.9, -0.8, low=-1.0, high=1.0) == pytest.approx(0.85)
    assert separation(0.3, 0.3, low=0.0, high=1.0) == 0.0
    assert separation(0.2, 0.4, low=0.0, high=1.0) == pytest.approx(-0.2)


def test_of_points_by_hand():
    points = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 8.0]])
    # Distances 5, 8 and 5, each over the root of the two coordinates.
    assert spread(points) == pytest.approx(6.0 / math.sqrt(2))


def test_within_groups_only():
    pictures = np.zeros((4, 2, 2, 1))
    pictures[1] = 0.5
    pictures[2:] = 9.0
    assert spread(pictures, np.array([7, 7, 2, 2])) == pytest.approx(0.25)
    assert spread(pictures, np.array([0, 1, 2, 3])) == 0.0


def test_is_the_same_for_any_order_and_scale_free_in_number():
    random = np.random.default_rng(0)
    few, many = random.uniform(size=(40, 9)), random.uniform(size=(400, 9))
    assert spread(few[::-1]) == pytest.approx(spread(few))
    assert spread(few) == pytest.approx(spread(many), rel=0.1)


@pytest.mark.parametrize("examples", [np.zeros((5, 3)), np.zeros((1, 3)), np.full((3, 2), np.nan)])
def test_nothing_to_tell_apart(examples):
    assert spread(examples) == 0.0
