"""Settings of experiments, and errors in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.experiments.common.experiment import config_of, statistics_of
from lsgan_tf.experiments.registry import EXPERIMENTS, load


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_setting_of_every_experiment_is_one_that_training_takes(name, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[3])  # flag files are found from there
    experiment = load(name)
    assert experiment.name == name
    for scale in experiment.scales:
        for variant in experiment.variants:
            arms = experiment.chosen(scale, variant, ())
            assert len({arm.name for arm in arms}) == len(arms)
            configs = [config_of(arm.flags) for arm in arms]
            assert len({repr(config) for config in configs}) == len(arms)


def test_an_unknown_experiment_lists_those_there_are():
    with pytest.raises(UserError, match=r"--experiment=figure9: .*theory: .*; mixture: .*"):
        load("figure9")


def test_flags_given_last_win():
    arm = load("mixture").chosen(None, "radius2", ("--steps=7",))[0]
    config = config_of(arm.flags)
    assert (config.mode_radius, config.mode_deviation, config.steps) == (2, 0.02, 7)


@pytest.mark.parametrize(
    ("scale", "variant", "message"),
    [("tiny", None, "--scale=tiny: .*mixture has full"), (None, "x", "--variant=x: .*doubled")],
)
def test_an_unknown_scale_or_variant(scale, variant, message):
    with pytest.raises(UserError, match=message):
        load("mixture").chosen(scale, variant, ())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--no_such_flag=1",), "no_such_flag.*lsgan_tf.main's"),
        (("--steps=many",), "steps.*whole number"),
        (("stray",), "stray: expected flags"),
        (("--dataset=mixture", "--conditional"), "no labels"),
    ],
)
def test_invalid_flags_are_refused_in_one_line(words, message):
    with pytest.raises(UserError, match=message) as caught:
        config_of(words)
    assert "\n" not in str(caught.value)


def test_flagfiles_are_read(tmp_path):
    (tmp_path / "a.flags").write_text("# words\n--dataset=mixture\n--steps=9\n")
    assert config_of((f"--flagfile={tmp_path}/a.flags", "--seed=3")).steps == 9


def test_spread_by_hand():
    found = statistics_of([1.0, None, 3.0])
    assert found == {"mean": 2.0, "std": pytest.approx(2**0.5), "min": 1.0, "max": 3.0, "count": 2}
    assert statistics_of([4])["std"] == 0
    assert statistics_of([None]) is None
    assert statistics_of([float("nan"), 3.0, 5.0])["mean"] == 4
    assert statistics_of([float("nan")]) is None
