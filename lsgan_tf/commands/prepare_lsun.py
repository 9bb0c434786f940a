"""Prepares a category of LSUN for fast training: images of their final size in TFRecord shards.

    python -m lsgan_tf prepare-lsun --data_dir=LSUN --category=bedroom --out=prepared/bedroom_112
    python -m lsgan_tf.main --dataset=lsun --category=bedroom --data_dir=prepared/bedroom_112

Training also reads LSUN's own databases, but then decodes and resizes every image in every epoch.
After an interruption, the same command continues where it stopped. Images that cannot be decoded
are left out, counted, and listed in skipped.txt.
"""

from __future__ import annotations

import time
from pathlib import Path

from absl import flags

from lsgan_tf.cli.flags import PATH

_DATA_DIR = flags.DEFINE(
    PATH,
    "data_dir",
    None,
    "LSUN's <category>_<split>_lmdb folder, its zip, a folder of images, a folder prepared by "
    "tensorflow-datasets, or a folder that contains one of them",
)
_CATEGORY = flags.DEFINE_string("category", "bedroom", "scene or object category")
_SPLIT = flags.DEFINE_enum("split", "train", ["train", "val"], "split to prepare")
_OUT = flags.DEFINE(
    PATH,
    "out",
    None,
    "output folder (default: ./<category>_<split>_<image_size>)",
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 112, "height and width of the images, pixels", lower_bound=8, upper_bound=1024
)
_CROP = flags.DEFINE_bool("crop", False, "crop the centre instead of squashing as the authors do")
_LOSSLESS = flags.DEFINE_bool("lossless", False, "write PNG (about four times the size of JPEG)")
_QUALITY = flags.DEFINE_integer("quality", 95, "JPEG quality", lower_bound=1, upper_bound=100)
_SHARD_IMAGES = flags.DEFINE_integer(
    "shard_images",
    16_384,
    "source images per shard; an interruption loses at most one shard",
    lower_bound=1,
)
_WORKERS = flags.DEFINE_integer("workers", None, "processes (default: one per core)", lower_bound=1)
_CACHE_DIR = flags.DEFINE(
    PATH, "cache_dir", None, "folder for indices (default: lsgan_tf in the user's cache folder)"
)


def main(argv: list[str]) -> int | None:
    """Run the command and return the exit status."""
    from lsgan_tf.cli.app import flags_only, refuse_given
    from lsgan_tf.data.images import decode, prepare_shards
    from lsgan_tf.data.images.shards import Preprocessing
    from lsgan_tf.data.lsun import source as lsun
    from lsgan_tf.util import cpu

    flags_only(argv)
    if _LOSSLESS.value:
        refuse_given(["quality"], "has no effect with --lossless; omit one of them")
    crop = "_crop" if _CROP.value else ""
    out = _OUT.value or Path(f"{_CATEGORY.value}_{_SPLIT.value}_{_IMAGE_SIZE.value}{crop}")
    records = lsun.open_records(
        _DATA_DIR.value,
        category=_CATEGORY.value,
        cache_dir=_CACHE_DIR.value,
        split=_SPLIT.value,
    )
    print(records.description)
    for warning in records.warnings:
        print(warning)
    start = time.monotonic()
    manifest = prepare_shards.prepare(
        records,
        out,
        category=_CATEGORY.value,
        split=_SPLIT.value,
        preprocessing=Preprocessing(
            image_size=_IMAGE_SIZE.value,
            crop=_CROP.value,
            resize=decode.RESIZE,
            encoding="png" if _LOSSLESS.value else "jpeg",
            quality=0 if _LOSSLESS.value else _QUALITY.value,
        ),
        shard_images=_SHARD_IMAGES.value,
        workers=_WORKERS.value or cpu.cores(),
    )
    for line in prepare_shards.summary(manifest, out):
        print(line)
    print(f"finished in {time.monotonic() - start:.0f} s")
    if _SPLIT.value == "train":
        print(
            f"train with --dataset=lsun --category={_CATEGORY.value} "
            f"--image_size={_IMAGE_SIZE.value}{' --crop' if _CROP.value else ''} --data_dir={out}"
        )
    return None
