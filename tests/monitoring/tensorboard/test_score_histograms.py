"""D's scores of a batch: those of the coming step, and nothing moves."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lsgan_tf.build import build_gan
from lsgan_tf.config import resolve
from lsgan_tf.data.pipeline import Batches
from lsgan_tf.distribute.devices import make_strategy
from lsgan_tf.distribute.multi_step import make_run_steps
from lsgan_tf.gan import METRICS
from lsgan_tf.monitoring.tensorboard.score_histograms import BatchScores, histogram_due


@pytest.fixture(scope="module", params=["cpu:1", "cpu:2"])
def training(request, blots):
    """A model after some steps: its scores, its variables, and a way to go on."""
    given = {
        "dataset": "hwdb", "conditional": True, "image_size": 8, "z_dim": 16, "label_dim": 8,
        "first_filters": 8, "batch_size": 8, "ema_decay": 0.5,
    }  # fmt: skip
    config = dataclasses.replace(resolve(given, {})[0], data_shape=(8, 8, 1), data_classes=4)
    strategy = make_strategy(request.param)
    keras.utils.set_random_seed(0)
    with strategy.scope():
        gan = build_gan(config, synchronized=strategy.num_replicas_in_sync > 1)
    batches = Batches(blots(), batch_size=8, draws=1, seed=0)
    data = iter(batches.distribute(strategy, 0))
    run = make_run_steps(gan, strategy, jit_compile=False, stop_at_bad=True)

    class Training:
        scores = BatchScores(gan, strategy, batches)

        def steps(self, count):
            _, last, *_ = run(data, tf.constant(count, tf.int64))
            return dict(zip(METRICS, last.numpy(), strict=True))

        def values(self):
            """Every copy of every variable, as bytes."""
            return [
                copy.numpy().tobytes()
                for variable in gan.state_variables()
                for copy in strategy.experimental_local_results(variable)
            ]

    made = Training()
    made.steps(3)
    return made


def test_they_are_what_the_coming_step_measures(training):
    real, fake = training.scores.at(3)
    assert real.shape == fake.shape == (8,) and real.dtype == np.float32
    assert np.ptp(real) > 0 and np.ptp(fake) > 0
    measured = training.steps(1)
    assert real.mean() == pytest.approx(measured["score_real"], abs=1e-5)
    assert fake.mean() == pytest.approx(measured["score_fake"], abs=1e-5)


def test_looking_moves_nothing(training):
    before = training.values()
    first = training.scores.at(3)
    assert training.values() == before
    np.testing.assert_array_equal(training.scores.at(3), first)
    training.steps(1)
    assert training.values() != before


@given(st.integers(1, 1000), st.integers(1, 100_000))
def test_histograms_are_a_function_of_the_step_and_few(log_every, logs):
    due = [n for n in range(1, 101) if histogram_due(n * log_every, log_every)]
    assert due == list(range(1, 101))
    assert not histogram_due(401 * log_every, log_every)
    assert histogram_due(51_200 * log_every, log_every)
    count = sum(histogram_due(n, 1) for n in range(1, logs + 1))
    assert count <= 200 + 100 * np.log2(max(logs / 100, 1)) + 1
