"""Links to the TensorBoard folders of runs, named after the runs.

TensorBoard names a run after the folder of its events relative to `--logdir`, such as
`quick/tensorboard` for the run `runs/quick`. With these links the name is `quick`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from lsgan_tf.run_dir.status import find_runs

_FOLDER = "tensorboard"


class RunLinks:
    """Links to the runs in some folders.

    Args:
      place: an existing, empty folder for the links.
      folders: folders of runs, or run folders.
    """

    def __init__(self, place: Path, folders: Sequence[Path]) -> None:
        self._place, self._folders = Path(place), [Path(folder) for folder in folders]
        self._links: dict[Path, Path] = {}

    def update(self) -> int:
        """Add links to new runs and remove those of deleted runs.

        Returns:
          The number of links.
        """
        for target, link in list(self._links.items()):
            if not target.is_dir():
                link.unlink(missing_ok=True)
                del self._links[target]
        for folder in self._folders:
            for run in find_runs(folder):
                target = (run / _FOLDER).resolve()
                if target not in self._links and target.is_dir():
                    with contextlib.suppress(OSError):  # e.g. the name is too long
                        self._links[target] = self._linked(self._name(run, folder), target)
        return len(self._links)

    def _name(self, run: Path, folder: Path) -> str:
        """Return the name of a run: its path relative to the only folder, or to the root."""
        if run == folder:
            return run.resolve().name
        if len(self._folders) == 1:
            return run.relative_to(folder).as_posix()
        return "/".join(part for part in run.parts if part not in (run.anchor, ".", ".."))

    def _linked(self, name: str, target: Path) -> Path:
        link, number = self._place / name, 2
        # A link inside another link would be created in a run folder.
        while link.is_symlink() or link.exists() or self._lies_within_a_link(link):
            link, number = self._place / f"{name.replace('/', '-')}-{number}", number + 1
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target, target_is_directory=True)
        return link

    def _lies_within_a_link(self, link: Path) -> bool:
        return any(parent in self._links.values() for parent in link.parents)
