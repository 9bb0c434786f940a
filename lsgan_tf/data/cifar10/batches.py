"""Parses the two official layouts of CIFAR-10.

`cifar-10-batches-bin` contains records of one label byte and 3,072 pixels: the red, green and blue
planes of 32x32, row by row. `cifar-10-batches-py` contains the same data as pickled dictionaries.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from lsgan_tf.data.formats.plain_pickle import load_pickle
from lsgan_tf.errors import UserError

IMAGES_PER_BATCH = 10_000
SIZE = 32
_PIXELS = 3 * SIZE * SIZE
_RECORD = 1 + _PIXELS
LARGEST_FILE = 64 << 20

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

SPLITS = {
    "train": ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"),
    "test": ("test_batch",),
}

# SHA-256 of each batch in the binary layout, equal to that of the official .bin files. Pickles are
# compared in this layout too, since their own hash depends on the writer.
OFFICIAL_SHA256 = {
    "data_batch_1": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}


def batch_of(file_name: str) -> str | None:
    """Return the batch name of a file of either layout; None for other files."""
    stem = file_name.removesuffix(".bin")
    return stem if any(stem in names for names in SPLITS.values()) else None


def parse(content: bytes, where: str) -> np.ndarray:
    """Parse a batch file of either layout.

    Args:
      content: content of the file.
      where: its path, for messages; `.bin` marks the binary layout.

    Returns:
      uint8, shape `(10000, 3073)`: the label, then the red, green and blue planes.

    Raises:
      UserError: if the file is truncated or malformed, has a label above 9, or is a pickle of
        anything but arrays and plain containers.
    """
    records = _binary(content, where) if where.endswith(".bin") else _pickled(content, where)
    worst = int(records[:, 0].max())
    if worst >= len(CLASSES):
        at = int(np.argmax(records[:, 0] >= len(CLASSES)))
        raise UserError(
            f"{where}: image {at} has label {records[at, 0]}, expected 0 to 9; this is not "
            "CIFAR-10, or the file is damaged: fetch it again"
        )
    return records


def digest(records: np.ndarray) -> str:
    """Return the hex SHA-256 of a batch in the binary layout, comparable with `OFFICIAL_SHA256`."""
    return hashlib.sha256(np.ascontiguousarray(records).data).hexdigest()


def images_of(records: np.ndarray) -> np.ndarray:
    """Return the images of records: uint8, shape `(n, 32, 32, 3)`."""
    planes = records[:, 1:].reshape(-1, 3, SIZE, SIZE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def records_of(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Convert images and labels to records, the inverse of `images_of`."""
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), _PIXELS)
    return np.concatenate([labels.astype(np.uint8)[:, None], planes], axis=1)


def _binary(content: bytes, where: str) -> np.ndarray:
    expected = IMAGES_PER_BATCH * _RECORD
    if len(content) != expected:
        raise UserError(
            f"{where}: expected {expected:,} bytes ({IMAGES_PER_BATCH:,} records of {_RECORD:,}), "
            f"found {len(content):,}; the file is truncated or not a CIFAR-10 batch: fetch it again"
        )
    return np.frombuffer(content, np.uint8).reshape(-1, _RECORD)


def _pickled(content: bytes, where: str) -> np.ndarray:
    batch = load_pickle(content, where)
    if not isinstance(batch, dict):
        raise UserError(f"{where}: expected a pickled dictionary, found {type(batch).__name__}")
    batch = {key.decode("latin1") if isinstance(key, bytes) else key: batch[key] for key in batch}
    data, labels = batch.get("data"), batch.get("labels")
    shape = (IMAGES_PER_BATCH, _PIXELS)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape != shape:
        found = (
            f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        )
        raise UserError(f"{where}: expected b'data' to be a uint8 array {shape}, found {found}")
    array = _integers(labels)
    if array is None:
        raise UserError(
            f"{where}: expected b'labels' to be {IMAGES_PER_BATCH:,} integers, found another "
            f"{type(labels).__name__}"
        )
    # A label that does not fit in a byte must not wrap around to a valid one.
    small = np.where((array >= 0) & (array < 255), array, 255).astype(np.uint8)
    return np.concatenate([small[:, None], data], axis=1)


def _integers(labels: Any) -> np.ndarray | None:
    """Return the labels of a batch as an array; None if they are not integers.

    Other values are never converted, since nested lists in a pickle may expand to fill the memory.
    """
    if isinstance(labels, list | tuple) and len(labels) == IMAGES_PER_BATCH:
        if any(type(label) is not int for label in labels):
            return None
        labels = np.array([label if 0 <= label < 255 else 255 for label in labels])
    fits = isinstance(labels, np.ndarray) and labels.shape == (IMAGES_PER_BATCH,)
    return labels if fits else None
