"""The papers' networks: parameter counts, and the name, kind and shape of every layer."""

from __future__ import annotations

import numpy as np
import pytest

from lsgan_tf.networks import dcgan, digits, handwriting, mixture, mlp, scene
from lsgan_tf.networks.convolutional import gated


def parameters(network) -> int:
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


PAPER_COUNTS = {
    "handwriting generator": (handwriting.Generator, {}, 9_417_857),
    "handwriting discriminator": (handwriting.Discriminator, {}, 21_384_129),
    "the authors' code": (handwriting.Discriminator, {"first_filters": 257}, 21_392_155),
    "scene generator": (scene.Generator, {}, 15_591_427),
    "scene discriminator": (scene.Discriminator, {}, 4_333_441),
    "DCGAN generator": (dcgan.Generator, {"batch_norm": False}, 12_702_851),
    "DCGAN discriminator": (dcgan.Discriminator, {"batch_norm": False}, 4_314_753),
    "cats' generator": (
        dcgan.Generator, {"image_size": 128, "z_dim": 100, "flat_norm": True}, 7_682_051
    ),
    "cats' discriminator": (dcgan.Discriminator, {"image_size": 128}, 4_341_121),
    # A scale and an offset for each channel, as many as batch normalisation has.
    "scene with layer norm": (
        scene.Discriminator, {"batch_norm": False, "layer_norm": True}, 4_331_649 + 2 * 896
    ),
    "DCGAN with layer norm": (
        dcgan.Discriminator, {"batch_norm": False, "layer_norm": True}, 4_314_753 + 2 * 896
    ),
    "handwriting with layer norm": (
        handwriting.Discriminator, {"batch_norm": False, "layer_norm": True}, 21_381_441 + 2 * 1344
    ),
    "perceptron": (mlp.Generator, {}, 7_157_760),
    "perceptron's discriminator": (
        mlp.Discriminator, {"batch_norm": False, "layer_norm": True}, 4_314_753 + 2 * 896
    ),
    "digits' generator": (digits.Generator, {}, 4_926_977 + 17_152),
    "digits' discriminator": (digits.Discriminator, {}, 1_251_571 + 1_100),
    "digits with layer norm": (
        digits.Discriminator, {"batch_norm": False, "layer_norm": True}, 1_251_571 + 1_100
    ),
    "mixture generator": (mixture.Generator, {}, 49_666),
    "mixture discriminator": (mixture.Discriminator, {}, 17_025),
}  # fmt: skip


@pytest.mark.parametrize("name", PAPER_COUNTS)
def test_the_papers_parameter_counts(name):
    network_class, arguments, count = PAPER_COUNTS[name]
    network = network_class(**arguments)
    assert parameters(network) == count
    assert sum(row.parameters for row in network.describe()) == count
    assert network.trainable_weights == network.trainable_variables


def table(network) -> list[tuple]:
    """The rows of `describe` without the normalisations."""

    return [tuple(row) for row in network.describe() if row.kind != "batch norm"]


def norms(network) -> dict[str, tuple[int, ...]]:
    return {row.name: row.shape for row in network.describe() if row.kind == "batch norm"}


def test_handwriting_layer_by_layer():
    generator, discriminator = handwriting.Generator(), handwriting.Discriminator()
    assert table(generator) == [
        ("label_map", "label map", (256,), 957_696),
        ("h0", "dense", (6272,), 8_034_432),
        ("h1", "deconv 5x5 /2", (14, 14, 128), 409_728),
        ("h2", "deconv 5x5 /2", (28, 28, 1), 3_201),
    ]
    assert norms(generator) == {"bn0": (6272,), "bn1": (14, 14, 128)}
    assert table(discriminator) == [
        ("label_map", "label map", (256,), 957_696),
        ("h0", "conv 5x5 /2", (14, 14, 256), 6_656),
        ("h1", "labelled conv 5x5 /2", (7, 7, 320), 4_096_320),
        ("h2", "dense", (1024,), 16_319_488),
        ("h3", "dense", (1,), 1_281),
    ]
    assert norms(discriminator) == {"bn1": (7, 7, 320), "bn2": (1024,)}


def test_scene_layer_by_layer():
    generator, discriminator = scene.Generator(), scene.Discriminator()
    assert table(generator) == [
        ("h0", "dense", (12_544,), 12_857_600),
        ("h1", "deconv 3x3 /2", (14, 14, 256), 590_080),
        ("h2", "deconv 3x3 /1", (14, 14, 256), 590_080),
        ("h3", "deconv 3x3 /2", (28, 28, 256), 590_080),
        ("h4", "deconv 3x3 /1", (28, 28, 256), 590_080),
        ("h5", "deconv 3x3 /2", (56, 56, 128), 295_040),
        ("h6", "deconv 3x3 /2", (112, 112, 64), 73_792),
        ("h7", "deconv 3x3 /1", (112, 112, 3), 1_731),
    ]
    assert norms(generator) == {
        "bn0": (7, 7, 256),
        "bn1": (14, 14, 256),
        "bn2": (14, 14, 256),
        "bn3": (28, 28, 256),
        "bn4": (28, 28, 256),
        "bn5": (56, 56, 128),
        "bn6": (112, 112, 64),
    }
    assert table(discriminator) == [
        ("h0", "conv 5x5 /2", (56, 56, 64), 4_864),
        ("h1", "conv 5x5 /2", (28, 28, 128), 204_928),
        ("h2", "conv 5x5 /2", (14, 14, 256), 819_456),
        ("h3", "conv 5x5 /2", (7, 7, 512), 3_277_312),
        ("h4", "dense", (1,), 25_089),
    ]
    assert norms(discriminator) == {"bn1": (28, 28, 128), "bn2": (14, 14, 256), "bn3": (7, 7, 512)}


def test_dcgan_for_cifar10_layer_by_layer():
    generator, discriminator = dcgan.Generator(32), dcgan.Discriminator(32)
    assert [row[:3] for row in table(generator)] == [
        ("h0", "dense", (2048,)),
        ("h1", "deconv 5x5 /2", (4, 4, 256)),
        ("h2", "deconv 5x5 /2", (8, 8, 128)),
        ("h3", "deconv 5x5 /2", (16, 16, 64)),
        ("h4", "deconv 5x5 /2", (32, 32, 3)),
    ]
    assert [row[:3] for row in table(discriminator)] == [
        ("h0", "conv 5x5 /2", (16, 16, 64)),
        ("h1", "conv 5x5 /2", (8, 8, 128)),
        ("h2", "conv 5x5 /2", (4, 4, 256)),
        ("h3", "conv 5x5 /2", (2, 2, 512)),
        ("h4", "dense", (1,)),
    ]
    assert list(norms(generator)) == ["bn0", "bn1", "bn2", "bn3"]
    assert list(norms(discriminator)) == ["bn1", "bn2", "bn3"]


def test_digits_layer_by_layer():
    generator, discriminator = digits.Generator(), digits.Discriminator()
    assert table(generator) == [
        ("h0", "dense", (8192,), 827_392),
        ("h1", "deconv 5x5 /2", (7, 7, 256), 3_277_056),
        ("h2", "deconv 5x5 /2", (14, 14, 128), 819_328),
        ("h3", "deconv 5x5 /2", (28, 28, 1), 3_201),
    ]
    assert norms(generator) == {"bn0": (8192,), "bn1": (7, 7, 256), "bn2": (14, 14, 128)}
    assert table(discriminator) == [
        ("h0", "conv 5x5 /2", (14, 14, 20), 520),
        ("h1", "conv 5x5 /2", (7, 7, 50), 25_050),
        ("h2", "dense", (500,), 1_225_500),
        ("h3", "dense", (1,), 501),
    ]
    assert norms(discriminator) == {"bn1": (7, 7, 50), "bn2": (500,)}


def test_digits_with_labels_by_hand():
    # 10 labels to 6 features: joined to z; after h0, after flattening, and after h2.
    shared = {"num_classes": 10, "label_dim": 6}
    assert table(digits.Generator(**shared))[:2] == [
        ("label_map", "label map", (6,), 66),
        ("h0", "dense", (8192,), 106 * 8192 + 8192),
    ]
    assert table(digits.Discriminator(**shared))[1:] == [
        ("h0", "conv 5x5 /2", (14, 14, 20), 520),
        ("h1", "labelled conv 5x5 /2", (7, 7, 50), 25 * 26 * 50 + 50),
        ("h2", "dense", (500,), (2450 + 6) * 500 + 500),
        ("h3", "dense", (1,), 507),
    ]


def test_cats_layer_by_layer():
    generator = dcgan.Generator(128, z_dim=100, flat_norm=True)
    assert [row[:3] for row in table(generator)] == [
        ("h0", "dense", (32_768,)),
        ("h1", "deconv 5x5 /2", (16, 16, 256)),
        ("h2", "deconv 5x5 /2", (32, 32, 128)),
        ("h3", "deconv 5x5 /2", (64, 64, 64)),
        ("h4", "deconv 5x5 /2", (128, 128, 3)),
    ]
    assert norms(generator)["bn0"] == (32_768,)
    assert norms(dcgan.Generator(128, z_dim=100))["bn0"] == (8, 8, 512)
    assert [row[:3] for row in table(dcgan.Discriminator(128))] == [
        ("h0", "conv 5x5 /2", (64, 64, 64)),
        ("h1", "conv 5x5 /2", (32, 32, 128)),
        ("h2", "conv 5x5 /2", (16, 16, 256)),
        ("h3", "conv 5x5 /2", (8, 8, 512)),
        ("h4", "dense", (1,)),
    ]


def test_constant_filters_layer_by_layer():
    generator = dcgan.Generator(64, z_dim=128, constant_filters=True, batch_norm=False)
    between = 25 * 64 * 64 + 64
    assert table(generator) == [
        ("h0", "dense", (1024,), 128 * 1024 + 1024),
        ("h1", "deconv 5x5 /2", (8, 8, 64), between),
        ("h2", "deconv 5x5 /2", (16, 16, 64), between),
        ("h3", "deconv 5x5 /2", (32, 32, 64), between),
        ("h4", "deconv 5x5 /2", (64, 64, 3), 25 * 64 * 3 + 3),
    ]


def test_gated_layers_are_twice_as_wide_as_what_they_give():
    shared = {"filters": 2, "nonlinearity": "gated"}
    generator = dcgan.Generator(64, z_dim=5, **shared)
    assert table(generator) == [
        ("h0", "dense", (16 * 32,), 6 * 512),
        ("h1", "deconv 5x5 /2", (8, 8, 16), 25 * 16 * 16 + 16),
        ("h2", "deconv 5x5 /2", (16, 16, 8), 25 * 8 * 8 + 8),
        ("h3", "deconv 5x5 /2", (32, 32, 4), 25 * 4 * 4 + 4),
        ("h4", "deconv 5x5 /2", (64, 64, 3), 25 * 2 * 3 + 3),
    ]
    assert norms(generator)["bn1"] == (8, 8, 16)
    discriminator = dcgan.Discriminator(64, **shared)
    assert table(discriminator) == [
        ("h0", "conv 5x5 /2", (32, 32, 4), 25 * 3 * 4 + 4),
        ("h1", "conv 5x5 /2", (16, 16, 8), 25 * 2 * 8 + 8),
        ("h2", "conv 5x5 /2", (8, 8, 16), 25 * 4 * 16 + 16),
        ("h3", "conv 5x5 /2", (4, 4, 32), 25 * 8 * 32 + 32),
        ("h4", "dense", (1,), 16 * 16 + 1),
    ]


def test_gates_by_hand():
    x = np.array([[0.0, 1.0, 2.0, -1.0]], np.float32)
    expected = [[0.5 * np.tanh(1.0), np.tanh(-1.0) / (1 + np.exp(-2.0))]]
    np.testing.assert_allclose(gated(x), expected, rtol=1e-5)


def test_layer_norms_stand_where_batch_norms_stood():
    for kind in (dcgan, scene, handwriting, digits):
        batch = [row for row in kind.Discriminator().describe() if row.kind == "batch norm"]
        network = kind.Discriminator(batch_norm=False, layer_norm=True)
        layer = [row for row in network.describe() if row.kind == "layer norm"]
        assert [row.name.replace("ln", "bn") for row in layer] == [row.name for row in batch]
        assert [row[2:] for row in layer] == [row[2:] for row in batch]
        assert len(network.weights) == len(network.trainable_weights)


def test_a_label_is_joined_after_every_convolution():
    discriminator = dcgan.Discriminator(32, filters=4, num_classes=10, label_dim=6)
    kinds = {row.name: row.kind for row in discriminator.describe()}
    assert kinds["h0"] == "conv 5x5 /2"
    assert {kinds[name] for name in ("h1", "h2", "h3")} == {"labelled conv 5x5 /2"}
    assert discriminator.h4.kernel.shape == (2 * 2 * 32 + 6, 1)


def test_handwriting_width_scales_the_layers_within():
    # By hand: 32 features of a label, 16 of z, 32 = 128/4 maps; 80 = 320/4, 256 = 1024/4.
    small = {"num_classes": 5, "label_dim": 32, "width": 0.25}
    generator = handwriting.Generator(z_dim=16, **small)
    assert table(generator) == [
        ("label_map", "label map", (32,), 5 * 32 + 32),
        ("h0", "dense", (1568,), 48 * 1568 + 1568),
        ("h1", "deconv 5x5 /2", (14, 14, 32), 25 * 32 * 32 + 32),
        ("h2", "deconv 5x5 /2", (28, 28, 1), 25 * 32 + 1),
    ]
    discriminator = handwriting.Discriminator(first_filters=8, **small)
    assert table(discriminator) == [
        ("label_map", "label map", (32,), 5 * 32 + 32),
        ("h0", "conv 5x5 /2", (14, 14, 8), 25 * 8 + 8),
        ("h1", "labelled conv 5x5 /2", (7, 7, 80), 25 * (8 + 32) * 80 + 80),
        ("h2", "dense", (256,), (49 * 80 + 32) * 256 + 256),
        ("h3", "dense", (1,), (256 + 32) + 1),
    ]
    assert handwriting.Generator.from_config(generator.get_config()).width == 0.25
