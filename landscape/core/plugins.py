"""Open families: importing a folder imports every file in it, and a subclass registers itself."""

import importlib
import os
from collections.abc import Iterable
from types import ModuleType


def import_all(package: str, path: Iterable[str]) -> list[ModuleType]:
    """Import every module of a package's folder, in alphabetical order."""
    files = sorted(file for folder in path for file in os.listdir(folder))
    names = [file[:-3] for file in files if file.endswith(".py") and file != "__init__.py"]
    return [importlib.import_module(f"{package}.{name}") for name in names]
