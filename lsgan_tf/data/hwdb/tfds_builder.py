"""A tensorflow-datasets builder of HWDB, from a local folder of `.gnt` files.

Importing this module registers the builder `hwdb_gnt`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from lsgan_tf.data.formats.gnt import GntFile
from lsgan_tf.data.hwdb import gnt_files
from lsgan_tf.data.hwdb.gb2312 import LEVEL1, is_level1
from lsgan_tf.data.hwdb.gnt_files import GntPart
from lsgan_tf.errors import UserError


class HwdbGnt(tfds.core.GeneratorBasedBuilder):
    """CASIA's offline handwritten Chinese characters of GB2312 level 1."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Fetch HWDB1.0 (1.0train-gb1.gnt and 1.0test-gb1.gnt, or the .zip archives) from "
        "https://nlpr.ia.ac.cn/databases/handwriting/Download.html, free for research, and put "
        "the files into manual_dir; folders in it are searched too."
    )

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            description=(
                "Images of handwritten Chinese characters, one writer a file or many, each as "
                "large as it was scanned: background 255, ink darker."
            ),
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 1), encoding_format="png"),
                    "label": tfds.features.ClassLabel(names=LEVEL1),
                    "file": tfds.features.Text(),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://nlpr.ia.ac.cn/databases/handwriting/Home.html",
            citation=(
                "@inproceedings{liu2011casia, title={CASIA Online and Offline Chinese Handwriting "
                "Databases}, author={Liu, Cheng-Lin and Yin, Fei and Wang, Da-Han and Wang, "
                "Qiu-Feng}, booktitle={ICDAR}, year={2011}}"
            ),
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
        parts = gnt_files.find(Path(dl_manager.manual_dir))
        splits = {
            "train": [part for part in parts if not part.is_test],
            "test": [part for part in parts if part.is_test],
        }
        return {name: self._generate_examples(some) for name, some in splits.items() if some}

    def _generate_examples(self, parts: Sequence[GntPart]) -> Iterator[tuple[str, dict[str, Any]]]:
        for part in parts:
            with (
                tempfile.TemporaryDirectory() as scratch,
                gnt_files.on_disk([part], Path(scratch) / "unpacked") as paths,
                GntFile(paths[0]) as file,
            ):
                yield from _examples(part.name, file)


def _examples(name: str, file: GntFile) -> Iterator[tuple[str, dict[str, Any]]]:
    if len(file) and not any(map(is_level1, file.characters)):
        raise UserError(f"{name}: no character of GB2312 level 1; remove it from manual_dir")
    for i, character in enumerate(file.characters):
        if is_level1(character):
            image = np.array(file.bitmap(i))[:, :, None]
            yield f"{name}:{i}", {"image": image, "label": character, "file": name}
