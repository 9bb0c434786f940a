"""Networks whose kernels have the faster gradient, beside the same networks of Keras's layers."""

from __future__ import annotations

import dataclasses
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from lsgan_tf.build import build_gan
from lsgan_tf.config import resolve
from lsgan_tf.distribute.devices import make_strategy
from lsgan_tf.distribute.multi_step import make_run_steps
from lsgan_tf.networks import layers
from lsgan_tf.networks.ops import conv2d, conv2d_dispatch

NETS = {
    "handwriting": (
        {
            "dataset": "hwdb", "conditional": True, "image_size": 8, "z_dim": 5, "label_dim": 3,
            "first_filters": 4, "width": 0.05,
        },
        {"data_shape": (8, 8, 1), "data_classes": 3},
    ),
    "scene": ({"dataset": "lsun", "image_size": 16, "z_dim": 5}, {"data_shape": (16, 16, 3)}),
}  # fmt: skip


@pytest.fixture
def everywhere(monkeypatch):
    """As if it paid for all shapes, on this machine."""
    monkeypatch.setattr(conv2d_dispatch, "way", lambda *_: "dilated")
    monkeypatch.setattr(conv2d_dispatch, "_processor", lambda: "avx2")


@pytest.fixture
def of_keras(monkeypatch):
    """Has networks made of Keras's layers while it is called."""

    def make(function):
        with monkeypatch.context() as patch:
            patch.setattr(layers, "_convolutions", lambda: keras.layers)
            return function()

    return make


def make_gan(net):
    given, facts = NETS[net]
    config, _ = resolve({**given, "batch_size": 4, "learning_rate": 1e-6}, {})
    keras.utils.set_random_seed(1)
    return build_gan(dataclasses.replace(config, **facts), synchronized=False)


def data_of(net):
    shape = NETS[net][1]["data_shape"]
    examples = np.random.default_rng(0).integers(0, 256, (1, 4, *shape)).astype(np.uint8)
    return tf.constant(examples), tf.constant([[0, 2, 1, 2]], tf.int32)


def needed(graph) -> list[tf.Operation]:
    """Operations of a function that its results and its side effects depend on."""
    todo = [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    seen = set(todo)
    while todo:
        operation = todo.pop()
        before = {tensor.op for tensor in operation.inputs} | set(operation.control_inputs)
        todo += before - seen
        seen |= before
    return list(seen)


def trace(function, *arguments):
    return tf.function(function, autograph=False).get_concrete_function(*arguments).graph


def images(*shape):
    return tf.constant(np.random.default_rng(1).normal(size=shape), tf.float32)


def test_in_training_alone(everywhere):
    convolution = layers.conv(3, 5, 2, "h0", "float32")
    deconvolution = layers.deconv(3, 5, 2, 4, 8, "h1", "float32")
    for layer, x in ((convolution, images(2, 8, 8, 2)), (deconvolution, images(2, 4, 4, 2))):
        layer(x)

        def operations(training, layer=layer, x=x):
            graph = trace(lambda: layer(x, training=training))
            return [operation.type for operation in graph.get_operations()]

        assert "IdentityN" in operations(True)
        assert "IdentityN" not in operations(False) + operations(None)
        np.testing.assert_array_equal(layer(x, training=True), layer(x, training=False))


@pytest.mark.parametrize("option", [{"padding": "valid"}, {"groups": 2}, {"dilation_rate": 2}])
def test_other_options_are_left_to_keras(everywhere, option):
    own = conv2d.Conv2D(4, 3, **{"padding": "same", **option})
    plain = keras.layers.Conv2D.from_config({**own.get_config(), "name": "plain"})
    x = images(2, 7, 7, 2)
    own(x), plain(x)
    plain.set_weights(own.get_weights())
    np.testing.assert_array_equal(own(x, training=True), plain(x))


def test_what_keras_does_after_the_convolution(everywhere):
    for settings in ({"activation": "relu"}, {"use_bias": False}):
        own = conv2d.Conv2D(4, 3, 2, padding="same", **settings)
        x = images(2, 7, 7, 2)
        own(x)
        if own.use_bias:
            own.bias.assign([1.0, -1.0, 0.5, 0.0])
        np.testing.assert_array_equal(own(x, training=True), own(x, training=False))


@pytest.mark.parametrize("net", NETS)
def test_a_step_computes_what_it_did_and_nothing_more(everywhere, monkeypatch, net):
    """As many gradients as before: none for D's weights in G's update, none for first inputs."""
    found = {}
    for kind in ("faster", "library"):
        if kind == "library":
            monkeypatch.setattr(conv2d_dispatch, "way", lambda *_: None)
        gan = make_gan(net)
        operations = needed(trace(gan.train_step, data_of(net)))
        types = [operation.type for operation in operations]
        # Alone among them all, a kernel's gradient has padding given in numbers.
        dilated = [
            operation
            for operation in operations
            if operation.type == "Conv2D" and operation.get_attr("padding") == b"EXPLICIT"
        ]
        found[kind] = (
            types.count("Conv2D") - len(dilated),
            types.count("Conv2DBackpropInput"),
            types.count("Conv2DBackpropFilter") + len(dilated),
        )
        assert ("Conv2DBackpropFilter" in types) == (kind == "library")
        assert bool(dilated) == (kind == "faster")
        for operation in dilated:  # profiles tell layers by names
            assert re.match(r"gradient_tape/(generator|discriminator)_\d/h\d_\d/", operation.name)
    assert found["faster"] == found["library"]


@pytest.mark.parametrize("net", NETS)
def test_training_goes_the_same_way(everywhere, monkeypatch, net):
    """By steps too small for Adam to make anything of the order of addition."""

    def trained():
        strategy = make_strategy("cpu")
        with strategy.scope():
            gan = make_gan(net)
        run_steps = make_run_steps(gan, strategy, jit_compile=False, stop_at_bad=True)
        batches = iter(tf.data.Dataset.from_tensors(data_of(net)).repeat())
        return run_steps(batches, tf.constant(3, tf.int64))[1].numpy()

    faster = trained()
    monkeypatch.setattr(conv2d_dispatch, "way", lambda *_: None)
    np.testing.assert_allclose(faster, trained(), rtol=2e-3, atol=1e-5)


def test_an_export_has_no_trace_of_it(everywhere):
    generator = make_gan("scene").generator
    z = images(2, 5)
    graph = trace(lambda: generator(z, None, training=False))
    assert not {"IdentityN"} & {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize("net", NETS)
def test_names_weights_and_files_are_kerass(of_keras, tmp_path, net):
    before = of_keras(lambda: make_gan(net))
    after = make_gan(net)
    data = data_of(net)
    after.train_step(data)
    for name in ("generator", "discriminator"):
        old, new = getattr(before, name), getattr(after, name)
        assert [weight.path for weight in old.weights] == [weight.path for weight in new.weights]
        assert [layer.name for layer in old.layers] == [layer.name for layer in new.layers]
        assert old.describe() == new.describe()
    before.train_step(data)
    # A checkpoint and a Keras file from before.
    saved = before.state().write(str(tmp_path / "state"))
    after.state().read(saved).assert_consumed()
    before.generator.save(tmp_path / "g.keras")
    read = keras.saving.load_model(tmp_path / "g.keras")
    for network in (after.generator, read):
        for old, new in zip(before.generator.weights, network.weights, strict=True):
            np.testing.assert_array_equal(old.numpy(), new.numpy())
    assert isinstance(read.h1, conv2d.Conv2DTranspose)


def test_the_layers_are_read_back_as_what_they_are():
    for layer in (
        layers.conv(3, 5, 2, "h0", "float32"),
        layers.deconv(3, 5, 2, 4, 8, "h1", "float32"),
    ):
        again = keras.layers.deserialize(keras.layers.serialize(layer))
        assert type(again) is type(layer) and again.get_config() == layer.get_config()


def noise_in_memory():
    """Fills memory that is about to be given back with NaN."""
    for size in (64, 256, 1024, 4096, 16384, 65536):
        assert np.isnan(tf.fill((size,), np.float32(np.nan)).numpy()).all()


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(
    ("kind", "size", "strides"),
    [
        *(("conv", size, strides) for size in (3, 4, 5) for strides in (1, 2)),
        # Keras has no transposed convolution of an even kernel and stride 1.
        *(("deconv", size, strides) for size, strides in ((3, 1), (5, 1), (3, 2), (4, 2), (5, 2))),
    ],
)
def test_one_pixel(kind, size, strides, dtype):
    """As Keras's layers in float32: values, first gradients, and those of a gradient."""
    if kind == "conv":
        made = layers.conv(4, size, strides, "h0", dtype)
        plain = keras.layers.Conv2D(4, size, strides, padding="same")
    else:
        made = layers.deconv(4, size, strides, 1, 1, "h0", dtype)
        plain = keras.layers.Conv2DTranspose(
            4, size, strides, padding="same", output_padding=made.output_padding
        )
    x = tf.Variable(images(6, 1, 1, 3))
    found = []
    for layer in (plain, made):
        layer.build(x.shape)
        layer.set_weights([images(*weight.shape).numpy() for weight in layer.weights])
        noise_in_memory()
        kernel = layer.kernel.value
        training = {"training": True} if layer is made else {}
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                value = tf.cast(layer(x, **training), tf.float32)
                total = tf.reduce_sum(value**2)
            of_x, of_kernel = inner.gradient(total, [x, kernel])
            steepness = tf.reduce_sum(of_x**2)
        found.append([value, of_x, of_kernel, outer.gradient(steepness, kernel)])
    error = {"float32": 1e-6, "mixed_bfloat16": 0.04, "mixed_float16": 0.005}[dtype]
    for theirs, mine in zip(*found, strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, atol=error * np.abs(theirs).max())
