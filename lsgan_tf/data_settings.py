"""The settings of the data: which, where it lies, how it is prepared."""

from __future__ import annotations

import dataclasses
import functools

from lsgan_tf.settings.defaults import DATASETS
from lsgan_tf.settings.field import setting

_data = functools.partial(setting, "data")
_hwdb = functools.partial(_data, only=("hwdb",))
_mixture = functools.partial(_data, only=("mixture",))


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """The part of `lsgan_tf.config.Config` that is about the dataset."""

    dataset: str = _data("hwdb", "dataset to train on", choices=DATASETS)
    conditional: bool = _data(False, "give the class label to both networks (needs labelled data)")
    data_dir: str | None = _data(
        None,
        "folder or file of the dataset; hwdb without it trains on the drawn stand-in",
        optional=str,
        free=True,
    )
    cache_dir: str | None = _data(
        None,
        "folder for prepared data",
        optional=str,
        free=True,
        unset="lsgan_tf in the user's cache folder",
    )
    image_size: int = _data(
        28,
        "height and width of images; at least 8, and 0 for the mixture, which has none",
        "pixels",
        0,
        1024,
    )
    max_classes: int | None = _hwdb(
        None,
        "how many classes to keep, the first in order",
        "classes",
        1,
        optional=int,
        unset="all",
    )
    all_classes: bool = _hwdb(False, "keep symbols and characters outside GB2312 level 1 too")
    keep_aspect: bool = _hwdb(
        False, "centre and pad instead of squashing to a square as the authors do"
    )
    max_bad_records: int | None = _hwdb(
        None,
        "damaged records to tolerate",
        "records",
        0,
        free=True,
        optional=int,
        unset="1 in 1,000",
    )
    standin_samples: int | None = _hwdb(
        None,
        "how much to draw of the stand-in",
        "samples per character",
        1,
        optional=int,
        unset="what takes about a minute",
    )
    category: str = _data("bedroom", "scene or object category", only=("lsun",))
    crop: bool = _data(False, "crop the middle instead of squashing", only=("lsun", "images"))
    mode_radius: float = _mixture(1.0, "radius of the ring of Gaussians", "no unit", 1e-6, 1e6)
    mode_deviation: float = _mixture(
        0.01, "standard deviation of each Gaussian, on both axes", "no unit", 1e-9, 1e6
    )
    doubled_mode: bool = _mixture(
        False, "give the mode at (0, radius) the weight of two, as the authors' code does"
    )
    flip: bool = _data(
        False,
        "mirror half of the images at random (the authors never do)",
        only=("hwdb", "cifar10", "lsun", "images"),
    )
    digits_rotation: float = _data(
        10.0,
        "largest angle by which digits are turned; 0: they are shifted only (the authors' code "
        "does not tell the angle of theirs)",
        "degrees",
        0.0,
        45.0,
        only=("digits",),
    )
