from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from lsgan_tf.build import build_networks
from lsgan_tf.errors import UserError
from lsgan_tf.exporting.pretrained import PRETRAINED, pretrained, write_weights


@pytest.fixture(scope="module")
def loaded():
    return pretrained()


def test_it_writes_the_500_most_frequent_characters(loaded):
    assert len(loaded.classes) == len(set(loaded.classes)) == 500
    assert set("的一是人了不在有中国") <= set(loaded.classes)
    images = loaded.sampler.write("中国人", seed=1)
    assert images.shape == (3, 28, 28, 1) and images.dtype == np.uint8
    np.testing.assert_array_equal(images, loaded.sampler.write("中国人", seed=1))
    # Dark strokes on a white ground.
    assert np.median(images) > 200 and all(image.min() < 100 for image in images)


def test_the_model_is_a_keras_model(loaded):
    z = np.zeros((2, loaded.config.z_dim), np.float32)
    images = loaded.generator(z, np.array([0, 1], np.int32), training=False)
    assert images.shape == (2, 28, 28, 1)


def test_it_has_the_weights_that_its_run_averaged(loaded):
    assert loaded.config.ema_decay == 0.999
    assert loaded.sampler.weights == "ema"


def test_unknown_characters_are_named(loaded):
    with pytest.raises(UserError, match="does not know 龘"):
        loaded.sampler.write("中龘", seed=0)


def test_it_is_small_and_names_no_path(loaded):
    assert PRETRAINED.stat().st_size < 6_000_000
    for name in ("data_dir", "cache_dir", "run_dir", "inception", "init_from"):
        assert getattr(loaded.config, name) is None


def test_goes_around(loaded, tmp_path):
    generator, _ = build_networks(loaded.config)
    write_weights(tmp_path / "w.npz", loaded.config, generator, loaded.classes, 7)
    again = pretrained(tmp_path / "w.npz")
    assert again.step == 7 and again.classes == loaded.classes
    assert (again.truncation, loaded.truncation) == (None, 0.2)
    for one, other in zip(generator.weights, again.generator.weights, strict=True):
        one, other = one.numpy(), other.numpy()
        if one.ndim > 1:  # int8: to half a step of the scale of each index of the last axis
            largest = np.abs(one).reshape(-1, one.shape[-1]).max(axis=0)
            assert (np.abs(one - other) <= 0.501 * largest / 127).all()
        else:
            np.testing.assert_array_equal(one, other)


def test_standing_statistics_are_those_of_truncated_noise(loaded, tmp_path):
    generator, _ = build_networks(loaded.config)
    write_weights(tmp_path / "w.npz", loaded.config, generator, loaded.classes, 7, 0.25)
    assert pretrained(tmp_path / "w.npz").truncation == 0.25
    rng = np.random.default_rng(1)
    z = rng.uniform(-0.25, 0.25, (4000, loaded.config.z_dim)).astype(np.float32)
    phi = generator.label_map(rng.integers(len(loaded.classes), size=len(z)))
    first = generator.h0(np.concatenate([z, phi], axis=1)).numpy()
    norm, deviation = generator.bn0, first.std(axis=0)
    assert (np.abs(norm.moving_mean.numpy() - first.mean(axis=0)) < 0.15 * deviation).all()
    np.testing.assert_allclose(np.sqrt(norm.moving_variance.numpy()), deviation, rtol=0.1)


def flipped(content):
    """With a byte of the first array's compressed data changed."""
    at = content.index(b"about.npy") + 200
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


def described(**changes):
    """The file of the package with another description."""
    with np.load(PRETRAINED) as archive:
        arrays = dict(archive)
    about = json.loads(arrays.pop("about").tobytes()) | changes
    stream = io.BytesIO()
    np.savez(stream, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        lambda: flipped(PRETRAINED.read_bytes()),
        lambda: described(classes=["一"] * 500),
        lambda: described(classes=[1] * 500),
        lambda: described(truncation=-1.0),
        lambda: described(step="7"),
        lambda: described(config=[]),
        lambda: described(config={"data_classes": 500}),
    ],
)
def test_what_is_untrue_is_one_line(tmp_path, content):
    path = tmp_path / "w.npz"
    path.write_bytes(content())
    with pytest.raises(UserError) as caught:
        pretrained(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["cut", "text", "gone", "other", "deep", "bytes"])
def test_a_damaged_file_is_one_line(tmp_path, damage):
    path, content = tmp_path / "w.npz", PRETRAINED.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "text":
        path.write_text("weights")
    elif damage == "other":
        np.savez(path, about=np.frombuffer(b"{}", np.uint8))
    elif damage == "deep":
        np.savez(path, about=np.frombuffer(b"[" * 100_000, np.uint8))
    elif damage == "bytes":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("about", b"{}")
    with pytest.raises(UserError, match=r"w\.npz: (no such file|the weights are damaged)"):
        pretrained(path)
