from __future__ import annotations

import numpy as np
import pytest

from lsgan_tf.errors import UserError
from lsgan_tf.metrics.judge import cache as judge_cache
from lsgan_tf.metrics.judge.augmentation import distort
from lsgan_tf.metrics.judge.classifier import Reading, classify
from lsgan_tf.metrics.judge.network import judge_network
from lsgan_tf.metrics.judge.training import Recipe, default_recipe
from lsgan_tf.metrics.judge.usefulness import usefulness
from lsgan_tf.metrics.real import Splits, batches
from lsgan_tf.util.reading import read_json


@pytest.fixture
def splits(halves):
    return Splits(halves(400, 0), halves(80, 1), "test split")


def test_trained_once_then_found_again(splits, tmp_path, monkeypatch, quick_judges):
    lines = []
    judge = judge_cache.judge_of(splits, tmp_path, log=lines.append)
    assert judge.metadata["top1"] > 0.9
    assert judge.metadata["held_out_count"] == 80
    assert judge.metadata["recipe"]["steps"] == 60
    assert len(lines) == 1 and "60 steps" in lines[0]

    monkeypatch.setattr(judge_cache, "train_network", lambda *_: pytest.fail("trained again"))
    again = judge_cache.judge_of(splits, tmp_path, log=lines.append)
    images = splits.test.read(np.arange(70))
    features, logits = again(images)
    assert (features.shape, logits.shape) == ((70, judge.dim), (70, 4))
    np.testing.assert_array_equal(logits, judge(images)[1])
    reading = classify(again, batches(splits.test, 80, 0), splits.test.classes)
    assert reading.top1 == pytest.approx(judge.metadata["top1"])

    weights = next(tmp_path.glob("judges/*/weights.npz"))
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(UserError, match="damaged"):
        judge_cache.judge_of(splits, tmp_path, log=lines.append)


def test_another_recipe_or_other_data_is_another_judge(splits, halves, tmp_path, monkeypatch):
    def untrained(sources, classes, recipe):
        return judge_network(sources[0].shape, classes, seed=len(sources[0]) + 10 * recipe.seed)

    monkeypatch.setattr(judge_cache, "train_network", untrained)
    for given, seed in ((splits, 0), (splits, 1), (splits._replace(train=halves(401, 0)), 0)):
        judge_cache.judge_of(given, tmp_path, recipe=Recipe(2, 8, seed=seed), log=lambda _: None)
    found = [read_json(path) for path in tmp_path.glob("judges/*/judge.json")]
    assert len({metadata["sha256"] for metadata in found}) == 3


def test_data_without_classes_is_refused(splits, tmp_path, halves):
    with pytest.raises(UserError, match="no classes"):
        judge_cache.judge_of(splits._replace(train=halves(40, 0, ())), tmp_path)


def test_steps_grow_with_the_data(halves):
    class Many(halves):
        def __len__(self):
            return 1_000_000

    assert default_recipe(halves(40, 0)).steps == 2500
    assert default_recipe(Many(40, 0)).steps == 2 * 1_000_000 // 64
    assert default_recipe(Many(40, 0), steps=7).steps == 7


def test_reading_by_hand():
    reading = Reading.empty("abcdefg")
    logits = np.array([[3.0, 2, 1, 0, -1, -2, -3]] * 4)
    reading.add(logits, np.array([0, 1, 1, 6]))
    reading.add(logits[:1], np.array([5]))
    assert reading.top1 == pytest.approx(1 / 5)
    assert reading.top5 == pytest.approx(3 / 5)
    assert reading.per_class() == {"a": 1.0, "b": 0.0, "f": 0.0, "g": 0.0}
    assert reading.confusions(2) == [("b", "a", 1.0), ("f", "a", 1.0)]


def test_a_judge_that_cannot_tell_is_not_credited_with_all():
    reading = Reading.empty("abcdefgh")
    reading.add(np.zeros((8, 8)), np.arange(8))
    assert reading.top1 == 1 / 8 and reading.top5 == 5 / 8
    reading = Reading.empty("abcdefgh")
    reading.add(np.full((8, 8), np.nan), np.arange(8))
    assert reading.top5 == 0


def test_distortions_keep_size_and_range_and_are_those_of_the_seed(halves):
    images = halves(20, 0).read(np.arange(20))
    one, two, other = (distort(images, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - other).max() > 10
    assert one.shape == images.shape
    assert np.min(one) >= 0 and np.max(one) <= 255


def test_an_image_that_is_all_alike_stays_so():
    images = np.full((5, 9, 7, 3), 77, np.uint8)
    np.testing.assert_allclose(distort(images, np.random.default_rng(0), mirror=True), 77.0)


def test_mirrored_images_are_about_half(halves):
    # Left and right halves change places under a mirror, however else they are distorted.
    source = halves(400, 0)
    left = source.read(np.flatnonzero(source.labels(np.arange(400)) == 0))
    made = distort(left, np.random.default_rng(0), mirror=True).numpy()
    turned = made[:, :, 4:].mean(axis=(1, 2, 3)) > made[:, :, :4].mean(axis=(1, 2, 3))
    assert 0.3 < turned.mean() < 0.7


def test_samples_that_are_like_real_ones_teach_and_noise_does_not(splits, halves, quick_judges):
    good = halves(200, 5)
    kept = list(batches(good, 200, 0))
    alone, together = usefulness(splits, kept)
    assert alone > 0.9 and together > 0.9
    noise = np.random.default_rng(0).integers(0, 256, (200, 8, 8, 1), np.uint8)
    assert usefulness(splits, [(noise, good.labels(np.arange(200)))], Recipe(20))[0] < 0.6
