"""Fuzz the reader and the preparation of .gnt files.

    python tools/fuzz_gnt.py --files=50000

Each file is a valid one, damaged at random. Reading must end in time, return only records within
the file or raise a one-line error, and take no more memory than the file's size and a small
constant. The first file that violates this is kept, and the exit status is 1.
"""

from __future__ import annotations

import contextlib
import io
import resource
import shutil
import signal
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from absl import flags

from lsgan_tf.cli.flags import PATH
from lsgan_tf.errors import UserError

_FILES = flags.DEFINE_integer("files", 20_000, "damaged files to try", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "seed of the damage")
_PREPARE_EVERY = flags.DEFINE_integer(
    "prepare_every", 20, "prepare one of so many files for training, too", lower_bound=1
)
_KEEP = flags.DEFINE(PATH, "keep", "fuzz_failure.gnt", "name for a file that violates a rule")

_SECONDS = 20
_MEMORY = 256 << 10  # beyond the file's size
_CHARACTERS = "啊安宁山土A0，。齄"
_ODD_VALUES = (0, 1, 9, 10, 11, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def main(argv: list[str]) -> int:
    from lsgan_tf.cli.app import flags_only
    from lsgan_tf.data.formats import gbk
    from lsgan_tf.util.in_place import opener

    flags_only(argv)
    signal.signal(signal.SIGALRM, _too_slow)
    gbk.table()  # cached; not part of a file's memory
    tracemalloc.start()
    outcomes: Counter[str] = Counter()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data", "fuzzed.gnt")
        path.parent.mkdir()
        for number in range(_FILES.value):
            random = np.random.default_rng((_SEED.value, number))
            content = damaged(valid(random), random)
            path.write_bytes(content)
            try:
                signal.alarm(_SECONDS)
                outcomes[check(path)] += 1
                if number % _PREPARE_EVERY.value == 0:
                    outcomes[check_prepared(path, Path(folder, "cache"))] += 1
            except Exception as error:
                with open(_KEEP.value, "wb", opener=opener) as kept:
                    kept.write(content)
                print(f"file {number}: {type(error).__name__}: {error}; kept as {_KEEP.value}")
                return 1
            finally:
                signal.alarm(0)
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:>9,}  {outcome}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{_FILES.value:,} files, {time.monotonic() - start:.0f} s, peak memory {peak:.0f} MiB")
    return 0


def valid(random: np.random.Generator) -> bytes:
    """Make a file of 1 to 40 records."""
    from lsgan_tf.data.formats import gbk

    content = b""
    for _ in range(random.integers(1, 41)):
        height, width = (int(side) for side in random.integers(1, 40, 2))
        header = (10 + height * width).to_bytes(4, "little")
        header += gbk.tag(_CHARACTERS[random.integers(len(_CHARACTERS))])
        header += width.to_bytes(2, "little") + height.to_bytes(2, "little")
        content += header + random.integers(0, 256, height * width, "uint8").tobytes()
    return content


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """Apply one to four random changes to `content`."""
    changes: tuple[Callable[..., bytes], ...] = (_flip, _cut, _insert, _remove, _repeat, _field)
    for _ in range(random.integers(1, 5)):
        content = changes[random.integers(len(changes))](content, random)
    return content


def check(path: Path) -> str:
    """Read a file and all its bitmaps; `tracemalloc` must be running.

    Returns:
      The outcome.

    Raises:
      Exception: if a rule was violated.
    """
    from lsgan_tf.data.formats import gnt

    size = path.stat().st_size
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    try:
        with gnt.GntFile(path) as file:
            end = 0
            for i in range(len(file)):
                bitmap = file.bitmap(i)
                offset = int(file.index.offsets[i])
                _require(offset >= end, f"record {i} overlaps the one before it")
                end = offset + gnt.HEADER_BYTES + bitmap.size
                _require(end <= size and bitmap.size > 0, f"record {i} is not in the file")
                _require(len(file.characters[i]) == 1, f"record {i} has no character")
                bitmap.sum()
            _require(
                all(0 <= damage.offset < size for damage in file.index.damaged), "damage is outside"
            )
            outcome = "read in part" if file.index.damaged_count else "read in full"
    except UserError as error:
        _require("\n" not in str(error), "the message is not one line")
        outcome = "refused"
    allocated = tracemalloc.get_traced_memory()[1] - before
    _require(allocated <= size + _MEMORY, f"{allocated:,} bytes of memory for a file of {size:,}")
    return outcome


def check_prepared(path: Path, cache: Path) -> str:
    """Prepare a file for training and compare the number of images.

    Returns:
      The outcome.

    Raises:
      Exception: if a rule was violated.
    """
    from lsgan_tf.data.formats import gnt
    from lsgan_tf.data.hwdb import source as hwdb

    try:
        with contextlib.redirect_stderr(io.StringIO()):
            source = hwdb.open_source(
                path.parent, cache_dir=cache, all_classes=True, max_bad_records=10**9
            )
        images = source.read(np.arange(len(source)))
        _require(len(source) == len(gnt.scan(path)), "images are missing")
        _require(images.shape == (len(source), 28, 28, 1), f"images are {images.shape}")
        return "prepared"
    except UserError:
        return "not prepared"
    finally:
        left = [str(entry) for entry in cache.rglob("*") if entry.name.endswith((".tmp", ".old"))]
        shutil.rmtree(cache, ignore_errors=True)
        _require(not left, f"left behind: {left}")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _too_slow(*_: object) -> None:
    raise TimeoutError(f"more than {_SECONDS} s")


def _flip(content: bytes, random: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for _ in range(random.integers(1, 9) if content else 0):
        changed[random.integers(len(changed))] ^= 1 << int(random.integers(8))
    return bytes(changed)


def _cut(content: bytes, random: np.random.Generator) -> bytes:
    return content[: random.integers(len(content) + 1)]


def _insert(content: bytes, random: np.random.Generator) -> bytes:
    at = random.integers(len(content) + 1)
    count = int(random.integers(1, 1000))
    filler = (bytes(count), b"\xff" * count, random.bytes(count))[random.integers(3)]
    return content[:at] + filler + content[at:]


def _remove(content: bytes, random: np.random.Generator) -> bytes:
    first, last = sorted(random.integers(len(content) + 1, size=2).tolist())
    return content[:first] + content[min(last, first + 2000) :]


def _repeat(content: bytes, random: np.random.Generator) -> bytes:
    first, last = sorted(random.integers(len(content) + 1, size=2).tolist())
    return content[:last] + content[first:]


def _field(content: bytes, random: np.random.Generator) -> bytes:
    """Change the size, tag, width or height of a record."""
    starts, at = [], 0
    while at + 10 <= len(content):
        starts.append(at)
        at += max(10, int.from_bytes(content[at : at + 4], "little"))
    if not starts:
        return content
    offset, length = ((0, 4), (4, 2), (6, 2), (8, 2))[random.integers(4)]
    at = starts[random.integers(len(starts))] + offset
    value = _ODD_VALUES[random.integers(len(_ODD_VALUES))]
    if random.integers(2):
        value = int.from_bytes(content[at : at + length], "little") + int(random.integers(-2, 3))
    value %= 1 << 8 * length
    return content[:at] + value.to_bytes(length, "little") + content[at + length :]


if __name__ == "__main__":
    from lsgan_tf.cli.app import run

    run(main, usage=__doc__)
