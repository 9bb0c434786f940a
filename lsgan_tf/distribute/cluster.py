"""Several hosts: who takes part, and waiting for them.

Every host runs the same command; the environment variable TF_CONFIG, TensorFlow's
own, tells each who it is:

    {"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}

Worker 0 is the chief: it alone writes the run folder.
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
from typing import TypeVar

from lsgan_tf.distribute import worker_watch
from lsgan_tf.errors import UserError, WorkerLostError
from lsgan_tf.util.forms import parse_json

T = TypeVar("T")

_ADDRESS = re.compile(r"[^\s/:]+:(\d{1,5})$")
_EXAMPLE = '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'
_GO = b"go"
_POLL = 0.2  # seconds between looks at the other workers
_PATIENCE = 5.0  # seconds for one who knocked to say who it is
_STRANGERS = 100
_SECONDS_TO_BEGIN = 20.0  # TensorFlow needs some for itself, whatever --worker_timeout says


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
        raise UserError(
            f"TF_CONFIG: {reason}; expected the form {_EXAMPLE}; to train on "
            "this host alone, unset TF_CONFIG"
        ) from error


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


def meet(cluster: Cluster, seconds: float, begin: Callable[[], T] = lambda: None) -> T:
    """Waits until every worker is there, then has all of them begin together.

    The others report to the chief, which lets all go. TensorFlow would wait for its peers
    without end, deaf to signals; so it is started when all of them are known to be up, and
    until it runs another process watches the connections. The port is TensorFlow's own.

    Args:
      cluster: who must come.
      seconds: how long to wait, and how long TensorFlow may take to begin.
      begin: starts TensorFlow. If a worker is lost meanwhile, this process ends with the
        status of `WorkerLostError`; SIGINT and SIGTERM end it at once.

    Returns:
      What `begin` returned.

    Raises:
      UserError: if a worker did not come in time, or the port is taken.
      WorkerLostError: if one came and left.
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
                "start the same command on every host of TF_CONFIG, and see that they reach one "
                "another"
            ) from error
        with _watched(cluster, peers, max(seconds, _SECONDS_TO_BEGIN)), _ended_by_signals():
            begun = begin()
        for peer in peers.values():
            with contextlib.suppress(OSError):
                peer.sendall(worker_watch.BEGUN)
        return begun


@contextlib.contextmanager
def _watched(cluster: Cluster, peers: dict[int, socket.socket], seconds: float) -> Iterator[None]:
    """Under it the loss of a worker ends this process, wherever it is."""
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
    """Has a signal end this process with its number as the exit status.

    The C library's `_exit` is the handler itself, and the number its argument: Python's own
    handlers wait for the interpreter's lock.
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
    """Has the system end this process on SIGINT and SIGTERM, whatever holds the interpreter."""
    former = {}
    if threading.current_thread() is threading.main_thread():
        former = {n: signal.signal(n, signal.SIG_DFL) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            if handler is not None:  # None: not Python's
                signal.signal(number, handler)


def _said(connection: socket.socket) -> bytes | None:
    """What a worker said; None for nothing yet, empty if it is gone."""
    connection.settimeout(0)
    try:
        return connection.recv(16)
    except BlockingIOError:
        return None
    except OSError:
        return b""


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


def _gather(
    cluster: Cluster, deadline: float, stack: contextlib.ExitStack
) -> dict[int, socket.socket]:
    """Waits for all workers, and lets them go together; their connections by number."""
    arrived: dict[int, socket.socket] = {}
    left: set[int] = set()
    strangers: dict[socket.socket, float] = {}  # and until when each may say who it is
    with _listen(cluster) as server:
        server.settimeout(0)
        while waiting := set(range(1, len(cluster.workers))) - arrived.keys():
            _left(deadline, _missing(cluster, waiting, left))
            select.select([server, *strangers, *arrived.values()], [], [], _POLL)
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                strangers[stack.enter_context(connection)] = time.monotonic() + _PATIENCE
            for connection, until in list(strangers.items()):
                said = _said(connection)
                if said is None and time.monotonic() < until and len(strangers) <= _STRANGERS:
                    continue
                del strangers[connection]
                index = int(said) if said and said.isdigit() else 0
                if 0 < index < len(cluster.workers):
                    arrived[index] = connection  # or has come again
                else:
                    connection.close()  # someone else knocked
            for index, connection in list(arrived.items()):
                if _said(connection) is not None:
                    arrived.pop(index).close()
                    left.add(index)
    for index, connection in arrived.items():
        try:
            connection.settimeout(_PATIENCE)
            connection.sendall(_GO)
        except OSError as error:
            raise WorkerLostError(
                f"worker {cluster.index}: worker {index} left before training began; start the "
                "same command on every host again"
            ) from error
    return arrived


def _report(cluster: Cluster, deadline: float, stack: contextlib.ExitStack) -> socket.socket:
    """Waits for the chief's word; the connection to it."""
    host, _, port = cluster.workers[0].rpartition(":")
    while True:
        left = _left(deadline, "not all the other workers came up")
        with contextlib.ExitStack() as attempt, contextlib.suppress(OSError):
            connection = attempt.enter_context(
                socket.create_connection((host, int(port)), timeout=min(left, 5.0))
            )
            connection.sendall(str(cluster.index).encode())
            connection.settimeout(left)
            if connection.recv(len(_GO)) == _GO:
                stack.push(attempt.pop_all())
                return connection
        time.sleep(0.2)  # the chief is not there yet, or has gone


def _left(deadline: float, reason: str) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError(reason)
    return left


def _missing(cluster: Cluster, waiting: set[int], left: set[int]) -> str:
    names = [f"worker {index} ({cluster.workers[index]})" for index in sorted(waiting - left)]
    words = [f"{', '.join(names)} did not come up"] if names else []
    words += [f"worker {index} came and left" for index in sorted(waiting & left)]
    return ", ".join(words)
