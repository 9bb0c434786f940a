from __future__ import annotations

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from lsgan_tf.build import build_gan
from lsgan_tf.config import resolve
from lsgan_tf.errors import UserError
from lsgan_tf.exporting.savedmodel import write_saved_model
from lsgan_tf.noise import GRID_STREAM, noise
from lsgan_tf.sampling import image_grid
from lsgan_tf.util.pixels import to_uint8

CLASSES = ("安", "宁", "A")


@dataclasses.dataclass
class Saved:
    """A model, and what was saved of it."""

    config: object
    gan: object
    path: object
    loaded: object

    def call(self, name, **arguments):
        tensors = {key: tf.constant(value) for key, value in arguments.items()}
        return self.loaded.signatures[name](**tensors)

    def images(self, name, **arguments):
        return self.call(name, **arguments)["images"].numpy()


def save(folder, classes, shape, **given):
    config, _ = resolve({"batch_size": 4, "ema_decay": 0.0, **given}, {})
    config = dataclasses.replace(config, data_shape=shape, data_classes=len(classes))
    keras.utils.set_random_seed(1)
    gan = build_gan(config)
    # Moving statistics as after training, so that the two modes of normalisation differ.
    for network in (gan.generator, gan.discriminator):
        for variable in network.non_trainable_variables:
            variable.assign(variable * 0.1 + 0.001)
    path = write_saved_model(folder / "export", config, gan, classes, 42)
    return Saved(config, gan, path, tf.saved_model.load(str(path)))


@pytest.fixture(scope="module")
def characters(tmp_path_factory):
    """The handwriting model, trained in bfloat16: the SavedModel is float32 all the same."""
    return save(
        tmp_path_factory.mktemp("characters"), CLASSES, (8, 8, 1),
        conditional=True, image_size=8, z_dim=5, label_dim=3, first_filters=4, precision="bfloat16",
    )  # fmt: skip


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    """An unconditional tanh model of colours."""
    return save(
        tmp_path_factory.mktemp("colours"), (), (16, 16, 3),
        dataset="images", image_size=16, z_dim=5, filters=16, z_distribution="normal",
    )  # fmt: skip


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    return save(tmp_path_factory.mktemp("points"), (), (2,), dataset="mixture", z_dim=5)


class TestCharacters:
    def test_signatures_and_metadata(self, characters):
        assert set(characters.loaded.signatures) == {"serving_default", "sample", "write", "score"}
        names = (characters.path / "classes.txt").read_text(encoding="utf-8")
        assert names == "安\n宁\nA\n"
        metadata = json.loads((characters.path / "export.json").read_text(encoding="utf-8"))
        assert metadata["step"] == 42
        assert metadata["config"] == characters.config.to_json()
        assert [name.decode() for name in characters.loaded.classes.numpy()] == list(CLASSES)
        inside = json.loads(characters.loaded.config_json.numpy().decode())
        assert inside == characters.config.to_json()

    def test_a_model_card_lies_beside_it(self, characters):
        text = (characters.path / "README.md").read_text(encoding="utf-8")
        assert "| steps trained | 42 of 1,000,000, 4 examples each |" in text
        assert "8x8 pixels, grey" in text and "Not evaluated" in text
        assert "Drawn at step 42" in text and "(samples.png)" in text

    def test_an_image_shows_what_it_draws(self, characters):
        """The first eight hands of the grids that the run showed, a class a row."""
        hands = noise(characters.config.seed, GRID_STREAM, 0, 12, 5, "uniform").numpy()[:8]
        images = [
            characters.images("serving_default", z=hands, label=np.full(8, label, np.int32))
            for label in range(3)
        ]
        cells = to_uint8(np.stack(images), (0, 1))
        expected = image_grid.grid(cells, rows=CLASSES, title="hwdb lsgan  step 42", scale=2)
        with Image.open(characters.path / "samples.png") as found:
            np.testing.assert_array_equal(np.asarray(found), expected)
        assert not (characters.path / "samples-raw.png").exists()

    def test_between_two_classes_the_mapped_label_is_blended(self, characters):
        z = np.random.default_rng(0).uniform(-1, 1, (3, 5)).astype(np.float32)
        first, second = np.array([0, 0, 0], np.int32), np.array([2, 2, 2], np.int32)
        found = characters.loaded.between(z, first, second, np.array([0, 0.5, 1], np.float32))
        for number, label in ((0, first), (2, second)):
            floats = characters.images("serving_default", z=z, label=label)
            np.testing.assert_allclose(found[number], floats[number], atol=1e-6)
        generator = characters.gan.generator
        phi = (generator.label_map(first) + generator.label_map(second)) / 2
        expected = generator(z, mapped_label=phi, training=False).numpy()
        np.testing.assert_allclose(found[1], expected[1], atol=0.02)  # bfloat16

    def test_serving_default_is_the_generator(self, characters):
        z = np.random.default_rng(0).uniform(-1, 1, (3, 5)).astype(np.float32)
        label = np.array([2, 0, 1], np.int32)
        found = characters.images("serving_default", z=z, label=label)
        assert found.dtype == np.float32 and found.shape == (3, 8, 8, 1)
        assert found.min() >= 0 and found.max() <= 1
        expected = characters.gan.generator(z, label, training=False).numpy()
        np.testing.assert_allclose(found, expected, atol=0.02)  # the model itself is bfloat16
        others = characters.images("serving_default", z=z, label=np.array([0, 0, 0], np.int32))
        np.testing.assert_array_equal(others[1], found[1])
        assert (others[0] != found[0]).any()

    def test_sample_is_the_generator_on_the_noise_of_the_seed(self, characters):
        z = noise(9, 0, 0, 3, 5, "uniform").numpy()
        label = np.array([2, 0, 1], np.int32)
        floats = characters.images("serving_default", z=z, label=label)
        found = characters.images("sample", count=3, seed=9, label=label)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, to_uint8(floats, (0, 1)))
        again = characters.images("sample", count=3, seed=9, label=label)
        np.testing.assert_array_equal(found, again)
        assert (found != characters.images("sample", count=3, seed=10, label=label)).any()

    @pytest.mark.parametrize("label", [1, [1]])
    def test_one_label_is_for_all(self, characters, label):
        found = characters.images("sample", count=3, seed=9, label=label)
        each = characters.images("sample", count=3, seed=9, label=[1, 1, 1])
        np.testing.assert_array_equal(found, each)

    def test_no_images(self, characters):
        assert characters.images("sample", count=0, seed=9, label=1).shape == (0, 8, 8, 1)
        assert characters.images("write", text="", seed=9).shape == (0, 8, 8, 1)

    @pytest.mark.parametrize("label", [[0, 1], [0, 1, 2, 0]])
    def test_another_number_of_labels_is_refused(self, characters, label):
        with pytest.raises(tf.errors.InvalidArgumentError, match="one label, or as many as count"):
            characters.images("sample", count=3, seed=9, label=label)

    @pytest.mark.parametrize("label", [-1, 3, [0, 1, 3]])
    def test_labels_out_of_range_are_refused(self, characters, label):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"labels must lie in 0 to.*2"):
            characters.images("sample", count=3, seed=9, label=label)
        label = np.reshape(label, -1).astype(np.int32)
        z = np.zeros((len(label), 5), np.float32)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"labels must lie in 0 to.*2"):
            characters.images("serving_default", z=z, label=label)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"labels must lie in 0 to.*2"):
            characters.call("score", images=np.zeros((len(label), 8, 8, 1), np.uint8), label=label)
        share = np.full(len(label), 0.5, np.float32)
        for first, second in ((label, 0 * label), (0 * label, label)):
            with pytest.raises(tf.errors.InvalidArgumentError, match=r"labels must lie in 0 to.*2"):
                characters.loaded.between(z, first, second, share)

    def test_write_looks_labels_up(self, characters):
        found = characters.images("write", text="A安安宁", seed=9)
        labels = np.array([2, 0, 0, 1], np.int32)
        expected = characters.images("sample", count=4, seed=9, label=labels)
        np.testing.assert_array_equal(found, expected)

    @pytest.mark.parametrize(("text", "named"), [("安xA", "x"), ("安 宁", " ")])
    def test_unknown_characters_are_named(self, characters, text, named):
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            characters.images("write", text=text, seed=9)
        assert f"not among the characters of this model:] [{named}]" in caught.value.message

    def test_an_unknown_chinese_character_is_named(self, characters):
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            characters.images("write", text="安我", seed=9)
        assert "我" in caught.value.message

    def test_score_is_that_of_d(self, characters):
        images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
        label = np.array([0, 1, 2, 0], np.int32)
        found = characters.call("score", images=images, label=label)["scores"].numpy()
        assert found.dtype == np.float32 and found.shape == (4,)
        floats = (images / 255).astype(np.float32)
        expected = characters.gan.discriminator(floats, label, training=False).numpy()
        np.testing.assert_allclose(found, expected, atol=0.05)

    def test_a_graph_in_a_session_gives_the_same(self, characters, call_as_graph):
        for name, arguments in (
            ("sample", {"count": 3, "seed": 9, "label": [2, 0, 1]}),
            ("write", {"text": "A安宁", "seed": 9}),
        ):
            found = call_as_graph(characters.path, name, "images", **arguments)
            np.testing.assert_array_equal(found, characters.images(name, **arguments))
        given = {"images": np.full((1, 8, 8, 1), 200, np.uint8), "label": [1]}
        found = call_as_graph(characters.path, "score", "scores", **given)
        expected = characters.call("score", **given)["scores"]
        np.testing.assert_allclose(found, expected, rtol=1e-5)

    def test_is_replaced_whole_and_stays_when_it_fails(self, characters, tmp_path, monkeypatch):
        write = [characters.config, characters.gan, CLASSES]
        path = write_saved_model(tmp_path / "export", *write, 1)

        def full(*arguments, **options):
            raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

        monkeypatch.setattr(tf.saved_model, "save", full)
        with pytest.raises(UserError, match="export: the disk is full while exporting"):
            write_saved_model(path, *write, 2)
        assert json.loads((path / "export.json").read_text(encoding="utf-8"))["step"] == 1
        assert [found.name for found in tmp_path.iterdir()] == ["export"]


class TestColours:
    def test_signatures_take_no_label(self, colours):
        assert set(colours.loaded.signatures) == {"serving_default", "sample", "score"}
        assert (colours.path / "classes.txt").read_text() == ""

    def test_sample_brings_tanh_to_pixels(self, colours):
        z = noise(3, 0, 0, 4, 5, "normal").numpy()
        floats = colours.images("serving_default", z=z)
        assert floats.min() < 0 and floats.min() >= -1 and floats.max() <= 1
        np.testing.assert_allclose(
            floats, colours.gan.generator(z, None, training=False).numpy(), atol=1e-5
        )
        with Image.open(colours.path / "samples.png") as picture:
            assert picture.width == 2 + 8 * (2 * 16 + 2)
        found = colours.images("sample", count=4, seed=3)
        assert found.shape == (4, 16, 16, 3)
        np.testing.assert_array_equal(found, to_uint8(floats, (-1, 1)))

    def test_score_brings_pixels_to_tanh(self, colours):
        images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
        found = colours.call("score", images=images)["scores"].numpy()
        floats = (images / 127.5 - 1).astype(np.float32)
        expected = colours.gan.discriminator(floats, None, training=False).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_points_stay_points(points):
    with Image.open(points.path / "samples.png") as picture:
        assert picture.size == (480, 500) and len(picture.getcolors()) > 2
    assert set(points.loaded.signatures) == {"serving_default", "sample", "score"}
    z = noise(3, 0, 0, 4, 5, "normal").numpy()
    found = points.images("sample", count=4, seed=3)
    assert found.dtype == np.float32 and found.shape == (4, 2)
    np.testing.assert_allclose(found, points.gan.generator(z, None).numpy(), atol=1e-6)
    scores = points.call("score", images=found)["scores"].numpy()
    np.testing.assert_allclose(scores, points.gan.discriminator(found, None).numpy(), atol=1e-6)
