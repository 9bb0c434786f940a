"""Prepares a category of LSUN for fast training: pictures at their final size, in TFRecord shards.

    python -m lsgan_tf prepare-lsun --data_dir=LSUN --category=bedroom --out=prepared/bedroom_112
    python -m lsgan_tf.main --dataset=lsun --category=bedroom --data_dir=prepared/bedroom_112

Training also reads LSUN's own databases, but decodes and resizes every picture every time.
Interrupted, the same command goes on where it stopped. ImageSource that cannot be decoded are left
out, counted, and named in skipped.txt.
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
    "LSUN's <category>_<split>_lmdb folder, its zip, a folder of pictures, a folder prepared by "
    "tensorflow-datasets, or a folder that holds one of them",
)
_CATEGORY = flags.DEFINE_string("category", "bedroom", "scene or object category")
_SPLIT = flags.DEFINE_enum("split", "train", ["train", "val"], "which split of it")
_OUT = flags.DEFINE(
    PATH, "out", None, "folder to write (default: <category>_<split>_<image_size> here)"
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 112, "height and width of the pictures, pixels", lower_bound=8, upper_bound=1024
)
_CROP = flags.DEFINE_bool(
    "crop", False, "take the centred square instead of squashing, as the authors do"
)
_LOSSLESS = flags.DEFINE_bool("lossless", False, "write PNG (about four times the size of JPEG)")
_QUALITY = flags.DEFINE_integer("quality", 95, "JPEG quality", lower_bound=1, upper_bound=100)
_SHARD_IMAGES = flags.DEFINE_integer(
    "shard_images",
    16_384,
    "source pictures per shard; an interruption loses at most one shard",
    lower_bound=1,
)
_WORKERS = flags.DEFINE_integer("workers", None, "processes (default: all cores)", lower_bound=1)
_CACHE_DIR = flags.DEFINE(
    PATH, "cache_dir", None, "folder for indices (default: lsgan_tf in the user's cache folder)"
)


def main(argv: list[str]) -> int | None:
    """Run the command and return the exit status."""
    from lsgan_tf.cli.app import flags_only
    from lsgan_tf.data.images import decode, prepare_shards
    from lsgan_tf.data.images.shards import Preprocessing
    from lsgan_tf.data.lsun import source as lsun
    from lsgan_tf.util import cpu

    flags_only(argv)
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
