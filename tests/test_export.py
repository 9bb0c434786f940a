from __future__ import annotations

import keras
import numpy as np
import pytest

from lsgan_tf.files import read_json
from lsgan_tf.sampling import Sampler


@pytest.fixture(scope="module")
def exported(tiny_run, command, tmp_path_factory):
    """The tiny run in every form that there is."""
    folder = tmp_path_factory.mktemp("exported")
    done = command(
        "export", f"--run_dir={tiny_run.path}", "--out=saved", "--serving=models/tiny",
        "--serving_name=tiny", "--keras=g.keras", "--tflite=g.tflite", "--quantize=float16",
        cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_all_forms_and_nothing_else(exported):
    folder, said = exported
    assert sorted(path.name for path in folder.iterdir()) == [
        "g.keras", "g.tflite", "models", "saved",
    ]  # fmt: skip
    assert "SavedModel of step 12 in saved" in said
    assert "for TensorFlow Serving in models/tiny/12" in said
    assert "grey levels of 255" in said


def test_what_serving_takes_is_the_saved_model(exported):
    path = exported[0] / "models" / "tiny" / "12"
    assert (path / "assets.extra" / "tf_serving_warmup_requests").stat().st_size > 100
    assert read_json(path / "export.json") == read_json(exported[0] / "saved" / "export.json")
    assert "| classes | 5, in `classes.txt` |" in (path / "MODEL.md").read_text(encoding="utf-8")
    assert Sampler(path).write("安宁", 7).shape == (2, 8, 8, 1)


def test_the_keras_file_is_the_generator(exported):
    import lsgan_tf.networks.handwriting  # noqa: F401 - makes the class known to Keras

    generator = keras.saving.load_model(exported[0] / "g.keras")
    sampler = Sampler(exported[0] / "saved")
    z, label = sampler.noise(3, 5), np.array([0, 1, 4], np.int32)
    images = generator(z, label, training=False)
    np.testing.assert_allclose(
        np.asarray(images) * 255, sampler.draw(z, label).astype(float), atol=0.51
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--keras=g.h5"], "expected a file's name in .keras"),
        (["--tflite=g"], "expected a file's name in .tflite"),
        (["--quantize=float16"], "give --tflite=FILE.tflite too"),
    ],
)
def test_a_mistake_is_one_line(command, tmp_path, words, message):
    done = command("export", "--run_dir=r", *words, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and message in done.stderr
