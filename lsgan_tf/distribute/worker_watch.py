"""Watches the other workers while TensorFlow starts, as a process of its own.

Until TensorFlow has found all of its peers it waits in C++ and holds the interpreter's lock, so
that no Python code of that process runs, no thread and no signal handler. This file imports the
standard library alone, to be up at once; `lsgan_tf.distribute.cluster` runs it.
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
"""Its number is the exit status of a run whose worker was lost."""


def watch(parent: int, seconds: float, peers: dict[int, socket.socket]) -> str:
    """Waits until standard input ends, which is when there is nothing more to watch.

    Args:
      parent: the process to end if a worker is lost.
      seconds: how long to wait at most.
      peers: connections to the other workers, by number.

    Returns:
      What went wrong, in words; empty if nothing did.
    """
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        if left <= 0 and os.getppid() == parent:
            return f"TensorFlow did not find the others within {seconds:g} seconds"
        ready, _, _ = select.select([0, *peers.values()], [], [], max(left, 0.0))
        if 0 in ready or os.getppid() != parent:
            return ""
        for index, peer in list(peers.items()):
            if peer in ready:
                try:
                    said = peer.recv(len(BEGUN))
                except OSError:
                    said = b""
                if said != BEGUN:
                    return f"worker {index} left before training began"
                del peers[index]


def main(words: list[str]) -> None:
    """The process: `PARENT WORKER SECONDS INDEX:DESCRIPTOR...`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    parent, worker, seconds = int(words[0]), words[1], float(words[2])
    pairs = (word.split(":") for word in words[3:])
    peers = {int(index): socket.socket(fileno=int(number)) for index, number in pairs}
    if reason := watch(parent, seconds, peers):
        print(
            f"error: worker {worker}: {reason}, so all of them end; start the same command on "
            "every host again (--worker_timeout says how long to wait)",
            file=sys.stderr,
            flush=True,
        )
        os.kill(parent, LOST)


if __name__ == "__main__":
    main(sys.argv[1:])
