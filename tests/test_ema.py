"""EMA of G's weights: update rule, independence of training, export."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from lsgan_tf import ema
from lsgan_tf.build import build_gan, build_networks
from lsgan_tf.config import resolve
from lsgan_tf.errors import UserError
from lsgan_tf.exporting.savedmodel import Exported, write_saved_model
from lsgan_tf.noise import noise
from lsgan_tf.sampling.sampler import Sampler

CLASSES = ("安", "宁", "A")


def config(**settings):
    given = {
        "dataset": "hwdb", "conditional": True, "image_size": 8, "z_dim": 5, "label_dim": 3,
        "first_filters": 4, "width": 0.1, "batch_size": 4,
    }  # fmt: skip
    found = resolve(given | settings, {})[0]
    return dataclasses.replace(found, data_shape=(8, 8, 1), data_classes=len(CLASSES))


def make(**settings):
    keras.utils.set_random_seed(1)
    return build_gan(config(**settings))


def values(network):
    return [variable.numpy().copy() for variable in network.variables]


def data(seed=0):
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (1, 4, 8, 8, 1)).astype(np.uint8)
    return tf.constant(images), tf.constant(random.integers(0, 3, (1, 4)), tf.int32)


@pytest.mark.parametrize(
    ("decay", "updates", "rate"),
    [(0.5, 0, 0.9), (0.5, 8, 0.5), (0.5, 10**6, 0.5), (0.99, 90, 0.09)],
)
def test_moves_by_its_rate(decay, updates, rate):
    network, _ = build_networks(config())
    average = ema.begin(network)
    before = values(network)
    for mine, value in zip(network.variables, before, strict=True):
        mine.assign(value + 1.0)
    ema.update(average, network, decay, updates)
    for value, old in zip(values(average), before, strict=True):
        np.testing.assert_allclose(value, old + rate, atol=1e-6)
    ema.restart(average, network)
    for mine, theirs in zip(values(average), values(network), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_what_is_not_finite_stays_out():
    network, _ = build_networks(config())
    average = ema.begin(network)
    moving, mine = next(
        pair
        for pair in zip(network.variables, average.variables, strict=True)
        if "moving_mean" in pair[0].path
    )
    moving.assign(np.where(np.arange(moving.shape[0]) == 1, np.inf, 2.0))
    ema.update(average, network, 0.5, 8)
    np.testing.assert_array_equal(mine.numpy()[:3], [1.0, 0.0, 1.0])


def test_follows_every_update_and_changes_nothing_else():
    plain, gan = make(g_steps=2), make(g_steps=2, ema_decay=0.6)
    for mine, theirs in zip(values(gan.average), values(plain.generator), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    seen = []
    expected = values(gan.average)
    follow = ema.update

    def watched(average, network, decay, updates):
        seen.append(int(updates))
        rate = max(1 - decay, 9 / (10 + seen[-1]))
        expected[:] = [e + rate * (v - e) for e, v in zip(expected, values(network), strict=True)]
        follow(average, network, decay, updates)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ema, "update", watched)
        for step in range(2):
            gan.train_step(data(step))
    for step in range(2):
        plain.train_step(data(step))
    assert seen == [0, 1, 2, 3]
    for mine, theirs in zip(values(gan.average), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    for mine, theirs in zip(values(gan.generator), values(plain.generator), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    pairs = zip(values(gan.average), values(gan.generator), strict=True)
    assert any((mine != theirs).any() for mine, theirs in pairs)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_is_float32_under_any_precision(precision):
    gan = make(precision=precision, ema_decay=0.9)
    assert {variable.dtype for variable in gan.average.variables} == {"float32"}
    before = values(gan.average)
    gan.train_step(data())
    after = values(gan.average)
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    assert all(np.isfinite(value).all() for value in after)


def test_is_exported_beside_the_weights(tmp_path, call_as_graph):
    gan = make(ema_decay=0.9, precision="bfloat16")
    for variable in gan.average.trainable_variables:
        variable.assign(variable * 1.5)
    path = write_saved_model(tmp_path / "export", config(ema_decay=0.9), gan, CLASSES, 7)
    signatures = tf.saved_model.load(str(path)).signatures
    assert set(signatures) == {
        "serving_default", "sample", "write", "score", "serving_ema", "sample_ema", "write_ema",
        "serving_raw", "sample_raw", "write_raw",
    }  # fmt: skip
    z, label = noise(9, 0, 0, 3, 5, "uniform"), np.array([2, 0, 1], np.int32)
    for name, network in (
        ("serving_default", gan.average),
        ("serving_ema", gan.average),
        ("serving_raw", gan.generator),
    ):
        found = signatures[name](z=z, label=tf.constant(label))["images"].numpy()
        expected = network(z, label, training=False).numpy()
        np.testing.assert_allclose(found, expected, atol=0.02)
        graph = call_as_graph(path, name, "images", z=z.numpy(), label=label)
        np.testing.assert_allclose(graph, found, atol=1e-6)
    assert (path / "samples.png").read_bytes() != (path / "samples-raw.png").read_bytes()
    assert "(samples-raw.png)" in (path / "README.md").read_text(encoding="utf-8")
    raw, average = Sampler(path, "raw"), Sampler(path)
    assert (raw.weights, average.weights) == ("raw", "ema")
    np.testing.assert_array_equal(
        Sampler(path, "ema").sample(3, 9, label), average.sample(3, 9, label)
    )
    assert (raw.sample(3, 9, label) != average.sample(3, 9, label)).any()
    np.testing.assert_array_equal(average.write("A安宁", 9), average.sample(3, 9, label))
    floats = signatures["serving_ema"](z=z, label=tf.constant(label))["images"].numpy()
    np.testing.assert_array_equal(average.sample(3, 9, label), np.rint(floats * 255))
    np.testing.assert_array_equal(average.draw(z.numpy(), label), average.sample(3, 9, label))
    start = average.interpolate(z.numpy(), label, np.roll(label, 1), np.zeros(3, np.float32))
    np.testing.assert_array_equal(start, average.sample(3, 9, label))
    start = raw.interpolate(z.numpy(), label, np.roll(label, 1), np.zeros(3, np.float32))
    np.testing.assert_array_equal(start, raw.sample(3, 9, label))


def test_exports_of_before_have_the_raw_weights_under_the_plain_names(tmp_path, monkeypatch):
    def signatures_of_before(self):
        generator, _, average = self._networks()
        found = self._drawing(generator)
        found["serving_default"] = found.pop("serving")
        return found | {f"{name}_ema": f for name, f in self._drawing(average).items()}

    gan = make(ema_decay=0.9)
    for variable in gan.average.trainable_variables:
        variable.assign(variable * 1.5)
    now = write_saved_model(tmp_path / "now", config(ema_decay=0.9), gan, CLASSES, 7)
    monkeypatch.setattr(Exported, "signatures", signatures_of_before)
    before = write_saved_model(tmp_path / "before", config(ema_decay=0.9), gan, CLASSES, 7)
    labels = np.array([2, 0, 1], np.int32)
    for weights in ("raw", "ema", None):
        one, two = Sampler(now, weights), Sampler(before, weights)
        assert one.weights == two.weights == (weights or "ema")
        np.testing.assert_array_equal(one.sample(3, 9, labels), two.sample(3, 9, labels))
        np.testing.assert_array_equal(one.write("安A", 9), two.write("安A", 9))
        z = one.noise(3, 5)
        np.testing.assert_array_equal(one.draw(z, labels), two.draw(z, labels))


def test_a_model_without_one_says_so(tmp_path):
    without = {"ema_decay": 0.0}
    path = write_saved_model(tmp_path / "export", config(**without), make(**without), CLASSES, 7)
    with pytest.raises(UserError, match=r"its run had --ema_decay=0\).*--weights=raw"):
        Sampler(path, "ema")
    assert Sampler(path).weights == "raw"
