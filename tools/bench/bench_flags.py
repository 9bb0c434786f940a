"""Flags shared by the benchmarks; each appears in the help of the tools that define it."""

from __future__ import annotations

from absl import flags

from lsgan_tf.cli.flags import PATH

# The flags belong to the calling module.
flags.disclaim_key_flags()

NETS = ("hwdb", "cifar10", "scene112", "dcgan64")
PRECISIONS = ("float32", "bfloat16")


def net(default: str) -> flags.FlagHolder[str]:
    """Define --net."""
    return flags.DEFINE_enum("net", default, NETS, "what to train")


def precision() -> flags.FlagHolder[str]:
    """Define --precision."""
    return flags.DEFINE_enum("precision", "float32", PRECISIONS, "arithmetic")


def batch_size(more: str = "") -> flags.FlagHolder[int]:
    """Define --batch_size; `more` is appended to its help."""
    return flags.DEFINE_integer("batch_size", 64, f"images per update{more}", lower_bound=2)


def rounds() -> flags.FlagHolder[int]:
    """Define --rounds."""
    return flags.DEFINE_integer("rounds", 7, "bursts of each contestant", lower_bound=1)


def seconds() -> flags.FlagHolder[float]:
    """Define --seconds."""
    return flags.DEFINE_float("seconds", 3.0, "approximate duration of a burst", lower_bound=0.0)


def json_file() -> flags.FlagHolder[str | None]:
    """Define --json."""
    return flags.DEFINE(PATH, "json", None, "file for the measurements")


def small() -> flags.FlagHolder[bool]:
    """Define --small."""
    return flags.DEFINE_boolean("small", False, "narrow networks, to test this tool")
