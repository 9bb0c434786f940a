"""Communication between the workers of a run; no-ops with a single process."""

from __future__ import annotations

import contextlib
import json
import signal
import zlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

from lsgan_tf.config import Config
from lsgan_tf.distribute.cluster import Cluster
from lsgan_tf.errors import UserError, WorkerLostError
from lsgan_tf.util.signals import STOPPING

# Raised by TensorFlow when another process is gone.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


class Workers:
    """The workers of a run, seen from one of them.

    Args:
      cluster: all workers; None for a single process.
      strategy: their strategy.

    Attributes:
      chief: whether this process writes files.
    """

    def __init__(self, cluster: Cluster | None, strategy: tf.distribute.Strategy) -> None:
        self._cluster, self._strategy = cluster, strategy
        self.chief = cluster is None or cluster.chief
        self._sum = tf.function(self._sum_in_replicas, reduce_retracing=True)

    def share(self, variables: Sequence[tf.Variable]) -> None:
        """Broadcast the chief's values of mirrored variables."""
        if not self._cluster:
            return
        chief_values = self._sum([self._of_chief(variable) for variable in variables])
        for variable, value in zip(variables, chief_values, strict=True):
            variable.assign(value)

    def share_numbers(self, numbers: Sequence[float]) -> list[float]:
        """Broadcast the chief's numbers; every worker passes equally many."""
        if not self._cluster:
            return list(numbers)
        return [float(n) for n in self._sum([self._of_chief(tf.constant(numbers, tf.float64))])[0]]

    def check(self, config: Config) -> None:
        """Check that all workers have the chief's settings, as far as they affect results.

        Raises:
          UserError: if they differ.
        """
        mine = zlib.crc32(json.dumps(config.decisive(), sort_keys=True).encode())
        if self._cluster and self.share_numbers([mine])[0] != mine:
            raise UserError(
                f"worker {self._cluster.index}: its flags or data differ from the chief's; "
                "give every worker the same command and the same data"
            )

    def stopping(self, received: signal.Signals | None) -> signal.Signals | None:
        """Return a signal that any of the workers received, or None."""
        if not self._cluster:
            return received
        mine = tf.constant([float(received == number) for number in STOPPING])
        counts = self._sum([mine])[0].numpy()
        return next((number for number, n in zip(STOPPING, counts, strict=True) if n), None)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Translate TensorFlow's errors about a lost worker.

        Raises:
          WorkerLostError: if TensorFlow can no longer reach the others.
        """
        try:
            yield
        except _LOST as error:
            if not self._cluster:
                raise
            reason = " ".join(str(error).split())[:200]
            raise WorkerLostError(
                f"worker {self._cluster.index}: another worker of this run was lost, so all "
                "workers stop; start the same command on every host again to resume from the "
                f"newest checkpoint (TensorFlow's message: {reason})"
            ) from error

    def _of_chief(self, value: tf.Tensor) -> tf.Tensor:
        value = tf.convert_to_tensor(value)
        return value if self.chief else tf.zeros_like(value)

    def _sum_in_replicas(self, values: list[tf.Tensor]) -> list[tf.Tensor]:
        """Sum over the workers, counting one replica of each."""
        assert self._cluster is not None  # callers return early for a single worker
        workers = len(self._cluster.workers)

        def replica(values: list[tf.Tensor]) -> list[tf.Tensor]:
            context = tf.distribute.get_replica_context()
            local = self._strategy.num_replicas_in_sync // workers
            first = tf.equal(context.replica_id_in_sync_group % local, 0)
            # One by one: for a list, TensorFlow concatenates tensors and needs a single dtype.
            return [
                context.all_reduce(
                    tf.distribute.ReduceOp.SUM, tf.where(first, value, tf.zeros_like(value))
                )
                for value in values
            ]

        sums = self._strategy.run(replica, args=(values,))
        return [self._strategy.experimental_local_results(value)[0] for value in sums]
