"""A folder of links to the TensorBoard folders of runs, each called by its run's name.

TensorBoard names a run after the folder of its events below `--logdir`, which is
`quick/tensorboard` for the run `runs/quick`. Below this folder it is `quick`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from lsgan_tf.run_dir.status import find_runs

_FOLDER = "tensorboard"


class RunLinks:
    """Links to the runs under some folders, brought up to date on request.

    Args:
      place: an existing, empty folder for the links.
      folders: folders of runs, or runs themselves.
    """

    def __init__(self, place: Path, folders: Sequence[Path]) -> None:
        self._place, self._folders = Path(place), [Path(folder) for folder in folders]
        self._links: dict[Path, Path] = {}

    def update(self) -> int:
        """Adds links to new runs and removes those of runs that are gone.

        Returns:
          How many runs have a link now.
        """
        for target, link in list(self._links.items()):
            if not target.is_dir():
                link.unlink(missing_ok=True)
                del self._links[target]
        for folder in self._folders:
            for run in find_runs(folder):
                target = (run / _FOLDER).resolve()
                if target not in self._links and target.is_dir():
                    with contextlib.suppress(OSError):  # a name that is too long, say
                        self._links[target] = self._linked(self._name(run, folder), target)
        return len(self._links)

    def _name(self, run: Path, folder: Path) -> str:
        """What the run is called: its path below the only folder, or below the root."""
        if run == folder:
            return run.resolve().name
        if len(self._folders) == 1:
            return run.relative_to(folder).as_posix()
        return "/".join(part for part in run.parts if part not in (run.anchor, ".", ".."))

    def _linked(self, name: str, target: Path) -> Path:
        link, number = self._place / name, 2
        # Nothing may be made within another link: it leads into a run's folder.
        while link.is_symlink() or link.exists() or self._lies_within_a_link(link):
            link, number = self._place / f"{name.replace('/', '-')}-{number}", number + 1
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target, target_is_directory=True)
        return link

    def _lies_within_a_link(self, link: Path) -> bool:
        return any(parent in self._links.values() for parent in link.parents)
