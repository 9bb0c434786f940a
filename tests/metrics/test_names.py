from __future__ import annotations

import dataclasses

import pytest

from lsgan_tf.config import Config
from lsgan_tf.errors import UserError
from lsgan_tf.metrics.names import (
    HIGHER_IS_BETTER,
    METRICS,
    check_metrics,
    default_metrics,
    is_better,
    keys_of,
    parse_metrics,
)

LABELLED = Config(conditional=True, data_classes=10)
UNLABELLED = Config(dataset="lsun", network="scene", image_size=112)
RING = Config(dataset="mixture", network="mixture", image_size=0)


def test_names_are_split_and_each_is_taken_once():
    assert parse_metrics(" fid, kid,fid ") == ("fid", "kid")
    assert keys_of(("kid", "judge")) == ("kid", "kid_std", "judge_top1", "judge_top5")


@pytest.mark.parametrize("text", ["fad", "fid,,x", "", ","])
def test_unknown_names_are_refused_and_the_known_listed(text):
    with pytest.raises(UserError, match="expected some of is, fid"):
        parse_metrics(text)


def test_keys_are_of_one_measure_only():
    keys = keys_of(tuple(METRICS))
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("names", "config", "said"),
    [
        (["judge_frechet"], UNLABELLED, "no labels"),
        (["judge"], dataclasses.replace(LABELLED, conditional=False), "without --conditional"),
        (["mixture"], LABELLED, "does not fit"),
        (["fid"], RING, "does not fit"),
    ],
)
def test_what_does_not_fit_a_run_is_refused(names, config, said):
    with pytest.raises(UserError, match=said):
        check_metrics(names, config)


@pytest.mark.parametrize(
    "config", [LABELLED, dataclasses.replace(LABELLED, conditional=False), UNLABELLED, RING]
)
def test_defaults_fit(config):
    check_metrics(default_metrics(config), config)


def test_which_way_is_better():
    assert is_better("fid", 3.0, 4.0)
    assert not is_better("judge_top1", 0.3, 0.4)
    assert is_better("judge_top1", 0.3, None)
    assert is_better("fid", 9.0, float("nan"))
    assert not is_better("fid", float("nan"), None)
    assert "kid_std" not in HIGHER_IS_BETTER
