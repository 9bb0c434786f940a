"""Process that watches the other workers while TensorFlow starts.

Until TensorFlow has found all of its peers it waits in C++ while holding the GIL, so no Python
thread or signal handler of that process runs. This file imports only the standard library, to
start quickly; `lsgan_tf.distribute.cluster` runs it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time

BEGUN = b"begun"
LOST = signal.SIGILL
"""Signal whose number is the exit status of a run that lost a worker."""


def watch(parent: int, seconds: float, peers: dict[int, socket.socket]) -> str:
    """Watch the workers until standard input ends.

    Args:
      parent: the process that started this one.
      seconds: timeout.
      peers: connections to the other workers, by index.

    Returns:
      The reason of a failure; empty if there was none.
    """
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        if left <= 0 and os.getppid() == parent:
            return f"TensorFlow did not connect to the others within {seconds:g} seconds"
        watched: list[int | socket.socket] = [0, *peers.values()]
        ready, _, _ = select.select(watched, [], [], max(left, 0.0))
        if 0 in ready or os.getppid() != parent:
            return ""
        for index, peer in list(peers.items()):
            if peer in ready:
                try:
                    received = peer.recv(len(BEGUN))
                except OSError:
                    received = b""
                if received != BEGUN:
                    return f"worker {index} left before training began"
                del peers[index]


def main(words: list[str]) -> None:
    """Run the process with the arguments `PARENT WORKER SECONDS INDEX:DESCRIPTOR...`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    parent, worker, seconds = int(words[0]), words[1], float(words[2])
    pairs = (word.split(":") for word in words[3:])
    peers = {int(index): socket.socket(fileno=int(number)) for index, number in pairs}
    if reason := watch(parent, seconds, peers):
        print(
            f"error: worker {worker}: {reason}, so all workers stop; start the same command on "
            "every host again (timeout: --worker_timeout)",
            file=sys.stderr,
            flush=True,
        )
        os.kill(parent, LOST)


if __name__ == "__main__":
    main(sys.argv[1:])
