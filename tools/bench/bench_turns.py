"""Benchmarks of contestants in separate processes, run alternately under the same conditions."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import multiprocessing
import os
import resource
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from lsgan_tf.errors import UserError


class Runner(Protocol):
    """Result of `prepare(**settings)` of a contestant's module.

    Attributes:
      facts: metadata, as plain values.
    """

    facts: dict[str, Any]

    def burst(self, steps: int) -> None:
        """Run training steps and wait until they are done."""

    def peak(self) -> dict[str, float]:
        """Measure the machine's peak performance; empty if not supported."""


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A subject of a benchmark.

    Attributes:
      name: name in the table.
      module: name of the module in this folder whose `prepare` makes its runner.
      settings: arguments of `prepare`.
      environments: environment variables of each of its processes.
    """

    name: str
    module: str
    settings: Mapping[str, Any]
    environments: Sequence[Mapping[str, str]] = ({},)


@dataclasses.dataclass
class Result:
    """Measurements of a contestant.

    Attributes:
      name: the contestant's name.
      facts: metadata of its first process.
      seconds: wall time of a step, for each round.
      cpu_seconds: CPU time of a step over all its processes, for each round.
      peak: the maximum of each value of `Runner.peak`.
    """

    name: str
    facts: dict[str, Any]
    seconds: list[float] = dataclasses.field(default_factory=list)
    cpu_seconds: list[float] = dataclasses.field(default_factory=list)
    peak: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def median(self) -> float:
        """Median of the wall times."""
        return statistics.median(self.seconds)

    @property
    def cpu_median(self) -> float:
        """Median of the CPU times."""
        return statistics.median(self.cpu_seconds)

    def times(self, other: Result) -> float:
        """Return the ratio of the wall times to those of `other`: the median over the rounds."""
        pairs = zip(self.seconds, other.seconds, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)

    def cpu_times(self, other: Result) -> float:
        """Return the ratio of the CPU times; see `times`."""
        pairs = zip(self.cpu_seconds, other.cpu_seconds, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)


def take_turns(
    contestants: Sequence[Contestant],
    *,
    rounds: int,
    seconds: float,
    log: Callable[[str], None],
) -> list[Result]:
    """Measure the contestants alternately; each is idle while another runs.

    Args:
      contestants: the contestants.
      rounds: number of bursts of each; every other round is in reverse order.
      seconds: approximate duration of a burst, which is at least one step.
      log: called with progress messages.

    Returns:
      The results in the contestants' order.

    Raises:
      UserError: if one of them fails.
    """
    with contextlib.ExitStack() as stack:
        crews, results, steps = [], [], []
        for contestant in contestants:
            crew = stack.enter_context(_crew(contestant))
            results.append(Result(contestant.name, crew.ready()))
            crews.append(crew)
            crew.ask("burst", 1)
            steps.append(max(1, round(seconds / crew.ask("burst", 1)[0])))
            log(f"{contestant.name} is ready, {steps[-1]} steps per burst")
        for number in range(rounds):
            order = range(len(crews)) if number % 2 == 0 else reversed(range(len(crews)))
            for turn in order:
                for name, value in crews[turn].ask("peak")[2].items():
                    results[turn].peak[name] = max(value, results[turn].peak.get(name, 0.0))
                clock, cpu, _ = crews[turn].ask("burst", steps[turn])
                results[turn].seconds.append(clock / steps[turn])
                results[turn].cpu_seconds.append(cpu / steps[turn])
            log(f"round {number + 1} of {rounds}")
    return results


def clusters(workers: int) -> list[dict[str, str]]:
    """Return TF_CONFIG of each of a number of workers on this host, on free ports."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(workers)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        hosts = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    return [
        {
            "TF_CONFIG": json.dumps(
                {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
            )
        }
        for index in range(workers)
    ]


class _Crew:
    """The processes of a contestant, which work together."""

    def __init__(self, name: str, connections: Sequence[Connection]) -> None:
        self._name, self._connections = name, connections

    def ready(self) -> dict[str, Any]:
        """Wait for all processes and return the first one's metadata."""
        first, *_ = [self._receive(connection) for connection in self._connections]
        return first

    def ask(self, what: str, *arguments: Any) -> tuple[float, float, Any]:
        """Call a method in all; return the longest time, total CPU time and first result."""
        for connection in self._connections:
            connection.send((what, arguments))
        answers = [self._receive(connection) for connection in self._connections]
        clock = max(answer[0] for answer in answers)
        return clock, sum(answer[1] for answer in answers), answers[0][2]

    def _receive(self, connection: Connection) -> Any:
        try:
            kind, value = connection.recv()
        except EOFError as error:
            raise UserError(f"{self._name}: its process died; is there enough memory?") from error
        if kind == "failed":
            raise UserError(f"{self._name}: {value}")
        return value


@contextlib.contextmanager
def _crew(contestant: Contestant) -> Iterator[_Crew]:
    context = multiprocessing.get_context("spawn")
    processes, connections = [], []
    for environment in contestant.environments:
        mine, theirs = context.Pipe()
        arguments = (theirs, contestant.module, dict(contestant.settings), dict(environment))
        process = context.Process(target=_serve, args=arguments, daemon=True)
        process.start()
        theirs.close()
        processes.append(process)
        connections.append(mine)
    try:
        yield _Crew(contestant.name, connections)
    finally:
        for process in processes:
            process.kill()
            process.join()


def _serve(
    connection: Connection, module: str, settings: dict[str, Any], environment: dict[str, str]
) -> None:
    os.environ.update(environment)
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        runner: Runner = importlib.import_module(module).prepare(**settings)
        connection.send(("ready", runner.facts))
        while True:
            what, arguments = connection.recv()
            clock, cpu = time.perf_counter(), cpu_seconds()
            value = getattr(runner, what)(*arguments)
            spent = time.perf_counter() - clock, cpu_seconds() - cpu
            connection.send(("done", (*spent, value)))
    except EOFError:  # the other end has gone
        return
    except Exception as error:
        connection.send(("failed", f"{type(error).__name__}: {error}"))


def cpu_seconds() -> float:
    """Return user and system CPU time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
