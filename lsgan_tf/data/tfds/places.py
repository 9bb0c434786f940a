"""Finds prepared datasets of tensorflow-datasets, or prepares them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsgan_tf.data.images import tfds_folder, tfds_places
from lsgan_tf.data.tfds.names import CATALOGUE, Name, unknown
from lsgan_tf.errors import UserError
from lsgan_tf.util import files
from lsgan_tf.util.hosts import unreachable

_LISTED = 10


def locate(
    name: Name, data_dir: Path | None, cache_dir: Path, check: Callable[[Any], object]
) -> Path:
    """Find the prepared folder of a dataset.

    Args:
      name: the dataset.
      data_dir: the data folder of tensorflow-datasets, or a folder in it down to that of a version.
        None searches the default folders of lsgan_tf and tensorflow-datasets, and prepares the
        dataset in `cache_dir` if it is in neither.
      cache_dir: the cache.
      check: called with the `DatasetInfo` before anything is downloaded.

    Raises:
      UserError: if it is missing and cannot be prepared.
    """
    if data_dir is not None:
        return _below(name, Path(data_dir))
    target = cache_dir / "tensorflow_datasets"
    for place in (target, _default_dir()):
        if place and place.is_dir():
            if found := tfds_places.find_prepared(place, *name.parts, version=name.version):
                return found
            _check_config(name, place)
    return _prepare(name, target, check)


def _default_dir() -> Path | None:
    """Return the default data folder of tensorflow-datasets, unless there is no home folder."""
    with contextlib.suppress(RuntimeError):
        return Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    return None


def _below(name: Name, folder: Path) -> Path:
    if not folder.is_dir():
        what = "this is a file" if folder.exists() else "no such folder"
        raise UserError(
            f"--data_dir={folder}: {what}; expected the data folder of tensorflow-datasets, for "
            f"example ~/tensorflow_datasets, with {name} in it"
        )
    if found := tfds_places.find_prepared(folder, *name.parts, version=name.version):
        return found
    _check_config(name, folder)
    prepared = [_full_name(place) for place in tfds_places.prepared_below(folder)]
    there = f"; there is {', '.join(prepared[:_LISTED])}" if prepared else ""
    there += ", ..." if len(prepared) > _LISTED else ""
    known = dict.fromkeys([*(re.split("[/:]", full)[0] for full in prepared), *_known()])
    if name.dataset not in known:
        where = f"in --data_dir={folder}{there}, nor among those that tensorflow-datasets knows"
        raise unknown(name, known, where)
    raise UserError(
        f"--data_dir={folder}: {name} is not prepared in it{there}; run tfds build {name} "
        f"--data_dir={folder}, or omit --data_dir to prepare it in the cache"
    )


def _full_name(folder: Path) -> str:
    return f"{tfds_places.name_of(folder)}:{tfds_places.version_of(folder)}"


def _check_config(name: Name, place: Path) -> None:
    """Raise an error if a dataset has configurations and none is named."""
    if name.config is None and (place / name.dataset).is_dir():
        inside = tfds_places.prepared_below(place / name.dataset)
        parents = [folder.parent for folder in inside]
        if configs := [path.name for path in parents if path.parent.name == name.dataset]:
            raise _needs_config(name, configs)


def _needs_config(name: Name, configs: list[str]) -> UserError:
    more = ", ..." if len(configs) > _LISTED else ""
    return UserError(
        f"--tfds_name={name}: has configurations; choose one, such as "
        f"--tfds_name={name.dataset}/{configs[0]}; there are {', '.join(configs[:_LISTED])}{more}"
    )


def _known() -> list[str]:
    """Return the names of the datasets that tensorflow-datasets can prepare."""
    return tfds_folder.import_tfds().list_builders(with_community_datasets=False)


def _prepare(name: Name, target: Path, check: Callable[[Any], object]) -> Path:
    """Download and prepare a dataset with tensorflow-datasets.

    Not with `tfds.builder`, which would import modules named in files.
    """
    tfds = tfds_folder.import_tfds()
    if name.dataset not in (known := _known()):
        raise unknown(name, known, "in tensorflow-datasets")
    remedy = (
        f"run tfds build {name} --data_dir=FOLDER where that is possible, copy FOLDER here and "
        "pass --data_dir=FOLDER"
    )
    try:
        kind = tfds.builder_cls(name.dataset)
        configs = list(kind.builder_configs)
        if configs and name.config not in configs:
            raise _needs_config(name, configs)
        builder = kind(data_dir=target, config=name.config, version=name.version)
        check(builder.info)
        _check_reachable(builder, name, remedy)
        with files.locked(target / name.dataset):
            builder.download_and_prepare()  # does nothing if already prepared
    except UserError:
        raise
    # Builders raise exceptions of many libraries.
    except Exception as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EACCES):
            with files.explained(target, f"preparing {name}", "--cache_dir"):
                raise
        detail = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(
            f"--tfds_name={name}: tensorflow-datasets could not prepare it in {target} ({detail}); "
            f"{remedy}"
        ) from error
    return Path(builder.data_dir)


def _check_reachable(builder: Any, name: Name, remedy: str) -> None:
    """Raise an error for manual downloads and unreachable hosts."""
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        raise UserError(
            f"--tfds_name={name}: its files must be downloaded manually, see {CATALOGUE}/"
            f"{name.dataset}; then {remedy}"
        )
    address = next(iter(builder.url_infos or ()), "")
    if not address.startswith(("http://", "https://")):
        return
    if detail := unreachable(address):
        raise UserError(
            f"--tfds_name={name}: not prepared, and the host of its files does not answer "
            f"({detail}); {remedy}"
        )
