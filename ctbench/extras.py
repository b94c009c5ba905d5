"""Import of packages that come with an extra of ctbench, and the message where one is not installed."""

from __future__ import annotations

import importlib
from typing import Any

from ctbench.errors import UsageError

__all__ = ["import_extra"]


def import_extra(module: str, extra: str, purpose: str) -> Any:
    """Import a module of an optional dependency and return it, as Any.

    Args:
        module: Name of the module, e.g. ``pydicom``.
        extra: Extra of ctbench that installs it, e.g. ``annotations``.
        purpose: What needs it, the subject of the message, e.g. ``reading DICOM SEG``.

    Raises:
        UsageError: The package is not installed; the message contains the ``pip install`` command.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        msg = f"{purpose} needs {package}, which is not installed; run in the repository: pip install '.[{extra}]'"
        raise UsageError(msg) from error
