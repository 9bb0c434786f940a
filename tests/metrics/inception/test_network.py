"""The Inception network, tested on a small frozen graph with the names of the real one."""

from __future__ import annotations

import email.message
import http.client
import io
import tarfile
import urllib.error
import urllib.response

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from lsgan_tf.errors import UserError
from lsgan_tf.metrics.inception import file as inception_file
from lsgan_tf.metrics.inception.network import Inception, open_inception
from lsgan_tf.metrics.inception_score import inception_score

pytestmark = pytest.mark.fast

SIDE, DIM, CLASSES = 8, 6, 5


@pytest.fixture(scope="module")
def weights():
    rng = np.random.default_rng(0)
    return {
        "conv": rng.normal(size=(3, 3, 3, DIM)).astype(np.float32),
        "mean": rng.normal(size=DIM).astype(np.float32),
        "variance": rng.uniform(0.5, 2, DIM).astype(np.float32),
        "beta": rng.normal(size=DIM).astype(np.float32),
        "softmax": rng.normal(size=(DIM, CLASSES)).astype(np.float32),
        "biases": np.full(CLASSES, 100.0, np.float32),
    }


def frozen(weights, *, leave_out=()):
    """A graph as of 2015: JPEG input, batch size 1, an operation that newer graphs reject."""
    with tf.Graph().as_default() as graph:
        content = tf.compat.v1.placeholder(tf.string, (), name="DecodeJpeg/contents")
        image = tf.cast(tf.image.decode_jpeg(content, channels=3, name="DecodeJpeg"), tf.float32)
        batch = tf.expand_dims(image, 0, name="ExpandDims")
        resized = tf.compat.v1.image.resize_bilinear(batch, (SIDE, SIDE), name="ResizeBilinear")
        scaled = (resized - 128.0) * 0.0078125
        x = tf.nn.conv2d(scaled, weights["conv"], 1, "SAME", name="conv")
        x = tf.nn.relu(x, name="after")
        pool = tf.reduce_mean(x, (1, 2), keepdims=True, name="pool_3")
        flat = tf.reshape(pool, (1, DIM), name="pool_3/_reshape")
        logits = tf.matmul(flat, weights["softmax"], name="softmax/logits/MatMul")
        tf.nn.softmax(logits + weights["biases"], name="softmax")
        constants = {
            name: tf.constant(weights[name], name=f"bn/{name}").op.name
            for name in ("mean", "variance", "beta")
        }
        gamma = tf.ones(DIM, name="bn/gamma").op.name
    definition = graph.as_graph_def()
    node = definition.node.add(name="bn", op="BatchNormWithGlobalNormalization")
    node.input.extend(["conv", *constants.values(), gamma])
    node.attr["T"].type = tf.float32.as_datatype_enum
    node.attr["variance_epsilon"].f = 0.001
    node.attr["scale_after_normalization"].b = False
    for other in definition.node:
        if other.name == "after":
            other.input[0] = "bn"
        # What the real file's writer noted of a batch of one.
        if other.name == "pool_3":
            shape = other.attr["_output_shapes"].list.shape.add()
            for size in (1, 1, 1, DIM):
                shape.dim.add(size=size)
    definition.versions.producer = 8
    for name in leave_out:
        for other in definition.node:
            if other.name == name:
                other.name = "elsewhere"
            other.input[:] = ["elsewhere" if i == name else i for i in other.input]
    return definition.SerializeToString()


@pytest.fixture(scope="module")
def graph(weights):
    return frozen(weights)


def by_hand(images, weights):
    """The same computation in NumPy, for images of the graph's input size."""
    x = np.pad((images.astype(np.float64) - 128) * 0.0078125, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    x = np.einsum("nhwcij,ijcf->nhwf", windows, weights["conv"])
    x = (x - weights["mean"]) / np.sqrt(weights["variance"] + 0.001) + weights["beta"]
    return np.maximum(x, 0).mean(axis=(1, 2))


def test_features_and_logits_without_bias_of_a_batch(graph, weights):
    images = np.random.default_rng(1).integers(0, 256, (70, SIDE, SIDE, 3), np.uint8)
    network = Inception(graph, "0")
    features, logits = network(images)
    expected = by_hand(images, weights)
    assert network.dim == DIM
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(logits, expected @ weights["softmax"], rtol=1e-3, atol=1e-3)


def test_the_graph_resizes_and_grey_counts_as_three_equal_channels(graph):
    network = Inception(graph, "0")
    grey = np.random.default_rng(2).integers(0, 256, (3, 5, 11, 1), np.uint8)
    large = tf.compat.v1.image.resize_bilinear(grey.astype(np.float32), (SIDE, SIDE)).numpy()
    features, _ = network(grey)
    # Rounded to whole levels, what was resized outside differs by half a level at most.
    outside, _ = network(np.repeat(np.rint(large).astype(np.uint8), 3, axis=-1))
    np.testing.assert_allclose(features, outside, atol=0.05)
    assert features.shape == (3, DIM)


def test_score_of_the_logits_is_that_of_the_reference_code(graph):
    images = np.random.default_rng(3).integers(0, 256, (40, SIDE, SIDE, 3), np.uint8)
    logits = Inception(graph, "0")(images)[1]
    p = scipy.special.softmax(logits.astype(np.float64), axis=1)
    parts = [p[i * 40 // 10 : (i + 1) * 40 // 10] for i in range(10)]
    scores = [
        np.exp(np.mean([scipy.special.rel_entr(row, part.mean(0)).sum() for row in part]))
        for part in parts
    ]
    mean, deviation = inception_score(logits)
    assert mean == pytest.approx(np.mean(scores), rel=1e-9)
    assert deviation == pytest.approx(np.std(scores), rel=1e-6)


def with_node(graph, op, **attributes):
    definition = tf.compat.v1.GraphDef.FromString(graph)
    node = definition.node.add(name="extra", op=op)
    for name, value in attributes.items():
        node.attr[name].s = value
    return definition


@pytest.mark.parametrize("op", ["WriteFile", "ReadFile", "PyFunc", "DebugIdentity", "no such"])
def test_a_graph_with_an_operation_of_another_kind_is_not_imported(graph, op):
    with pytest.raises(UserError, match=f"contains {op}, which the Inception graph does not"):
        Inception(with_node(graph, op).SerializeToString(), "0")


def test_a_graph_that_writes_a_file_before_it_looks_at_images_writes_nothing(graph, tmp_path):
    definition = tf.compat.v1.GraphDef.FromString(graph)
    with tf.Graph().as_default() as written:
        tf.io.write_file(str(tmp_path / "written"), "by the graph", name="write")
    definition.node.extend(written.as_graph_def().node)
    for node in definition.node:
        if node.name == "pool_3":
            node.input.append("^write")
    with pytest.raises(UserError, match="contains WriteFile"):
        Inception(definition.SerializeToString(), "0")(np.zeros((1, SIDE, SIDE, 3), np.uint8))
    assert not (tmp_path / "written").exists()


def test_operations_cannot_hide_in_functions(graph):
    definition = tf.compat.v1.GraphDef.FromString(graph)
    function = definition.library.function.add()
    function.signature.name = "Relu"
    function.node_def.add(name="write", op="WriteFile")
    with pytest.raises(UserError, match="contains functions"):
        Inception(definition.SerializeToString(), "0")


@pytest.mark.parametrize("name", ["pool_3", "ExpandDims", "softmax/logits/MatMul"])
def test_graph_without_a_tensor_is_refused_by_name(weights, name):
    with pytest.raises(UserError, match=f"has no {name}"):
        Inception(frozen(weights, leave_out=[name]), "0")


def test_what_is_no_graph_is_refused():
    with pytest.raises(UserError, match="not a TensorFlow graph"):
        Inception(b"\xff" * 100, "0")


def archive(path, name, content):
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("inside", ["classify_image_graph_def.pb", "./classify_image_graph_def.pb"])
def test_the_graph_is_found_as_file_in_archive_and_in_folder(tmp_path, graph, inside):
    plain = tmp_path / "classify_image_graph_def.pb"
    plain.write_bytes(graph)
    packed = archive(tmp_path / "graph.tgz", inside, graph)
    for path in (plain, packed, tmp_path):
        content, digest = inception_file.graph_bytes(path, tmp_path / "cache")
        assert content == graph
        assert len(digest) == 64
    assert open_inception(packed, None).dim == DIM


@pytest.mark.parametrize(
    ("name", "said"), [("other.pb", "no classify_image_graph_def.pb"), ("../../x.pb", "outside")]
)
def test_archives_without_the_graph_or_with_paths_that_lead_out(tmp_path, graph, name, said):
    packed = archive(tmp_path / "graph.tgz", name, graph)
    with pytest.raises(UserError, match=said):
        inception_file.graph_bytes(packed, None)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        inception_file.graph_bytes(tmp_path / "nothing.pb", None)
    with pytest.raises(UserError, match="neither"):
        inception_file.graph_bytes(tmp_path, None)


def answer(code, headers, content=b""):
    message = email.message.Message()
    for name, value in headers.items():
        message[name] = value
    found = urllib.response.addinfourl(io.BytesIO(content), message, inception_file.ADDRESS, code)
    found.msg = "as told"
    return found


@pytest.mark.parametrize("target", ["http://127.0.0.1:9/x.tgz", "ftp://127.0.0.1/x", "file:///x"])
def test_a_host_that_sends_on_to_anything_but_https_is_not_followed(tmp_path, monkeypatch, target):
    def serve(handler, request):
        return answer(302, {"Location": target})

    monkeypatch.setattr("urllib.request.HTTPSHandler.https_open", serve)
    with pytest.raises(UserError, match="cannot be downloaded"):
        inception_file.graph_bytes(None, tmp_path, log=lambda _: None)
    assert not list((tmp_path / "inception").iterdir())


def test_no_more_is_taken_than_the_archive_has(tmp_path, monkeypatch):
    class Endless(io.RawIOBase):
        sent = 0

        def read(self, size=-1):
            self.sent += size
            return b"x" * size

    endless = Endless()

    def serve(handler, request):
        found = answer(200, {})
        found.fp, found.read = endless, endless.read
        return found

    monkeypatch.setattr(inception_file, "_ARCHIVE_BYTES", 1 << 20)
    monkeypatch.setattr("urllib.request.HTTPSHandler.https_open", serve)
    with pytest.raises(UserError, match="received 1,048,577 bytes, expected 1,048,576"):
        inception_file.graph_bytes(None, tmp_path, log=lambda _: None)
    assert endless.sent == (1 << 20) + 1


@pytest.mark.parametrize(
    "error", [urllib.error.URLError("no network here"), http.client.BadStatusLine("<html>")]
)
def test_offline_says_where_to_put_it_and_leaves_nothing(tmp_path, monkeypatch, error):
    def no_network(*_, **__):
        raise error

    monkeypatch.setattr("urllib.request.HTTPSHandler.https_open", no_network)
    with pytest.raises(UserError, match=f"put it at {tmp_path}.*inception-2015-12-05.tgz"):
        inception_file.graph_bytes(None, tmp_path, log=lambda _: None)
    assert not list((tmp_path / "inception").iterdir())


def test_fetched_once_checked_by_size_then_held_to_its_hash(tmp_path, monkeypatch, graph):
    packed = archive(tmp_path / "served.tgz", "classify_image_graph_def.pb", graph).read_bytes()
    served = []

    def serve(handler, request):
        served.append(request.full_url)
        return answer(200, {}, packed)

    monkeypatch.setattr("urllib.request.HTTPSHandler.https_open", serve)
    with pytest.raises(UserError, match="expected 88,931,400"):
        inception_file.graph_bytes(None, tmp_path / "cache", log=lambda _: None)
    monkeypatch.setattr(inception_file, "_ARCHIVE_BYTES", len(packed))
    for _ in range(2):
        content, _ = inception_file.graph_bytes(None, tmp_path / "cache", log=lambda _: None)
        assert content == graph
    assert served == [inception_file.ADDRESS] * 2
    assert inception_file.ADDRESS.startswith("https://")
    archive(
        tmp_path / "cache" / "inception" / inception_file.ARCHIVE,
        "classify_image_graph_def.pb",
        graph + b"\x00",
    )
    with pytest.raises(UserError, match="has changed"):
        inception_file.graph_bytes(None, tmp_path / "cache", log=lambda _: None)
