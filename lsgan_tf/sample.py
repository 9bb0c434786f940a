"""Draws samples of the generator of a run, or of the one that comes with the package.

    python -m lsgan_tf.sample --text=你好 --out=line.png
    python -m lsgan_tf.sample --run_dir=R --text=安宁 --out=o.png
    python -m lsgan_tf.sample --run_dir=R --count=100 --format=npz --out=set.npz
    python -m lsgan_tf.sample --run_dir=R --show=interpolation --text=安宁 --out=way.gif
    python -m lsgan_tf.sample --run_dir=R --show=neighbours --out=near.png

Works on the SavedModel in the run's export/, which is written first if the run has
a newer checkpoint. The same seed gives the same images, here and from the SavedModel.
--text alone writes the text as one image; with --count or another format it selects the
classes of labelled images. In .npz, `images` are uint8 and `chars` are their class names.
--show draws interpolations between samples, the effect of one component of the noise, or
the nearest real examples of samples (to detect memorisation).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from lsgan_tf.cli.app import flags_only, refuse_given, run
from lsgan_tf.cli.flags import PATH, generator_named_by
from lsgan_tf.errors import UserError
from lsgan_tf.util.tensorflow_setup import import_tensorflow

if TYPE_CHECKING:
    from lsgan_tf.sampling.sampler import Sampler

_FORMATS = ("png", "gnt", "npz", "tfrecord")
_RUN_DIR = flags.DEFINE(PATH, "run_dir", None, "folder of the run")
_SAVED_MODEL = flags.DEFINE(PATH, "saved_model", None, "a SavedModel instead of a run")
_PRETRAINED = flags.DEFINE_bool(
    "pretrained",
    None,
    "use the generator that comes with the package: 500 handwritten characters (the default "
    "without --run_dir and --saved_model)",
)
_WEIGHTS = flags.DEFINE_enum(
    "weights",
    None,
    ("ema", "raw"),
    "weights of the generator: ema (exponential moving average) or raw (last step); default: ema "
    "if the run has them",
)
_OUT = flags.DEFINE(
    PATH, "out", None, "output file; with --count and without a suffix, a new folder of PNG files"
)
_TEXT = flags.DEFINE_string(
    "text",
    None,
    "characters to write, may contain line breaks; with --count or --show: classes to draw",
)
_WRAP = flags.DEFINE_integer(
    "wrap",
    None,
    "text: maximum characters per line, 1 to 1,000 (default: no wrapping)",
    1,
    1000,
)
_WRITERS = flags.DEFINE_enum(
    "writers",
    "character",
    ("character", "line", "one"),
    "text: one noise vector per character, per line, or one for all",
)
_COUNT = flags.DEFINE_integer(
    "count",
    None,
    "number of images to draw, 1 to 100,000,000, cycling through the classes",
    lower_bound=1,
    upper_bound=100_000_000,
)
_FORMAT = flags.DEFINE_enum(
    "format", None, _FORMATS, "format of --out (default: by its suffix, else png)"
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "seed of the noise, 0 to 2,147,483,647", lower_bound=0, upper_bound=2**31 - 1
)
_TRUNCATION = flags.DEFINE_float(
    "truncation",
    None,
    "truncate the noise to plus and minus this value: less variety, fewer bad samples; above 0, "
    "for uniform noise at most 1 (default: no truncation, except for the generator of the package)",
)
_SCALE = flags.DEFINE_integer(
    "scale",
    None,
    "scale factor of a text or of --show, 1 to 16 (default: 2, or 1 from 48 pixels on)",
    lower_bound=1,
    upper_bound=16,
)
_SHOW = flags.DEFINE_enum(
    "show",
    None,
    ("interpolation", "sweep", "neighbours"),
    "interpolation: between noise vectors, or between the classes of --text; sweep: vary one "
    "component of the noise; neighbours: nearest real examples with their distances. The first two "
    "also as .gif or .webp",
)
_ROWS = flags.DEFINE_integer(
    "rows", None, "show: number of samples, 1 to 1,000 (default: 4; neighbours: 8)", 1, 1000
)
_FRAMES = flags.DEFINE_integer(
    "frames",
    9,
    "show: images per interpolation or sweep, or neighbours, 2 to 1,000",
    2,
    1000,
)
_DIMENSION = flags.DEFINE_integer("dimension", 0, "sweep: index of the noise component", 0)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "neighbours: folder or file of the training data (default: as in the run)"
)
_CACHE_DIR = flags.DEFINE_string(
    "cache_dir", None, "neighbours: folder for prepared data (default: as in the run)"
)
_TEXT_ONLY = "an image of --text without --count"
_USED_BY = {
    "wrap": (_TEXT_ONLY,),
    "writers": (_TEXT_ONLY,),
    "scale": (_TEXT_ONLY, "--show"),
    "rows": ("--show",),
    "frames": ("--show",),
    "dimension": ("--show=sweep",),
    "data_dir": ("--show=neighbours",),
    "cache_dir": ("--show=neighbours",),
}
"""Flags that only some kinds of output use; `--show` is any of its kinds."""


def main(argv: list[str]) -> None:
    """Run the sampling command."""
    flags_only(argv)
    named = generator_named_by(_RUN_DIR, _SAVED_MODEL, _PRETRAINED)
    if _SHOW.value == "neighbours" and named not in ("run_dir", "saved_model"):
        raise UserError(
            "--show=neighbours: compares with a run's training data; name the run by --run_dir"
        )
    if not _OUT.value:
        raise UserError("--out: expected the file to write, --out=line.png for example")
    text, out = _TEXT.value or "", _OUT.value
    if not text.strip() and _COUNT.value is None and not _SHOW.value:
        raise UserError(
            "expected --text=CHARACTERS to write, --count=N images to draw, or --show=WHAT"
        )
    form = _FORMAT.value or out.suffix.lower().removeprefix(".") or "png"
    if form not in _FORMATS and not _SHOW.value:
        raise UserError(
            f"--out={out}: expected a name ending in .png, .gnt, .npz or .tfrecord, or --format"
        )
    if _SHOW.value and (_COUNT.value or _FORMAT.value):
        raise UserError(
            "--show: draws an image and takes neither --count nor --format; --rows and --frames "
            "set the number of images, and the suffix of --out the format"
        )
    _check_used("" if _COUNT.value or form != "png" else _TEXT_ONLY)
    import_tensorflow()
    from lsgan_tf.exporting.opening import open_generator

    sampler, default = open_generator(_SAVED_MODEL.value, _RUN_DIR.value, _WEIGHTS.value)
    truncation = default if _TRUNCATION.value is None else _TRUNCATION.value
    if sampler.standin:
        print("note: this generator was trained on the synthetic stand-in, not on real handwriting")
    if _SHOW.value:
        _show(sampler, text, out, truncation)
    else:
        _write(sampler, text, out, form, truncation)
    kind = f", {'EMA' if sampler.weights == 'ema' else 'raw'} weights"
    print(f"wrote {out} from the generator of step {sampler.step:,}{kind}")


def _check_used(kind: str) -> None:
    """Reject flags that the requested output does not use.

    Args:
      kind: what is written without `--show`: `_TEXT_ONLY`, or empty for a set of images.
    """
    kind = f"--show={_SHOW.value}" if _SHOW.value else kind
    for name, kinds in _USED_BY.items():
        if not kind.startswith(kinds):
            used = " or ".join(kinds)
            refuse_given([name], f"only for {used}; give that, or omit it")
    if _SHOW.value == "sweep" and (_TEXT.value or "").strip():
        refuse_given(["rows"], "a sweep has a row for each of --text; omit one of them")


def _write(sampler: Sampler, text: str, out: Path, form: str, truncation: float | None) -> None:
    """Write a text as an image, or a set of images."""
    from lsgan_tf.sampling.files import write_set, write_text

    if _COUNT.value is None and form == "png":
        write_text(
            sampler,
            text,
            out,
            seed=_SEED.value,
            scale=_SCALE.value or sampler.scale,
            wrap=_WRAP.value,
            writers=_WRITERS.value,
            truncation=truncation,
        )
    else:
        names = sampler.names(text) if text.strip() else []
        write_set(
            sampler,
            out,
            form,
            count=_COUNT.value or len(names),
            seed=_SEED.value,
            names=names,
            truncation=truncation,
        )


def _show(sampler: Sampler, text: str, out: Path, truncation: float | None) -> None:
    """Write an interpolation, a sweep or nearest neighbours."""
    from lsgan_tf.sampling import interpolation
    from lsgan_tf.sampling.neighbours import write_neighbours

    shared: dict[str, Any] = {
        "seed": _SEED.value,
        "names": sampler.names(text) if text.strip() else [],
        "scale": _SCALE.value or sampler.scale,
        "truncation": truncation,
    }
    if _SHOW.value == "neighbours":
        shared |= {"data_dir": _DATA_DIR.value, "cache_dir": _CACHE_DIR.value}
        print(write_neighbours(sampler, out, count=_ROWS.value or 8, k=_FRAMES.value, **shared))
        return
    shared |= {"rows": _ROWS.value or 4, "frames": _FRAMES.value}
    if _SHOW.value == "sweep":
        interpolation.write_sweep(sampler, out, dimension=_DIMENSION.value, **shared)
    else:
        interpolation.write_interpolation(sampler, out, **shared)


if __name__ == "__main__":
    run(main, usage=__doc__)
