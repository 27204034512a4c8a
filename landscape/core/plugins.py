"""Open families: importing a folder imports every file in it, and a subclass registers itself."""

import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType


def import_all(package: str, path: Iterable[str]) -> list[ModuleType]:
    """Import every module of a package's folder, in alphabetical order."""
    return [importlib.import_module(f"{package}.{found.name}") for found in pkgutil.iter_modules(path)]
