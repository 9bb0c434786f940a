"""The model in PyTorch has equal parameters, scores and updates."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from lsgan_tf.build import build_gan
from lsgan_tf.gan import METRICS
from lsgan_tf.noise import noise

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install lsgan_tf[bench]")
BATCH = 6


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "tools" / "bench"))
    return importlib.import_module("bench_nets"), importlib.import_module("torch_gan")


def twins(tools, net):
    nets, torch_gan = tools
    config = nets.config(net, batch_size=BATCH, small=True)
    ours, peer = build_gan(config), torch_gan.TorchGAN(config, "cpu", compiled=False)
    for mine, theirs in ((ours.generator, peer.g), (ours.discriminator, peer.d)):
        torch_gan.copy_weights(mine, theirs)
    return config, ours, peer


def mirrored(images: np.ndarray) -> torch.Tensor:
    """PyTorch's axes, mirrored as `torch_gan` explains."""
    return torch.from_numpy(np.ascontiguousarray(images[:, ::-1, ::-1].transpose(0, 3, 1, 2)))


@pytest.mark.parametrize("net", ["hwdb", "cifar10", "scene112"])
def test_scores_and_two_steps_are_equal(tools, net):
    config, ours, peer = twins(tools, net)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2, BATCH, *config.data_shape), np.uint8)
    labels = rng.integers(0, config.data_classes or 1, (2, BATCH)).astype(np.int32)

    z = rng.uniform(-1, 1, (BATCH, config.z_dim)).astype(np.float32)
    label = tf.constant(labels[0]) if config.conditional else None
    fake = ours.generator(z, label, training=True)
    score = ours.discriminator(fake, label, training=True).numpy()
    index = torch.from_numpy(labels[0]).long()
    theirs = peer.g(torch.from_numpy(z), index)
    np.testing.assert_allclose(
        theirs.detach().numpy(), mirrored(fake.numpy()).numpy(), rtol=1e-4, atol=2e-5
    )
    np.testing.assert_allclose(peer.d(theirs, index).detach().numpy(), score, rtol=1e-3, atol=1e-4)

    # G's loss of the first step is after D's update. In the second both networks have moved:
    # Adam moves a weight by the whole learning rate even where its gradient is all rounding.
    step = tf.function(ours.train_step)
    for number, tolerance in enumerate((5e-3, 0.1)):
        drawn = noise(config.seed, 0, number, BATCH, config.z_dim, config.z_distribution)
        mine = step((tf.constant(pixels[number][None]), tf.constant(labels[number][None])))
        theirs = peer.step(
            mirrored(pixels[number]),
            torch.from_numpy(labels[number]).long(),
            torch.from_numpy(drawn.numpy()),
        )
        np.testing.assert_allclose(
            theirs.numpy(), [float(mine[name]) for name in METRICS], rtol=tolerance, atol=1e-4
        )


@pytest.mark.parametrize("net", ["hwdb", "cifar10", "scene112", "dcgan64"])
def test_parameter_counts_are_equal(tools, net):
    nets, torch_gan = tools
    config = nets.config(net)
    with torch.device("meta"):
        peers = [torch_gan.Generator(config), torch_gan.Discriminator(config)]
    counts = [sum(weight.numel() for weight in peer.parameters()) for peer in peers]
    assert (
        counts
        == {
            # The paper's figures, see lsgan_tf/networks.
            "hwdb": [9_417_857, 21_384_129],
            "cifar10": [6_407_171, 4_310_401],
            "scene112": [15_591_427, 4_333_441],
            "dcgan64": [12_704_771, 4_316_545],
        }[net]
    )
