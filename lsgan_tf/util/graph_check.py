"""Allow-list of operations for SavedModels from untrusted sources.

TensorFlow has operations that read and write files, call Python and open connections. An
exported generator needs none of them, apart from the functions that save and restore its
variables, which nothing else may call.
"""

from __future__ import annotations

from pathlib import Path

from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.fingerprint_pb2 import FingerprintDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.core.protobuf.saved_object_graph_pb2 import SavedObject

from lsgan_tf.errors import UserError
from lsgan_tf.util.files import explained
from lsgan_tf.util.reading import read_bytes

_LARGEST = 1 << 30
# fmt: off
OPERATIONS = frozenset({
    # Variables, tables and control flow.
    "Assert", "AssignVariableOp", "Const", "DisableCopyOnRead", "HashTableV2", "Identity",
    "IdentityN", "If", "LookupTableFindV2", "LookupTableImportV2", "NoOp", "PartitionedCall",
    "Placeholder", "ReadVariableOp", "StatefulPartitionedCall", "StatelessIf", "StatelessWhile",
    "VarHandleOp", "While",
    # Arithmetic.
    "Abs", "Add", "AddN", "AddV2", "All", "Any", "BatchMatMulV2", "BiasAdd", "Bitcast",
    "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Cast", "Ceil", "ClipByValue", "Conv2D",
    "Conv2DBackpropInput", "Cos", "DepthwiseConv2dNative", "Einsum", "Elu", "Equal", "Exp",
    "Floor", "FloorDiv", "FloorMod", "FusedBatchNormV3", "Greater", "GreaterEqual", "LeakyRelu",
    "LeftShift", "Less", "LessEqual", "Log", "Log1p", "LogicalAnd", "LogicalNot", "LogicalOr",
    "MatMul", "Max", "Maximum", "Mean", "Min", "Minimum", "Mul", "Neg", "NotEqual", "Pow", "Prod",
    "RealDiv", "Reciprocal", "Relu", "RightShift", "Round", "Rsqrt", "Select", "SelectV2",
    "Sigmoid", "Sign", "Sin", "Softplus", "Sqrt", "Square", "SquaredDifference",
    "StatelessRandomGetAlg", "StatelessRandomGetKeyCounter", "StatelessRandomNormalV2",
    "StatelessRandomUniformFullIntV2", "StatelessRandomUniformV2", "StopGradient", "Sub", "Sum",
    "Tanh",
    # Shapes.
    "BroadcastTo", "ConcatV2", "ExpandDims", "Fill", "GatherV2", "OnesLike", "Pack", "Pad",
    "PadV2", "Range", "Rank", "Reshape", "ReverseV2", "Shape", "Size", "Slice", "Split", "SplitV",
    "Squeeze", "StridedSlice", "Tile", "Transpose", "Unpack", "Where", "ZerosLike",
    # Strings.
    "ReduceJoin", "StaticRegexFullMatch", "StringJoin", "UnicodeDecode", "UnicodeEncode",
})
# fmt: on
_SAVING = frozenset({"MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"})


def check_saved_model(path: Path) -> None:
    """Check that a SavedModel has only operations that an exported generator needs.

    Args:
      path: the SavedModel's folder.

    Raises:
      UserError: if it has operations not in `OPERATIONS`, accesses files other than its
        variables, or is damaged.
    """
    for part in sorted(Path(path).rglob("*")):
        if part.exists() and not part.is_file() and not part.is_dir():
            raise UserError(
                f"{part}: expected a regular file, found a FIFO or a device; export it again with "
                "python -m lsgan_tf.export"
            )
    fingerprint = Path(path) / "fingerprint.pb"  # older exports have none
    with explained(Path(path), "loading the SavedModel"):
        content = read_bytes(Path(path) / "saved_model.pb", _LARGEST)
        mark = read_bytes(fingerprint, _LARGEST) if fingerprint.exists() else b""
    try:
        graphs = SavedModel.FromString(content).meta_graphs
        FingerprintDef.FromString(mark)
    except Exception as error:  # protobuf's exception types differ by version
        raise _refusal(path, "damaged: not a SavedModel") from error
    # Otherwise TensorFlow would load it by its legacy loader.
    if len(graphs) != 1 or not graphs[0].HasField("object_graph_def"):
        raise _refusal(path, "not of lsgan_tf: it has no object graph")
    objects, library = graphs[0].object_graph_def, graphs[0].graph_def.library
    functions = {each.signature.name: list(each.node_def) for each in library.function}
    if "" in functions or len(functions) < len(library.function):
        raise _refusal(path, "damaged: it has functions without a name of their own")
    saving = {name for name, nodes in functions.items() if {n.op for n in nodes} & _SAVING}
    for name, nodes in {"": list(graphs[0].graph_def.node), **functions}.items():
        allowed = OPERATIONS | (_SAVING if name in saving else frozenset())
        if foreign := sorted({node.op for node in nodes} - allowed):
            raise _refusal(path, f"not of lsgan_tf: it has the operation {foreign[0][:60]}")
        if name and any(saving & _called(node) for node in nodes):
            raise _refusal(path, "not of lsgan_tf: it calls functions that save variables")
    exposed = set(objects.concrete_functions).union(*map(_exposed, objects.nodes))
    if library.gradient or saving & exposed:
        raise _refusal(path, "not of lsgan_tf: it exposes functions that save variables")
    if any(node.saveable_objects or node.registered_saver for node in objects.nodes):
        raise _refusal(path, "not of lsgan_tf: it has custom savers")


def _called(node: NodeDef) -> set[str]:
    """Return the names of the functions that a node may call."""
    # An operation named as a function of the library calls that function, even if TensorFlow has
    # an operation of this name.
    single = {node.op, *(value.func.name for value in node.attr.values())}
    return single.union(*({f.name for f in v.list.func} for v in node.attr.values()))


def _exposed(node: SavedObject) -> set[str]:
    """Return the names of the functions that an object lets its user call."""
    return {node.bare_concrete_function.concrete_function_name, *node.function.concrete_functions}


def _refusal(path: Path, reason: str) -> UserError:
    return UserError(
        f"{path}: the SavedModel is {reason}; it was not run: export it again with python -m "
        "lsgan_tf.export"
    )
