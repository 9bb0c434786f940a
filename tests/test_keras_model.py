"""The GAN as users of Keras treat a model: save, load, predict, evaluate, callbacks, export."""

from __future__ import annotations

import functools
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import lsgan_tf
from lsgan_tf.errors import UserError
from lsgan_tf.keras_model import EVALUATED
from lsgan_tf.losses import lsgan_discriminator, lsgan_generator
from lsgan_tf.networks import dcgan, mixture

POINTS = np.random.default_rng(0).normal(size=(10, 2)).astype(np.float32)
IMAGES = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 1)).astype(np.uint8)
LABELS = (np.arange(10) % 3).astype(np.int32)


def points_gan(optimizer="adam", objective=None, **given):
    keras.utils.set_random_seed(0)
    gan = lsgan_tf.GAN(
        mixture.Generator(z_dim=4, hidden=8),
        mixture.Discriminator(hidden=8),
        objective or lsgan_tf.objective("lsgan", a=-1.0, b=1.0, c=0.0),
        **{"batch_size": 6, "z_dim": 4, "pixel_range": None, "seed": 3} | given,
    )
    gan.compile(*(lsgan_tf.make_optimizer(optimizer, 1e-2) for _ in range(2)))
    return gan


def images_gan(policy="float32", penalty=False, **given):
    keras.utils.set_random_seed(0)
    shared = {"image_size": 8, "channels": 1, "filters": 2, "num_classes": 3, "label_dim": 2}
    shared["dtype"] = policy
    normalised = {"batch_norm": False, "layer_norm": True} if penalty else {}
    gan = lsgan_tf.GAN(
        dcgan.Generator(z_dim=4, **shared),
        dcgan.Discriminator(**shared, **normalised),
        lsgan_tf.objective("nsgan"),
        batch_size=6,
        z_dim=4,
        conditional=True,
        gradient_penalty=lsgan_tf.GradientPenalty(2.0, 0.5) if penalty else None,
        **given,
    )
    scaled = {"loss_scaling": policy == "mixed_float16"}
    gan.compile(*(lsgan_tf.make_optimizer("adam", 1e-3, **scaled) for _ in range(2)))
    return gan


def data_for(gan):
    arrays = POINTS if gan.pixel_range is None else (IMAGES, LABELS)
    return tf.data.Dataset.from_tensor_slices(arrays).batch(6)


def fit(gan, epochs=1, **options):
    return gan.fit(data_for(gan), epochs=epochs, shuffle=False, verbose=0, **options)


def values(gan):
    return [variable.numpy() for variable in gan.state_variables()]


def arguments(gan):
    """Those of the constructor that are not networks."""
    config = gan.get_config()
    return {n: v for n, v in config.items() if n not in ("generator", "discriminator")}


def same(gan, other):
    pairs = zip(values(gan), values(other), strict=True)
    return all(np.array_equal(one, another) for one, another in pairs)


@keras.saving.register_keras_serializable(package="test")
class OwnGenerator(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.point = keras.layers.Dense(2)

    def call(self, z, label=None, training=None):
        return self.point(z)


@keras.saving.register_keras_serializable(package="test")
class OwnDiscriminator(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.score = keras.layers.Dense(1)

    def call(self, x, label=None, training=None):
        return self.score(x)[:, 0]


@keras.saving.register_keras_serializable(package="test")
def own_d_loss(real, fake):
    return lsgan_discriminator(real, fake)


@keras.saving.register_keras_serializable(package="test")
def own_g_loss(fake):
    return lsgan_generator(fake)


def own_gan():
    generator, discriminator = OwnGenerator(), OwnDiscriminator()
    discriminator(generator(tf.zeros((1, 4))))
    gan = lsgan_tf.GAN(
        generator, discriminator, lsgan_tf.Objective(own_d_loss, own_g_loss), batch_size=6,
        z_dim=4, pixel_range=None, clip_norm=0.5, ema_decay=0.9,
    )  # fmt: skip
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    gan.compile(keras.optimizers.SGD(schedule, 0.9), keras.optimizers.Adam(1e-3))
    return gan


@pytest.mark.parametrize(
    "make",
    [
        lambda: points_gan("rmsprop", d_steps=2, z_distribution="normal", noise_generator="hash"),
        lambda: images_gan(ema_decay=0.9, joint_passes=True),
        lambda: images_gan("mixed_float16", penalty=True),
        own_gan,
    ],
    ids=["points", "images", "float16", "own networks"],
)
def test_a_loaded_model_goes_on_as_if_it_had_not_been_saved(tmp_path, make):
    gan = make()
    fit(gan)
    gan.save(tmp_path / "gan.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["gan.keras"]
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert loaded is not gan and type(loaded) is lsgan_tf.GAN
    assert same(loaded, gan) and arguments(loaded) == arguments(gan)
    assert int(loaded.step.numpy()) == 2
    history, expected = fit(loaded).history, fit(gan).history
    np.testing.assert_equal(history, expected)  # float16 begins with a skipped step, NaN
    assert same(loaded, gan)
    assert int(loaded.step.numpy()) == 4


def test_convolutions_left_to_tensorflow_stay_so(tmp_path):
    gan = images_gan()
    gan.generator.use_direct_convolutions()
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert all(layer.direct for layer in loaded.generator.layers if hasattr(layer, "direct"))


def test_the_import_of_the_module_is_enough_to_load(tmp_path):
    gan = images_gan()
    gan.save(tmp_path / "gan.keras")
    z = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    code = (
        "import sys, keras, numpy as np, lsgan_tf.gan; "
        "gan = keras.models.load_model(sys.argv[1]); "
        "z = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4); "
        "np.save(sys.argv[2], gan.predict((z, np.array([0, 2])), verbose=0))"
    )
    words = [tmp_path / "gan.keras", tmp_path / "images.npy"]
    subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True)
    expected = gan.predict((z, np.array([0, 2])), verbose=0)
    np.testing.assert_allclose(np.load(words[1]), expected, atol=1e-6)


def test_loaded_without_its_optimizers_it_generates(tmp_path):
    gan = points_gan()
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras", compile=False)
    z = np.ones((3, 4), np.float32)
    np.testing.assert_array_equal(loaded(z), gan(z))


def test_weights_alone(tmp_path):
    gan, other = points_gan(), points_gan(seed=4)
    fit(gan)
    gan.save_weights(tmp_path / "gan.weights.h5")
    other.load_weights(tmp_path / "gan.weights.h5")
    assert same(other, gan)


# What cannot be saved


def test_a_save_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "gan.keras"
    points_gan().save(path)
    before = path.read_bytes()
    for d_loss in (lambda real, fake: real, functools.partial(lsgan_discriminator, a=0.1)):
        own = lsgan_tf.Objective(d_loss, lambda fake: fake)
        with pytest.raises(UserError, match=r"functions of your own.*gan\.generator\.save"):
            points_gan(objective=own).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["gan.h5", "gan"])
def test_another_suffix_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=rf"ends in \.keras\. Received: {name}; .*save_weights"):
        points_gan().save(tmp_path / name)


def test_a_class_that_keras_does_not_know_is_named(tmp_path):
    class Unregistered(OwnGenerator):
        pass

    generator, discriminator = Unregistered(), OwnDiscriminator()
    discriminator(generator(tf.zeros((1, 4))))
    gan = lsgan_tf.GAN(
        generator, discriminator, lsgan_tf.objective("lsgan"), batch_size=2, z_dim=4,
        pixel_range=None,
    )  # fmt: skip
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    gan.save(tmp_path / "gan.keras")
    with pytest.raises(UserError, match=r"'Unregistered'; decorate it with") as caught:
        keras.models.load_model(tmp_path / "gan.keras")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
    loaded = keras.models.load_model(
        tmp_path / "gan.keras", custom_objects={"Unregistered": Unregistered}
    )
    assert same(loaded, gan)


# Images


def test_predict_takes_noise_and_labels_in_every_form():
    gan = images_gan(ema_decay=0.9)
    fit(gan)
    z = np.random.default_rng(1).uniform(-1, 1, (5, 4)).astype(np.float32)
    labels = LABELS[:5]
    expected = gan.average(z, labels, training=False)
    pairs = tf.data.Dataset.from_tensor_slices((z, labels)).batch(2)
    for found in (
        gan.predict((z, labels), verbose=0),
        gan.predict([z, labels], batch_size=2, verbose=0),
        gan.predict(pairs, verbose=0),
        gan((z, labels)),
    ):
        assert found.shape == (5, 8, 8, 1)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(expected - gan.generator(z, labels)).max() > 0


def test_predict_without_labels():
    gan = points_gan()
    z = np.random.default_rng(1).uniform(-1, 1, (5, 4))
    np.testing.assert_allclose(
        gan.predict(z, verbose=0), gan.generator(z.astype(np.float32)), atol=1e-6
    )


@pytest.mark.parametrize(
    ("make", "inputs", "reason"),
    [
        (points_gan, np.zeros((2, 5)), r"noise of shape \(n, 4\). Received: shape \(2, 5\)"),
        (points_gan, np.zeros(4), r"noise of shape \(n, 4\)"),
        (points_gan, (np.zeros((2, 4)), np.zeros(2, int)), "noise without labels"),
        (images_gan, np.zeros((2, 4)), r"\(noise, labels\), since the model is conditional"),
    ],
)
def test_noise_of_another_form_is_refused(make, inputs, reason):
    with pytest.raises(ValueError, match=reason):
        make()(inputs)


# Losses


def test_evaluate_measures_both_losses_and_updates_nothing():
    gan = images_gan(ema_decay=0.9)
    fit(gan)
    before = values(gan)
    found = gan.evaluate(data_for(gan), verbose=0, return_dict=True)
    assert set(found) == set(EVALUATED)
    assert gan.evaluate(data_for(gan), verbose=0) == [found[name] for name in EVALUATED]
    assert all(np.array_equal(a, b) for a, b in zip(before, values(gan), strict=True))
    real = gan.discriminator(IMAGES / np.float32(127.5) - 1, LABELS, training=False)
    assert found["score_real"] == pytest.approx(float(tf.reduce_mean(real)), rel=1e-4)
    fakes = [
        gan.discriminator(
            gan.generator(
                lsgan_tf.gan.noise(gan.seed, 1 << 21, seen, count, 4, "uniform"),
                LABELS[seen : seen + count],
            ),
            LABELS[seen : seen + count],
        )
        for seen, count in ((0, 6), (6, 4))
    ]
    fake = tf.concat(fakes, 0)
    assert found["score_fake"] == pytest.approx(float(tf.reduce_mean(fake)), rel=1e-4)
    d_loss, g_loss = gan.objective.discriminator(real, fake), gan.objective.generator(fake)
    assert found["d_loss"] == pytest.approx(float(d_loss), rel=1e-4)
    assert found["g_loss"] == pytest.approx(float(g_loss), rel=1e-4)


def test_evaluate_without_labels_is_refused():
    with pytest.raises(ValueError, match="since the model is conditional"):
        images_gan().test_step(tf.zeros((6, 8, 8, 1)))


def test_validation_and_checkpoints_while_fitting(tmp_path):
    gan, undisturbed = points_gan(), points_gan()
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
        keras.callbacks.ModelCheckpoint(
            tmp_path / "best.weights.h5", "val_d_loss", save_best_only=True, mode="max",
            save_weights_only=True,
        ),
    ]  # fmt: skip
    history = fit(gan, 3, validation_data=data_for(gan), callbacks=callbacks).history
    assert {f"val_{name}" for name in EVALUATED} < set(history)
    assert history["val_d_loss"][-1] == gan.evaluate(data_for(gan), verbose=0)[0]
    assert len(set(history["val_d_loss"])) == 3
    fit(undisturbed, 3)
    assert same(gan, undisturbed)
    loaded = keras.models.load_model(tmp_path / "2.keras")
    fit(loaded)
    assert same(loaded, gan)
    best = int(np.argmax(history["val_d_loss"])) + 1
    gan.load_weights(tmp_path / "best.weights.h5")
    assert same(gan, keras.models.load_model(tmp_path / f"{best}.keras"))


def test_fit_takes_arrays():
    gan = images_gan()
    gan.fit(IMAGES, LABELS, batch_size=6, verbose=0, validation_data=(IMAGES, LABELS))
    assert int(gan.step.numpy()) == 2


@pytest.mark.parametrize("options", [{"sample_weight": np.ones(10)}, {"class_weight": {0: 2.0}}])
def test_weights_of_examples_are_refused(options):
    with pytest.raises(ValueError, match="sample_weight or class_weight too"):
        images_gan().fit(IMAGES, LABELS, batch_size=6, verbose=0, **options)


def test_one_optimizer_for_both_and_names_are_refused():
    gan, optimizer = points_gan(), keras.optimizers.SGD(0.1)
    with pytest.raises(ValueError, match=r"make_optimizer\('adam', 2e-4\) twice.*: one for both"):
        gan.compile(optimizer, optimizer)
    with pytest.raises(ValueError, match="Received: 'adam'"):
        gan.compile("adam", "adam")


# Export


def test_networks_and_the_gan_are_exported(tmp_path):
    gan = images_gan(ema_decay=0.9)
    fit(gan)
    gan.generator.export(tmp_path / "generator", verbose=False)
    gan.discriminator.export(tmp_path / "discriminator", verbose=False)
    gan.export(tmp_path / "gan", verbose=False)
    z, labels = tf.ones((3, 4)), tf.constant([0, 1, 2])
    for name, network in (("generator", gan.generator), ("gan", gan.average)):
        loaded = tf.saved_model.load(tmp_path / name)
        assert set(loaded.signatures["serve"].structured_input_signature[1]) == {"z", "label"}
        np.testing.assert_allclose(loaded.serve(z, labels), network(z, labels), atol=1e-6)
    images = tf.zeros((3, 8, 8, 1))
    loaded = tf.saved_model.load(tmp_path / "discriminator")
    np.testing.assert_allclose(
        loaded.serve(images, labels), gan.discriminator(images, labels), atol=1e-5
    )


def test_points_are_exported_and_the_generator_saved(tmp_path):
    gan = points_gan()
    gan.export(tmp_path / "gan", verbose=False)
    gan.discriminator.export(tmp_path / "discriminator", verbose=False)
    gan.generator.save(tmp_path / "generator.keras")
    z = tf.ones((3, 4))
    expected = gan.generator(z)
    loaded = tf.saved_model.load(tmp_path / "gan")
    np.testing.assert_allclose(loaded.serve(z), expected, atol=1e-6)
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    np.testing.assert_array_equal(loaded(z), expected)
