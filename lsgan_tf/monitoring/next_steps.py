"""Outputs of a finished run and commands to use it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from lsgan_tf.config import Config
from lsgan_tf.util.text import columns

_SHOWN_CLASSES = 4
_PLAIN = re.compile(r"[\w@%+=:,./-]+")


def next_steps(config: Config, classes: Sequence[str], path: Path) -> str:
    """List the outputs of a run and commands to copy.

    Args:
      config: config of the run, with the dataset's metadata.
      classes: names of the classes in label order.
      path: run folder.
    """
    rows = [
        ("sample grids", str(path / "samples")),
        ("more samples", _command("lsgan_tf.sample", f"--run_dir={path}", *_what(config, classes))),
        ("report", _command("lsgan_tf.report", str(path))),
        ("TensorBoard", f"python -m lsgan_tf tensorboard {_word(str(path))}"),
        ("SavedModel, model card", str(path / "export")),
    ]
    return "\n".join(["next:", *columns(rows, indent="  ")])


def _command(module: str, *words: str) -> str:
    return " ".join(["python", "-m", module, *map(_word, words)])


def _word(text: str) -> str:
    """Quote a word of a command line; unlike `shlex.quote`, keep Chinese characters unquoted."""
    return text if _PLAIN.fullmatch(text) else shlex.quote(text)


def _what(config: Config, classes: Sequence[str]) -> tuple[str, str]:
    """Return the flags for the samples and for the output path."""
    if config.conditional and all(len(name) == 1 for name in classes):
        return f"--text={''.join(classes[:_SHOWN_CLASSES])}", "--out=line.png"
    if len(config.data_shape) == 3:
        return "--count=64", "--out=samples"
    return "--count=1000", "--out=samples.npz"
