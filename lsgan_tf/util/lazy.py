"""Lazy imports of a package's names."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, str] | None = None, modules: Collection[str] = ()
) -> Callable[[str], Any]:
    """Make a module-level `__getattr__`.

    Args:
      package: the package's name.
      homes: the defining module, inside the package, of each name.
      modules: modules of the package to provide as attributes.
    """

    def get(name: str) -> Any:
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        if homes and name in homes:
            return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get
