"""Small datasets, prepared by tensorflow-datasets itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

SIZE = 10


def noise(number: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (SIZE, SIZE, channels), np.uint8)


@pytest.fixture(scope="session")
def image() -> Callable[..., np.ndarray]:
    """An image of noise, 10x10, another for each number: `image(3, 1)` is grey."""
    return noise


@pytest.fixture(scope="session")
def store() -> Callable[..., Path]:
    """Prepares a dataset: `store(folder, "marks", {"train": rows}, image=..., label=...)`."""

    def store(data_dir, name, splits, *, version="1.0.0", config=None, **features):
        builder = tfds.dataset_builders.store_as_tfds_dataset(
            name=name,
            version=version,
            config=config,
            features=tfds.features.FeaturesDict(features),
            split_datasets={split: list(enumerate(rows)) for split, rows in splits.items()},
            data_dir=str(data_dir),
            disable_shuffling=True,
        )
        return Path(builder.data_dir)

    return store


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, store) -> Path:
    """A data folder with a grey dataset and one in colour, which has labels of two kinds."""
    folder = tmp_path_factory.mktemp("tensorflow_datasets")
    grey = tfds.features.Image(shape=(SIZE, SIZE, 1))
    label = tfds.features.ClassLabel(names=["one", "two", "安"])
    rows = [{"image": noise(n, 1), "label": n % 3} for n in range(30)]
    splits = {"train": rows[:24], "test": rows[24:]}
    store(folder, "marks", splits, image=grey, label=label)
    colour = [
        {"id": str(n), "photo": noise(n), "kind": n % 2, "colour": n % 4, "mask": noise(n, 1)}
        for n in range(12)
    ]
    store(
        folder,
        "things",
        {"train": colour},
        config="small",
        id=tfds.features.Text(),
        photo=tfds.features.Image(shape=(None, None, 3)),
        kind=tfds.features.ClassLabel(num_classes=2),
        colour=tfds.features.ClassLabel(names=["red", "green", "blue", "grey"]),
        mask=tfds.features.LabeledImage(labels=300, shape=(SIZE, SIZE, 1)),
    )
    return folder
