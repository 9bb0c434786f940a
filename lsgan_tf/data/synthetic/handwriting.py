"""Stand-in for HWDB1.0: synthetic characters in `.gnt` files.

HWDB1.0 may not be redistributed. Without it, training uses the characters of GB2312 level 1, drawn
from their strokes (`strokes`) in random handwriting (`hand`) with a pen (`pen`). The stand-in is
drawn once and stored in the cache.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lsgan_tf.data.formats import gnt
from lsgan_tf.data.synthetic import pen, strokes
from lsgan_tf.data.synthetic.skeleton import Skeleton
from lsgan_tf.data.synthetic.style import Style
from lsgan_tf.errors import UserError
from lsgan_tf.util import cpu, files, reading
from lsgan_tf.util.process_pool import map_jobs
from lsgan_tf.util.progress import Progress

MANIFEST = "STANDIN.json"
SPLITS = ("train", "test")
_FORM = {
    "plan": dict,
    "files": [{"name": str, "bytes": int, "mtime_ns": int, "sha256": str}],
}

# Increment when the images of a seed change.
VERSION = 1

# For all 3,755 characters these are 225,300 images, 0.8 GB. A server core draws about 2,200 images
# per second, so two cores take about a minute.
SAMPLES_PER_CLASS = 60

_TEST_SHARE = 6  # writers per test writer
# Writers of the test set are never in the training set, whatever their number.
_FIRST_TEST_WRITER = 1_000_000
_CHARACTERS_PER_FILE = 64
_WRITERS_AT_ONCE = 64
_BYTES_PER_SAMPLE = 4_500
# Minimum number of images per process.
_WORTH_A_PROCESS = 2_000

_WHAT = (
    "STAND-IN DATA, not handwriting: characters drawn by lsgan_tf from open stroke data with a "
    "varying pen, in place of CASIA HWDB1.0, which may not be redistributed."
)
_REAL_SET = (
    "Apply at CASIA's page of the offline handwriting database for HWDB1.0 (free for research), "
    "fetch its GNT files, 1.0train-gb1.gnt or Gnt1.0TrainPart1.zip to Part3.zip, and give their "
    "folder by --data_dir=FOLDER."
)
_LICENCE = (
    "The strokes come from hanzi-writer-data (Make Me a Hanzi, Arphic Technology Co., Ltd.) under "
    "the Arphic Public License, ARPHICPL.TXT in this folder."
)


@dataclasses.dataclass(frozen=True)
class Plan:
    """Definition of a stand-in. Equal plans produce equal files.

    Attributes:
      seed: seed of the images.
      writers: number of writers of the training and of the test set.
      characters: the characters in the order of the files; each writer writes each once.
    """

    seed: int
    writers: tuple[int, int]
    characters: str

    def files(self) -> int:
        """Return the number of files in each split."""
        return -(-len(self.characters) // _CHARACTERS_PER_FILE)

    def samples(self) -> int:
        """Return the number of images in both splits."""
        return sum(self.writers) * len(self.characters)

    def describe(self) -> dict[str, Any]:
        """Return everything that the images depend on, JSON-serialisable."""
        return {
            "version": VERSION,
            "strokes_sha256": hashlib.sha256(strokes.packed_file()).hexdigest(),
            "seed": self.seed,
            "writers": dict(zip(SPLITS, self.writers, strict=True)),
            "characters": self.characters,
        }

    def key(self) -> str:
        """Return the folder name: readable parameters, then a digest of all."""
        digest = hashlib.sha256(repr(sorted(self.describe().items())).encode()).hexdigest()
        return f"{sum(self.writers)}-samples-seed-{self.seed}-{digest[:12]}"


def ensure(
    cache_dir: Path,
    *,
    samples_per_class: int | None = None,
    seed: int = 0,
    characters: Sequence[str] | None = None,
    processes: int | None = None,
) -> Path:
    """Return the folder of a stand-in, drawing it if it is missing or damaged.

    Args:
      cache_dir: the cache; stand-ins are in folders under `standin/`.
      samples_per_class: images per character, of which a sixth, at least one, are in the test set,
        by other writers; 1 gives one in each split. `SAMPLES_PER_CLASS` by default.
      seed: not negative. Images are reproducible up to rounding of the platform's exponential
        function.
      characters: unique characters to draw; all known ones by default.
      processes: number of processes; all cores by default. The files do not depend on it.

    Returns:
      A folder with `train/standin-NN.gnt`, `test/standin-NN.gnt`, `STANDIN.json` (description and
      how to get the real data) and the licence.

    Raises:
      UserError: if the folder cannot be written, the disk is full, a character is unknown, or a
        number is out of range.
    """
    plan = _plan(samples_per_class, seed, characters)
    folder = Path(cache_dir).absolute() / "standin" / plan.key()
    if _trouble(folder, plan) is not None:
        with files.locked(folder):
            trouble = _trouble(folder, plan)  # another process may have drawn it meanwhile
            if trouble is not None:
                again = f" again, since the cache is damaged ({trouble})" if folder.exists() else ""
                _draw(folder, plan, processes, f"drawing the stand-in data{again}")
    return folder


def kept(cache_dir: Path, *, samples_per_class: int | None = None, seed: int = 0) -> Path | None:
    """Return the folder of a stand-in of all characters, if it is in the cache and intact."""
    plan = _plan(samples_per_class, seed, None)
    folder = Path(cache_dir).absolute() / "standin" / plan.key()
    return folder if _trouble(folder, plan) is None else None


def _plan(samples: int | None, seed: int, characters: Sequence[str] | None) -> Plan:
    samples = SAMPLES_PER_CLASS if samples is None else samples
    if samples < 1:
        raise UserError(f"--standin_samples={samples}: expected 1 or more samples per character")
    if seed < 0:
        raise UserError(f"the stand-in's seed must not be negative, received {seed}")
    known = strokes.load()
    characters = known.characters if characters is None else tuple(characters)
    unknown = [character for character in characters if character not in known]
    if unknown or not characters or len(set(characters)) < len(characters):
        raise UserError(
            "the stand-in can draw unique characters of GB2312 level 1; received "
            f"{len(characters):,}, {len(set(characters)):,} of them unique, and unknown: "
            f"{', '.join(unknown[:10]) or 'none'}"
        )
    test = max(1, round(samples / _TEST_SHARE))
    return Plan(seed, (max(1, samples - test), test), "".join(characters))


def _trouble(folder: Path, plan: Plan) -> str | None:
    """Return why a folder cannot be used; None if it can."""
    try:
        manifest = reading.read_json(folder / MANIFEST, _FORM)
        if manifest["plan"] != plan.describe():
            return "it has another plan"
        if len(manifest["files"]) != len(SPLITS) * plan.files():
            return f"{MANIFEST} was changed"
        for entry in manifest["files"]:
            path = folder / entry["name"]
            status = path.stat()
            if status.st_size != entry["bytes"]:
                return f"{entry['name']} has another size"
            # Reading all files takes seconds, so only modified ones are hashed.
            if status.st_mtime_ns != entry["mtime_ns"] and reading.sha256(path) != entry["sha256"]:
                return f"{entry['name']} was changed"
    except UserError:
        return f"{MANIFEST} cannot be read"
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    return None


def _draw(folder: Path, plan: Plan, processes: int | None, label: str) -> None:
    # Leftovers of killed processes; the lock excludes running ones.
    for leftover in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(leftover, ignore_errors=True)
    needed = plan.samples() * _BYTES_PER_SAMPLE
    files.require_free_space(folder, needed, "the stand-in data")
    jobs = list(range(plan.files()))
    processes = cpu.cores() if processes is None else processes
    processes = min(processes, len(jobs), max(1, plan.samples() // _WORTH_A_PROCESS))
    with files.explained(folder, "drawing the stand-in data"), contextlib.ExitStack() as stack:
        temporary = stack.enter_context(files.atomic_folder(folder))
        progress = stack.enter_context(Progress(label, total=plan.samples(), unit="images"))
        answers = map_jobs(
            _worker, (plan, temporary), jobs, workers=processes, doing="drawing characters"
        )
        stack.enter_context(contextlib.closing(answers))
        entries = []
        for written in answers:
            entries += written
            progress.add(sum(entry["pictures"] for entry in written))
        (temporary / strokes.LICENCE).write_bytes(strokes.licence())
        files.write_json(
            temporary / MANIFEST,
            {
                "what": _WHAT,
                "real_set": _REAL_SET,
                "licence": _LICENCE,
                "pictures": plan.samples(),
                "plan": plan.describe(),
                "files": entries,
            },
        )


def _worker(common: tuple[Plan, Path]) -> Callable[[int], list[dict[str, Any]]]:
    """Return a function that draws a file of each split and returns their manifest entries."""
    plan, folder = common
    train, test = plan.writers
    writers = [*range(train), *range(_FIRST_TEST_WRITER, _FIRST_TEST_WRITER + test)]

    def work(number: int) -> list[dict[str, Any]]:
        first = number * _CHARACTERS_PER_FILE
        characters = plan.characters[first : first + _CHARACTERS_PER_FILE]
        for_test = []

        def for_training() -> Iterator[tuple[str, np.ndarray]]:
            # All writers at once, since large batches are faster.
            for index, record in enumerate(draw(characters, writers=writers, seed=plan.seed)):
                if index % len(writers) < train:
                    yield record
                else:
                    for_test.append(record)

        paths = [folder / split / f"standin-{number:02d}.gnt" for split in SPLITS]
        counts = [gnt.write(paths[0], for_training()), gnt.write(paths[1], for_test)]
        return [_entry(path, folder, count) for path, count in zip(paths, counts, strict=True)]

    return work


def _entry(path: Path, folder: Path, images: int) -> dict[str, Any]:
    status = path.stat()
    return {
        "name": path.relative_to(folder).as_posix(),
        "pictures": images,
        "bytes": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "sha256": reading.sha256(path),
    }


def draw(
    characters: Iterable[str], *, writers: Sequence[int], seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Draw each character once by each writer.

    An image is a function of seed, character and writer, up to one grey level, since rounding
    depends on the batch.

    Args:
      characters: characters of GB2312 level 1.
      writers: indices of writers, not negative.
      seed: not negative.

    Yields:
      Character and bitmap, uint8 `(height, width)`: background 255, cropped to the ink.
    """
    styles = {writer: Style.of(_generator(seed, "", writer)) for writer in writers}
    known = strokes.load()
    for character in characters:
        skeleton = Skeleton(known.medians(character), known.radical(character))
        for first in range(0, len(writers), _WRITERS_AT_ONCE):
            batch = writers[first : first + _WRITERS_AT_ONCE]
            bitmaps = pen.draw(
                skeleton,
                [styles[writer] for writer in batch],
                [_generator(seed, character, writer) for writer in batch],
            )
            for bitmap in bitmaps:
                yield character, bitmap


def _generator(seed: int, character: str, writer: int) -> np.random.Generator:
    """Return the generator of a writer's sample, or of the writer if `character` is empty."""
    return np.random.default_rng((seed, int.from_bytes(character.encode("gb2312"), "big"), writer))
