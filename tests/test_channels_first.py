"""The kernel's gradient with channels first, in a process that computes with oneDNN."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lsgan_tf.util import tensorflow_setup

pytestmark = pytest.mark.skipif(
    not tensorflow_setup.ONEDNN, reason="oneDNN's kernels are for x86 processors"
)
TRY = """
import functools
from lsgan_tf.util.tensorflow_setup import import_tensorflow
import_tensorflow()
import tensorflow as tf
from lsgan_tf.networks.ops import conv2d_dispatch as convolution_rule
print(convolution_rule._takes_channels_first())
"""
COMPARE = """
from lsgan_tf.networks.ops.conv2d_gradient import Convolution
from test_conv2d_gradient import assert_near, first_order, library, operands, second_order
for height, width, side, strides in ((8, 8, 3, 2), (7, 6, 5, 2), (4, 5, 3, 1), (6, 6, 1, 2)):
    convolution = Convolution(height, width, side, strides, "channels_first")
    for transposed in (False, True):
        own = convolution.transposed if transposed else convolution.forward
        plain = library(convolution, transposed=transposed)
        x, kernel = operands(convolution, 9, 3, 4, transposed)
        for order in (first_order, second_order):
            # Through a graph, with a number of images that it does not know, and by XLA.
            known = tf.TensorSpec(x.shape), tf.TensorSpec(kernel.shape)
            unknown = tf.TensorSpec((None, *x.shape[1:])), known[1]
            for signature, jit in ((known, False), (unknown, False), (known, True)):
                found = tf.function(functools.partial(order, own), input_signature=signature,
                                    jit_compile=jit)
                expected = order(plain, x, kernel)
                for one, other in zip(found(x, kernel), expected, strict=True):
                    assert_near(one, other, 2e-5)
                    compared = True
print("compared", compared)
"""
STEP = """
import dataclasses, keras, numpy as np
from lsgan_tf.build import build_gan
from lsgan_tf.config import resolve
convolution_rule._processor = lambda: "avx2"
config, _ = resolve(dict(dataset="lsun", image_size=32, z_dim=5, batch_size=8), {})
config = dataclasses.replace(config, data_shape=(32, 32, 3))
examples = np.random.default_rng(0).integers(0, 256, (1, 8, 32, 32, 3)).astype(np.uint8)
data = tf.constant(examples), tf.zeros((1, 8), tf.int32)
chosen = convolution_rule.way
def least(image, result, kernel_size, strides, dtype, processor):  # as if 14x14 were large
    found = chosen((image[0], 99, 99, image[3]), (result[0], 28, 28, result[3]),
                   kernel_size, strides, dtype, processor)
    return found if found == "channels_first" else None
results = []
for rule in (least, lambda *_: None):
    convolution_rule.way = rule
    keras.utils.set_random_seed(1)
    gan = build_gan(config, synchronized=False)
    step = tf.function(gan.train_step, autograph=False).get_concrete_function(data)
    formats = [operation.get_attr("data_format") for operation in step.graph.get_operations()
               if operation.type == "Conv2DBackpropFilter"]
    print(formats.count(b"NCHW") > 0)
    step(data)
    results.append([weight.numpy() for weight in gan.generator.trainable_weights])
for weight, moved, other in zip(gan.generator.trainable_weights, *results):
    # Adam's first step is the learning rate for any gradient: its sign is what could differ. A
    # bias before normalisation has none but rounding.
    if moved.ndim == 4:
        assert np.mean(np.abs(moved - other) > 1e-5) < 0.01, weight.path
print("trained")
"""


def run(script: str, **environment: str) -> list[str]:
    """The lines that a script prints in a process of its own."""
    here = Path(__file__).parent
    path = os.pathsep.join([str(here / "networks" / "ops"), str(here.parent)])
    done = subprocess.run(
        [sys.executable, "-c", TRY + script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_derivatives_of_both_orders_are_tensorflows():
    assert run(COMPARE) == ["True", "compared True"]


def test_a_step_of_the_scene_network_goes_the_same_way():
    assert run(STEP) == ["True", "True", "False", "trained"]


def test_without_onednn_none_is_tried():
    assert run("", TF_ENABLE_ONEDNN_OPTS="0") == ["False"]
