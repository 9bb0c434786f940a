"""Keras's global settings, which are the user's and decide nothing here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def neutral() -> Iterator[None]:
    """Under it, Keras has its own defaults, whatever `keras.json` or other code has set.

    They give weights, optimisers and operations the types and formats that nobody names.
    """
    config = keras.config
    values = {
        "dtype_policy": "float32",
        "floatx": "float32",
        "epsilon": 1e-7,
        "image_data_format": "channels_last",
    }
    former = {name: getattr(config, name)() for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(former)


def _set(values: dict[str, object]) -> None:
    for name, value in values.items():
        getattr(keras.config, f"set_{name}")(value)
