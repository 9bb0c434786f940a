"""Drawn images with classes, and events as TensorBoard reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from lsgan_tf.data.source import Source

# TensorFlow takes the number of devices before it starts; as in test_replicas.py.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 4
)


class Blots(Source):
    """Grey images of some classes; every third example is of none but the first class."""

    name, fingerprint = "hwdb", "blots"

    def __init__(self, classes=4, size=8, length=64, channels=1):
        self.classes = tuple(chr(0x4E00 + n) for n in range(classes))
        self.shape = (size, size, channels)
        random = np.random.default_rng(0)
        self._labels = np.arange(length, dtype=np.int32) % classes
        self.pictures = random.integers(0, 256, (length, *self.shape)).astype(np.uint8)

    def __len__(self):
        return len(self._labels)

    def read(self, indices):
        return self.pictures[indices]

    def labels(self, indices):
        return self._labels[indices]


@pytest.fixture(scope="session")
def blots():
    return Blots


@pytest.fixture(scope="session")
def board_values():
    """(tag, step, plugin, its metadata, tensor) of all summaries in a folder."""
    from tensorboard.compat.proto.event_pb2 import Event

    def read(folder: Path):
        found = []
        for path in sorted(Path(folder).glob("*tfevents*")):
            for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
                event = Event.FromString(record)
                if event.graph_def:
                    found.append(("graph", event.step, "graphs", event.graph_def, None))
                for value in event.summary.value:
                    plugin = value.metadata.plugin_data
                    found.append(
                        (value.tag, event.step, plugin.plugin_name, plugin.content, value.tensor)
                    )
        return found

    return read
