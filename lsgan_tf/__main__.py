"""Least-squares GANs on TensorFlow 2 and Keras 3: train, sample, evaluate, export.

    lsgan_tf COMMAND [--flag=value ...]
    lsgan_tf COMMAND --help

`python -m lsgan_tf` is the same. Commands:

COMMANDS
"""

from __future__ import annotations

import functools
import importlib
import sys
from typing import NamedTuple

from lsgan_tf.cli import app
from lsgan_tf.errors import UserError


class Command(NamedTuple):
    """A command of the package.

    Attributes:
      module: module in `lsgan_tf` with the command's flags and `main(argv)`.
      about: one-line description.
    """

    module: str
    about: str


COMMANDS = {
    "train": Command("main", "train a GAN, or resume a run"),
    "sample": Command("sample", "draw samples or write text with a generator"),
    "evaluate": Command("evaluate", "compute metrics of a run or of a SavedModel"),
    "export": Command("export", "export a generator: SavedModel, TensorFlow Lite, Keras"),
    "report": Command("report", "write an HTML report of one or several runs"),
    "runs": Command("runs", "list the runs in a folder"),
    "tensorboard": Command("commands.tensorboard", "open TensorBoard on runs"),
    "demo": Command("demo.__main__", "serve a web page for a generator"),
    "prepare-hwdb": Command("commands.prepare_hwdb", "prepare .gnt files ahead of training"),
    "prepare-lsun": Command("commands.prepare_lsun", "prepare images of LSUN in TFRecord shards"),
    "verify-data": Command("commands.verify_data", "check a dataset for damage"),
    "reproduce": Command("commands.reproduce", "repeat an experiment of the papers"),
    "human-study": Command("commands.human_study", "compare two generators in a human study"),
    "plan-hardware": Command("commands.plan_hardware", "estimate a full run on other hardware"),
}

__doc__ = (__doc__ or "").replace(
    "COMMANDS", "\n".join(f"    {name:<15}{command.about}" for name, command in COMMANDS.items())
)


def main() -> None:
    """Run the command named on the command line; without one, list all commands."""
    if len(sys.argv) > 1:
        # The names of the modules and of the tools in a clone have underscores.
        name = sys.argv[1].replace("_", "-")
        if name in COMMANDS:
            start(name, sys.argv[2:])
    app.run_without_flags(_overview, usage=__doc__)


def start(name: str, words: list[str] | None = None) -> None:
    """Run a command and exit with its status.

    Args:
      name: one of `COMMANDS`.
      words: flags and arguments; by default those of this process.
    """
    module = importlib.import_module(f"lsgan_tf.{COMMANDS[name].module}")
    sys.argv = [f"lsgan_tf {name}", *(sys.argv[1:] if words is None else words)]
    app.run(module.main, usage=module.__doc__)


def _overview(argv: list[str]) -> None:
    if len(argv) > 1:
        raise UserError(
            f"{argv[1]}: there is no such command, expected one of {', '.join(COMMANDS)}, and "
            "flags after it"
        )
    print((__doc__ or "").strip())


# The console scripts.
train, sample, evaluate, export, report, runs = (
    functools.partial(start, name)
    for name in ("train", "sample", "evaluate", "export", "report", "runs")
)

if __name__ == "__main__":
    main()
