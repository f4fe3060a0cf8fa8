"""The service that the demo runs: the very example that users copy."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

_PLACES = (
    Path(__file__).parent / "examples",  # in an installed package
    Path(__file__).parents[4] / "examples",  # in a checkout
)


def example_folder() -> Path:
    """The folder of ``obo_fastapi``.

    Raises:
        FileNotFoundError: Neither the package nor a checkout around it has the example.
    """
    for place in _PLACES:
        if (place / "obo_fastapi").is_dir():
            return place / "obo_fastapi"
    raise FileNotFoundError("The example obo_fastapi is not there; reinstall msidweb.")


def example_app() -> ModuleType:
    """The example's module ``app``."""
    folder = str(example_folder().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module("obo_fastapi.app")
