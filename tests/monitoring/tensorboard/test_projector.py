"""The Projector's files as TensorBoard reads them, up to all 3,740 characters."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tensorboard.plugins.projector import projector_plugin
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from lsgan_tf.build import build_gan
from lsgan_tf.config import resolve
from lsgan_tf.monitoring.tensorboard.projector import (
    CONFIG,
    LARGEST,
    Projector,
    make_sprite,
    tile_size,
)


def model(source, dim=4):
    given = {"dataset": "hwdb", "conditional": True, "image_size": 8, "first_filters": 4}
    config, _ = resolve(given | {"z_dim": 6, "label_dim": dim, "width": 0.1}, {})
    classes = len(source.classes)
    keras.utils.set_random_seed(0)
    return build_gan(dataclasses.replace(config, data_shape=source.shape, data_classes=classes))


def read(folder):
    config = ProjectorConfig()
    text_format.Parse((folder / CONFIG).read_text(encoding="utf-8"), config)
    return config


@pytest.mark.parametrize("classes", [1, 4, 3740])
def test_tensorboard_reads_vectors_names_and_images(tmp_path, blots, classes):
    source = blots(classes, length=2 * classes)
    gan = model(source)
    Projector(tmp_path, gan, source).write()
    shown = read(tmp_path).embeddings
    networks = (gan.generator, gan.discriminator)
    for embedding, network in zip(shown, networks, strict=True):
        assert network.name in embedding.tensor_name
        kernel = network.label_map.kernel.numpy()
        path = projector_plugin._rel_to_abs_asset_path(
            embedding.tensor_path, str(tmp_path / CONFIG)
        )
        vectors = projector_plugin._read_tensor_tsv_file(path)
        np.testing.assert_allclose(vectors, kernel, rtol=1e-3)
        assert tuple(embedding.tensor_shape) == vectors.shape == kernel.shape
        rows = (tmp_path / embedding.metadata_path).read_text(encoding="utf-8").splitlines()
        assert rows[0] == "character\tlabel"
        assert rows[1:] == [f"{name}\t{n}" for n, name in enumerate(source.classes)]
        width, height = embedding.sprite.single_image_dim
        with Image.open(tmp_path / embedding.sprite.image_path) as sprite:
            assert max(sprite.size) <= LARGEST
            columns = sprite.width // width
            assert columns * (sprite.height // height) >= classes > (columns - 1) ** 2


def test_vectors_are_brought_up_to_date_and_the_rest_stays(tmp_path, blots):
    source = blots()
    gan = model(source)
    Projector(tmp_path, gan, source).write()
    (tmp_path / "projector" / ".sprite.png.abcdefgh.tmp").write_bytes(b"of a killed process")
    before = (tmp_path / "projector" / "sprite.png").stat().st_mtime_ns
    gan.generator.label_map.kernel.assign(np.full((4, 4), 0.25, np.float32))
    Projector(tmp_path, gan, source).write()
    assert (tmp_path / "projector" / "generator.tsv").read_text() == "0.25\t0.25\t0.25\t0.25\n" * 4
    assert (tmp_path / "projector" / "sprite.png").stat().st_mtime_ns == before
    files = {path.name for path in (tmp_path / "projector").iterdir()}
    assert files == {"generator.tsv", "discriminator.tsv", "characters.tsv", "sprite.png"}


def test_names_of_folders_cannot_break_the_table(tmp_path, blots):
    source = blots()
    source.classes = ("a\tb", "c\nd", "  ", "plain")
    Projector(tmp_path, model(source), source).write()
    rows = (tmp_path / "projector" / "characters.tsv").read_text().splitlines()
    assert rows == ["character\tlabel", "a b\t0", "c d\t1", "?\t2", "plain\t3"]


class TestSprite:
    def test_each_class_has_a_real_example_of_its_own_in_its_place(self, blots):
        source = blots(classes=5, length=50)
        sprite = make_sprite(source)
        assert sprite.tile == 8 and sprite.image.shape == (24, 24)
        for label in range(5):
            top, left = (8 * place for place in divmod(label, 3))
            tile = sprite.image[top : top + 8, left : left + 8]
            mine = source.pictures[label::5, :, :, 0]
            assert any((tile == picture).all() for picture in mine)
        assert (sprite.image[8:16, 16:24] == 255).all()  # the first tile of no class

    def test_it_is_the_example_nearest_to_the_mean(self, blots):
        source = blots(classes=1, length=3)
        source.pictures[:] = np.array([0, 90, 240], np.uint8)[:, None, None, None]
        assert (make_sprite(source).image == 90).all()

    def test_colours_stay_and_a_class_without_examples_is_grey(self, blots):
        source = blots(classes=3, length=2, channels=3)
        sprite = make_sprite(source)
        assert sprite.image.shape == (16, 16, 3)
        np.testing.assert_array_equal(sprite.image[:8, 8:], source.pictures[1])
        assert (sprite.image[8:, :8] == 128).all()

    def test_large_images_are_shrunk(self, blots):
        source = blots(classes=2, size=256, length=4)
        source.pictures[:] = 7
        sprite = make_sprite(source)
        assert sprite.tile == 128 and (sprite.image[:128] == 7).all()

    @given(st.integers(1, 1024), st.integers(1, 10**6))
    def test_all_tiles_fit(self, size, count):
        tile = tile_size(size, count)
        columns = int(np.ceil(np.sqrt(count)))
        assert 1 <= tile <= size and columns * tile <= LARGEST
