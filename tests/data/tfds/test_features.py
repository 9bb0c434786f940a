"""Which features are the image and the label."""

from __future__ import annotations

import types

import numpy as np
import pytest
import tensorflow_datasets as tfds

from lsgan_tf.data.tfds.features import choose, images_of
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast

Image, ClassLabel = tfds.features.Image, tfds.features.ClassLabel


def info(keys=None, **features):
    features = tfds.features.FeaturesDict(features)
    return types.SimpleNamespace(features=features, supervised_keys=keys)


def chosen(given, *, image=None, label=None, labelled=True):
    return choose(given, name="x", image=image, label=label, labelled=labelled)


def test_the_only_ones_are_taken_wherever_they_are():
    found = chosen(
        info(
            id=tfds.features.Text(),
            inner={"picture": Image(shape=(4, 4, 1)), "kind": ClassLabel(num_classes=3)},
            depth=Image(shape=(4, 4, 1), dtype=np.float32),
            mask=tfds.features.LabeledImage(labels=3, shape=(4, 4, 1)),
        )
    )
    assert found == ("inner/picture", 1, "inner/kind", ("0", "1", "2"))


@pytest.mark.parametrize(("channels", "expected"), [(1, 1), (3, 3), (4, 3)])
def test_colour_is_as_in_the_data(channels, expected):
    found = chosen(info(image=Image(shape=(None, None, channels))), labelled=False)
    assert found == ("image", expected, None, ())


def test_of_several_those_for_supervised_learning_are_taken():
    features = {
        "image": Image(),
        "other": Image(),
        "fine": ClassLabel(names=["a", "b"]),
        "coarse": ClassLabel(names=["c"]),
    }
    keyed = info(("image", "fine"), **features)
    assert chosen(keyed) == ("image", 3, "fine", ("a", "b"))
    assert chosen(keyed, image="other", label="coarse") == ("other", 3, "coarse", ("c",))
    with pytest.raises(UserError, match=r"with --tfds_image: image \(Image\), other \(Image\)"):
        chosen(info(**features))
    with pytest.raises(
        UserError, match=r"choose one with --tfds_label: coarse \(ClassLabel\), fine"
    ):
        chosen(info(**features), image="image")
    assert chosen(info(**features), image="image", labelled=False).label is None


def test_a_map_of_images_to_images_is_ambiguous():
    with pytest.raises(UserError, match="choose one with --tfds_image: high"):
        chosen(info(("low", "high"), low=Image(), high=Image()), labelled=False)


def test_what_is_missing_lists_the_features():
    with pytest.raises(UserError, match=r"no image feature .*; it has text \(Text\)"):
        chosen(info(text=tfds.features.Text()))
    with pytest.raises(UserError, match=r"--conditional: x has no class label; it has image \(Im"):
        chosen(info(image=Image(), label=tfds.features.Scalar(np.int64)))
    with pytest.raises(UserError, match=r"--tfds_image=label: expected one of image \(Image\)"):
        chosen(info(image=Image(), label=ClassLabel(num_classes=2)), image="label")
    with pytest.raises(UserError, match="it has none"):
        choose(
            types.SimpleNamespace(features=tfds.features.Text(), supervised_keys=None),
            name="x", image=None, label=None, labelled=False,
        )  # fmt: skip


def test_images_of():
    assert images_of(info(a=Image(), b=tfds.features.Text(), c={"d": Image()})) == ["a", "c/d"]
