from __future__ import annotations

import math

import numpy as np
import pytest

from lsgan_tf.spread import spread


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
