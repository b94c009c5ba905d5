"""Entry points of installed plugins, and whether one comes with ctbench or from another package."""

from __future__ import annotations

import importlib.util
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from ctbench.errors import PluginError

__all__ = ["installed", "is_ours"]

_OURS = "ctbench"
_OWN_PACKAGES = ("ctbench", "reference_models")
_ROOT = Path(__file__).parents[2]


def installed(group: str, what: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name, sorted; nothing is imported.

    Args:
        group: Name of the group.
        what: What they define, for messages, e.g. ``predictor``.

    Raises:
        PluginError: Two packages define the same name; the message names both.
    """
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        other = found.get(entry.name)
        if other is not None and other.value != entry.value:
            msg = f"two installed packages define {what} {entry.name!r}: {other.value} and {entry.value}; remove one"
            raise PluginError(msg)
        found[entry.name] = entry
    return found


def is_ours(entry: EntryPoint) -> bool:
    """Return whether a plugin comes with ctbench: our distribution defines it, and its file lies in our packages.

    The name of a distribution alone proves nothing, as anybody may write it into a package. Nothing is imported.
    """
    package = entry.module.partition(".")[0]
    if entry.dist is None or entry.dist.name != _OURS or package not in _OWN_PACKAGES:
        return False
    found = importlib.util.find_spec(package)
    return bool(found and found.origin and Path(found.origin).samefile(_ROOT / package / "__init__.py"))
