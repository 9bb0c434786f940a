from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lsgan_tf.data.formats.tfrecords import RecordFile
from lsgan_tf.errors import UserError
from lsgan_tf.exporting.serving import prediction_log, warm_up_requests, write_serving

pytestmark = pytest.mark.fast


@pytest.fixture(scope="module")
def log_type():
    """Serving's own `PredictionLog`."""
    module = pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2", reason="no tensorflow-serving-api"
    )
    return module.PredictionLog


def test_a_request_reads_as_serving_reads_it(log_type):
    z = np.arange(600, dtype=np.float32).reshape(2, 300)  # long enough for a length of two bytes
    content = prediction_log("m", "serving_default", {"z": z, "label": np.array([1, 2], np.int32)})
    request = log_type.FromString(content).predict_log.request
    assert (request.model_spec.name, request.model_spec.signature_name) == ("m", "serving_default")
    assert set(request.inputs) == {"z", "label"}
    np.testing.assert_array_equal(tf.make_ndarray(request.inputs["z"]), z)
    assert tf.make_ndarray(request.inputs["label"]).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("classes", "signatures"),
    [
        (["安", "宁"], ["serving_default", "sample", "write"]),
        (["cat"], ["serving_default", "sample"]),
        ([], ["serving_default", "sample"]),
    ],
)
def test_warm_up_calls_what_there_is(log_type, classes, signatures):
    requests = [
        log_type.FromString(content).predict_log.request
        for content in warm_up_requests("m", 5, classes)
    ]
    assert [request.model_spec.signature_name for request in requests] == signatures * 2
    labels = {"label"} & set(requests[0].inputs)
    assert bool(labels) == bool(classes)
    if "write" in signatures:
        text = tf.make_ndarray(requests[-1].inputs["text"])
        assert text.shape == () and text.item().decode() == "安" * 16


def test_a_numbered_folder(tmp_path):
    saved = tmp_path / "export"
    (saved / "variables").mkdir(parents=True)
    (saved / "saved_model.pb").write_bytes(b"graph")
    arguments = {"name": "m", "version": 42, "z_dim": 5, "classes": ["安"]}
    path = write_serving(saved, tmp_path / "models" / "m", **arguments)
    assert path == tmp_path / "models" / "m" / "42"
    assert (path / "saved_model.pb").read_bytes() == b"graph"
    records = RecordFile(path / "assets.extra" / "tf_serving_warmup_requests")
    assert [records.read(at) for at in records.offsets()] == warm_up_requests("m", 5, ["安"])
    assert [found.name for found in path.parent.iterdir()] == ["42"]
    with pytest.raises(UserError, match="this version is there already"):
        write_serving(saved, tmp_path / "models" / "m", **arguments)
