"""Whole networks: sizes, ranges, labels, precision, gradients, saving."""

from __future__ import annotations

import ast
import math
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lsgan_tf.build import build_networks
from lsgan_tf.config import resolve
from lsgan_tf.networks import dcgan, digits, handwriting, mixture, mlp, scene

MODULES = {
    # module, arguments that keep it small, shape of an image
    "handwriting": (handwriting, {"image_size": 6}, (6, 6, 1)),
    "scene": (scene, {"image_size": 9}, (9, 9, 3)),
    "dcgan": (dcgan, {"image_size": 16, "filters": 4}, (16, 16, 3)),
    "digits": (digits, {"image_size": 6}, (6, 6, 1)),
    "mlp": (mlp, {"image_size": 6}, (6, 6, 3)),
    "tanh": (dcgan, {"image_size": 16, "filters": 4, "nonlinearity": "tanh"}, (16, 16, 3)),
    "gated": (dcgan, {"image_size": 16, "filters": 4, "nonlinearity": "gated"}, (16, 16, 3)),
    "mixture": (mixture, {}, (2,)),
}
LABELS = np.array([2, 0, 1, 2, 1])

every_module = pytest.mark.parametrize("model", MODULES)
every_network = pytest.mark.parametrize("which", ["generator", "discriminator"])
with_and_without_labels = pytest.mark.parametrize("num_classes", [3, 0])


def make(model: str, which: str, num_classes: int = 0, **arguments):
    """A small network, and inputs for it: an array and labels."""
    module, small, image_shape = MODULES[model]
    arguments = {**small, "num_classes": num_classes, "label_dim": 5, **arguments}
    if which == "generator":
        network, shape = module.Generator(z_dim=7, **arguments), (7,)
    else:
        network, shape = module.Discriminator(**arguments), image_shape
    inputs = np.random.default_rng(3).uniform(-1, 1, (len(LABELS), *shape))
    return network, (inputs.astype(np.float32), LABELS if num_classes else None)


def parameters(network) -> int:
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


def norms(network) -> dict[str, tuple[int, ...]]:
    return {row.name: row.shape for row in network.describe() if row.kind == "batch norm"}


# Weights at the start


@pytest.mark.parametrize("dataset", ["hwdb", "lsun", "cifar10", "digits"])
@pytest.mark.parametrize("strategy", [None, ["cpu:0", "cpu:1"]])
def test_the_deviation_of_weights(dataset, strategy):
    fields = {"dataset": dataset, "image_size": 28, "z_dim": 100, "conditional": True}
    fields |= {"label_dim": 50, "data_shape": (28, 28, 3), "data_classes": 40}
    scope = tf.distribute.MirroredStrategy(strategy).scope() if strategy else nullcontext()
    with scope:
        plain, wide = (
            build_networks(resolve(fields | more, {})[0]) for more in ({}, {"weight_sd": 0.05})
        )
    for one, other in zip(plain, wide, strict=True):
        for before, after in zip(one.trainable_weights, other.trainable_weights, strict=True):
            before_values, after_values = before.numpy(), after.numpy()
            if "kernel" not in before.name:  # N(1, 0.02), 0 or 1, whatever the weights' deviation
                assert abs(before_values.mean() - after_values.mean()) < 0.02
                continue
            # A normal cut at two deviations has 0.88 of them.
            cut = 0.88 if np.abs(before_values).max() <= 0.0401 else 1.0
            tolerance = 4 / np.sqrt(2 * before_values.size)
            assert before_values.std() == pytest.approx(0.02 * cut, rel=tolerance), before.path
            assert after_values.std() == pytest.approx(0.05 * cut, rel=tolerance), after.path


# Sizes, ranges


@settings(max_examples=6, deadline=None)
@given(size=st.integers(4, 24))
@pytest.mark.parametrize("model", ["handwriting", "scene", "dcgan", "digits"])
def test_any_image_size(model, size):
    channels = MODULES[model][2][-1]
    generator, (z, _) = make(model, "generator", image_size=size)
    images = generator(z)
    assert images.shape == (len(LABELS), size, size, channels)
    discriminator, _ = make(model, "discriminator", image_size=size)
    assert discriminator(images).shape == (len(LABELS),)


@pytest.mark.parametrize("model", ["scene", "dcgan"])
@pytest.mark.parametrize("size", [64, 96, 128])
def test_describe_follows_the_image_size(model, size):
    generator, _ = make(model, "generator", image_size=size)
    assert generator.describe()[-1].shape[:2] == (size, size)
    discriminator, _ = make(model, "discriminator", image_size=size)
    assert discriminator.describe()[0].shape[:2] == (size // 2, size // 2)


def test_perceptrons_start_orthogonal():
    kernel = mixture.Generator().h1.kernel.numpy()
    np.testing.assert_allclose(kernel.T @ kernel, 1.4**2 * np.eye(128), atol=1e-5)


@every_module
def test_output_ranges(model):
    generator, (z, _) = make(model, "generator")
    generator.set_weights([50 * weight for weight in generator.get_weights()])
    images = generator(z * 50).numpy()
    expected = {"handwriting": (0.0, 1.0), "mixture": None}.get(model, (-1.0, 1.0))
    assert generator.output_range == expected
    if expected:
        assert (images.min(), images.max()) == pytest.approx(expected, abs=1e-3)
    else:
        assert np.abs(images).max() > 2


# Labels


@every_module
@every_network
def test_the_label_matters(model, which):
    network, (inputs, _) = make(model, which, num_classes=3)
    network.set_weights([5 * weight for weight in network.get_weights()])
    zeros, ones = (network(inputs, np.full(len(inputs), label)).numpy() for label in (0, 1))
    assert np.abs(zeros - ones).max() > 1e-4


@every_module
@every_network
def test_a_conditional_network_asks_for_labels_and_another_ignores_them(model, which):
    network, (inputs, _) = make(model, which, num_classes=3)
    with pytest.raises(ValueError, match=f"{which} is conditional"):
        network(inputs)
    network, (inputs, _) = make(model, which, num_classes=0)
    np.testing.assert_array_equal(network(inputs, LABELS), network(inputs))


@pytest.mark.parametrize(
    ("label", "received"),
    [
        (LABELS[:, None], "int64 of shape (5, 1)"),
        (LABELS.astype(np.float32), "float32 of shape (5,)"),
        (np.eye(5, dtype=np.float32), "float32 of shape (5, 5)"),  # as long as a mapped label
        (LABELS > 1, "bool of shape (5,)"),
        (np.array(1), "int64 of shape ()"),
    ],
)
@every_module
@every_network
def test_a_label_of_another_shape_or_type_is_refused(model, which, label, received):
    network, (inputs, _) = make(model, which, num_classes=3)
    with pytest.raises(ValueError, match="Expected labels that are integers in") as caught:
        network(inputs, label)
    expected = f"Expected labels that are integers in [0, 3) of shape (n,). Received: {received}; "
    assert expected in str(caught.value)


@every_module
@every_network
def test_labels_may_be_a_list_or_of_any_integers(model, which):
    network, (inputs, _) = make(model, which, num_classes=3)
    expected = network(inputs, LABELS)
    for label in (LABELS.tolist(), LABELS.astype(np.uint8), tf.constant(LABELS, tf.int32)):
        np.testing.assert_array_equal(network(inputs, label=label), expected)


@every_module
def test_a_mapped_label_takes_the_place_of_the_label(model):
    generator, (z, _) = make(model, "generator", num_classes=3)
    rows = generator.label_map(LABELS)
    found = generator(z, mapped_label=rows)
    np.testing.assert_array_equal(found, generator(z, LABELS))
    # Half way between two classes is neither.
    zeros, ones = (generator.label_map(np.full(5, label)) for label in (0, 1))
    generator.set_weights([5 * weight for weight in generator.get_weights()])
    between = generator(z, mapped_label=(zeros + ones) / 2)
    for label in (0, 1):
        assert np.abs(between - generator(z, np.full(5, label))).max() > 1e-4


@every_module
@pytest.mark.parametrize(
    ("num_classes", "label", "mapped", "message"),
    [
        (3, None, np.zeros((5, 4), np.float32), "(n, 5). Received: float32 of shape (5, 4)"),
        (3, None, np.zeros(5, np.float32), "(n, 5). Received: float32 of shape (5,)"),
        (3, None, np.zeros((5, 5), int), "(n, 5). Received: int64 of shape (5, 5)"),
        (3, LABELS, np.zeros((5, 5), np.float32), "no mapped_label, since the label is given too"),
        (0, None, np.zeros((5, 5), np.float32), "since the generator is unconditional"),
    ],
)
def test_a_mapped_label_that_cannot_be_is_refused(model, num_classes, label, mapped, message):
    generator, (z, _) = make(model, "generator", num_classes=num_classes)
    with pytest.raises(ValueError, match=r"Expected .*mapped_label") as caught:
        generator(z, label, mapped_label=mapped)
    assert message in str(caught.value)


# Projection


@pytest.mark.parametrize("model", [name for name in MODULES if name != "mixture"])
def test_a_projection_adds_the_product_of_features_and_embedding(model):
    plain, (x, labels) = make(model, "discriminator", num_classes=3)
    network, _ = make(model, "discriminator", num_classes=3, projection=True)
    known = {weight.path: weight for weight in plain.weights}
    for weight in network.weights:
        if weight.path in known:
            weight.assign(known[weight.path])
    score = plain(x, labels).numpy()
    # Embeddings are zero at first.
    np.testing.assert_array_equal(network(x, labels), score)
    embeddings = network.projected.embeddings
    assert parameters(network) == parameters(plain) + math.prod(embeddings.shape)
    # Only scores of a class change by its row, and in proportion to it.
    rows = np.zeros(embeddings.shape, np.float32)
    rows[1] = np.linspace(0.5, 1.0, rows.shape[1])
    changes = []
    for factor in (1, 2):
        embeddings.assign(factor * rows)
        changes.append(network(x, labels).numpy() - score)
    assert ((changes[0] != 0) == (labels == 1)).all()
    np.testing.assert_allclose(changes[1], 2 * changes[0], rtol=1e-4)


def test_a_projection_requires_classes():
    with pytest.raises(ValueError, match="projection=True requires num_classes"):
        make("dcgan", "discriminator", projection=True)


# Arguments


def test_arguments_are_those_of_the_bases_and_its_own():
    assert {
        name: parameter.default for name, parameter in dcgan.Generator.arguments.parameters.items()
    } == {
        "image_size": 64, "channels": 3, "num_classes": 0, "z_dim": 1024, "label_dim": 256,
        "batch_norm": True, "gamma": "normal", "synchronized": True, "filters": 64,
        "constant_filters": False, "nonlinearity": "relu", "flat_norm": False,
    }  # fmt: skip
    discriminator = handwriting.Discriminator.arguments.parameters
    assert {name: parameter.default for name, parameter in discriminator.items()} == {
        "image_size": 28, "channels": 1, "num_classes": 3740, "label_dim": 256,
        "projection": False, "batch_norm": True, "layer_norm": False, "gamma": "normal",
        "synchronized": True, "first_filters": 256, "width": 1.0,
    }  # fmt: skip
    # A subclass leaves its base as it was.
    assert "width" not in digits.Discriminator.arguments.parameters
    assert digits.Generator.arguments.parameters["z_dim"].default == 100


@every_module
@every_network
def test_every_argument_is_kept(model, which):
    network, _ = make(model, which)
    config = network.get_config()
    assert list(config) == ["name", "dtype", *network.arguments.parameters]
    assert all(getattr(network, name) == config[name] for name in network.arguments.parameters)


def test_the_first_argument_may_be_given_by_position():
    assert dcgan.Discriminator(16, filters=2).image_size == 16
    assert mixture.Generator(3).dim == 3


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (
            lambda: handwriting.Generator(image_size=8, widht=0.1),
            "lsgan_tf.networks.handwriting.Generator: got an unexpected keyword argument 'widht'; "
            "its arguments are image_size, channels, num_classes, z_dim, label_dim, batch_norm, "
            "gamma, synchronized, width, name, dtype",
        ),
        (
            lambda: scene.Discriminator(z_dim=5),
            "lsgan_tf.networks.scene.Discriminator: got an unexpected keyword argument 'z_dim'; ",
        ),
        (
            lambda: dcgan.Generator(8, 3),
            "lsgan_tf.networks.dcgan.Generator: too many positional arguments; ",
        ),
        (
            lambda: mlp.Generator(8, image_size=8),
            "lsgan_tf.networks.mlp.Generator: multiple values for argument 'image_size'; ",
        ),
    ],
)
def test_arguments_that_there_are_not(make_it, message):
    with pytest.raises(TypeError) as caught:
        make_it()
    assert str(caught.value).startswith(message)


# Precision


@every_module
@every_network
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_outputs_and_weights_are_float32_under_a_mixed_policy(model, which, policy):
    exact, (inputs, labels) = make(model, which, num_classes=3)
    network, _ = make(model, which, num_classes=3, dtype=policy)
    network.set_weights(exact.get_weights())
    output = network(inputs, labels, training=True)
    assert output.dtype == tf.float32
    assert {weight.dtype for weight in network.weights} == {"float32"}
    compute = {network.get_layer(row.name).compute_dtype for row in network.describe()}
    half = policy.removeprefix("mixed_")
    last_in_float32 = which == "discriminator" or model == "mixture"
    assert compute == ({half, "float32"} if last_in_float32 else {half})
    difference = np.abs(output - exact(inputs, labels, training=True)).max()
    assert 0 < difference < 0.2


def test_the_global_policy_is_neither_read_nor_changed():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network, _ = make("handwriting", "discriminator", num_classes=3)
        compute = {network.get_layer(row.name).compute_dtype for row in network.describe()}
        assert compute == {"float32"}
        make("handwriting", "discriminator", dtype="mixed_bfloat16")
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy(before)


# Normalisation


@every_network
@pytest.mark.parametrize("model", ["handwriting", "scene", "dcgan"])
def test_normalisation_can_be_removed_and_its_gamma_chosen(model, which):
    without, _ = make(model, which, batch_norm=False)
    assert not norms(without)
    assert not without.non_trainable_weights
    one, _ = make(model, which, gamma="one")
    normal, _ = make(model, which, gamma="normal")
    assert parameters(one) > parameters(without)
    for name in norms(one):
        assert (one.get_layer(name).gamma.numpy() == 1).all()
        assert (normal.get_layer(name).gamma.numpy() != 1).any()


@pytest.mark.parametrize("model", ["handwriting", "scene", "dcgan", "digits"])
def test_with_layer_normalisation_each_example_is_scored_alone(model):
    network, (inputs, labels) = make(
        model, "discriminator", num_classes=3, batch_norm=False, layer_norm=True
    )
    assert not network.non_trainable_weights
    together = network(inputs, labels, training=True).numpy()
    alone = [
        network(inputs[row : row + 1], labels[row : row + 1], training=True).numpy()[0]
        for row in range(len(inputs))
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)
    again = type(network).from_config(network.get_config())
    assert again.describe() == network.describe()


@every_network
@pytest.mark.parametrize("training", [True, False, None])
def test_only_training_moves_the_statistics(which, training):
    network, (inputs, _) = make("dcgan", which)
    before = [weight.numpy() for weight in network.non_trainable_weights]
    network(inputs, training=training)
    after = [weight.numpy() for weight in network.non_trainable_weights]
    moved = [not np.array_equal(*pair) for pair in zip(before, after, strict=True)]
    assert set(moved) == {bool(training)}


# Gradients, saving, strategies


@every_module
@every_network
@with_and_without_labels
def test_every_weight_is_used(model, which, num_classes):
    network, (inputs, labels) = make(model, which, num_classes)
    with tf.GradientTape() as tape:
        output = network(inputs, labels)
        loss = tf.reduce_sum(output * np.random.default_rng(4).normal(size=output.shape))
    gradients = tape.gradient(loss, [weight.value for weight in network.trainable_weights])
    for weight, gradient in zip(network.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.abs(gradient).max() > 0, weight.path


@every_module
@every_network
@with_and_without_labels
def test_weights_are_all_there_and_named_before_any_call(model, which, num_classes):
    network, (inputs, labels) = make(model, which, num_classes)
    assert network.built
    paths = [weight.path for weight in network.weights]
    assert len(set(paths)) == len(paths)
    named = {path.split("/")[1] for path in paths}
    assert all(path.startswith(f"{which}/") for path in paths)
    assert named == {row.name for row in network.describe()}
    network(inputs, labels, training=True)
    assert [weight.path for weight in network.weights] == paths


@every_module
@every_network
@with_and_without_labels
def test_config_round_trip(model, which, num_classes):
    network, _ = make(model, which, num_classes, dtype="mixed_bfloat16")
    again = type(network).from_config(network.get_config())
    assert again.get_config() == network.get_config()
    assert again.describe() == network.describe()
    assert again.dtype_policy.name == "mixed_bfloat16"


@every_module
@every_network
@pytest.mark.parametrize(("policy", "num_classes"), [("float32", 3), ("mixed_bfloat16", 0)])
def test_a_saved_network_gives_equal_outputs(model, which, num_classes, policy, tmp_path):
    network, (inputs, labels) = make(model, which, num_classes, dtype=policy)
    network(inputs, labels, training=True)
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    assert type(again) is type(network)
    np.testing.assert_array_equal(again(inputs, labels), network(inputs, labels))


@every_module
@every_network
def test_made_and_run_under_a_strategy_inside_a_function(model, which):
    strategy = tf.distribute.MirroredStrategy(["cpu:0"])
    with strategy.scope():
        network, (inputs, labels) = make(model, which, num_classes=3)

    @tf.function
    def step(inputs, labels):
        return strategy.run(lambda *args: network(*args, training=True), (inputs, labels))

    output = step(tf.constant(inputs), tf.constant(labels)).numpy()
    network.set_weights(network.get_weights())
    assert output.shape[0] == len(LABELS)
    assert np.isfinite(output).all()


@pytest.mark.parametrize("batch", [1, 3])
def test_the_batch_may_be_of_any_size_in_one_trace(batch):
    network, _ = make("handwriting", "discriminator", num_classes=3)
    signature = [tf.TensorSpec((None, 6, 6, 1)), tf.TensorSpec((None,), tf.int32)]
    function = tf.function(network, input_signature=signature)
    images = np.random.default_rng(0).random((batch, 6, 6, 1), np.float32)
    scores = function(images, np.zeros(batch, np.int32))
    np.testing.assert_allclose(scores, network(images, np.zeros(batch, np.int32)), atol=1e-6)


def test_no_definition_names_tensorflow():
    for path in Path(dcgan.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            names.append(getattr(node, "module", None) or "")
            assert not any(name.startswith("tensorflow") for name in names), path.name
