"""Compares the samples of two generators in a human study, as in section 4.3.2 of the paper.

    python -m lsgan_tf human-study --a=runs/lsgan --b=runs/dcgan --pairs=100 --out=study.html
    python -m lsgan_tf human-study --tally --key=study.key.json votes-*.json

The first command writes a web page that works offline, and next to it a key that maps each image to
its generator: send the page to the participants and keep the key. The page takes votes by mouse or
keyboard, keeps them over a reload and saves them to a file; the second command counts such files.
--a and --b are run folders or .npz files of samples.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from lsgan_tf.cli.app import refuse_given
from lsgan_tf.cli.flags import PATH
from lsgan_tf.errors import UserError
from lsgan_tf.util.files import explained, write_json
from lsgan_tf.util.paths import local
from lsgan_tf.util.tensorflow_setup import import_tensorflow

if TYPE_CHECKING:
    import numpy as np

_A = flags.DEFINE(PATH, "a", None, "run folder, or .npz file of samples")
_B = flags.DEFINE(PATH, "b", None, "run folder or .npz file to compare with")
_NAME_A = flags.DEFINE_string("name_a", "A", "name of --a in the results")
_NAME_B = flags.DEFINE_string("name_b", "B", "name of --b in the results")
_PAIRS = flags.DEFINE_integer("pairs", 100, "number of pairs to show", 1, 10_000)
_SEED = flags.DEFINE_integer("seed", 0, "seed of samples, sides and order", 0, 2**31 - 1)
_OUT = flags.DEFINE(PATH, "out", None, "page to write (.html), or results with --tally (.json)")
_TALLY = flags.DEFINE_boolean("tally", False, "count the votes in the given files")
_KEY = flags.DEFINE(PATH, "key", None, "with --tally: key file of the study")


def main(argv: list[str]) -> None:
    """Run the command."""
    if _TALLY.value:
        refuse_given(
            ("a", "b", "name_a", "name_b", "pairs", "seed"),
            "only for making a study; omit it, or --tally",
        )
        _count([local(name) for name in argv[1:]])
        return
    if len(argv) > 1:
        raise UserError(f"{argv[1]}: expected flags only; files of votes go with --tally")
    refuse_given(["key"], "requires --tally; give that too, or omit it")
    if not (_A.value and _B.value and _OUT.value):
        raise UserError("expected --a and --b, two runs or sets of samples, and --out=study.html")
    if _A.value.absolute() == _B.value.absolute():
        raise UserError(f"--a and --b are both {_A.value}: expected two different ones")
    out = _OUT.value
    if out.suffix.lower() != ".html":
        raise UserError(f"--out={out}: expected a name ending in .html")
    from lsgan_tf.experiments.human_study.study import write_study

    a, b = (_images(Path(path)) for path in (_A.value, _B.value))
    key = write_study(
        out,
        a,
        b,
        pairs=_PAIRS.value,
        seed=_SEED.value,
        names=(_NAME_A.value, _NAME_B.value),
        metadata={"a": str(_A.value), "b": str(_B.value)},
    )
    print(f"wrote {out} for the participants, and its key {key}")


def _images(path: Path) -> np.ndarray:
    """Draw samples of a run, or read a file: uint8, `(n, height, width, channels)`."""
    if path.suffix == ".npz":
        from lsgan_tf.experiments.common.samples import read_set

        return read_set(path)[0]
    import_tensorflow()
    from lsgan_tf.exporting.of_run import export_of_run
    from lsgan_tf.sampling.sampler import Sampler

    sampler = Sampler(export_of_run(path, log=print))
    if len(sampler.shape) != 3:
        raise UserError(f"{path}: this generator makes points; expected a generator of images")
    import numpy as np

    return np.concatenate(list(sampler.stream(_PAIRS.value, _SEED.value)))


def _count(votes: list[Path]) -> None:
    from lsgan_tf.experiments.human_study.tally import tally

    if not _KEY.value or not votes:
        raise UserError("--tally: expected --key=study.key.json and the files of votes")
    counted = tally(_KEY.value, votes)
    print(counted.text())
    if _OUT.value:
        with explained(_OUT.value, "writing the tally"):
            write_json(_OUT.value, counted.to_json())
        print(f"wrote {_OUT.value}")
