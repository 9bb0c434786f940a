"""Several hosts: who takes part, and waiting for them.

Every host runs the same command; the environment variable TF_CONFIG, TensorFlow's
own, tells each who it is:

    {"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}

Worker 0 is the chief: it alone writes the run folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import socket
import time
from collections.abc import Mapping

from lsgan_tf.errors import UserError
from lsgan_tf.util.forms import parse_json

_ADDRESS = re.compile(r"[^\s/:]+:(\d{1,5})$")
_EXAMPLE = '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'
_GO = b"go"


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a run.

    Attributes:
      workers: their addresses, `host:port`, the chief's first.
      index: which of them this process is.
    """

    workers: tuple[str, ...]
    index: int

    @property
    def chief(self) -> bool:
        """Whether this process writes the run folder."""
        return self.index == 0


def from_environment(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """The cluster that TF_CONFIG describes; None without one, or if it has one worker.

    Raises:
      UserError: if TF_CONFIG has another form.
    """
    text = environment.get("TF_CONFIG", "").strip()
    if not text:
        return None
    try:
        return _parse(parse_json(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{error.args[0]!r} is missing" if type(error) is KeyError else str(error)
        raise UserError(f"TF_CONFIG: {reason}; expected the form {_EXAMPLE}") from error


def _parse(config: Mapping[str, Mapping[str, object]]) -> Cluster | None:
    if config == {}:
        return None
    jobs, task = dict(config["cluster"]), config["task"]
    # A chief of its own is TensorFlow's older way to write the first worker.
    workers = [*jobs.pop("chief", []), *jobs.pop("worker", [])]
    if jobs:
        raise ValueError(f"unknown job {', '.join(sorted(jobs))}")
    for address in workers:
        match = _ADDRESS.match(address)
        if not match or not 0 < int(match[1]) < 1 << 16:
            raise ValueError(f"{address!r} is no address host:port")
    if len(set(workers)) < len(workers):
        raise ValueError("an address stands there twice")
    kind, index = task["type"], task["index"]
    count = len(config["cluster"].get(kind, []))
    if kind not in ("chief", "worker") or type(index) is not int or not 0 <= index < count:
        raise ValueError(f"there is no task {kind} {index} in the cluster")
    if kind == "worker":
        index += len(config["cluster"].get("chief", []))
    return Cluster(tuple(workers), index) if len(workers) > 1 else None


def meet(cluster: Cluster, seconds: float) -> None:
    """Waits until every worker is there: the others report to the chief, which lets all go.

    TensorFlow would wait for its peers without end, deaf to signals; so it is
    started when all of them are known to be up. The port is TensorFlow's own.

    Args:
      cluster: who must come.
      seconds: how long to wait.

    Raises:
      UserError: if a worker did not come in time, or the port is taken.
    """
    deadline = time.monotonic() + seconds
    try:
        if cluster.chief:
            _gather(cluster, deadline)
        else:
            _listen(cluster).close()  # TensorFlow will listen there
            _report(cluster, deadline)
    except TimeoutError as error:
        raise UserError(
            f"worker {cluster.index}: {error} within {seconds:g} seconds (--worker_timeout); start "
            "the same command on every host of TF_CONFIG, and see that they reach one another"
        ) from error


def _listen(cluster: Cluster) -> socket.socket:
    """Listens on this worker's own port."""
    port = int(cluster.workers[cluster.index].rpartition(":")[2])
    try:
        return socket.create_server(("", port), backlog=128)
    except OSError as error:
        raise UserError(
            f"TF_CONFIG: port {port} of this host cannot be used ({error.strerror}); stop what "
            "uses it, or choose another"
        ) from error


def _gather(cluster: Cluster, deadline: float) -> None:
    waiting = set(range(1, len(cluster.workers)))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_listen(cluster))
        arrived = []
        while waiting:
            server.settimeout(_left(deadline, _missing(cluster, waiting)))
            try:
                connection, _ = server.accept()
                stack.enter_context(connection)
                connection.settimeout(5.0)
                index = int(connection.recv(16))
            except (OSError, ValueError):
                continue  # someone else knocked, or time is up
            waiting.discard(index)
            arrived.append(connection)
        for connection in arrived:
            connection.sendall(_GO)


def _report(cluster: Cluster, deadline: float) -> None:
    host, _, port = cluster.workers[0].rpartition(":")
    while True:
        left = _left(deadline, "not all the other workers came up")
        try:
            with socket.create_connection((host, int(port)), timeout=min(left, 5.0)) as connection:
                connection.sendall(str(cluster.index).encode())
                connection.settimeout(left)
                if connection.recv(16) == _GO:
                    return
        except OSError:
            pass
        time.sleep(0.2)  # the chief is not there yet, or has gone


def _left(deadline: float, reason: str) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError(reason)
    return left


def _missing(cluster: Cluster, waiting: set[int]) -> str:
    names = [f"worker {index} ({cluster.workers[index]})" for index in sorted(waiting)]
    return f"{', '.join(names)} did not come up"
