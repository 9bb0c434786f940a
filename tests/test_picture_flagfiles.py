"""The flagfiles of CIFAR-10 and LSUN say what the paper says."""

from __future__ import annotations

from pathlib import Path

import pytest
from absl import flags

from lsgan_tf import flagging

FLAGS = Path(__file__).parents[1] / "flags"
LSUN = ("bedroom", "church_outdoor", "dining_room", "kitchen", "conference_room")


def config(name):
    values = flags.FlagValues()
    flags.DEFINE_multi_string("flagfile", [], "", flag_values=values)
    flagging.define_flags(values)
    argv = ["main", f"--flagfile={FLAGS / name}"]
    values(argv)
    return flagging.from_flags(argv, values)[0]


@pytest.mark.parametrize("category", LSUN)
def test_scenes(category):
    found = config(f"lsun_{category}.flags")
    assert (found.dataset, found.category, found.network) == ("lsun", category, "scene")
    assert (found.image_size, found.z_dim, found.z_distribution) == (112, 1024, "uniform")
    assert (found.loss, found.label_fake, found.label_real, found.label_target) == (
        "lsgan",
        0,
        1,
        1,
    )
    assert (found.optimizer, found.learning_rate, found.beta1) == ("adam", 0.001, 0.5)
    assert (found.batch_size, found.d_steps, found.g_steps) == (64, 1, 1)
    assert not (found.crop or found.flip)


def test_cifar10_runs_differ_in_the_objective_alone():
    least_squares, entropy = config("cifar10_lsgan.flags"), config("cifar10_dcgan.flags")
    assert least_squares.differences(entropy) == ['loss: "lsgan" -> "nsgan"']
    assert (least_squares.dataset, least_squares.network) == ("cifar10", "dcgan")
    assert (least_squares.learning_rate, least_squares.beta1) == (0.0002, 0.5)


@pytest.mark.parametrize(
    "name", [*(f"lsun_{category}" for category in LSUN), "cifar10_lsgan", "cifar10_dcgan"]
)
def test_each_begins_with_what_to_type_and_expect(name):
    text = (FLAGS / f"{name}.flags").read_text()
    assert f"python -m lsgan_tf.main --flagfile=flags/{name}.flags" in text
    assert "# Time: " in text
    assert "# What to see" in text
