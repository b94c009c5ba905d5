"""Schemes: predictors named by `scheme:PATH`, e.g. ``onnx:model.onnx``, from entry points of ``ctbench.schemes``.

A scheme is a function ``(path, **options) -> Predictor`` in a module of its own, and one line among the entry points of
its package. Its path is a stranger's network: it is opened in the sandbox, which shows it that path.
"""

from __future__ import annotations

import glob
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

from ctbench.predictors.info import LABELS_FILE
from ctbench.predictors.installed import installed

__all__ = ["GROUP", "Scheme", "find_scheme", "installed_schemes"]

GROUP = "ctbench.schemes"
"""Entry-point group of schemes."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """A spec ``scheme:PATH``.

    Args:
        entry: Entry point of the scheme's function.
        path: File or folder after the colon; relative paths start from the working folder.
    """

    entry: EntryPoint
    path: Path

    def files(self, here: Path) -> tuple[Path, ...]:
        """Return the existing files and folders that belong to the network.

        They are the folder itself; for a file, that file, those beside it with the same stem (``model.onnx.data``,
        ``model.json``), and ``labels.json``.

        Args:
            here: Working folder.
        """
        path = here / self.path
        if not path.is_file():
            return (path,) if path.exists() else ()
        beside = path.parent.glob(f"{glob.escape(path.name.partition('.')[0])}.*")
        found = {path, path.with_name(LABELS_FILE), *beside}
        return tuple(sorted(one for one in found if one.is_file()))


def installed_schemes() -> dict[str, EntryPoint]:
    """Return the entry points of all installed schemes by name, sorted; nothing is imported.

    Raises:
        PluginError: Two packages define the same name; the message names both.
    """
    return installed(GROUP, "scheme")


def find_scheme(spec: str) -> Scheme | None:
    """Return the scheme and the path of a spec; None if it does not begin with the name of an installed scheme."""
    name, colon, path = spec.partition(":")
    entry = installed_schemes().get(name) if colon else None
    return None if entry is None else Scheme(entry, Path(path))
