"""Draws from the generator of a run.

    python -m lsgan_tf.sample --run_dir=R --text=安宁 --out=o.png
    python -m lsgan_tf.sample --run_dir=R --count=100 --format=npz --out=set.npz

Works on the SavedModel in the run's export/, which is written first if the run has
a newer checkpoint. The same seed gives the same images, here and from the SavedModel.
--text alone writes it as a picture; with --count or another format it chooses the
classes of a labelled set. In .npz, `images` are uint8 and `chars` name their classes.
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from lsgan_tf.binary import import_tensorflow, run
from lsgan_tf.errors import UserError

_FORMATS = ("png", "gnt", "npz")
_RUN_DIR = flags.DEFINE_string("run_dir", None, "folder of the run")
_SAVED_MODEL = flags.DEFINE_string("saved_model", None, "a SavedModel instead of a run")
_OUT = flags.DEFINE_string(
    "out", None, "file to write, or, without .png and with --count, new folder of PNG"
)
_TEXT = flags.DEFINE_string(
    "text", None, "characters to write, a new line begins a line; with --count: the classes to draw"
)
_COUNT = flags.DEFINE_integer(
    "count",
    None,
    "number of images to draw, 1 to 100,000,000, the classes in turn",
    lower_bound=1,
    upper_bound=100_000_000,
)
_FORMAT = flags.DEFINE_enum(
    "format", None, _FORMATS, "of --out (default: as its suffix says, else png)"
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "of the noise, 0 to 2,147,483,647", lower_bound=0, upper_bound=2**31 - 1
)
_SCALE = flags.DEFINE_integer(
    "scale", 2, "enlargement of a written text, 1 to 16", lower_bound=1, upper_bound=16
)


def main(argv: list[str]) -> None:
    """The sampling command."""
    if len(argv) > 1:
        raise UserError(f"{argv[1]}: expected flags only (--name=value); see --help")
    if bool(_RUN_DIR.value) == bool(_SAVED_MODEL.value):
        raise UserError("expected --run_dir=FOLDER of a run, or --saved_model=FOLDER, one of them")
    if not _OUT.value:
        raise UserError("--out: expected the file to write, --out=line.png for example")
    text = _TEXT.value or ""
    if not text.strip() and _COUNT.value is None:
        raise UserError("expected --text=CHARACTERS to write, or --count=N images to draw")
    out = Path(_OUT.value)
    form = _FORMAT.value or out.suffix.lower().removeprefix(".") or "png"
    if form not in _FORMATS:
        raise UserError(f"--out={out}: expected a name in .png, .gnt or .npz, or give --format")
    import_tensorflow()
    from lsgan_tf.restoring import export_of_run
    from lsgan_tf.sample_files import write_set, write_text
    from lsgan_tf.sampling import Sampler

    path = Path(_SAVED_MODEL.value) if _SAVED_MODEL.value else export_of_run(Path(_RUN_DIR.value))
    sampler = Sampler(path)
    if sampler.standin:
        print("note: this generator learnt from the drawn stand-in, not from real handwriting")
    if _COUNT.value is None and form == "png":
        write_text(sampler, text, out, seed=_SEED.value, scale=_SCALE.value)
    else:
        names = sampler.names(text) if text.strip() else []
        count = _COUNT.value or len(names)
        write_set(sampler, out, form, count=count, seed=_SEED.value, names=names)
    print(f"wrote {out} from the generator of step {sampler.step:,}")


if __name__ == "__main__":
    run(main, usage=__doc__)
