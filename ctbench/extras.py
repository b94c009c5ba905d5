"""Packages that come with an extra of ctbench, and the message with its command where one is not installed."""

from __future__ import annotations

import importlib
import importlib.util
from types import MappingProxyType
from typing import Any

from ctbench.errors import UsageError

__all__ = ["EXTRA_OF", "expect_extra", "import_extra", "missing_extra"]

EXTRA_OF = MappingProxyType(
    {
        "dask": "dask",
        "distributed": "dask",
        "h5py": "keras-weights",
        "highdicom": "annotations",
        "mlflow": "mlflow",
        "monai": "models",
        "nibabel": "bundle",
        "niivue_component": "viewer",
        "nnunetv2": "nnunet",
        "onnxruntime": "onnx",
        "pydicom": "annotations",
        "safetensors": "models",
        "sklearn": "models",
        "streamlit": "leaderboard",
        "torch": "models",
        "wandb": "wandb",
    }
)
"""Importable package -> the extra of ctbench that installs it."""


def expect_extra(module: str, purpose: str) -> None:
    """Check that a package of an extra is installed, without the seconds that its import takes.

    Args:
        module: Name of the package, one of `EXTRA_OF`.
        purpose: What needs it, the subject of the message, e.g. ``ctbench demo``.

    Raises:
        UsageError: The package is not installed; the message contains the ``pip install`` command.
    """
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise _missing(module, purpose)


def import_extra(module: str, purpose: str) -> Any:
    """Import a module of an optional dependency and return it, as Any.

    Args:
        module: Name of the module, e.g. ``pydicom``; its package is one of `EXTRA_OF`.
        purpose: What needs it, the subject of the message, e.g. ``reading DICOM SEG``.

    Raises:
        UsageError: The package is not installed; the message contains the ``pip install`` command.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(module, purpose) from error


def missing_extra(error: BaseException, purpose: str) -> UsageError | None:
    """Return the error to raise if an exception says that a package of an extra is not installed; else None.

    A missing submodule is no such package: the package is installed, in another version than expected.

    Args:
        error: Exception that an import raised.
        purpose: What needs the package, the subject of the message, e.g. ``cai-unet``.
    """
    package = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    return _missing(package, purpose) if package in EXTRA_OF else None


def _missing(module: str, purpose: str) -> UsageError:
    package = module.partition(".")[0]
    command = f"pip install '.[{EXTRA_OF[package]}]'"
    return UsageError(f"{purpose} needs {package}, which is not installed; run in the repository: {command}")
