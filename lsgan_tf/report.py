"""Writes an HTML report of one or several runs, readable offline.

    python -m lsgan_tf.report runs/quick
    python -m lsgan_tf.report runs/a runs/b --out=both.html

It shows the settings and their defaults, curves, the sample grids with a slider, metrics, the
best checkpoint, the collapse alarm, time and machine. Runs that are in progress, empty or
damaged are marked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from lsgan_tf.cli.app import refuse_given, run
from lsgan_tf.cli.flags import PATH
from lsgan_tf.errors import UserError
from lsgan_tf.util.paths import local

_OUT = flags.DEFINE(
    PATH,
    "out",
    None,
    "file to write (default: report.html in the run's folder, or here for several)",
)
_GRIDS = flags.DEFINE_integer(
    "grids", 24, "maximum number of sample grids per run, evenly spaced, 0 to 1,000", 0, 1000
)
_GRID_WIDTH = flags.DEFINE_integer(
    "grid_width", 720, "maximum width of images; wider ones are scaled [pixels, 64 to 4,096]",
    64, 4096,
)  # fmt: skip
_GRID_QUALITY = flags.DEFINE_integer(
    "grid_quality", 82, "WebP quality of the images [1 to 100]", 1, 100
)
_REALS = flags.DEFINE_boolean(
    "reals", True, "show real examples; use --noreals if the data must not be published"
)
_MOST_RUNS = 24


def main(argv: list[str]) -> None:
    """Run the report command."""
    folders = [local(word) for word in argv[1:]]
    if not folders:
        raise UserError("expected the folder of a run, or of several: runs/quick for example")
    if len(folders) > _MOST_RUNS:
        raise UserError(f"expected at most {_MOST_RUNS} runs, received {len(folders)}")
    if not _GRIDS.value and not _REALS.value:
        reason = "there are no images with --grids=0 and --noreals; omit it"
        refuse_given(["grid_width", "grid_quality"], reason)
    from lsgan_tf.reporting.page import page
    from lsgan_tf.reporting.run_data import gather, with_unique_names
    from lsgan_tf.util.files import atomic_file, explained
    from lsgan_tf.util.text import describe_size

    _refuse_folders_of_runs(folders)
    out = _OUT.value or _default_out(folders)
    if out.is_dir():
        raise UserError(f"--out={out}: is a folder; give the name of a file")
    found = [
        gather(
            path,
            grids=_GRIDS.value,
            pixels=_GRID_WIDTH.value,
            quality=_GRID_QUALITY.value,
            reals=_REALS.value,
        )
        for path in folders
    ]
    runs = with_unique_names(found)
    limit = (
        f"This page contains at most {_GRIDS.value} grids of each run and kind, at most "
        f"{_GRID_WIDTH.value} pixels wide (--grids, --grid_width)."
    )
    with explained(out, "writing the report"), atomic_file(out) as temporary:
        temporary.write_text(page(runs, limit), encoding="utf-8", errors="backslashreplace")
    print(f"wrote {out}, {describe_size(out.stat().st_size)}")


def _refuse_folders_of_runs(folders: Sequence[Path]) -> None:
    from lsgan_tf.run_dir.status import find_runs

    for folder in folders:
        inside = [path for path in find_runs(folder) if any(path.iterdir())]
        if inside and folder not in inside:
            raise UserError(
                f"{folder}: not a run but a folder of {len(inside)}, such as {inside[0]}; give the "
                f"runs to report: python -m lsgan_tf.report {folder}/*"
            )


def _default_out(folders: list[Path]) -> Path:
    return folders[0] / "report.html" if len(folders) == 1 else Path("report.html")


if __name__ == "__main__":
    run(main, usage=__doc__)
