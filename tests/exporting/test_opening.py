"""Which generator a command opens, and with which weights."""

from __future__ import annotations

import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.exporting.opening import open_generator
from lsgan_tf.exporting.pretrained import pretrained


def test_without_a_name_it_is_that_of_the_package_with_its_truncation():
    sampler, truncation = open_generator(None, None, None)
    assert truncation == pretrained().truncation
    assert sampler.classes == pretrained().sampler.classes


@pytest.mark.parametrize("weights", ["raw", "ema"])
def test_that_of_the_package_has_no_other_weights(weights):
    with pytest.raises(UserError, match=f"--weights={weights}: .*one set of weights.*--run_dir"):
        open_generator(None, None, weights)


@pytest.mark.parametrize("weights", ["raw", "ema"])
def test_a_run_has_both_and_no_truncation(tiny_run, weights):
    sampler, truncation = open_generator(None, tiny_run.path, weights)
    assert sampler.weights == weights and truncation is None
    again, truncation = open_generator(tiny_run.path / "export", None, weights)
    assert again.weights == weights and again.path == sampler.path and truncation is None
