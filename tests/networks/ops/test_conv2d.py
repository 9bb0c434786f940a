"""Networks that train with minimal filtering, compared with the same networks of Keras layers."""

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
    "scene": ({"dataset": "lsun", "image_size": 32, "z_dim": 5}, {"data_shape": (32, 32, 3)}),
}  # fmt: skip

# With four images of 16 pixels, whose last maps have one pixel, batch normalisation amplifies: a
# relative change of all weights by 1e-5 changes gradients' norms after twenty steps by 1%.
BATCH = 8


@pytest.fixture
def everywhere(monkeypatch):
    """Enables minimal filtering for all shapes on any machine."""
    monkeypatch.setattr(conv2d_dispatch, "_MIN_IMAGES", 0)
    monkeypatch.setattr(conv2d_dispatch, "_MIN_GAIN", {"avx2": float("-inf")})
    monkeypatch.setattr(conv2d_dispatch, "_processor", lambda: "avx2")


@pytest.fixture
def of_keras(monkeypatch):
    """Builds networks of Keras's own layers during the call."""

    def make(function):
        with monkeypatch.context() as patch:
            patch.setattr(layers, "_convolutions", lambda: keras.layers)
            return function()

    return make


def make_gan(net, convolution="auto"):
    given, fields = NETS[net]
    given = {**given, "batch_size": BATCH, "learning_rate": 1e-6, "convolution": convolution}
    config, _ = resolve(given, {})
    keras.utils.set_random_seed(1)
    return build_gan(dataclasses.replace(config, **fields), synchronized=False)


def data_of(net):
    shape = NETS[net][1]["data_shape"]
    examples = np.random.default_rng(0).integers(0, 256, (1, BATCH, *shape)).astype(np.uint8)
    return tf.constant(examples), tf.constant([[0, 2, 1, 2, 1, 0, 2, 1]], tf.int32)


def needed(graph) -> list[tf.Operation]:
    """Operations that the results and side effects of a function depend on."""
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

        def products(training, layer=layer, x=x):
            graph = trace(lambda: layer(x, training=training))
            return [op.type for op in graph.get_operations()].count("MatMul")

        assert products(True) > 0
        assert products(False) == products(None) == 0
        np.testing.assert_allclose(layer(x, training=True), layer(x, training=False), atol=1e-5)
        layer.direct = True
        assert products(True) == 0
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
        np.testing.assert_allclose(own(x, training=True), own(x, training=False), atol=1e-5)


@pytest.mark.parametrize("net", NETS)
def test_a_direct_step_has_the_librarys_operations_alone(everywhere, net):
    """No unneeded gradients: none of D's weights in G's update, none of the first inputs."""
    found = {}
    for convolution in ("auto", "direct"):
        gan = make_gan(net, convolution)
        assert gan.joint_passes == (convolution == "auto")
        operations = needed(trace(gan.train_step, data_of(net)))
        found[convolution] = [operation.type for operation in operations]
        for operation in operations:  # profiles tell layers by names
            if operation.type == "MatMul" and "gradient_tape" in operation.name:
                assert re.match(r"gradient_tape/(generator|discriminator)", operation.name)
    kinds = ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")
    assert not set(kinds) & set(found["auto"])
    g, d = make_gan(net).generator, make_gan(net).discriminator
    ours, theirs = (sum("conv" in row.kind for row in n.describe()) for n in (g, d))
    # D: two passes forward and two kernels' gradients, one pass less for images; G: once.
    count = [found["direct"].count(kind) for kind in kinds]
    assert count == [3 * theirs + ours, 3 * theirs - 2 + ours, 2 * theirs + ours]


@pytest.mark.parametrize("net", NETS)
def test_training_goes_the_same_way(everywhere, net):
    """With steps so small that Adam does not amplify differences in summation order."""

    def trained(convolution):
        strategy = make_strategy("cpu")
        with strategy.scope():
            gan = make_gan(net, convolution)
        run_steps = make_run_steps(gan, strategy, jit_compile=False, stop_at_bad=True)
        batches = iter(tf.data.Dataset.from_tensors(data_of(net)).repeat())
        metrics = run_steps(batches, tf.constant(20, tf.int64))[1].numpy()
        averages = [v.numpy() for v in gan.non_trainable_variables if v.shape.rank]
        return metrics, averages

    (metrics, averages), (expected, theirs) = trained("auto"), trained("direct")
    np.testing.assert_allclose(metrics, expected, rtol=2e-3, atol=2e-4)
    for one, other in zip(averages, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=1e-3 * np.abs(other).max())


def test_an_export_has_no_trace_of_it(everywhere):
    generator = make_gan("scene").generator
    z = images(2, 5)
    graph = trace(lambda: generator(z, None, training=False))
    types = [operation.type for operation in graph.get_operations()]
    assert types.count("MatMul") == 1 and "Conv2DBackpropInput" in types


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
    # A checkpoint and a Keras file of an older version.
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
    """Fills memory with NaN before freeing it."""
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
    """Equal to Keras's layers in float32: values, first and second derivatives."""
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
