"""What a SavedModel from elsewhere may do: a graph is a program, and TensorFlow runs it.

TensorFlow has operations that read and write files, call Python and open connections. An
exported generator needs none of them; its variables are saved and restored by functions of
their own, which nothing else may call.
"""

from __future__ import annotations

from pathlib import Path

from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from lsgan_tf.errors import UserError
from lsgan_tf.util.files import explained, read_bytes

_LARGEST = 1 << 30
# fmt: off
OPERATIONS = frozenset({
    # Variables, tables and control.
    "Assert", "AssignVariableOp", "Const", "DisableCopyOnRead", "HashTableV2", "Identity",
    "IdentityN", "If", "LookupTableFindV2", "LookupTableImportV2", "NoOp", "PartitionedCall",
    "Placeholder", "ReadVariableOp", "StatefulPartitionedCall", "StatelessIf", "StatelessWhile",
    "VarHandleOp", "While",
    # Numbers.
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
    # Texts.
    "ReduceJoin", "StaticRegexFullMatch", "StringJoin", "UnicodeDecode", "UnicodeEncode",
})
# fmt: on
_SAVING = frozenset({"MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"})


def check_saved_model(path: Path) -> None:
    """Refuses a SavedModel that does what an exported generator never does.

    Args:
      path: its folder.

    Raises:
      UserError: if it holds another operation than `OPERATIONS`, or reads or writes files
        other than its variables; or if it is damaged.
    """
    for part in sorted(Path(path).rglob("*")):
        if part.exists() and not part.is_file() and not part.is_dir():
            raise UserError(f"{part}: expected a regular file, found a FIFO or a device")
    file = Path(path) / "saved_model.pb"
    with explained(file, "loading the SavedModel"):
        content = read_bytes(file, _LARGEST)
    try:
        graphs = SavedModel.FromString(content).meta_graphs
    except Exception as error:  # protobuf's own kinds of error differ by version
        raise _refusal(path, "damaged: no SavedModel") from error
    # TensorFlow loads any other number, and a graph without objects, in an older way.
    if len(graphs) != 1 or not graphs[0].HasField("object_graph_def"):
        raise _refusal(path, "not of lsgan_tf: no graph of objects")
    objects, library = graphs[0].object_graph_def, graphs[0].graph_def.library
    functions = {each.signature.name: list(each.node_def) for each in library.function}
    saving = {name for name, nodes in functions.items() if {n.op for n in nodes} & _SAVING}
    for name, nodes in {"": list(graphs[0].graph_def.node), **functions}.items():
        allowed = OPERATIONS | (_SAVING if name in saving else frozenset())
        if foreign := sorted({node.op for node in nodes} - allowed):
            raise _refusal(path, f"not of lsgan_tf: it holds the operation {foreign[0][:60]}")
        if name and any(saving & _called(node) for node in nodes):
            raise _refusal(path, "not of lsgan_tf: it calls what saves its variables")
    if library.gradient or saving & set(objects.concrete_functions):
        raise _refusal(path, "not of lsgan_tf: it offers what saves its variables")
    if any(node.saveable_objects or node.registered_saver for node in objects.nodes):
        raise _refusal(path, "not of lsgan_tf: it restores objects in a way of its own")


def _called(node: NodeDef) -> set[str]:
    """Names of the functions that a node may call."""
    single = {value.func.name for value in node.attr.values()}
    return single.union(*({f.name for f in v.list.func} for v in node.attr.values()))


def _refusal(path: Path, reason: str) -> UserError:
    return UserError(
        f"{path}: the SavedModel is {reason}; it was not run: write it again with python -m "
        "lsgan_tf.export"
    )
