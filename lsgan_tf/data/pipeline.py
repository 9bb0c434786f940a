"""Input pipeline: order, batches, slices for replicas, random flips.

The example at position p of a run is a function of (seed, p): epoch p // n has its own permutation
of the dataset, and batches continue across epochs without dropping examples. The pipeline can
therefore start at any step, and each device reads only its slice.
"""

from __future__ import annotations

import functools
import math
import threading

import numpy as np
import tensorflow as tf

from lsgan_tf.data.source import Source

_ORDER, _FLIP = 0, 1
# Points are small, so many steps are read per call to amortise its overhead.
_POINT_STEPS = 64


class Order:
    """The order of the examples in a run.

    Args:
      length: number of examples in the source, at least 1.
      seed: seed of the run.
    """

    def __init__(self, length: int, seed: int) -> None:
        self._length, self._seed = length, seed
        self._lock = threading.Lock()
        self._permutation = functools.lru_cache(maxsize=2)(self._shuffle)

    def indices(self, start: int, stop: int) -> np.ndarray:
        """Return the indices of the examples at positions `start` to `stop` - 1: int64."""
        positions = np.arange(start, stop, dtype=np.int64)
        epochs, offsets = np.divmod(positions, self._length)
        result = np.empty(len(positions), np.int64)
        for epoch in np.unique(epochs):
            with self._lock:  # only one thread shuffles
                permutation = self._permutation(int(epoch))
            mask = epochs == epoch
            result[mask] = permutation[offsets[mask]]
        return result

    def epochs(self, start: int, stop: int) -> np.ndarray:
        """Return the epochs of the positions `start` to `stop` - 1: int64."""
        return np.arange(start, stop, dtype=np.int64) // self._length

    def _shuffle(self, epoch: int) -> np.ndarray:
        # Raw Philox words are stable across NumPy versions, unlike Generator.permutation.
        words = np.random.Philox(key=[self._seed, (epoch << 8) | _ORDER]).random_raw(self._length)
        return np.argsort(words, kind="stable").astype(np.uint32)


class Batches:
    """The global batches of a run as a function of the step.

    Args:
      source: the examples.
      batch_size: examples per draw over all replicas.
      draws: draws per step, one per update of D.
      seed: seed of the run.
      flip: whether to flip images left to right with probability 1/2.
    """

    def __init__(
        self, source: Source, *, batch_size: int, draws: int, seed: int, flip: bool = False
    ) -> None:
        self._source, self._seed, self._flip = source, seed, flip
        self._order = Order(len(source), seed)
        self._batch_size, self._draws = batch_size, draws

    def slice(self, step: int, replica: int, replicas: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the examples of a replica at a step.

        Args:
          step: training step, at least 0.
          replica: index of the replica.
          replicas: number of replicas, a divisor of the batch size.

        Returns:
          Examples, shape `(draws, batch_size / replicas, *shape)`, and labels, int32, `(draws,
          batch_size / replicas)`.
        """
        shape = (self._draws, self._batch_size // replicas)
        examples, labels = self._read(self._spans(step, replica, replicas))
        return examples.reshape(shape + examples.shape[1:]), labels.reshape(shape)

    def _spans(self, step: int, replica: int, replicas: int) -> list[tuple[int, int]]:
        """Start and end positions of each draw of a replica at a step."""
        size = self._batch_size // replicas
        starts = [
            (step * self._draws + draw) * self._batch_size + replica * size
            for draw in range(self._draws)
        ]
        return [(start, start + size) for start in starts]

    def _read(self, positions: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        """Return the examples and labels at the positions of consecutive spans."""
        indices = np.concatenate([self._order.indices(*span) for span in positions])
        epochs = np.concatenate([self._order.epochs(*span) for span in positions])
        examples = self._source.read_epochs(indices, epochs)
        if self._flip:
            flipped = np.concatenate([self._flipped(*span) for span in positions])
            examples = np.where(flipped[:, None, None, None], examples[:, :, ::-1], examples)
        return examples, self._source.labels(indices)

    def dataset(
        self, first_step: int, *, replicas: int, first_replica: int, local_replicas: int
    ) -> tf.data.Dataset:
        """Return an infinite dataset of the slices of a worker's replicas.

        Args:
          first_step: first step; earlier ones are not read.
          replicas: number of replicas over all workers.
          first_replica: index of this worker's first replica.
          local_replicas: number of replicas on this worker.

        Returns:
          A dataset of the results of `slice`, with `local_replicas` elements per step.
        """
        shape = (self._draws, self._batch_size // replicas)
        points = len(self._source.shape) == 1
        dtype = tf.float32 if points else tf.uint8
        several = (_POINT_STEPS,) if points else ()

        @tf.autograph.experimental.do_not_convert
        def load(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            def read(first: np.int64) -> tuple[np.ndarray, np.ndarray]:
                spans = []
                for number in range(int(first), int(first) + math.prod(several)):
                    step, local = divmod(number, local_replicas)
                    spans += self._spans(step, first_replica + local, replicas)
                examples, labels = self._read(_joined(spans))
                whole = several + shape
                return examples.reshape(whole + self._source.shape), labels.reshape(whole)

            examples, labels = tf.numpy_function(read, [number], [dtype, tf.int32])
            examples.set_shape(several + shape + self._source.shape)
            labels.set_shape(several + shape)
            return examples, labels

        last = np.iinfo(np.int64).max
        numbers = tf.data.Dataset.range(first_step * local_replicas, last, math.prod(several))
        dataset = numbers.map(load, num_parallel_calls=2 * local_replicas, deterministic=True)
        dataset = dataset.unbatch() if several else dataset
        # Without a known cardinality, hosts synchronise before each batch.
        infinite = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return dataset.prefetch(2 * local_replicas).apply(infinite)

    def distribute(
        self, strategy: tf.distribute.Strategy, first_step: int
    ) -> tf.distribute.DistributedDataset:
        """Return the batches from `first_step` on, distributed over the replicas of a strategy."""
        replicas = strategy.num_replicas_in_sync

        def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
            local = replicas // context.num_input_pipelines
            return self.dataset(
                first_step,
                replicas=replicas,
                first_replica=context.input_pipeline_id * local,
                local_replicas=local,
            )

        return strategy.distribute_datasets_from_function(of_worker)

    def _flipped(self, start: int, stop: int) -> np.ndarray:
        """Return whether the images at these positions are flipped: bool."""
        philox = np.random.Philox(key=[self._seed, _FLIP])
        philox.advance(start // 4)  # a Philox block holds four words
        words = philox.random_raw(stop - start + start % 4)
        return (words[start % 4 :] & 1).astype(bool)


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merge adjacent spans."""
    joined = [spans[0]]
    for start, stop in spans[1:]:
        if start == joined[-1][1]:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return joined
