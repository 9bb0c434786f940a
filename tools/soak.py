"""Kills a training run again and again, and looks whether it ends as if never disturbed.

    python tools/soak.py --kills=10 -- --flagfile=flags/hwdb.flags --image_size=8 --steps=100
    python tools/soak.py --minutes=60 --folder=/tmp/soak -- --dataset=mixture --steps=2000

Flags after `--` are those of lsgan_tf.main; --deterministic and --devices=cpu:1 are added.
One run is left alone; another one, the same but for its folder, is started again and again
and killed (SIGKILL) at a random moment, some of the times inside a checkpoint write, until it
reaches its end. This is repeated until the kills or the minutes are spent. Weights, optimiser
slots, moving averages, statistics, TensorBoard's values and pictures are compared bit for bit.
Exit status: 0 all ends were identical, 1 one was not.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import spawning
from absl import flags

from lsgan_tf.cli.app import run
from lsgan_tf.cli.flags import PATH
from lsgan_tf.errors import UserError

_KILLS = flags.DEFINE_integer("kills", 10, "SIGKILLs in all; 0: no limit", lower_bound=0)
_MINUTES = flags.DEFINE_float("minutes", 0.0, "stop after so many minutes; 0: no limit", 0.0)
_PER_RUN = flags.DEFINE_integer("kills_per_run", 10, "SIGKILLs before a run may end", 1)
_FOLDER = flags.DEFINE(PATH, "folder", None, "where the runs go; default: a temporary folder")
_DICE = flags.DEFINE_integer("dice", 0, "seed of the moments of the kills")

# Of this many kills one waits for a checkpoint being written.
_CHECKPOINT_SHARE = 3
# A run that does not get on is not waited for without end, seconds.
_PATIENCE = 1800.0
_POLL = 0.001


class Soak:
    """One undisturbed run and many that are killed."""

    def __init__(self, folder: Path, words: list[str], dice: random.Random) -> None:
        self.folder, self.dice = folder, dice
        self._rows = 0
        self._words = [*words, "--deterministic", "--devices=cpu:1"]
        self.kills = self.inside = self.ends = self.identical = 0

    def undisturbed(self) -> None:
        """Makes the run to compare with."""
        self._finish(self._start("undisturbed"), "undisturbed")
        self._rows = self._progress("undisturbed")

    def disturbed(self, kills: int) -> list[str]:
        """Makes one run with up to `kills` kills; returns what differs at its end."""
        from run_differences import differences

        name = f"disturbed-{self.ends:03d}"
        for number in range(kills):
            process = self._start(name)
            if number % _CHECKPOINT_SHARE == _CHECKPOINT_SHARE - 1:
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
        """The counts so far."""
        return (
            f"{self.kills} kills, {self.inside} of them inside a checkpoint write; "
            f"{self.identical} of {self.ends} ends identical to the undisturbed run's"
        )

    def _start(self, name: str) -> BaseProcess:
        words = [*self._words, f"--run_dir={self.folder / name}"]
        return spawning.start(words, self.folder / f"{name}.txt")

    def _kill_later(self, process: BaseProcess, name: str) -> bool:
        """Waits until a few more rows are measured (perhaps none), then a moment."""
        goal = self._progress(name) + self.dice.randint(0, max(1, self._rows // 4))
        deadline = time.monotonic() + _PATIENCE
        while process.exitcode is None and time.monotonic() < deadline:
            if self._progress(name) >= goal:
                break
            time.sleep(_POLL)
        process.join(self.dice.uniform(0.0, 1.0))
        return self._kill(process)

    def _progress(self, name: str) -> int:
        """Rows that a run has measured so far."""
        path = self.folder / name / "stats.jsonl"
        return len(path.read_bytes().splitlines()) if path.is_file() else 0

    def _kill_inside_checkpoint(self, process: BaseProcess, name: str) -> bool:
        """Waits until some checkpoint is half written."""
        folder, skip = self.folder / name / "checkpoints", self.dice.randrange(2)
        deadline = time.monotonic() + _PATIENCE
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

    def _kill(self, process: BaseProcess) -> bool:
        """Kills a process; False if it had ended by itself."""
        process.kill()
        process.join()
        self.kills += process.exitcode == -9
        if process.exitcode not in (0, -9):
            raise UserError(f"a run ended with status {process.exitcode}; see {self.folder}/*.txt")
        return process.exitcode == -9

    def _finish(self, process: BaseProcess, name: str) -> None:
        process.join(_PATIENCE)
        if process.exitcode != 0:
            process.kill()
            raise UserError(
                f"the run {name} ended with status {process.exitcode}; see {self.folder / name}.txt"
            )


def main(argv: list[str]) -> int:
    """The command; returns the exit status."""
    if not _KILLS.value and not _MINUTES.value:
        raise UserError("--kills=0 and no --minutes: this would never end; give one of them")
    folder = Path(_FOLDER.value or tempfile.mkdtemp(prefix="soak-")).absolute()
    if (folder / "undisturbed").exists():
        raise UserError(f"{folder}: holds a former soak; give an empty --folder")
    folder.mkdir(parents=True, exist_ok=True)
    soak = Soak(folder, argv[1:], random.Random(_DICE.value))
    start = time.monotonic()
    soak.undisturbed()
    print(f"undisturbed run: {time.monotonic() - start:.0f} s, in {folder}", flush=True)
    while _goes_on(soak, start):
        kills = min(_PER_RUN.value, _KILLS.value - soak.kills if _KILLS.value else 10**9)
        found = soak.disturbed(kills)
        print(f"{soak.report()} ({time.monotonic() - start:.0f} s)", flush=True)
        if found:
            print(f"differences: {'; '.join(found[:10])}; in {folder}", flush=True)
            return 1
    return 0


def _goes_on(soak: Soak, start: float) -> bool:
    spent = _MINUTES.value and time.monotonic() - start > 60 * _MINUTES.value
    return not spent and (not _KILLS.value or soak.kills < _KILLS.value)


if __name__ == "__main__":
    run(main, usage=__doc__)
