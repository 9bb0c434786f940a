"""Prepares HWDB's .gnt files for training ahead of time; training also does so on its own.

    python -m lsgan_tf prepare-hwdb --data_dir=FOLDER

Useful on a machine with a fast disk, or to check the data before training. Files that are already
prepared are not prepared again.
"""

from __future__ import annotations

import time

from absl import flags

from lsgan_tf.cli.flags import PATH

_DATA_DIR = flags.DEFINE(
    PATH,
    "data_dir",
    None,
    "folder of .gnt files, one of them, or a .zip (default: the synthetic stand-in)",
)
_CACHE_DIR = flags.DEFINE(
    PATH,
    "cache_dir",
    None,
    "cache folder (default: lsgan_tf in the user's cache folder)",
)
_SPLIT = flags.DEFINE_enum("split", "train", ["train", "test", "all"], "split to prepare")
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 28, "height and width of the images, pixels", lower_bound=8, upper_bound=1024
)
_KEEP_ASPECT = flags.DEFINE_bool(
    "keep_aspect", False, "centre and pad instead of squashing to a square as the authors do"
)
_ALL_CLASSES = flags.DEFINE_bool(
    "all_classes", False, "keep symbols and characters outside GB2312 level 1 too"
)
_MAX_BAD_RECORDS = flags.DEFINE_integer(
    "max_bad_records",
    None,
    "maximum of damaged records (default: 1 in 1,000)",
    lower_bound=0,
)
_STANDIN_SAMPLES = flags.DEFINE_integer(
    "standin_samples",
    None,
    "samples per character of the stand-in (default: 60)",
    lower_bound=1,
)


def main(argv: list[str]) -> None:
    """Run the command."""
    import numpy as np

    from lsgan_tf.cli.app import flags_only, refuse_given
    from lsgan_tf.data.hwdb import source as hwdb

    flags_only(argv)
    if _DATA_DIR.value:
        refuse_given(["standin_samples"], "has no effect with --data_dir; omit one of them")
    else:
        refuse_given(
            ("all_classes", "max_bad_records"), "requires --data_dir; give that too, or omit it"
        )
    start = time.monotonic()
    source = hwdb.open_source(
        _DATA_DIR.value,
        cache_dir=_CACHE_DIR.value,
        split=_SPLIT.value,
        image_size=_IMAGE_SIZE.value,
        keep_aspect=_KEEP_ASPECT.value,
        all_classes=_ALL_CLASSES.value,
        max_bad_records=_MAX_BAD_RECORDS.value,
        standin_samples=_STANDIN_SAMPLES.value,
    )
    assert isinstance(source, hwdb.HwdbSource)  # not drawn in each epoch
    counts = np.bincount(source.labels(np.arange(len(source))), minlength=len(source.classes))
    least, most = int(counts.argmin()), int(counts.argmax())
    for line in (*source.warnings, source.description):
        print(line)
    print(
        f"per class: {counts[least]:,} ({source.classes[least]}) to {counts[most]:,} "
        f"({source.classes[most]}), median {np.median(counts):,.0f}"
    )
    print(f"prepared: {source.folder} ({time.monotonic() - start:.1f} s)")
