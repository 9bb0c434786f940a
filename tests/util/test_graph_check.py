"""SavedModels that access files or call Python are refused before TensorFlow loads them."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from lsgan_tf.errors import UserError
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.util.graph_check import check_saved_model

REMEDY = "it was not run: export it again with python -m lsgan_tf.export"
CONFIG = {
    "network": "cifar10", "z_dim": 2, "z_distribution": "uniform", "data_shape": [8, 8, 1],
    "data_standin": False, "data_fingerprint": "aa", "conditional": False,
}  # fmt: skip


class Model(tf.Module):
    """A model with a variable, whose signature `sample` calls a function."""

    def __init__(self, function):
        super().__init__()
        self.factor = tf.Variable(2.0)
        self._function = tf.function(function)

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, "x")])
    def sample(self, x):
        return {"images": self._function(x) * self.factor}


def save(path, function):
    model = Model(function)
    tf.saved_model.save(model, str(path), signatures={"sample": model.sample})
    (path / "export.json").write_text(json.dumps({"step": 1, "config": CONFIG}))
    return path


def refusal(path):
    with pytest.raises(UserError) as caught:
        check_saved_model(path)
    start, _, remedy = str(caught.value).partition("; ")
    assert remedy == REMEDY
    prefix = f"{path}: the SavedModel is "
    assert start.startswith(prefix)
    return start.removeprefix(prefix)


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    return save(tmp_path_factory.mktemp("intact") / "export", tf.identity)


@pytest.fixture
def altered(intact, tmp_path):
    """Writes the intact SavedModel as a function has altered it."""

    def write(change):
        path = shutil.copytree(intact, tmp_path / "export")
        saved = SavedModel.FromString((path / "saved_model.pb").read_bytes())
        change(saved)
        (path / "saved_model.pb").write_bytes(saved.SerializeToString())
        return path

    return write


def graph(saved):
    return saved.meta_graphs[0].graph_def


def objects(saved):
    return saved.meta_graphs[0].object_graph_def


def named(saved, part):
    (function,) = [f for f in graph(saved).library.function if part in f.signature.name]
    return function


def test_an_intact_one_passes(intact):
    check_saved_model(intact)


def in_a_loop(x):
    return tf.while_loop(lambda x: x < 9.0, lambda x: x + read(x), [x])[0]


def read(x):
    return x + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)


def write(x):
    tf.io.write_file("written", "x")
    return x


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (write, "WriteFile"),
        (read, "ReadFile"),
        (in_a_loop, "ReadFile"),
        (lambda x: tf.reshape(tf.py_function(abs, [x], tf.float32), []), "EagerPyFunc"),
        (lambda x: tf.reshape(tf.numpy_function(abs, [x], tf.float32), []), "PyFunc"),
        (lambda x: tf.raw_ops.Print(input=x, data=[x]), "Print"),
    ],
    ids=["write", "read", "loop", "py_function", "numpy_function", "print"],
)
def test_operations_not_in_the_allow_list(tmp_path, monkeypatch, function, operation):
    path = save(tmp_path / "export", function)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tf.saved_model, "load", None)  # Calling it would be another error.
    assert refusal(path) == f"not of lsgan_tf: it has the operation {operation}"
    with pytest.raises(UserError, match="the SavedModel is not of lsgan_tf: it has the operation"):
        Sampler(path)
    assert [file.name for file in tmp_path.iterdir()] == ["export"]


def test_an_operation_outside_of_functions(altered):
    path = altered(lambda saved: graph(saved).node.add(name="a", op="WriteFile"))
    assert refusal(path) == "not of lsgan_tf: it has the operation WriteFile"


def saver(saved):
    objects(saved).nodes[0].registered_saver = "Custom.saver"


def saveable(saved):
    objects(saved).nodes[0].saveable_objects["x"].save_function = 1


@pytest.mark.parametrize("change", [saver, saveable])
def test_custom_savers(altered, change):
    assert refusal(altered(change)) == "not of lsgan_tf: it has custom savers"


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: saved.meta_graphs[0].ClearField("object_graph_def"),
        lambda saved: saved.meta_graphs.add().CopyFrom(saved.meta_graphs[0]),
        lambda saved: saved.ClearField("meta_graphs"),
    ],
    ids=["none", "of another graph", "no graph"],
)
def test_without_an_object_graph(altered, change):
    assert refusal(altered(change)) == "not of lsgan_tf: it has no object graph"


def called(saved):
    """A node that calls the function that saves the variables."""
    node = named(saved, "__inference_sample_").node_def.add(name="a", op="StatefulPartitionedCall")
    node.attr["f"].func.name = named(saved, "traced_save").signature.name


def called_in_a_list(saved):
    node = named(saved, "__inference_sample_").node_def.add(name="a", op="If")
    node.attr["f"].list.func.add(name=named(saved, "traced_save").signature.name)


def called_as_an_operation(saved):
    """TensorFlow calls the function, although it has an operation of that name."""
    named(saved, "traced_save").signature.name = "Neg"
    named(saved, "__inference_sample_").node_def.add(name="a", op="Neg")


@pytest.mark.parametrize("change", [called, called_in_a_list, called_as_an_operation])
def test_functions_that_save_are_not_called_by_others(altered, change):
    assert refusal(altered(change)) == ("not of lsgan_tf: it calls functions that save variables")


def listed(saved):
    objects(saved).concrete_functions[named(saved, "traced_save").signature.name].SetInParent()


def bare(saved):
    node = objects(saved).nodes.add().bare_concrete_function
    node.concrete_function_name = named(saved, "traced_save").signature.name


def polymorphic(saved):
    function = objects(saved).nodes.add().function
    function.concrete_functions.append(named(saved, "traced_save").signature.name)


def gradient(saved):
    graph(saved).library.gradient.add(function_name="a", gradient_func="b")


@pytest.mark.parametrize("change", [listed, bare, polymorphic, gradient])
def test_functions_that_save_are_not_exposed(altered, change):
    assert refusal(altered(change)) == ("not of lsgan_tf: it exposes functions that save variables")


def nameless(saved):
    called(saved)
    named(saved, "__inference_sample_").signature.name = ""


def twice(saved):
    """The first of two functions of a name writes a file."""
    functions = graph(saved).library.function
    functions.add().CopyFrom(named(saved, "__inference_sample_"))
    first = next(f for f in functions if f.signature.name == functions[-1].signature.name)
    first.node_def.add(name="a", op="WriteFile")


@pytest.mark.parametrize("change", [nameless, twice])
def test_functions_without_a_name_of_their_own(altered, change):
    assert refusal(altered(change)) == "damaged: it has functions without a name of their own"


def test_a_fifo_among_the_variables(intact, tmp_path):
    path = shutil.copytree(intact, tmp_path / "export")
    index = path / "variables" / "variables.index"
    index.unlink()
    os.mkfifo(index)
    with pytest.raises(UserError) as caught:
        check_saved_model(path)
    assert str(caught.value) == (
        f"{index}: expected a regular file, found a FIFO or a device; export it again with "
        "python -m lsgan_tf.export"
    )


def test_a_damaged_fingerprint(intact, tmp_path):
    path = shutil.copytree(intact, tmp_path / "export")
    (path / "fingerprint.pb").write_bytes(b"\xff" * 100)
    assert refusal(path) == "damaged: not a SavedModel"
    (path / "fingerprint.pb").unlink()  # as in older exports
    check_saved_model(path)
