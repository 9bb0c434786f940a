"""A voting page with pairs of LSGAN and DCGAN bedrooms (section 4.3.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from lsgan_tf.experiments.common import samples
from lsgan_tf.experiments.common.experiment import Arm, Conclusion, Experiment, Run
from lsgan_tf.experiments.human_study.study import write_study

_CLAIMS = """
On Amazon Mechanical Turk, people were shown bedrooms of an LSGAN and a DCGAN with the same network
and chose the more realistic one: 4,000 votes, 56.4% for LSGAN and 43.6% for DCGAN (section 4.3.2).
"""
_COMMON = (
    "--label_fake=0", "--label_real=1", "--label_target=1", "--z_dim=1024", "--ema_decay=0",
)  # fmt: skip
_LOSSES = {"lsgan": "LSGAN", "nsgan": "DCGAN"}
_PAIRS = 100


def arms() -> list[Arm]:
    """Make an arm for each loss, with the same network."""
    return [Arm(loss, title, (f"--loss={loss}", *_COMMON)) for loss, title in _LOSSES.items()]


def after(run: Run) -> list[tuple[str, ...]]:
    """Draw the images to show."""
    return [samples.draw(run, _PAIRS)]


def conclude(runs: Sequence[Run], out: Path) -> Conclusion:
    """Write a page for each seed that is finished with both losses."""
    finished: dict[int, dict[str, Run]] = defaultdict(dict)
    for run in runs:
        if run.status == "finished":
            finished[run.seed][run.arm.name] = run
    pages = []
    for seed, found in sorted(finished.items()):
        if len(found) < len(_LOSSES):
            continue
        a, b = (samples.read(found[loss])[0] for loss in _LOSSES)
        first, second = _LOSSES.values()
        page = out / f"study-seed{seed}.html"
        write_study(page, a, b, pairs=_PAIRS, seed=seed, names=(first, second))
        pages.append(page.name)
    if not pages:
        return Conclusion("No pair of runs is finished yet.")
    links = ", ".join(f"[{name}]({name})" for name in pages)
    return Conclusion(
        f"No votes yet. Send {links} to the voters (no server is needed) and count the files they "
        "return:\n\n```bash\npython -m lsgan_tf human-study --tally "
        "--key=study-seed0.key.json votes-*.json\n```"
    )


EXPERIMENT = Experiment(
    name="human_study",
    title="Which bedroom looks more real?",
    claims=_CLAIMS,
    arms=arms,
    scales={
        "full": ("--dataset=lsun", "--category=bedroom"),
        "small": ("--dataset=cifar10", "--filters=32", "--steps=3000"),
    },
    after=after,
    conclude=conclude,
)
