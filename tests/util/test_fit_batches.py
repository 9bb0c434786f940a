"""Batches from `fit` and stacked draws take the same form."""

from __future__ import annotations

import pytest
import tensorflow as tf

from lsgan_tf.util.fit_batches import split_draws

pytestmark = pytest.mark.fast

IMAGES, LABELS = tf.zeros((5, 8, 8, 1)), tf.range(5)


def test_one_batch_serves_every_update():
    examples, labels, count = split_draws((IMAGES, LABELS), draws=3, rank=3, labelled=True)
    assert [batch is IMAGES for batch in examples] == [True] * 3
    assert [batch is LABELS for batch in labels] == [True] * 3
    assert count == 5


def test_stacked_draws_are_taken_as_they_are():
    stacked = tf.stack([IMAGES, IMAGES + 1])
    examples, labels, count = split_draws(stacked, draws=2, rank=3, labelled=False)
    assert examples is stacked
    assert labels is None or set(labels) == {None}
    assert count is None


@pytest.mark.parametrize("data", [IMAGES, (IMAGES,)])
def test_a_conditional_model_requires_labels(data):
    with pytest.raises(ValueError, match="the model is conditional"):
        split_draws(data, draws=1, rank=3, labelled=True)
