"""Isolation from Keras's global settings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def neutral() -> Iterator[None]:
    """Use Keras's defaults inside the context, whatever `keras.json` or other code has set.

    They determine dtypes and data formats that are not given explicitly.
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
