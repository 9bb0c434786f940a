from __future__ import annotations

import dataclasses
import json
import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsgan_tf.config import FORMAT, Config, as_begun, resolve, settings
from lsgan_tf.errors import UserError
from lsgan_tf.settings.defaults import DATASETS, FORMER, PAPER


def make(**given):
    return resolve(given, {})[0]


class TestDefaults:
    @pytest.mark.parametrize(
        ("dataset", "network", "image_size", "learning_rate"),
        [
            ("hwdb", "handwriting", 28, 2e-4),
            ("lsun", "scene", 112, 1e-3),
            ("images", "dcgan", 64, 2e-4),
        ],
    )
    def test_of_images_are_the_papers(self, dataset, network, image_size, learning_rate):
        config = make(dataset=dataset)
        assert (config.network, config.image_size) == (network, image_size)
        assert config.learning_rate == learning_rate
        assert config.generator_learning_rate is None
        assert (config.optimizer, config.beta1, config.beta2) == ("adam", 0.5, 0.999)
        assert (config.z_dim, config.z_distribution) == (1024, "uniform")
        assert (config.batch_size, config.d_steps, config.g_steps) == (64, 1, 1)
        assert (config.loss, config.steps) == ("lsgan", 1_000_000)
        assert (config.label_fake, config.label_real, config.label_target) == (0, 1, 1)
        assert (config.clip_norm, config.flip, config.crop) == (0, False, False)
        assert config.generator_batch_norm and config.discriminator_batch_norm
        assert config.ema_decay == 0.999  # ours

    def test_of_cifar10_are_those_that_start(self):
        config = make(dataset="cifar10")
        assert (config.network, config.image_size, config.learning_rate) == ("dcgan", 32, 2e-4)
        assert (config.z_dim, config.z_distribution) == (100, "uniform")
        assert (config.label_fake, config.label_real, config.label_target) == (-1, 1, 0)
        begun = make(dataset="cifar10", z_dim=1024, label_fake=0.0, label_target=1.0, ema_decay=0.0)
        now = resolve({"dataset": "cifar10"}, {"dataset": "command line"})
        assert as_begun(*now, begun)[0] == begun

    def test_of_the_mixture_are_the_authors(self):
        config = make(dataset="mixture")
        assert (config.network, config.z_dim, config.z_distribution) == ("mixture", 256, "normal")
        assert (config.learning_rate, config.generator_learning_rate) == (1e-4, 1e-3)
        assert (config.batch_size, config.steps, config.beta1) == (512, 35_000, 0.5)
        assert config.sample_every == 5000
        assert config.simultaneous and config.noise == "hash"
        assert (config.mode_radius, config.mode_deviation) == (1, 0.01)
        assert not config.doubled_mode and config.ema_decay == 0

    def test_of_the_digits_are_the_authors(self):
        config = make(dataset="digits")
        assert (config.network, config.image_size, config.z_dim) == ("digits", 28, 100)
        assert (config.z_distribution, config.learning_rate, config.beta1) == ("uniform", 2e-4, 0.5)
        assert (config.label_fake, config.label_real, config.label_target) == (-1, 1, 0)
        assert (config.batch_size, config.steps, config.digits_rotation) == (64, 50_000, 10)

    def test_layer_normalisation_takes_the_place_of_the_other(self):
        config, origins = resolve({"discriminator_layer_norm": True}, {})
        assert config.discriminator_layer_norm and not config.discriminator_batch_norm
        assert origins["discriminator_batch_norm"] == "off, as --discriminator_layer_norm is on"
        assert config.generator_batch_norm

    def test_of_handwriting_are_the_figures(self):
        config = make()
        assert config.dataset == "hwdb" and not config.conditional
        assert (config.first_filters, config.label_dim) == (256, 256)

    def test_one_learning_rate_by_hand_is_for_both_networks(self):
        config = make(dataset="mixture", learning_rate=5e-4)
        assert config.generator_learning_rate is None
        config = make(dataset="mixture", learning_rate=5e-4, generator_learning_rate=1e-3)
        assert config.generator_learning_rate == 1e-3

    def test_every_dataset_has_its_values_and_they_are_settings(self):
        assert set(PAPER) == set(DATASETS)
        names = {field.name for field in settings()}
        assert all(set(values) <= names for values in PAPER.values())

    def test_origins(self):
        origins = resolve({"steps": 5, "seed": None}, {"steps": "command line"})[1]
        assert origins["steps"] == "command line"
        assert origins["seed"] == "default"
        assert origins["learning_rate"] == "default for hwdb"
        assert set(origins) == {field.name for field in settings()}


NUMBERS = [field for field in settings() if field.metadata["type"] in (int, float)]


class TestRanges:
    @pytest.mark.parametrize("field", NUMBERS, ids=lambda field: field.name)
    def test_every_number_has_a_unit_and_limits_that_are_kept(self, field):
        meta = field.metadata
        assert meta["unit"]
        assert meta["low"] is not None
        step = 1 if meta["type"] is int else 1e-3 * max(1, abs(meta["low"]))
        outside = [meta["low"] - step]
        if meta["high"] is not None:
            outside.append(
                meta["high"] + (1 if meta["type"] is int else meta["high"] * 1e-3 + 1e-3)
            )
        for value in outside:
            with pytest.raises(UserError, match=rf"^--{field.name}=\S+: expected a .*number, "):
                make(**{field.name: value})

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    @pytest.mark.parametrize("name", ["learning_rate", "clip_norm", "label_fake", "beta1"])
    def test_numbers_are_finite(self, name, value):
        with pytest.raises(UserError, match=f"--{name}="):
            make(**{name: value})

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("steps", 1.5),
            ("steps", "10"),
            ("steps", True),
            ("beta1", "0.5"),
            ("beta1", True),
            ("conditional", 1),
            ("network", 3),
            ("data_dir", 3),
            ("data_dir", ""),
            ("run_dir", ""),
            ("loss", "wgan"),
            ("dataset", "mnist"),
        ],
    )
    def test_other_types_and_choices_are_refused(self, name, value):
        with pytest.raises(UserError, match=f"^--{name}={value}: expected "):
            make(**{name: value})

    def test_the_message_says_what_is_expected(self):
        with pytest.raises(UserError) as caught:
            make(batch_size=0)
        assert str(caught.value) == "--batch_size=0: expected a whole number, 1 to 65,536"
        with pytest.raises(UserError) as caught:
            make(loss="wgan")
        assert str(caught.value) == "--loss=wgan: expected one of lsgan, nsgan, mmgan"
        with pytest.raises(UserError) as caught:
            make(max_classes=0)
        assert str(caught.value) == "--max_classes=0: expected a whole number, at least 1"


class TestContradictions:
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"dataset": "mixture", "conditional": True}, "--conditional: the mixture has no lab"),
            ({"dataset": "mixture", "network": "dcgan"}, "--network=dcgan does not fit --dataset"),
            ({"dataset": "hwdb", "network": "mixture"}, "--network=mixture does not fit"),
            ({"image_size": 7}, "--image_size=7: expected 8 to 1,024"),
            ({"image_size": 0}, "--image_size=0: "),
            ({"label_fake": 1.0}, "--label_fake and --label_real are both 1.0"),
            ({"simultaneous": True, "d_steps": 2}, "--simultaneous with --d_steps=2 and --g_steps"),
            ({"gradient_penalty": 2.34}, "--gradient_penalty=2.34: with batch normalisation in D"),
            (
                {"discriminator_layer_norm": True, "discriminator_batch_norm": True},
                "--discriminator_layer_norm and --discriminator_batch_norm: D is normalised in one",
            ),
            ({"characters": "安", "max_classes": 3}, "--characters and --max_classes=3: both say"),
            ({"characters": "安宽容 宽座安"}, "--characters: 安, 宽 more than once; name each"),
            ({"characters": " "}, "--characters=: expected text"),
        ],
    )
    def test_are_refused(self, given, message):
        with pytest.raises(UserError) as caught:
            make(**given)
        assert str(caught.value).startswith(message)

    @pytest.mark.parametrize(
        "given",
        [
            {"dataset": "mixture"},
            {"discriminator_layer_norm": True},
            {"discriminator_batch_norm": False},
        ],
    )
    def test_a_penalty_goes_with_examples_that_are_scored_alone(self, given):
        assert make(gradient_penalty=2.34, **given).gradient_penalty == 2.34

    def test_equal_targets_matter_to_least_squares_alone(self):
        assert Config(label_fake=1.0, loss="nsgan").label_fake == 1


class TestUnused:
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (
                {"optimizer": "rmsprop", "beta1": 0.9},
                "--beta1=0.9: only for --optimizer=adam and the optimizer is rmsprop; omit it",
            ),
            ({"optimizer": "rmsprop", "beta2": 0.9}, "--beta2=0.9: only for --optimizer=adam"),
            ({"rho": 0.8}, "--rho=0.8: only for --optimizer=rmsprop and the optimizer is adam"),
            (
                {"loss": "nsgan", "label_fake": -1.0},
                "--label_fake=-1.0: only for --loss=lsgan and the loss is nsgan; omit it",
            ),
            ({"loss": "mmgan", "label_real": 2.0}, "--label_real=2.0: only for --loss=lsgan"),
            ({"loss": "nsgan", "label_target": 0.0}, "--label_target=0.0: only for --loss=ls"),
            # Minus one is the default for the digits, and 0.5 is none.
            (
                {"dataset": "digits", "loss": "nsgan", "label_fake": 0.5},
                "--label_fake=0.5: only for --loss=lsgan",
            ),
            (
                {"penalty_scale": 2.0},
                "--penalty_scale=2.0: requires --gradient_penalty; set that too, or omit it",
            ),
            ({"label_dim": 64}, "--label_dim=64: requires --conditional; set that"),
            ({"projection": True}, "--projection=True: requires --conditional; set"),
            # Networks.
            (
                {"dataset": "cifar10", "width": 0.25},
                "--width=0.25: only for --network=handwriting and the network is dcgan; omit",
            ),
            ({"dataset": "cifar10", "first_filters": 9}, "--first_filters=9: only for --netw"),
            (
                {"filters": 32},
                "--filters=32: only for --network=dcgan or mlp and the network is handwriting",
            ),
            ({"dataset": "lsun", "filters": 32}, "--filters=32: only for --network=dcgan or"),
            ({"flat_norm": True}, "--flat_norm=True: only for --network=dcgan and the netw"),
            (
                {"dataset": "lsun", "nonlinearity": "tanh"},
                "--nonlinearity=tanh: only for --network=dcgan and the network is scene; omit",
            ),
            ({"network": "mlp", "constant_filters": True}, "--constant_filters=True: only for"),
            (
                {"network": "mlp", "generator_batch_norm": False},
                "--generator_batch_norm=False: only for --network=handwriting or dcgan or scene "
                "or digits and the network is mlp; omit it",
            ),
            (
                {"dataset": "mixture", "discriminator_batch_norm": False},
                "--discriminator_batch_norm=False: only for --network=handwriting or dcgan or",
            ),
            (
                {"dataset": "mixture", "discriminator_layer_norm": True},
                "--discriminator_layer_norm=True: only for --network=",
            ),
            ({"dataset": "mixture", "bn_gamma": "one"}, "--bn_gamma=one: only for --network="),
            (
                {
                    "generator_batch_norm": False,
                    "discriminator_batch_norm": False,
                    "bn_gamma": "one",
                },
                "--bn_gamma=one: requires --generator_batch_norm or "
                "--discriminator_batch_norm; set that too, or omit it",
            ),
            (
                {
                    "discriminator_layer_norm": True,
                    "generator_batch_norm": False,
                    "bn_gamma": "one",
                },
                "--bn_gamma=one: requires --generator_batch_norm or --discriminator_",
            ),
            # Its G has no batch normalisation to begin with.
            (
                {"network": "mlp", "discriminator_batch_norm": False, "bn_gamma": "one"},
                "--bn_gamma=one: requires --generator_batch_norm or --discriminator_",
            ),
            (
                {"dataset": "images", "flat_norm": True, "generator_batch_norm": False},
                "--flat_norm=True: requires --generator_batch_norm; set that too, or",
            ),
            (
                {"init_from": "x", "bn_gamma": "one"},
                "--bn_gamma=one: has no effect with --init_from; omit one of them",
            ),
            (
                {"init_from": "x", "weight_sd": 0.04},
                "--weight_sd=0.04: has no effect with --init_from; omit one of them",
            ),
            ({"dataset": "mixture", "weight_sd": 0.04}, "--weight_sd=0.04: only for --network="),
            ({"network": "mlp", "weight_sd": 0.04}, "--weight_sd=0.04: only for --network="),
            ({"dataset": "mixture", "convolution": "direct"}, "--convolution=direct: only for"),
            # Datasets.
            (
                {"dataset": "cifar10", "max_classes": 3},
                "--max_classes=3: only for --dataset=hwdb and the dataset is cifar10; omit it",
            ),
            ({"dataset": "digits", "characters": "12"}, "--characters=12: only for --dataset=h"),
            ({"dataset": "lsun", "keep_aspect": True}, "--keep_aspect=True: only for --dataset"),
            ({"crop": True}, "--crop=True: only for --dataset=lsun or images or tfds and the d"),
            ({"category": "cat"}, "--category=cat: only for --dataset=lsun"),
            (
                {"dataset": "mixture", "flip": True},
                "--flip=True: only for --dataset=hwdb or cif",
            ),
            (
                {"dataset": "digits", "flip": True},
                "--flip=True: only for --dataset=hwdb or cifa",
            ),
            (
                {"dataset": "cifar10", "mode_radius": 2.0},
                "--mode_radius=2.0: only for --dataset",
            ),
            ({"digits_rotation": 5.0}, "--digits_rotation=5.0: only for --dataset=digits"),
            (
                {"dataset": "mixture", "data_dir": "x"},
                "--data_dir=x: only for --dataset=hwdb or",
            ),
            (
                {"dataset": "mixture", "cache_dir": "x"},
                "--cache_dir=x: only for --dataset=hwdb or cifar10 or lsun or images or tfds or "
                "digits and the dataset is mixture; omit it",
            ),
            ({"dataset": "mixture", "image_size": 64}, "--image_size=64: only for --dataset="),
            ({"all_classes": True}, "--all_classes=True: requires --data_dir; set"),
            (
                {"data_dir": "x", "characters": "安", "all_classes": True},
                "--all_classes=True: has no effect with --characters; omit one of them",
            ),
            ({"max_bad_records": 0}, "--max_bad_records=0: requires --data_dir; set"),
            (
                {"data_dir": "x", "standin_samples": 5},
                "--standin_samples=5: has no effect with --data_dir; omit one of them",
            ),
            # What looks at a run.
            (
                {"evaluate_samples": 500},
                "--evaluate_samples=500: requires --evaluate_every; set that too, or",
            ),
            ({"metrics": "fid"}, "--metrics=fid: requires --evaluate_every"),
            ({"best_metric": "fid"}, "--best_metric=fid: requires --evaluate_every"),
            ({"inception": "x"}, "--inception=x: requires --evaluate_every"),
            (
                {"stop_on_collapse": True, "watch_every": 0},
                "--stop_on_collapse=True: requires --watch_every; set that too, or",
            ),
        ],
    )
    def test_what_has_no_effect_is_refused(self, given, message):
        with pytest.raises(UserError) as caught:
            make(**given)
        assert str(caught.value).startswith(message)

    @pytest.mark.parametrize(
        "given",
        [
            {"optimizer": "rmsprop", "rho": 0.8},
            {"conditional": True, "label_dim": 64},
            {"network": "mlp", "filters": 32, "bn_gamma": "one"},
            {"gradient_penalty": 1.0, "penalty_scale": 2.0, "discriminator_layer_norm": True},
            {"dataset": "images", "flat_norm": True, "discriminator_batch_norm": False},
            {"generator_batch_norm": False, "bn_gamma": "one"},
            {"dataset": "digits", "cache_dir": "x"},
            {"data_dir": "x", "all_classes": True, "max_bad_records": 0},
            {"standin_samples": 5},
            {"evaluate_every": 5, "metrics": "kid", "best_metric": "kid", "evaluate_samples": 9},
            {"dataset": "mixture", "evaluate_samples": 9},
        ],
    )
    def test_what_has_one_is_taken(self, given):
        config = make(**given)
        assert {name: getattr(config, name) for name in given} == given
        assert all(config.uses(name) for name in given)

    @pytest.mark.parametrize(
        "without",
        [
            {"dataset": "images", "flat_norm": True},
            {"bn_gamma": "one", "discriminator_batch_norm": False},
            {"bn_gamma": "one", "discriminator_layer_norm": True},
        ],
    )
    def test_normalisation_of_a_preset_may_be_switched_off(self, without):
        origins = dict.fromkeys(without, "preset cats")
        config, _ = resolve({**without, "generator_batch_norm": False}, origins)
        assert {name: getattr(config, name) for name in without} == without

    @pytest.mark.parametrize("dataset", DATASETS)
    def test_defaults_may_be_spelled_out(self, dataset):
        defaults = {field.name: field.default for field in settings()}
        for others in ({}, {"loss": "nsgan", "optimizer": "rmsprop"}):
            config = make(dataset=dataset, **others)
            spelled = {
                name: value
                for name, value in dataclasses.asdict(config).items()
                if name in defaults and value is not None
            }
            assert make(**spelled) == config

    def test_every_condition_names_settings_and_their_values(self):
        fields = {field.name: field for field in settings()}
        for field in settings():
            for name, values in field.metadata["only"].items():
                assert set(values) < set(fields[name].metadata["choices"])
            assert set(field.metadata["needs"]) <= set(fields)
            assert field.metadata["without"] is None or field.metadata["without"] in fields

    def test_a_run_of_an_older_version_may_hold_it(self):
        """It is loaded as it is, and resumed without it."""
        held = {"width": 0.25, "beta1": 0.9, "label_dim": 8, "max_classes": 3, "label_fake": -1.0}
        held |= {"flat_norm": True, "bn_gamma": "one", "weight_sd": 0.04}
        given = {"dataset": "cifar10", "optimizer": "rmsprop", "loss": "nsgan", "steps": 5}
        given |= {"generator_batch_norm": False, "discriminator_batch_norm": False}
        given |= {"init_from": "x"}
        written = make(**given).to_json()
        old = Config.from_json(written | held)
        assert {name: getattr(old, name) for name in held} == held
        assert not any(old.uses(name) for name in held)
        assert old.differences(make(**given)) == []
        assert make(**given).differences(old) == []


def of_setting(field):
    """Values that a setting may have."""
    meta = field.metadata
    if meta["choices"]:
        values = st.sampled_from(meta["choices"])
    elif meta["type"] is bool:
        values = st.booleans()
    elif meta["type"] is str:
        values = st.text(st.characters(exclude_characters="\0"), min_size=1)
    elif meta["type"] is int:
        values = st.integers(meta["low"], meta["high"])
    else:
        values = st.floats(meta["low"], meta["high"], allow_nan=False, allow_infinity=False)
    return st.none() | values if field.default is None else values


@st.composite
def configs(draw):
    fixed = {"dataset": "hwdb", "network": "handwriting", "simultaneous": False}
    fixed |= {"discriminator_batch_norm": False}
    fixed |= {"metrics": "fid,kid", "best_metric": "kid"}
    fixed |= {"profile_steps": "2,3", "characters": None}
    drawn = {field.name: draw(of_setting(field)) for field in settings() if field.name not in fixed}
    drawn["image_size"] = max(drawn["image_size"], 8)
    drawn["steps"] = max(drawn["steps"], 3)
    if drawn["label_fake"] == drawn["label_real"]:
        drawn["loss"] = "nsgan"
    fields = {
        "data_shape": tuple(draw(st.lists(st.integers(1, 100), max_size=3))),
        "data_classes": draw(st.integers(0, 10**6)),
        "data_length": draw(st.integers(0, 10**9)),
        "data_fingerprint": draw(st.text()),
        "data_standin": draw(st.booleans()),
        "data_description": draw(st.text()),
    }
    return Config(**fixed, **drawn, **fields)


class TestAsBegun:
    def test_what_nobody_gave_keeps_the_default_of_an_older_version(self):
        begun = make(ema_decay=0.0)
        config, origins = as_begun(*resolve({"steps": 5}, {"steps": "command line"}), begun)
        assert config == dataclasses.replace(begun, steps=5)
        assert origins["ema_decay"] == "of the run, begun with the default of an older version"
        assert origins["steps"] == "command line"

    def test_what_was_given_or_never_was_a_default_stays(self):
        for mine, old in (({"ema_decay": 0.999}, 0.0), ({}, 0.5)):
            now = resolve(mine, dict.fromkeys(mine, "command line"))
            assert as_begun(*now, make(ema_decay=old)) == now
        mixture = resolve({"dataset": "mixture"}, {})
        assert as_begun(*mixture, make(dataset="mixture", ema_decay=0.9)) == mixture

    def test_a_config_from_before_the_setting_has_no_average(self):
        values = make().to_json()
        del values["ema_decay"]
        assert Config.from_json(values).ema_decay == 0

    def test_former_defaults_are_settings_that_changed(self):
        for dataset, values in FORMER.items():
            for name, value in values.items():
                assert getattr(make(dataset=dataset), name) != value


class TestCharacters:
    def test_are_named_with_or_without_spaces(self):
        assert make(characters="座安宽").characters == "座安宽"
        assert make(characters=" 座 安\n宽").characters == "座安宽"
        assert make().characters is None

    def test_come_from_a_file(self, tmp_path):
        path = tmp_path / "some.txt"
        path.write_text("座安\n宽\r\n", encoding="utf-8-sig")
        config = make(characters=f"@{path}")
        assert config.characters == "座安宽"
        # The run's own config needs the file no more.
        assert Config.from_json(config.to_json()) == config
        assert config.decisive()["characters"] == "座安宽"

    def test_that_cannot_be_read_are_refused(self, tmp_path):
        (tmp_path / "empty").write_text(" \n")
        (tmp_path / "gbk").write_bytes("座安".encode("gbk"))
        for name, reason in (
            ("absent", "this file cannot be read (No such file or directory)"),
            ("gbk", "this file cannot be read (it is not in UTF-8)"),
            ("empty", "there is no character in this file"),
        ):
            with pytest.raises(UserError) as caught:
                make(characters=f"@{tmp_path / name}")
            assert str(caught.value).startswith(f"--characters=@{tmp_path / name}: {reason}")

    def test_files_that_are_none(self, tmp_path):
        os.mkfifo(tmp_path / "fifo")
        for name, reason in (
            (tmp_path / "fifo", "expected a regular file"),
            ("~nobody-here/a", "there is no such home folder"),
            ("gs://bucket/a", "is an address"),
        ):
            with pytest.raises(UserError) as caught:
                make(characters=f"@{name}")
            assert str(caught.value).startswith(f"--characters=@{name}: {reason}")


class TestJson:
    @given(configs())
    def test_goes_around(self, config):
        text = json.dumps(config.to_json())
        again = Config.from_json(json.loads(text))
        assert again == config
        assert config.differences(again) == []

    def test_takes_defaults_for_settings_that_did_not_exist_yet(self):
        values = make(steps=7).to_json()
        del values["clip_norm"]
        assert Config.from_json(values) == make(steps=7)

    @pytest.mark.parametrize("version", [FORMAT - 1, FORMAT + 1, None, "1"])
    def test_refuses_another_format(self, version):
        values = make().to_json() | {"format": version}
        with pytest.raises(UserError, match=f"^old/config.json: written in format {version!r}, "):
            Config.from_json(values, "old/config.json")

    def test_names_unknown_settings(self):
        values = make().to_json() | {"zeta": 1, "alpha": 2}
        with pytest.raises(UserError, match=r"^c\.json: unknown setting alpha, zeta; .*newer"):
            Config.from_json(values, "c.json")

    @pytest.mark.parametrize("values", [[], {}, "text", 3, None])
    def test_refuses_what_is_no_config(self, values):
        with pytest.raises(UserError, match=r"^c\.json: this is not the config of"):
            Config.from_json(values, "c.json")

    @pytest.mark.parametrize(
        "damage",
        [
            {"batch_size": -1},
            {"batch_size": "64"},
            {"steps": None},
            {"data_shape": None},
            {"data_shape": ["x"]},
            {"learning_rate": 10**400},
        ],
    )
    def test_names_the_file_of_a_damaged_value(self, damage):
        with pytest.raises(UserError, match=r"^c\.json: not a valid config \("):
            Config.from_json(make().to_json() | damage, "c.json")


class TestDifferences:
    def test_names_old_and_new(self):
        old, new = make(batch_size=64, loss="lsgan"), make(batch_size=32, loss="nsgan")
        assert old.differences(new) == ['loss: "lsgan" -> "nsgan"', "batch_size: 64 -> 32"]

    def test_targets_count_for_least_squares_alone(self):
        targets = {"label_fake": -1.0, "label_target": 0.0}
        assert make(loss="lsgan").differences(make(loss="lsgan", **targets)) == [
            "label_fake: 0.0 -> -1.0",
            "label_target: 1.0 -> 0.0",
        ]
        nsgan = make(loss="nsgan")
        assert nsgan.differences(dataclasses.replace(nsgan, **targets)) == []
        assert make(loss="nsgan").differences(make(loss="lsgan", **targets)) == [
            'loss: "nsgan" -> "lsgan"'
        ]

    def test_leaves_out_what_cannot_change_the_result(self):
        free = {
            "data_dir": "elsewhere",
            "cache_dir": "elsewhere",
            "max_bad_records": 5,
            "steps": 5,
            "devices": "cpu:4",
            "steps_per_call": 3,
            "deterministic": True,
            "jit_compile": "off",
            "worker_timeout": 5.0,
            "run_dir": "elsewhere",
            "log_every": 1,
            "sample_every": 1,
            "checkpoint_every": 1,
            "keep_checkpoints": 1,
            "export_at_end": False,
            "watch_every": 1,
            "stop_on_collapse": True,
            "evaluate_every": 1,
            "metrics": "kid",
            "best_metric": "kid",
            "evaluate_samples": 7,
            "profile_steps": "2,3",
            "inception": "elsewhere",
            "data_description": "elsewhere",
        }
        old = make()
        assert old.differences(dataclasses.replace(old, **free)) == []
        marked = {field.name for field in settings() if field.metadata["free"]}
        assert marked == set(free) - {"data_description"}

    def test_the_number_of_steps_counts_where_the_learning_rate_depends_on_it(self):
        old = make(steps=100, rate_decay=0.2)
        assert old.differences(dataclasses.replace(old, steps=200)) == ["steps: 100 -> 200"]
        constant = dataclasses.replace(old, rate_decay=0.0)
        assert constant.differences(old) == ["rate_decay: 0.0 -> 0.2"]

    def test_sees_other_data(self):
        old = dataclasses.replace(make(), data_fingerprint="aa", data_length=3)
        new = dataclasses.replace(make(), data_fingerprint="bb", data_length=4)
        assert old.differences(new) == ["data_length: 3 -> 4", 'data_fingerprint: "aa" -> "bb"']

    def test_a_config_cannot_be_changed(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            make().steps = 3


class TestConvolutionOfOlderRuns:
    def test_a_run_without_the_field_was_begun_with_direct_convolutions(self):
        values = resolve({}, {})[0].to_json()
        values.pop("convolution")
        assert Config.from_json(values).convolution == "direct"

    def test_it_goes_on_with_them_unless_told_otherwise(self):
        begun, _ = resolve({"convolution": "direct"}, {})
        now = resolve({"steps": 7}, {"steps": "command line"})
        resumed, _ = as_begun(*now, begun)
        assert resumed.convolution == "direct" and resumed.steps == 7
        given = resolve({"convolution": "auto"}, {"convolution": "command line"})
        assert as_begun(*given, begun)[0].convolution == "auto"
        assert begun.differences(given[0]) == ['convolution: "direct" -> "auto"']
