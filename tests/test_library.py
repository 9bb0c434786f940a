"""The library as its users meet it: names, `fit`, and the examples of docs/library.md."""

from __future__ import annotations

import configparser
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import lsgan_tf
from lsgan_tf.__main__ import COMMANDS
from lsgan_tf.gan import METRICS

PAGE = Path(__file__).parents[1] / "docs" / "library.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_every_public_name_is_there_and_named_on_its_page():
    page = PAGE.read_text("utf-8")
    for name in lsgan_tf.__all__:
        assert getattr(lsgan_tf, name) is not None
        assert name == "__version__" or f"`{name}`" in page
    assert set(lsgan_tf.__all__) <= set(dir(lsgan_tf))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        lsgan_tf.Nothing  # noqa: B018


DOCUMENTS = [PAGE.parent.parent / "README.md", *sorted(PAGE.parent.glob("*.md"))]
# Prints each name that is neither an attribute nor, where that is how it is shown, a module.
WALK = """
import importlib, importlib.util, json, sys
import lsgan_tf

for name in json.loads(sys.argv[1]):
    found = lsgan_tf
    try:
        for part in name.split(".")[1:]:
            found = getattr(found, part)
    except AttributeError:
        print(name)
for name in json.loads(sys.argv[2]):
    if importlib.util.find_spec(name) is None:
        print(name)
for module, names in json.loads(sys.argv[3]):
    exec(f"from {module} import {names}")
"""


def test_every_documented_name_is_found_as_it_is_documented():
    attributes, modules, froms = set(), set(), set()
    for page in DOCUMENTS:
        text = page.read_text("utf-8")
        froms |= set(re.findall(r"^from (lsgan_tf[.\w]*) import ([\w, ]+)$", text, re.MULTILINE))
        shown = r"(?:python3? -m |import |[Ii]mporting `)(lsgan_tf[.\w]*\w)"
        modules |= set(re.findall(shown, text)) - {"lsgan_tf.NAME"}
        text = re.sub(r"from lsgan_tf.*|[Ii]mporting `?|python3? -m lsgan_tf\S*", "", text)
        attributes |= set(re.findall(r"(?<![\w/])lsgan_tf(?:\.[A-Za-z]\w*)+", text))
        # A row of the table of names: "`data`: `open_source`, `with_metadata`".
        for first, others in re.findall(r"^\| `(\w+)`: (`[^|]*`) \|", text, re.MULTILINE):
            attributes |= {f"lsgan_tf.{first}.{name}" for name in re.findall(r"`(\w+)`", others)}
    attributes -= {f"lsgan_tf.{command}" for command in COMMANDS} | modules
    assert {"lsgan_tf.data.Source", "lsgan_tf.metrics.frechet_distance"} <= attributes
    assert {"lsgan_tf.main", "lsgan_tf.networks.handwriting"} <= modules
    values = [json.dumps(sorted(group)) for group in (attributes, modules, froms)]
    done = subprocess.run(
        [sys.executable, "-c", WALK, *values], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_type_checkers_find_the_types_once_it_is_installed():
    assert (Path(lsgan_tf.__file__).parent / "py.typed").is_file()
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[1] / "setup.cfg")
    assert "py.typed" in setup["options.package_data"]["lsgan_tf"]
    for name in lsgan_tf.__all__:
        value = getattr(lsgan_tf, name)
        if inspect.isfunction(value):
            assert "return" in value.__annotations__, name


def test_the_import_brings_nothing_heavy():
    code = (
        "import sys, lsgan_tf; "
        "print([n for n in ('tensorflow', 'keras', 'numpy') if n in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "Epoch 2/2"), (1, "finished 20 steps"), (2, "Epoch 2/2")],
    ids=["dataset", "run", "networks"],
)
def test_the_examples_of_the_page_run(tmp_path, number, said):
    assert len(EXAMPLES) == 3
    script = tmp_path / "example.py"
    script.write_text(EXAMPLES[number], "utf-8")
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert "d_loss" in done.stdout or number == 1


def small_gan(*, conditional=False, d_steps=1):
    keras.utils.set_random_seed(0)
    shared = {
        "image_size": 8, "channels": 1, "filters": 2, "num_classes": 3 * conditional,
        "label_dim": 2,
    }  # fmt: skip
    gan = lsgan_tf.GAN(
        lsgan_tf.networks.dcgan.Generator(z_dim=4, **shared),
        lsgan_tf.networks.dcgan.Discriminator(**shared),
        lsgan_tf.objective("lsgan"),
        batch_size=6,
        z_dim=4,
        conditional=conditional,
        d_steps=d_steps,
    )
    gan.compile(lsgan_tf.make_optimizer("adam", 1e-2), lsgan_tf.make_optimizer("adam", 1e-2))
    return gan


def weights(gan):
    return [np.array(variable) for variable in gan.variables]


def test_a_plain_batch_trains_like_the_trainers_own():
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1)).astype(np.uint8)
    own, plain = small_gan(), small_gan()
    expected = own.train_step((tf.constant(images[None]), tf.zeros((1, 6), tf.int32)))
    found = plain.train_step(tf.constant(images))
    assert set(found) == set(METRICS)
    for name in METRICS:
        assert float(found[name]) == float(expected[name])
    for mine, theirs in zip(weights(plain), weights(own), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_floats_are_taken_as_they_are():
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1)).astype(np.uint8)
    of_bytes, of_floats = small_gan(), small_gan()
    expected = of_bytes.train_step(tf.constant(images))
    found = of_floats.train_step(tf.constant(images / np.float32(127.5) - 1))
    assert float(found["d_loss"]) == pytest.approx(float(expected["d_loss"]), rel=1e-5)


def test_fit_takes_an_epochs_short_last_batch_and_several_draws():
    gan = small_gan(conditional=True, d_steps=2)
    images = np.zeros((10, 8, 8, 1), np.uint8)
    labels = np.arange(10, dtype=np.int32) % 3
    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(6)
    before = weights(gan)
    history = gan.fit(data, epochs=2, shuffle=False, verbose=0).history
    assert int(gan.step.numpy()) == 4
    assert np.isfinite(history["d_loss"]).all() and len(history["g_loss"]) == 2
    assert any((a != b).any() for a, b in zip(before, weights(gan), strict=True))


def test_a_conditional_model_without_labels_is_refused():
    with pytest.raises(ValueError, match=r"Expected \(examples, labels\)"):
        small_gan(conditional=True).train_step(tf.zeros((6, 8, 8, 1)))


def test_networks_without_weights_are_refused():
    class Empty(keras.Model):
        def call(self, z, label=None, training=None):
            return z

    gan = lsgan_tf.GAN(
        Empty(), Empty(), lsgan_tf.objective("lsgan"), batch_size=2, z_dim=2, pixel_range=None
    )
    with pytest.raises(ValueError, match="never called"):
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
