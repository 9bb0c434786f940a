"""Messages of runs that end early or are already complete."""

from __future__ import annotations

import signal
from pathlib import Path

_REASONS = {
    signal.SIGHUP: " (the terminal was closed)",
    signal.SIGPIPE: " (the reader of standard output has ended)",
}


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
