"""What the workers of a run must agree on; with one process there is nothing to do."""

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

# How TensorFlow says that another process is gone.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


class Workers:
    """This process among those of its run.

    Args:
      cluster: all of them; None is one process.
      strategy: their strategy.

    Attributes:
      chief: whether this one writes files.
    """

    def __init__(self, cluster: Cluster | None, strategy: tf.distribute.Strategy) -> None:
        self._cluster, self._strategy = cluster, strategy
        self.chief = cluster is None or cluster.chief
        self._sum = tf.function(self._sum_in_replicas, reduce_retracing=True)

    def share(self, variables: Sequence[tf.Variable]) -> None:
        """Gives the chief's values of mirrored variables to every worker."""
        if not self._cluster:
            return
        chief_values = self._sum([self._of_chief(variable) for variable in variables])
        for variable, value in zip(variables, chief_values, strict=True):
            variable.assign(value)

    def share_numbers(self, numbers: Sequence[float]) -> list[float]:
        """The chief's numbers, of which every worker gives as many."""
        if not self._cluster:
            return list(numbers)
        return [float(n) for n in self._sum([self._of_chief(tf.constant(numbers, tf.float64))])[0]]

    def check(self, config: Config) -> None:
        """Compares the settings that change the result.

        Raises:
          UserError: if a worker has others than the chief.
        """
        mine = zlib.crc32(json.dumps(config.decisive(), sort_keys=True).encode())
        if self._cluster and self.share_numbers([mine])[0] != mine:
            raise UserError(
                f"worker {self._cluster.index}: its flags or its data differ from the chief's; "
                "give every worker the same command and the same data"
            )

    def stopping(self, received: signal.Signals | None) -> signal.Signals | None:
        """The signal that any of the workers received, or None."""
        if not self._cluster:
            return received
        mine = tf.constant([float(received == number) for number in STOPPING])
        counts = self._sum([mine])[0].numpy()
        return next((number for number, n in zip(STOPPING, counts, strict=True) if n), None)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Under it, the loss of another worker is told in one line.

        Raises:
          WorkerLostError: if TensorFlow can no longer reach the others.
        """
        try:
            yield
        except _LOST as error:
            if not self._cluster:
                raise
            words = " ".join(str(error).split())[:200]
            raise WorkerLostError(
                f"worker {self._cluster.index}: another worker of this run was lost, so all of "
                "them end; start the same command on every host again, and the run goes on from "
                f"its newest checkpoint (TensorFlow says: {words})"
            ) from error

    def _of_chief(self, value: tf.Tensor) -> tf.Tensor:
        value = tf.convert_to_tensor(value)
        return value if self.chief else tf.zeros_like(value)

    def _sum_in_replicas(self, values: list[tf.Tensor]) -> list[tf.Tensor]:
        """Sums over the workers, each of which counts once however many devices it has."""

        def replica(values: list[tf.Tensor]) -> list[tf.Tensor]:
            context = tf.distribute.get_replica_context()
            local = self._strategy.num_replicas_in_sync // len(self._cluster.workers)
            first = tf.equal(context.replica_id_in_sync_group % local, 0)
            # One by one, since TensorFlow joins a list's tensors into one of one type.
            return [
                context.all_reduce(
                    tf.distribute.ReduceOp.SUM, tf.where(first, value, tf.zeros_like(value))
                )
                for value in values
            ]

        sums = self._strategy.run(replica, args=(values,))
        return [self._strategy.experimental_local_results(value)[0] for value in sums]
