"""Kill a training run repeatedly, and check that its results are those of an undisturbed run.

    python tools/soak.py --kills=10 -- --flagfile=flags/hwdb.flags --image_size=8 --steps=100
    python tools/soak.py --minutes=60 --folder=/tmp/soak -- --dataset=mixture --steps=2000
    python tools/soak.py --kills=10 --terminal -- --dataset=mixture --steps=2000

Flags after `--` are those of lsgan_tf.main; --deterministic and --devices=cpu:1 are added. One run
is undisturbed; others, equal except for the folder, are killed (SIGKILL) at random times, some of
them during a checkpoint write, and restarted until they finish. Weights, optimiser slots, moving
averages, statistics, TensorBoard's values and images are compared bit by bit. With --terminal the
runs are on a terminal that is closed at random times instead: a run that has begun to train must
write a checkpoint and end with status 129.
Exit status: 0 if all results were identical, else 1.
"""

from __future__ import annotations

import random
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Protocol

import spawning
from absl import flags
from terminals import OnTerminal

from lsgan_tf.cli.app import run
from lsgan_tf.cli.flags import PATH
from lsgan_tf.errors import UserError
from lsgan_tf.util.tensorflow_setup import import_tensorflow
from lsgan_tf.util.text import counted

_KILLS = flags.DEFINE_integer("kills", 10, "total number of SIGKILLs; 0: no limit", lower_bound=0)
_MINUTES = flags.DEFINE_float("minutes", 0.0, "stop after so many minutes; 0: no limit", 0.0)
_PER_RUN = flags.DEFINE_integer("kills_per_run", 10, "SIGKILLs before a run may finish", 1)
_TERMINAL = flags.DEFINE_boolean("terminal", False, "close the terminal instead of SIGKILL")
_FOLDER = flags.DEFINE(PATH, "folder", None, "folder of the runs (default: a temporary folder)")
_DICE = flags.DEFINE_integer("dice", 0, "seed of the times of the kills")

# Every n-th kill waits for a checkpoint write.
_KILLS_PER_CHECKPOINT_KILL = 3
# Exit statuses of a run whose terminal was closed: ended by Python's default before training
# began, or after its checkpoint.
_HUNG_UP = (-signal.SIGHUP, 128 + signal.SIGHUP)
_TIMEOUT = 1800.0  # seconds without progress of a run
_POLL = 0.001


class Process(Protocol):
    """A process of a run."""

    @property
    def exitcode(self) -> int | None:
        """The exit status; None while it runs."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for it to end."""

    def kill(self) -> None:
        """Kill it."""


class Soak:
    """An undisturbed run and many that are killed."""

    def __init__(self, folder: Path, arguments: list[str], dice: random.Random) -> None:
        self.folder, self.dice = folder, dice
        self._rows = 0
        self._arguments = [*arguments, "--deterministic", "--devices=cpu:1"]
        self.kills = self.inside = self.ends = self.identical = 0

    def undisturbed(self) -> None:
        """Execute the reference run."""
        self._finish(self._start("undisturbed"), "undisturbed")
        self._rows = self._progress("undisturbed")

    def disturbed(self, kills: int) -> list[str]:
        """Execute a run with up to `kills` kills; return the differences of its results."""
        import_tensorflow()
        from run_differences import differences

        name = f"disturbed-{self.ends:03d}"
        for number in range(kills):
            if _TERMINAL.value:
                if not self._hang_up(name):
                    break
                continue
            process = self._start(name)
            if number % _KILLS_PER_CHECKPOINT_KILL == _KILLS_PER_CHECKPOINT_KILL - 1:
                killed = self._kill_inside_checkpoint(process, name)
            else:
                killed = self._kill_later(process, name)
            if not killed:
                break
        self._finish(self._start(name), name)
        self.ends += 1
        found = differences(self.folder / "undisturbed", self.folder / name)
        if not found:
            self.identical += 1
            shutil.rmtree(self.folder / name)
        return found

    def report(self) -> str:
        """Format the counts so far."""
        done = counted(self.kills, "kill"), "during a checkpoint write"
        if _TERMINAL.value:
            done = counted(self.kills, "closed terminal"), "after the first step"
        return (
            f"{done[0]}, {self.inside} of them {done[1]}; "
            f"{self.identical} of {self.ends} ends identical to the undisturbed run's"
        )

    def _start(self, name: str) -> Process:
        arguments = [*self._arguments, f"--run_dir={self.folder / name}"]
        return spawning.start(arguments, self.folder / f"{name}.txt")

    def _kill_later(self, process: Process, name: str) -> bool:
        """Kill a run after a random number of rows and a random delay."""
        goal = self._progress(name) + self.dice.randint(0, max(1, self._rows // 4))
        self._await(process, name, goal)
        process.join(self.dice.uniform(0.0, 1.0))
        return self._kill(process)

    def _hang_up(self, name: str) -> bool:
        """Run on a terminal and close it at a random time; return False if the run ended."""
        process = OnTerminal([*self._arguments, f"--run_dir={self.folder / name}"])
        goal = self._progress(name) + self.dice.randint(0, max(1, self._rows // 4))
        self._await(process, name, goal)
        process.join(self.dice.uniform(0.0, 1.0))
        ended = process.exitcode is not None
        process.close()
        process.join(_TIMEOUT)
        if process.exitcode not in (0, *_HUNG_UP):
            process.kill()
            raise UserError(
                f"a run ended with status {process.exitcode} after its terminal was closed; see "
                f"{self.folder / name / 'log.txt'}"
            )
        self.kills += not ended
        self.inside += process.exitcode == _HUNG_UP[1]
        return not ended

    def _await(self, process: Process, name: str, goal: int) -> None:
        """Wait for a number of rows of a run's statistics, or its end."""
        deadline = time.monotonic() + _TIMEOUT
        while process.exitcode is None and time.monotonic() < deadline:
            if self._progress(name) >= goal:
                break
            time.sleep(_POLL)

    def _progress(self, name: str) -> int:
        """Count the rows of a run's statistics."""
        path = self.folder / name / "stats.jsonl"
        return len(path.read_bytes().splitlines()) if path.is_file() else 0

    def _kill_inside_checkpoint(self, process: Process, name: str) -> bool:
        """Kill a run during a checkpoint write."""
        folder, skip = self.folder / name / "checkpoints", self.dice.randrange(2)
        deadline = time.monotonic() + _TIMEOUT
        seen: set[str] = set()
        while process.exitcode is None and time.monotonic() < deadline:
            seen |= {path.name for path in folder.glob(".step-*.tmp")}
            if len(seen) > skip:
                time.sleep(self.dice.uniform(0.0, 0.02))
                inside = bool(list(folder.glob(".step-*.tmp")))
                killed = self._kill(process)
                self.inside += killed and inside
                return killed
            time.sleep(_POLL)
        return self._kill(process)

    def _kill(self, process: Process) -> bool:
        """Kill a process; return False if it had already ended."""
        process.kill()
        process.join()
        self.kills += process.exitcode == -9
        if process.exitcode not in (0, -9):
            raise UserError(f"a run ended with status {process.exitcode}; see {self.folder}/*.txt")
        return process.exitcode == -9

    def _finish(self, process: Process, name: str) -> None:
        process.join(_TIMEOUT)
        if process.exitcode != 0:
            process.kill()
            raise UserError(
                f"the run {name} ended with status {process.exitcode}; see {self.folder / name}.txt"
            )


def main(argv: list[str]) -> int:
    """Run the command and return the exit status."""
    if not _KILLS.value and not _MINUTES.value:
        raise UserError("--kills=0 without --minutes would never end; give one of them")
    folder = Path(_FOLDER.value or tempfile.mkdtemp(prefix="soak-")).absolute()
    if (folder / "undisturbed").exists():
        raise UserError(f"{folder}: contains an earlier soak; give an empty --folder")
    folder.mkdir(parents=True, exist_ok=True)
    soak = Soak(folder, argv[1:], random.Random(_DICE.value))
    start = time.monotonic()
    soak.undisturbed()
    print(f"undisturbed run: {time.monotonic() - start:.0f} s, in {folder}", flush=True)
    while _continues(soak, start):
        kills = min(_PER_RUN.value, _KILLS.value - soak.kills if _KILLS.value else 10**9)
        found = soak.disturbed(kills)
        print(f"{soak.report()} ({time.monotonic() - start:.0f} s)", flush=True)
        if found:
            print(f"differences: {'; '.join(found[:10])}; in {folder}", flush=True)
            return 1
    return 0


def _continues(soak: Soak, start: float) -> bool:
    spent = _MINUTES.value and time.monotonic() - start > 60 * _MINUTES.value
    return not spent and (not _KILLS.value or soak.kills < _KILLS.value)


if __name__ == "__main__":
    run(main, usage=__doc__)
