from __future__ import annotations

import dataclasses

import pytest

from lsgan_tf.config import Config
from lsgan_tf.errors import UserError
from lsgan_tf.metrics.registry import (
    BETTER,
    METRICS,
    NOT_COMPARED,
    USED_BY,
    check_options,
    for_json,
    is_better,
    keys_of,
    parse_metrics,
)
from lsgan_tf.metrics.requirements import check_metrics, default_metrics

pytestmark = pytest.mark.fast

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


def test_options_of_evaluations_name_metrics():
    assert all(users and set(users) < set(METRICS) for users in USED_BY.values())
    check_options(["inception", "reals", "split", "seed", "samples"], ["judge", "fid"])
    check_options(["judge_steps", "data_dir", "cache_dir"], ["usefulness"])
    check_options(["seed", "samples"], ["mixture"])


@pytest.mark.parametrize("option", USED_BY)
def test_no_option_of_images_is_for_points(option):
    with pytest.raises(
        UserError, match=f"--{option}: only for .*, and the metrics are mixture; om"
    ):
        check_options([option], ["mixture"])


@pytest.mark.parametrize(
    ("names", "config", "said"),
    [
        (["judge_frechet"], UNLABELLED, "no labels"),
        (["judge"], dataclasses.replace(LABELLED, conditional=False), "without --conditional"),
        (["mixture"], LABELLED, "does not fit"),
        (["fid"], RING, "does not fit"),
        (
            ["ocr"],
            dataclasses.replace(LABELLED, dataset="cifar10"),
            "--dataset=cifar10 are not",
        ),
        (["ocr"], dataclasses.replace(LABELLED, conditional=False), "without --conditional"),
        (["judge_kid"], dataclasses.replace(LABELLED, data_classes=1), "one class only"),
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


def test_defaults_leave_out_a_covariance_that_cannot_be_had():
    lengths = {2275: ("kid", "prdc"), 2277: ("fid", "kid", "prdc")}
    for length, expected in lengths.items():
        assert default_metrics(dataclasses.replace(UNLABELLED, data_length=length)) == expected
    found = [
        "judge_frechet" in default_metrics(dataclasses.replace(LABELLED, data_length=length))
        for length in (140, 160)
    ]
    assert found == [False, True]


def test_which_way_is_better():
    assert is_better("fid", 3.0, 4.0)
    assert not is_better("judge_top1", 0.3, 0.4)
    assert is_better("judge_top1", 0.3, None)
    assert is_better("fid", 9.0, float("nan"))
    assert not is_better("fid", float("nan"), None)
    assert is_better("fid", 3.0, None) and not is_better("fid", None, 3.0)


def test_diversity_is_best_where_it_is_that_of_real_examples():
    assert is_better("diversity_ratio", 1.1, 1.9) and is_better("diversity_ratio", 1.1, 0.2)
    assert not is_better("diversity_ratio", 0.0, 0.1)
    assert is_better("diversity_ratio", 1.9, 0.5)  # less than twice is nearer than half


def test_every_figure_is_compared_or_not():
    keys = set(keys_of(tuple(METRICS)))
    assert set(BETTER) | NOT_COMPARED == keys and not set(BETTER) & NOT_COMPARED
    assert all(set(METRICS[name].keys) & set(BETTER) for name in METRICS)


def test_json_has_no_word_for_what_is_no_number():
    found = for_json({"a": 1.5, "b": float("nan"), "c": float("inf")})
    assert found == {"a": 1.5, "b": None, "c": None}
