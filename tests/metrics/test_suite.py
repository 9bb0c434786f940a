from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from lsgan_tf.build import build_networks
from lsgan_tf.config import Config
from lsgan_tf.data import open_source, with_metadata
from lsgan_tf.errors import UserError
from lsgan_tf.metrics import suite as suites
from lsgan_tf.metrics.generated import Draws
from lsgan_tf.metrics.judge.classifier import Judge
from lsgan_tf.metrics.real import Splits, batches, open_splits
from lsgan_tf.metrics.requirements import default_metrics, default_samples
from lsgan_tf.metrics.suite import open_suite


class Fake:
    """Features are the means of the four quadrants; predicts which half is brighter."""

    dim, name, resizer, digest = 4, "fake", "none", "f" * 64
    metadata = {"top1": 0.75}  # noqa: RUF012

    def __call__(self, images):
        x = images.astype(np.float32).mean(axis=-1)
        quarters = [x[:, i : i + 4, j : j + 4].mean(axis=(1, 2)) for i in (0, 4) for j in (0, 4)]
        a, b, c, d = quarters
        return np.stack(quarters, 1), np.stack([a + c, b + d, a + b, c + d], 1)


@pytest.fixture
def config(tmp_path):
    return Config(
        conditional=True,
        image_size=8,
        cache_dir=str(tmp_path),
        data_classes=4,
        data_shape=(8, 8, 1),
        data_length=400,
    )


@pytest.fixture
def opened(config, halves, monkeypatch):
    """Opens a suite on images of halves with a fake judge."""
    splits = Splits(halves(400, 0), halves(120, 1), "test split")
    monkeypatch.setattr(suites, "open_splits", lambda *_: splits)
    monkeypatch.setattr(suites.Suite, "_make", lambda *_: Fake())

    def opened(*names, **options):
        return open_suite(names, config, log=lambda _: None, **options)

    return opened


def test_figures_of_samples_and_of_real_ones(opened, halves, config):
    names = default_metrics(config)
    suite = opened(*names, seed=3, samples=120)
    good = suite.measure(batches(halves(120, 7), suite.samples, 0))
    assert tuple(good) == suite.keys
    real = suite.real()
    assert set(real) == set(good)
    assert good["judge_top1"] == real["judge_top1"] == 1.0
    assert good["judge_top5"] == 1.0
    assert good["diversity_ratio"] == pytest.approx(1, abs=0.2)
    assert real["diversity_ratio"] == 1.0

    images = np.full((suite.samples, 8, 8, 1), 255, np.uint8)
    labels = (np.arange(suite.samples) % 4).astype(np.int32)
    bad = suite.measure([(images[:50], labels[:50]), (images[50:], labels[50:])])
    assert bad["judge_frechet"] > 10 * good["judge_frechet"]
    assert bad["judge_precision"] == bad["judge_coverage"] == bad["diversity"] == 0
    assert bad["judge_top1"] == 0.25
    assert suite.reading.per_class() == {"left": 1.0, "right": 0.0, "top": 0.0, "bottom": 0.0}
    assert suite.real() == real


def test_the_protocol_says_all_and_is_json(opened, halves):
    suite = opened("judge_kid", "judge", samples=90, reals=80, split="test", seed=5)
    suite.measure(batches(halves(120, 7), 90, 0))
    protocol = json.loads(json.dumps(suite.protocol))
    assert (protocol["samples"], protocol["seed"], protocol["split"]) == (90, 5, "test")
    assert protocol["real"]["count"] == 80
    extractor = protocol["extractors"]["judge"]
    assert extractor["resizer"] == "none" and extractor["top1"] == 0.75
    assert protocol["parameters"]["size of such a subset"] == 80


def test_real_examples_are_looked_at_once(opened, config, monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(
        Fake,
        "__call__",
        lambda self, x, plain=Fake.__call__: calls.append(len(x)) or plain(self, x),
    )
    for _ in range(2):
        opened("judge_kid").prepare()
    assert sum(calls) == 120 + 120  # of the test split, and as many of the training split
    damaged = next(tmp_path.glob("features/*/features.npy"))
    damaged.write_bytes(damaged.read_bytes()[:40])
    with pytest.raises(UserError, match="damaged"):
        opened("judge_kid").prepare()


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (["judge_frechet"], {"samples": 4}, "more than 4 samples.*judge_kid"),
        (["judge_frechet"], {"reals": 3}, "more than 4 real examples.*judge_kid"),
        (["judge_kid"], {"reals": 500}, "the train split has 400 real examples"),
        (["judge_score"], {"samples": 9}, "at least 10 samples"),
        (["diversity"], {"samples": 7}, "two samples per class"),
    ],
)
def test_too_few_examples_are_refused(opened, names, options, said):
    with pytest.raises(UserError, match=said):
        opened(*names, **options).prepare()


def test_how_many_samples_are_measured_by_default(opened, halves):
    splits = Splits(halves(400, 0), halves(120, 1), "test split")
    assert opened("judge").samples == 120  # as many as are held out
    assert default_samples(["judge", "judge_frechet"], splits) == 4 * 128  # too few for 128
    assert default_samples(["judge", "usefulness"], splits) == 400  # in place of the real ones
    many = splits._replace(test=halves(200, 1))
    assert default_samples(["judge_frechet"], many) == 200
    assert default_samples(["fid"], many) == 4 * 2048


def test_fewer_held_out_than_features_give_no_distance(opened, halves):
    suite = opened("judge_frechet", "judge_kid", split="test", reals=100, samples=200)
    suite._others_count = 4  # real examples in the place of samples
    found = suite.real()
    assert np.isnan(found["judge_frechet"]) and np.isfinite(found["judge_kid"])


def test_of_data_that_training_sees_but_once_fixed_examples_are_held_out(tmp_path):
    config = Config(characters="宽安", standin_samples=0, image_size=8, cache_dir=str(tmp_path))
    train = open_source(config)
    assert train.fresh
    splits = open_splits(config, train)
    assert splits.train.classes == splits.test.classes == ("宽", "安")
    assert "drawn by other writers" in splits.held_out
    seen = [train.read(np.arange(120))]
    for source in (splits.train, splits.test):
        assert not source.fresh and source.standin
        assert np.bincount(source.labels(np.arange(len(source)))).tolist() == [60, 60]
        seen.append(source.read(np.arange(120)))
    assert len({picture.tobytes() for pictures in seen for picture in pictures}) > 350
    again = open_splits(config)
    assert again.test.fingerprint == splits.test.fingerprint != splits.train.fingerprint


def test_no_pair_of_a_class_gives_no_diversity(opened, halves, monkeypatch):
    lone = halves(4, 1)
    splits = Splits(halves(400, 0), lone, "test split")
    monkeypatch.setattr(suites, "open_splits", lambda *_: splits)
    suite = opened("diversity", samples=8)
    found = suite.measure(batches(halves(8, 7), 8, 0))
    assert np.isnan(found["diversity"]) and np.isnan(found["diversity_ratio"])


def test_usefulness_of_good_samples(opened, halves, quick_judges, monkeypatch):
    suite = opened("usefulness", judge_steps=50)
    found = suite.measure(batches(halves(120, 7), suite.samples, 0))
    assert min(found.values()) > 0.8
    assert suite.real() == {"cas_top1": 0.75, "cas_augmented_top1": 0.75}


def test_mixture_of_an_untrained_generator_and_of_the_mixture_itself():
    config = Config(dataset="mixture", network="mixture", image_size=0, z_dim=4)
    config = with_metadata(config, open_source(config))
    suite = open_suite(["mixture"], config, samples=2000)
    generator, _ = build_networks(config)
    found = suite.measure(Draws(generator, config).batches(2000, 0))
    assert found["within_3std"] < 0.1 and found["mode_kl"] > 0.001
    assert found["modes"] == 0 and found["mode_overlap"] < 0.05
    real = suite.real()
    assert real["modes"] == real["modes_touched"] == 8 and real["mode_overlap"] > 0.95
    assert real["within_3std"] == pytest.approx(0.989, abs=0.01)
    assert sum(suite.weights_of_modes) == pytest.approx(1, abs=1e-5)


@pytest.fixture
def handwriting(tmp_path, write_characters):
    """A config of conditional samples, and its data with a test split."""
    write_characters(tmp_path / "data" / "train.gnt", "啊阿埃", samples=12)
    write_characters(tmp_path / "data" / "test.gnt", "埃阿", samples=6)
    config = Config(
        conditional=True,
        image_size=8,
        z_dim=6,
        label_dim=4,
        width=0.05,
        data_dir=str(tmp_path / "data"),
        cache_dir=str(tmp_path / "cache"),
    )
    return with_metadata(config, open_source(config))


def test_draws_are_the_seeds_and_do_not_depend_on_the_count(handwriting):
    draws = Draws(build_networks(handwriting)[0], handwriting)
    draws.chunk = 8

    def drawn(count, seed):
        images, labels = zip(*draws.batches(count, seed), strict=True)
        return np.concatenate(images), np.concatenate(labels)

    images, labels = drawn(20, 0)
    assert images.dtype == np.uint8 and images.shape == (20, 8, 8, 1)
    np.testing.assert_array_equal(labels, np.arange(20) % 3)
    np.testing.assert_array_equal(drawn(11, 0)[0], images[:11])
    assert np.any(drawn(20, 1)[0] != images)


def test_the_test_split_has_the_labels_of_the_training_split(handwriting):
    splits = open_splits(handwriting)
    assert splits.held_out == "test split"
    assert splits.test.classes == splits.train.classes == tuple("啊阿埃")
    assert set(splits.test.labels(np.arange(len(splits.test)))) == {1, 2}


def test_without_a_test_split_every_tenth_is_held_out(handwriting, tmp_path):
    config = dataclasses.replace(handwriting, data_dir=str(tmp_path / "data" / "train.gnt"))
    splits = open_splits(config)
    assert (len(splits.train), len(splits.test)) == (33, 3)
    assert "every tenth" in splits.held_out
    assert splits.train.fingerprint != splits.test.fingerprint
    whole = open_source(config)
    np.testing.assert_array_equal(splits.test.read(np.array([1])), whole.read(np.array([19])))
    np.testing.assert_array_equal(splits.train.labels(np.arange(9)), whole.labels(np.arange(9)))


def test_a_judge_is_what_the_suite_makes(handwriting, quick_judges):
    suite = open_suite(["judge"], handwriting, log=lambda _: None)
    draws = Draws(build_networks(handwriting)[0], handwriting)
    found = suite.measure(draws.batches(suite.samples, 0))
    assert 0 <= found["judge_top1"] <= found["judge_top5"] == 1
    assert isinstance(suite._extractors["judge"], Judge)


def test_more_or_fewer_samples_than_the_protocol_says_are_refused(opened, halves):
    with pytest.raises(ValueError, match=r"expected 90 samples.*got 80"):
        opened("judge", samples=90).measure(batches(halves(120, 7), 80, 0))
