"""Operation counts compared with values computed by hand from the papers' tables."""

from __future__ import annotations

import math

import pytest

from lsgan_tf.networks import dcgan, flops, handwriting, scene
from lsgan_tf.networks.ops.winograd import Convolution


def test_the_handwriting_networks():
    generator, discriminator = handwriting.Generator(), handwriting.Discriminator()
    counted = {layer.name: layer for layer in flops.count(generator)}
    assert counted["h0"].forward == 2 * 1280 * 6272
    assert counted["h1"].forward == 2 * 7 * 7 * 25 * 128 * 128
    assert counted["h2"].forward == 2 * 14 * 14 * 25 * 128
    assert counted["bn1"].forward == counted["label_map"].forward == 0
    assert counted["h1"].outputs == 14 * 14 * 128
    counted = {layer.name: layer for layer in flops.count(discriminator)}
    assert counted["h0"].forward == 2 * 14 * 14 * 25 * 256
    # 14 -> 7 pixels with a 5x5 kernel: first, inner and last positions, along both axes.
    assert counted["h1"].forward == 2 * (7 * 7 * 25 * 256 * 320 + 9 * 256 * 320)
    assert counted["h2"].forward == 2 * (7 * 7 * 320 + 256) * 1024
    assert counted["h3"].forward == 2 * (1024 + 256)


def test_the_scene_networks_with_stride_1():
    counted = {layer.name: layer.forward for layer in flops.count(scene.Generator())}
    assert counted["h0"] == 2 * 1024 * 12_544
    assert counted["h1"] == 2 * 7 * 7 * 9 * 256 * 256
    assert counted["h4"] == 2 * 28 * 28 * 9 * 256 * 256
    assert counted["h7"] == 2 * 112 * 112 * 9 * 64 * 3


@pytest.mark.parametrize(("d_steps", "g_steps"), [(1, 1), (2, 1), (1, 3)])
def test_a_step_is_the_sum_of_its_passes(d_steps, g_steps):
    g = dcgan.Generator(image_size=16, filters=8, z_dim=5)
    d = dcgan.Discriminator(image_size=16, filters=8)
    # 16 -> 8 -> 4 -> 2 -> 1 and back; z to 1x1x64.
    of_d = [64 * 25 * 3 * 8, 16 * 25 * 8 * 16, 4 * 25 * 16 * 32, 25 * 32 * 64, 64]
    of_g = [5 * 64, 25 * 64 * 32, 4 * 25 * 32 * 16, 16 * 25 * 16 * 8, 64 * 25 * 8 * 3]
    assert [layer.forward / 2 for layer in flops.count(d) if layer.forward] == of_d
    assert [layer.forward / 2 for layer in flops.count(g) if layer.forward] == of_g
    forward_d, forward_g = 2 * sum(of_d), 2 * sum(of_g)
    # Forward, weights' and inputs' gradients, of reals and of fakes.
    d_update = 2 * (3 * forward_d - 2 * of_d[0])
    g_update = 2 * forward_d + (2 * forward_g - 2 * of_g[0])
    expected = d_steps * (forward_g + d_update) + g_steps * g_update + (g_steps - 1) * forward_g
    total = flops.training_step(g, d, batch_size=4, d_steps=d_steps, g_steps=g_steps)
    assert total == 4 * expected
    assert math.isclose(flops.forward(g), forward_g)


def test_what_minimal_filtering_performs():
    discriminator = handwriting.Discriminator()

    def algorithm(image, result, kernel_size, strides):
        assert image == (None, 14, 14, 256) or image == (None, 28, 28, 1)
        assert result[1:3] == tuple(-(-side // 2) for side in image[1:3])
        if image[3] == 1:
            return None
        return Convolution(*image[1:3], kernel_size, strides, 4)

    direct = {layer.name: layer.forward for layer in flops.count(discriminator)}
    found = {layer.name: layer.forward for layer in flops.count(discriminator, algorithm)}
    # Four tiles of 121 products instead of 49 results of 25.
    assert direct["h1"] - found["h1"] == 2 * (49 * 25 - 4 * 121) * 256 * 320
    assert all(direct[name] == found[name] for name in direct if name != "h1")


def test_transposed_convolutions_are_counted_by_their_image():
    seen = []
    flops.count(handwriting.Generator(), lambda *shapes: seen.append(shapes))
    assert seen == [
        ((None, 14, 14, 128), (None, 7, 7, 128), 5, 2),
        ((None, 28, 28, 1), (None, 14, 14, 128), 5, 2),
    ]
