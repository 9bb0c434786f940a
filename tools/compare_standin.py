"""Compare the stand-in with real handwriting by an image and a table.

  python tools/compare_standin.py --data_dir=FOLDER_OF_HWDB --out=comparison.png

The image has a row for each of a few characters, real samples on the left, stand-in samples on the
right: first in their own size, then resized to 28x28 as for training. The table compares sizes, ink
and distances between samples over characters that both have.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from absl import flags
from PIL import Image

from lsgan_tf.cli.app import flags_only, run
from lsgan_tf.cli.flags import PATH
from lsgan_tf.data.formats import gnt
from lsgan_tf.data.hwdb import gnt_files
from lsgan_tf.data.synthetic import handwriting as standin
from lsgan_tf.data.synthetic import strokes
from lsgan_tf.errors import UserError
from lsgan_tf.sampling import image_grid
from lsgan_tf.util import files

_DATA_DIR = flags.DEFINE(
    PATH,
    "data_dir",
    None,
    "Real characters: a folder of .gnt files, one such file, or a .zip of them.",
)
_OUT = flags.DEFINE(PATH, "out", "comparison.png", "The PNG to write.")
_SHOW = flags.DEFINE_string("show", None, "Characters to show (default: eight, evenly spaced).")
_COLUMNS = flags.DEFINE_integer(
    "columns", 9, "Samples of each kind in a row of the image.", lower_bound=1
)
_CLASSES = flags.DEFINE_integer("classes", 60, "Characters in the table, 2 or more.", lower_bound=2)
_SAMPLES = flags.DEFINE_integer(
    "samples", 60, "Samples of each character in the table, 4 or more.", lower_bound=4
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the stand-in, 0 or more.", lower_bound=0)
flags.mark_flag_as_required("data_dir")

Samples = dict[str, list[np.ndarray]]

_SHOWN = 8
_SIDE = 28
_CELL = 84  # larger samples are scaled down
_GREY = 200  # between the cells
# Pixels darker than this belong to a stroke, without its antialiased edge.
_BODY = 200


@contextlib.contextmanager
def real_characters(data_dir: Path) -> Iterator[dict[str, list[tuple[gnt.GntFile, int]]]]:
    """Yield (file, index) of the real samples of each character that the stand-in has."""
    known = strokes.load()
    found: dict[str, list[tuple[gnt.GntFile, int]]] = defaultdict(list)
    parts = gnt_files.find(data_dir)
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        unpacked = Path(scratch) / "unpacked"
        for path in stack.enter_context(gnt_files.on_disk(parts, unpacked)):
            file = stack.enter_context(gnt.GntFile(path))
            for index, character in enumerate(file.characters):
                if character in known:
                    found[character].append((file, index))
        yield dict(found)


def evenly(values: Sequence, count: int) -> list:
    """Return at most `count` values, evenly spaced."""
    chosen = np.unique(np.linspace(0, len(values) - 1, min(count, len(values))).round().astype(int))
    return [values[index] for index in chosen]


def squash(bitmap: np.ndarray) -> np.ndarray:
    """Resize a bitmap as for training: uint8 `(28, 28)`."""
    return np.asarray(Image.fromarray(bitmap).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR))


def statistics(samples: Samples) -> dict[str, np.ndarray]:
    """Compute statistics of every sample."""
    bitmaps = [bitmap for group in samples.values() for bitmap in group]
    small = np.stack([squash(bitmap) for bitmap in bitmaps]) / 255
    return {
        "height, pixels": np.array([bitmap.shape[0] for bitmap in bitmaps]),
        "width, pixels": np.array([bitmap.shape[1] for bitmap in bitmaps]),
        "width / height": np.array([bitmap.shape[1] / bitmap.shape[0] for bitmap in bitmaps]),
        "fraction of ink": np.array([(bitmap < 255).mean() for bitmap in bitmaps]),
        "grey of the ink": np.array([bitmap[bitmap < 255].mean() for bitmap in bitmaps]),
        "stroke, pixels": np.array([thickness(bitmap) for bitmap in bitmaps]),
        "28x28: mean": small.mean((1, 2)),
        "28x28: deviation": small.std((1, 2)),
    }


def thickness(bitmap: np.ndarray) -> float:
    """Estimate the thickness of strokes in pixels: twice their area over their edges' length."""
    body = np.pad(bitmap < _BODY, 1)
    edges = sum(np.count_nonzero(np.diff(body, axis=axis)) for axis in (0, 1))
    # A slanted edge has more steps than its length: 4 / pi times as many on average.
    return 2 * np.count_nonzero(body) / max(1.0, edges * np.pi / 4)


def distances(samples: Samples) -> dict[str, float]:
    """Compute distances of samples at 28x28: root mean squares of values 0 to 1."""
    groups = [np.stack([squash(b) for b in group]) / 255 for group in samples.values()]
    flat = [group.reshape(len(group), -1) for group in groups]
    half = [len(group) // 2 for group in flat]
    means = np.stack([group[:n].mean(0) for group, n in zip(flat, half, strict=True)])
    within, between, right = [], [], []
    for index, group in enumerate(flat):
        own = _rms(group, group)
        within.append(own[np.triu_indices(len(group), 1)].mean())
        between.append(_rms(group, flat[(index + 1) % len(flat)]).mean())
        right.append((_rms(group[half[index] :], means).argmin(1) == index).mean())
    return {
        "distance within a character": float(np.mean(within)),
        "distance to the next character": float(np.mean(between)),
        "their ratio": float(np.mean(within) / np.mean(between)),
        "nearest mean is the own, fraction": float(np.mean(right)),
        "deviation inside the mean image": float(means.std(1).mean()),
    }


def _rms(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squares = (a**2).mean(1)[:, None] + (b**2).mean(1) - 2 * a @ b.T / a.shape[1]
    return np.sqrt(np.maximum(squares, 0))


def table(real: Samples, drawn: Samples) -> str:
    """Format the statistics of both kinds."""
    percents = (5, 25, 50, 75, 95)
    head = f"{'percentiles':<32}{'':9}" + "".join(f"{percent:>9}" for percent in percents)
    lines = [head]
    measured = {"real": statistics(real), "stand-in": statistics(drawn)}
    for name in measured["real"]:
        for kind, values in measured.items():
            row = "".join(f"{value:9.3f}" for value in np.percentile(values[name], percents))
            lines.append(f"{name:<32}{kind:<9}{row}")
    apart = {"real": distances(real), "stand-in": distances(drawn)}
    lines.append("")
    for name in apart["real"]:
        row = "  ".join(f"{kind} {values[name]:.3f}" for kind, values in apart.items())
        lines.append(f"{name:<32}{row}")
    return "\n".join(lines)


def draw(real: Samples, drawn: Samples, shown: str, columns: int) -> Image.Image:
    """Draw rows of samples, real on the left: in their own size, then at 28x28, enlarged."""
    full = [
        np.hstack([_cells(kind[character], columns, _CELL) for kind in (real, drawn)])
        for character in shown
    ]
    small = [
        np.hstack(
            [
                _cells([squash(bitmap) for bitmap in kind[character]], columns, _SIDE + 2)
                for kind in (real, drawn)
            ]
        )
        for character in shown
    ]
    above = Image.fromarray(np.vstack(full))
    below = Image.fromarray(np.vstack(small))
    scale = above.width / below.width
    below = below.resize((above.width, round(below.height * scale)), Image.Resampling.NEAREST)
    out = Image.new("L", (above.width, above.height + below.height + 8), 0)
    out.paste(above, (0, 0))
    out.paste(below, (0, above.height + 8))
    # A black line between real and drawn.
    out.paste(0, (out.width // 2 - 2, 0, out.width // 2 + 2, out.height))
    return out


def _cells(bitmaps: Sequence[np.ndarray], columns: int, cell: int) -> np.ndarray:
    row = Image.new("L", (columns * cell, cell), _GREY)
    for column, bitmap in enumerate(evenly(bitmaps, columns)):
        image = Image.fromarray(bitmap)
        image.thumbnail((cell - 2, cell - 2), Image.Resampling.LANCZOS)
        left = column * cell + (cell - image.width) // 2
        row.paste(image, (left, (cell - image.height) // 2))
    return np.asarray(row)


def main(argv: list[str]) -> int:
    flags_only(argv)
    data_dir, out = _DATA_DIR.value, _OUT.value
    with real_characters(data_dir) as found:
        usable = [character for character, where in found.items() if len(where) > 3]
        shown = _SHOW.value or "".join(evenly(usable, _SHOWN))
        missing = [character for character in shown if character not in usable]
        if missing or len(usable) < 2:
            raise UserError(
                f"{data_dir}: expected at least 4 samples of each character shown, and at least "
                f"two such characters; {len(usable)} have as many, and of --show "
                f"{''.join(missing) or 'none'} have not; choose others or another --data_dir"
            )
        compared = list(dict.fromkeys([*shown, *evenly(usable, _CLASSES.value)]))
        real = {
            character: [
                file.bitmap(index).copy()
                for file, index in evenly(found[character], _SAMPLES.value)
            ]
            for character in compared
        }
    drawn: Samples = defaultdict(list)
    for character, bitmap in standin.draw(
        compared, writers=range(_SAMPLES.value), seed=_SEED.value
    ):
        drawn[character].append(bitmap)
    print(table(real, drawn))
    with files.explained(out, "writing the image"), files.atomic_file(out) as temporary:
        draw(real, drawn, shown, _COLUMNS.value).save(
            temporary, "PNG", pnginfo=image_grid.png_origin()
        )
    print(f"\n{out}: real samples on the left, stand-in samples on the right")
    return 0


if __name__ == "__main__":
    run(main, usage=__doc__)
