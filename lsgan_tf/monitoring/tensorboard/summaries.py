"""TensorBoard event files of a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from lsgan_tf.errors import UserError
from lsgan_tf.util.files import explained, require_free_space
from lsgan_tf.util.tensorflow_errors import disk_errors
from lsgan_tf.util.text import printable

_ROOM = 1 << 16  # free bytes required for an entry, in addition to its known size


class Summaries:
    """TensorBoard event files of a run; methods raise UserError if the disk is full.

    Args:
      folder: folder of the event files.
      data: description of the training data for the captions of images.
      enabled: whether to write events; only the chief does.

    Attributes:
      enabled: whether events are written.

    Raises:
      UserError: if the tensorboard package is not installed.
    """

    def __init__(self, folder: Path, data: str = "", *, enabled: bool = True) -> None:
        self._caption = f"Trained on {printable(data)}." if data else None
        self._folder, self.enabled = folder, enabled
        if not enabled:
            self._writer = tf.summary.create_noop_writer()
            return
        try:
            self._writer = tf.summary.create_file_writer(str(folder))
        except Exception as error:
            if type(error).__name__ != "TBNotInstalledError":
                raise
            raise UserError(
                "the package tensorboard is missing; install it with: pip install tensorboard"
            ) from error

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write scalars by name; a prefix as in `loss/d` groups them."""
        with self._writing():
            for name, value in values.items():
                tf.summary.scalar(name, value, step)

    def image(self, step: int, name: str, image: np.ndarray) -> None:
        """Write an image, uint8 `(height, width, 3)`."""
        with self._writing():
            tf.summary.image(name, image[None], step, description=self._caption)

    def text(self, step: int, name: str, text: str) -> None:
        """Write a text in Markdown."""
        with self._writing():
            tf.summary.text(name, text, step)

    def histogram(self, step: int, name: str, values: np.ndarray) -> None:
        """Write a histogram of the finite values."""
        values = values[np.isfinite(values)]
        if len(values):
            with self._writing():
                tf.summary.histogram(name, values, step)

    def graph(self, graph: tf.compat.v1.GraphDef) -> None:
        """Write the run's graph, replacing an earlier one."""
        with self._writing(graph.ByteSize()):
            tf.summary.graph(graph)

    def proto(self, step: int, summary: bytes) -> None:
        """Write a serialised summary of a TensorBoard plugin."""
        with self._writing(len(summary)):
            tf.summary.experimental.write_raw_pb(summary, step)

    def flush(self) -> None:
        """Flush the event file."""
        with self._explained():
            self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        with self._explained():
            self._writer.close()

    @contextlib.contextmanager
    def _writing(self, size: int = 0) -> Iterator[None]:
        if self.enabled:
            # On a full disk, TensorFlow loses events silently.
            require_free_space(self._folder, size + _ROOM, "an entry for TensorBoard")
        with self._explained(), self._writer.as_default():
            yield

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        with explained(self._folder, "writing for TensorBoard"), disk_errors():
            yield
