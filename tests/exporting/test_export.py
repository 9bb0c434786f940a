from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from lsgan_tf.data.formats.tfrecords import RecordFile
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.util.reading import read_json

ROOT = Path(__file__).parents[2]
SHIPPING = (ROOT / "docs" / "shipping.md").read_text("utf-8")
NAMED = "阿埃"  # the text that the pages' examples write


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
    assert "table_initializer" not in done.stderr
    return folder, done.stdout


def test_all_forms_and_nothing_else(exported):
    folder, said = exported
    assert sorted(path.name for path in folder.iterdir()) == [
        "g-raw.keras", "g-raw.tflite", "g.keras", "g.tflite", "models", "saved",
    ]  # fmt: skip
    assert "SavedModel of step 12 in saved" in said
    assert "for TensorFlow Serving in models/tiny/12" in said
    assert "Keras file in g.keras, EMA weights" in said
    assert re.search(r"g.tflite, .*MB, .* ms an image on one thread; .*grey levels of 255", said)


def test_what_serving_takes_is_the_saved_model(exported):
    path = exported[0] / "models" / "tiny" / "12"
    assert (path / "assets.extra" / "tf_serving_warmup_requests").stat().st_size > 100
    assert read_json(path / "export.json") == read_json(exported[0] / "saved" / "export.json")
    card = (path / "README.md").read_text(encoding="utf-8")
    assert "| classes | 5, in `classes.txt` |" in card
    assert "| `g.keras` | Keras | EMA |" in card
    assert "| `g.tflite` | TensorFlow Lite, float16 weights | EMA |" in card
    assert card == (exported[0] / "saved" / "README.md").read_text(encoding="utf-8")
    assert "![samples of the generator](samples.png)" in card
    assert "![samples of the raw weights](samples-raw.png)" in card
    assert (path / "samples.png").is_file()
    assert Sampler(path).write("安宁", 7).shape == (2, 8, 8, 1)


def test_the_code_on_the_card_draws(exported):
    path = exported[0] / "saved"
    (code,) = re.findall(r"```python\n(.*?)```", (path / "README.md").read_text("utf-8"), re.DOTALL)
    names = {}
    exec(code.replace("FOLDER", str(path)), names)
    assert names["images"].shape == (4, 8, 8, 1)


def test_the_keras_file_is_the_generator(exported):
    import lsgan_tf.networks.handwriting  # noqa: F401 - makes the class known to Keras

    generator = keras.saving.load_model(exported[0] / "g.keras")
    sampler = Sampler(exported[0] / "saved")
    z, label = sampler.noise(3, 5), np.array([0, 1, 4], np.int32)
    images = generator(z, label, training=False)
    np.testing.assert_allclose(
        np.asarray(images) * 255, sampler.draw(z, label).astype(float), atol=0.51
    )


def test_every_warm_up_request_draws(exported, call_as_graph):
    """As a server does: its own classes read the records, which the SavedModel then answers."""
    logs = pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2", reason="no tensorflow-serving-api"
    )
    path = exported[0] / "models" / "tiny" / "12"
    records = RecordFile(path / "assets.extra" / "tf_serving_warmup_requests")
    answered = []
    for content in map(records.read, records.offsets()):
        request = logs.PredictionLog.FromString(content).predict_log.request
        assert request.model_spec.name == "tiny"
        name = request.model_spec.signature_name
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        answered.append((name, len(call_as_graph(path, name, "images", **inputs))))
    assert answered == [
        (name, count) for count in (1, 16) for name in ("serving_default", "sample", "write")
    ]


REQUESTS = re.findall(r"curl -d '(.*?)' \\\n +(\S+)", SHIPPING)


@pytest.mark.parametrize(("body", "address"), REQUESTS)
def test_the_pages_requests_fit_the_signatures(exported, call_as_graph, body, address):
    """Serving makes each JSON value a tensor of the signature's type and of the value's shape."""
    assert address == "http://localhost:8501/v1/models/lsgan:predict"
    request = json.loads(body.replace(NAMED, "安宁"))
    assert set(request) == {"signature_name", "inputs"}
    inputs = request["inputs"]
    images = call_as_graph(exported[0] / "saved", request["signature_name"], "images", **inputs)
    assert images.shape == (inputs.get("count", 2), 8, 8, 1)


def test_the_pages_show_requests():
    assert len(REQUESTS) == 2


def test_called_from_c_by_the_pages_commands(exported, tmp_path):
    if not shutil.which("gcc"):
        pytest.skip("no C compiler: install the Debian package gcc")
    blocks = re.findall(r"^```bash\n(.*?)^```", SHIPPING, re.DOTALL | re.MULTILINE)
    (script,) = (block for block in blocks if "gcc" in block)
    saved = exported[0] / "saved"
    assert "runs/quick/export" in script and NAMED in script
    script = script.replace("runs/quick/export", str(saved)).replace(NAMED, "安宁安")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

    def shell(text):
        return subprocess.run(
            ["bash", "-euc", text], cwd=tmp_path, env=os.environ | {"PATH": path},
            capture_output=True, text=True,
        )  # fmt: skip

    done = shell(script)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "line.pgm") as picture:
        assert picture.mode == "L"
        found = np.asarray(picture)
    images = Sampler(saved).write("安宁安", 7)
    np.testing.assert_array_equal(found, np.concatenate(list(images[..., 0]), axis=1))
    done = shell(f"./write_text {saved} 安我 7 other.pgm")
    assert done.returncode == 2 and "我" in done.stderr
    assert not (tmp_path / "other.pgm").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--keras=g.h5"], "expected a file name ending in .keras"),
        (["--tflite=g"], "expected a file name ending in .tflite"),
        (["--quantize=float16"], "give --tflite=FILE.tflite too"),
        (["--tflite=/dev/null/g.tflite"], "while writing --tflite"),
        (["--serving=r/export/models"], "is in the SavedModel's folder, r/export, which each"),
        ([], "r: no config.json in it; expected the folder of a run"),
    ],
)
def test_a_mistake_is_one_line(command, tmp_path, words, message):
    done = command("export", "--run_dir=r", *words, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_before_the_first_checkpoint_there_is_nothing_to_export(command, make_run):
    path = make_run()
    shutil.rmtree(path / "checkpoints")
    before = sorted(path.iterdir())
    done = command("export", f"--run_dir={path}", "--serving=models", cwd=path.parent)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "no checkpoint yet; train on until one is written" in done.stderr
    assert sorted(path.iterdir()) == before and list(path.parent.iterdir()) == [path]


def test_the_pages_keras_example_draws(exported, monkeypatch):
    _, block = re.findall(r"^```python\n(.*?)^```", SHIPPING, re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(exported[0])
    names = {}
    exec(block.replace("generator.keras", "g.keras"), names)
    label = np.zeros(1, np.int32)
    assert names["generator"](np.zeros((1, 6), np.float32), label, training=False).shape == (
        1, 8, 8, 1,
    )  # fmt: skip
