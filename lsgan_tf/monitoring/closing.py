"""Messages at the end of a run."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Sequence
from pathlib import Path

from lsgan_tf.config import Config
from lsgan_tf.util.text import columns

_REASONS = {
    signal.SIGHUP: " (the terminal was closed)",
    signal.SIGPIPE: " (the reader of standard output has ended)",
}
_SHOWN_CLASSES = 4
_PLAIN = re.compile(r"[\w@%+=:,./-]+")


def stopped_line(stop: signal.Signals, step: int, run_dir: Path) -> str:
    """Return the log line of a run stopped by a signal."""
    kept = "checkpoint written" if step else "nothing trained yet"
    return (
        f"stopped by {stop.name}{_REASONS.get(stop, '')} at step {step:,}, {kept}; "
        f"resume with the same command and --run_dir={run_dir}"
    )


def collapsed_line(verdict: str, step: int) -> str:
    """Return the log line of a run ended by `--stop_on_collapse`."""
    return (
        f"ended at step {step:,} by --stop_on_collapse: {verdict}; "
        "--nostop_on_collapse continues it"
    )


def complete_line(step: int, steps: int) -> str:
    """Return the log line of a run without remaining steps."""
    return f"this run is finished: {step:,} of {steps:,} steps done; increase --steps to continue"


def diverged_message(diagnosis: str, checkpoint: Path | None) -> str:
    """Return the error message of a run with non-finite metrics."""
    good = (
        f"{checkpoint} is the last good checkpoint" if checkpoint else "no checkpoint was written"
    )
    return (
        f"{diagnosis}; {good}; start a new run with a smaller --learning_rate, --clip_norm or "
        "--precision=float32 (--init_from starts from the weights of this one)"
    )


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
    ]
    if config.export_at_end:
        rows.append(("SavedModel, model card", str(path / "export")))
    else:
        rows.insert(1, ("SavedModel", _command("lsgan_tf.export", f"--run_dir={path}")))
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
