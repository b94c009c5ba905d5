"""Provenance of a run: package versions, the commit of the working folder, the device, seeds."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ctbench.runs.gitfiles import head_commit, is_changed, repository
from ctbench.runs.manifest import GitState

__all__ = ["describe_device", "git_state", "package_versions", "seeds_in"]

_NUMERIC_PACKAGES = ("numpy", "scipy", "pandas", "SimpleITK", "numba", "torch")


def package_versions() -> dict[str, str]:
    """Return the versions of Python, ctbench and of the packages that can change a number."""
    versions = {"python": platform.python_version()}
    for name in ("ctbench", *_NUMERIC_PACKAGES):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # an optional package that is not installed changes no number
            continue
    return versions


def git_state() -> GitState | None:
    """Return the commit of the repository that the working folder is in; None if there is none.

    Untracked files make no difference: the run itself may be one of them.
    """
    found = repository(Path.cwd())
    commit = head_commit(found) if found else ""
    return GitState(commit=commit, dirty=is_changed(found, commit)) if found and commit else None


def describe_device(device: str | None) -> str:
    """Return the device that was requested for a predictor: ``default``, ``cpu``, or e.g. ``cuda (NVIDIA H200)``."""
    if not device:
        return "default"
    if not device.startswith("cuda"):
        return device
    try:
        import torch  # 1.4 s; only if a GPU was requested

        return f"{device} ({torch.cuda.get_device_name(device)})"
    except (ImportError, RuntimeError, ValueError, AssertionError):
        return device


def seeds_in(settings: Mapping[str, Any]) -> dict[str, int]:
    """Return the integers among ``settings`` whose name is ``seed`` or ends in ``_seed``."""
    return {
        name: value
        for name, value in sorted(settings.items())
        if (name == "seed" or name.endswith("_seed")) and isinstance(value, int)
    }
