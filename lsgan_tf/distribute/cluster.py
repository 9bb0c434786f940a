"""Multi-worker training: the cluster of TF_CONFIG, and the start-up barrier.

Every host runs the same command; TensorFlow's environment variable TF_CONFIG describes the
cluster and the host's place in it:

    {"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}

Worker 0 is the chief; only it writes the run folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, overload

from lsgan_tf.distribute import worker_watch
from lsgan_tf.errors import UserError, WorkerLostError
from lsgan_tf.util.forms import parse_json

T = TypeVar("T")

_ADDRESS = re.compile(r"[^\s/:]+:(\d{1,5})$")
_EXAMPLE = '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'
_GO = b"go"
_POLL = 0.2  # seconds between polls of the other workers
_HANDSHAKE_SECONDS = 5.0  # for a new connection to identify itself
_MOST_UNIDENTIFIED = 100
_SECONDS_TO_BEGIN = 20.0  # lower bound on TensorFlow's start-up timeout


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a run.

    Attributes:
      workers: addresses `host:port`, the chief's first.
      index: this process's index among them.
    """

    workers: tuple[str, ...]
    index: int

    @property
    def chief(self) -> bool:
        """Whether this process writes the run folder."""
        return self.index == 0


def from_environment(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """Return the cluster that TF_CONFIG describes, None for no cluster or a single worker.

    Raises:
      UserError: if TF_CONFIG is malformed.
    """
    text = environment.get("TF_CONFIG", "").strip()
    if not text:
        return None
    try:
        return _parse(parse_json(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{error.args[0]!r} is missing" if type(error) is KeyError else str(error)
        raise UserError(
            f"TF_CONFIG: {reason}; expected the form {_EXAMPLE}; to train on "
            "this host alone, unset TF_CONFIG"
        ) from error


def _parse(config: Mapping[str, Any]) -> Cluster | None:
    if config == {}:
        return None
    jobs, task = dict(config["cluster"]), config["task"]
    # A separate "chief" job is TensorFlow's older notation for the first worker.
    workers = [*jobs.pop("chief", []), *jobs.pop("worker", [])]
    if jobs:
        raise ValueError(f"unknown job {', '.join(sorted(jobs))}")
    for address in workers:
        match = _ADDRESS.match(address)
        if not match or not 0 < int(match[1]) < 1 << 16:
            raise ValueError(f"{address!r} is not an address host:port")
    if len(set(workers)) < len(workers):
        raise ValueError("an address occurs twice")
    kind, index = task["type"], task["index"]
    count = len(config["cluster"].get(kind, []))
    if kind not in ("chief", "worker") or type(index) is not int or not 0 <= index < count:
        raise ValueError(f"there is no task {kind} {index} in the cluster")
    if kind == "worker":
        index += len(config["cluster"].get("chief", []))
    return Cluster(tuple(workers), index) if len(workers) > 1 else None


@overload
def meet(cluster: Cluster, seconds: float) -> None: ...


@overload
def meet(cluster: Cluster, seconds: float, begin: Callable[[], T]) -> T: ...


def meet(cluster: Cluster, seconds: float, begin: Callable[[], Any] = lambda: None) -> Any:
    """Wait for all workers, then start TensorFlow on all of them.

    The workers connect to the chief, which releases them together. TensorFlow itself waits
    for its peers without a timeout and without handling signals; so it is started only once
    all are up, and another process watches the connections meanwhile. The barrier uses
    TensorFlow's port.

    Args:
      cluster: the workers.
      seconds: timeout for the workers to appear, and for TensorFlow to start.
      begin: starts TensorFlow. If a worker is lost meanwhile, this process exits with the
        status of `WorkerLostError`; SIGINT and SIGTERM end it at once.

    Returns:
      The result of `begin`.

    Raises:
      UserError: if a worker did not appear in time, or the port is in use.
      WorkerLostError: if a worker appeared and left.
    """
    deadline = time.monotonic() + seconds
    others = [(i, a) for i, a in enumerate(cluster.workers) if i != cluster.index]
    names = ", ".join(f"worker {i} ({a})" for i, a in others)
    print(
        f"TF_CONFIG: this is worker {cluster.index} of {len(cluster.workers)}; waiting up to "
        f"{seconds:g} seconds (--worker_timeout) for {names}; Ctrl-C stops, and without TF_CONFIG "
        "(unset TF_CONFIG) this host trains alone",
        file=sys.stderr,
        flush=True,
    )
    with contextlib.ExitStack() as stack:
        try:
            if cluster.chief:
                peers = _gather(cluster, deadline, stack)
            else:
                _listen(cluster).close()  # TensorFlow will listen there
                peers = {0: _report(cluster, deadline, stack)}
        except TimeoutError as error:
            raise UserError(
                f"worker {cluster.index}: {error} within {seconds:g} seconds (--worker_timeout); "
                "start the same command on every host of TF_CONFIG, and check that they can "
                "reach one another"
            ) from error
        with _watched(cluster, peers, max(seconds, _SECONDS_TO_BEGIN)), _ended_by_signals():
            begun = begin()
        for peer in peers.values():
            with contextlib.suppress(OSError):
                peer.sendall(worker_watch.BEGUN)
        return begun


@contextlib.contextmanager
def _watched(cluster: Cluster, peers: dict[int, socket.socket], seconds: float) -> Iterator[None]:
    """End this process if a worker is lost inside the context."""
    descriptors = {index: peer.fileno() for index, peer in peers.items()}
    pairs = [f"{index}:{descriptor}" for index, descriptor in descriptors.items()]
    words = [str(word) for word in (os.getpid(), cluster.index, seconds, *pairs)]
    with (
        _exit_on(worker_watch.LOST),
        subprocess.Popen(
            [sys.executable, "-I", "-S", worker_watch.__file__, *words],
            stdin=subprocess.PIPE,
            pass_fds=list(descriptors.values()),
        ),
    ):
        yield


@contextlib.contextmanager
def _exit_on(number: int) -> Iterator[None]:
    """Make a signal end this process with the signal's number as the exit status.

    The handler is the C library's `_exit`, since Python handlers need the GIL.
    """
    library = ctypes.CDLL(None)
    library.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
    library.signal.restype = ctypes.c_void_p
    former = library.signal(number, ctypes.cast(library._exit, ctypes.c_void_p))
    try:
        yield
    finally:
        library.signal(number, former)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Restore the default action of SIGINT and SIGTERM, which works while the GIL is held."""
    former = {}
    if threading.current_thread() is threading.main_thread():
        former = {n: signal.signal(n, signal.SIG_DFL) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            if handler is not None:  # None: not installed by Python
                signal.signal(number, handler)


def _receive(connection: socket.socket) -> bytes | None:
    """Receive bytes: None if there are none yet, empty if the peer is gone."""
    connection.settimeout(0)
    try:
        return connection.recv(16)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _listen(cluster: Cluster) -> socket.socket:
    """Listen on this worker's port."""
    port = int(cluster.workers[cluster.index].rpartition(":")[2])
    try:
        return socket.create_server(("", port), backlog=128)
    except OSError as error:
        raise UserError(
            f"TF_CONFIG: port {port} of this host cannot be used ({error.strerror}); stop the "
            "process that uses it, or choose another port"
        ) from error


def _gather(
    cluster: Cluster, deadline: float, stack: contextlib.ExitStack
) -> dict[int, socket.socket]:
    """Wait for all workers and release them; return their connections by index."""
    arrived: dict[int, socket.socket] = {}
    departed: set[int] = set()
    unidentified: dict[socket.socket, float] = {}  # with the deadline of each
    with _listen(cluster) as server:
        server.settimeout(0)
        while waiting := set(range(1, len(cluster.workers))) - arrived.keys():
            _remaining(deadline, _missing(cluster, waiting, departed))
            select.select([server, *unidentified, *arrived.values()], [], [], _POLL)
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                until = time.monotonic() + _HANDSHAKE_SECONDS
                unidentified[stack.enter_context(connection)] = until
            for connection, until in list(unidentified.items()):
                received = _receive(connection)
                waits = time.monotonic() < until and len(unidentified) <= _MOST_UNIDENTIFIED
                if received is None and waits:
                    continue
                del unidentified[connection]
                index = int(received) if received and received.isdigit() else 0
                if 0 < index < len(cluster.workers):
                    arrived[index] = connection  # possibly a reconnection
                else:
                    connection.close()  # not a worker
            for index, connection in list(arrived.items()):
                if _receive(connection) is not None:
                    arrived.pop(index).close()
                    departed.add(index)
    for index, connection in arrived.items():
        try:
            connection.settimeout(_HANDSHAKE_SECONDS)
            connection.sendall(_GO)
        except OSError as error:
            raise WorkerLostError(
                f"worker {cluster.index}: worker {index} left before training began; start the "
                "same command on every host again"
            ) from error
    return arrived


def _report(cluster: Cluster, deadline: float, stack: contextlib.ExitStack) -> socket.socket:
    """Wait to be released by the chief; return the connection to it."""
    host, _, port = cluster.workers[0].rpartition(":")
    while True:
        left = _remaining(deadline, "not all workers connected")
        with contextlib.ExitStack() as attempt, contextlib.suppress(OSError):
            connection = attempt.enter_context(
                socket.create_connection((host, int(port)), timeout=min(left, 5.0))
            )
            connection.sendall(str(cluster.index).encode())
            connection.settimeout(left)
            if connection.recv(len(_GO)) == _GO:
                stack.push(attempt.pop_all())
                return connection
        time.sleep(0.2)  # the chief is not up yet, or has gone


def _remaining(deadline: float, reason: str) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError(reason)
    return left


def _missing(cluster: Cluster, waiting: set[int], departed: set[int]) -> str:
    absent = sorted(waiting - departed)
    names = [f"worker {index} ({cluster.workers[index]})" for index in absent]
    reasons = [f"{', '.join(names)} did not connect"] if names else []
    reasons += [f"worker {index} connected and left" for index in sorted(waiting & departed)]
    return ", ".join(reasons)
