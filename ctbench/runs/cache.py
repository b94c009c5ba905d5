"""Content-addressed caches of predictions and of scores."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctbench.errors import StoreError
from ctbench.files import cache_folder, sha256, whole_file, write_text
from ctbench.scores import VALUE_COLUMNS

__all__ = ["Columns", "PredictionCache", "ScoreCache"]

Columns = dict[str, list[Any]]
"""A table as columns; None where a value is null."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PredictionCache:
    """Cache of predictions: a folder for each key with copies of the files, and the digest of each.

    An incomplete entry is ignored. An entry that cannot be written is left out without an error.

    Args:
        identity: Digest of the predictor, a part of every key.
        root: Folder of the entries.
    """

    identity: str
    root: Path

    @classmethod
    def of(cls, identity: str) -> PredictionCache:
        """Return the cache of a predictor in the user's cache folder."""
        return cls(identity, cache_folder() / "predictions")

    def fetch(self, key: str, wanted: Mapping[str, Path]) -> float | None:
        """Copy the files of an entry to the paths in ``wanted``, in that order; files that it lacks are left out.

        Returns:
            The seconds that the prediction took when it was made; None if the cache has no such entry.
        """
        entry = _entry(self.root, key)
        content = _read(entry / "entry.json") or {}
        known, seconds = content.get("files"), content.get("seconds")
        if not (known and isinstance(known, dict) and isinstance(seconds, (int, float))):
            return None
        if any(_digest(entry / name) != digest for name, digest in known.items()):
            return None
        for name, path in wanted.items():
            if name in known:
                with whole_file(path) as temporary:
                    shutil.copyfile(entry / name, temporary)
        return float(seconds)

    def keep(self, key: str, files: Mapping[str, Path], seconds: float) -> None:
        """Copy those of ``files`` that exist into an entry, with the seconds that they took to make."""
        entry = _entry(self.root, key)
        try:
            present = {name: path for name, path in files.items() if path.is_file()}
            for name, path in present.items():
                with whole_file(entry / name) as temporary:
                    shutil.copyfile(path, temporary)
            content = {"files": {name: sha256(entry / name) for name in present}, "seconds": seconds}
            write_text(entry / "entry.json", json.dumps(content, sort_keys=True))
        except (OSError, StoreError) as error:
            _logger.warning("a prediction was not cached: %s", error)


@dataclass(frozen=True)
class ScoreCache:
    """Cache of the rows of ``metrics.score``: a file for each key, with a digest on its first line, then JSON.

    An entry that was damaged is ignored, and so is one of another form.

    Args:
        root: Folder of the entries.
    """

    root: Path

    @classmethod
    def default(cls) -> ScoreCache:
        """Return the cache in the user's cache folder."""
        return cls(cache_folder() / "scores")

    def fetch(self, key: str) -> Columns | None:
        """Return the columns of an entry, or None if the cache has no such entry."""
        try:
            digest, _, text = self._path(key).read_bytes().partition(b"\n")
        except OSError:
            return None
        if digest != hashlib.sha256(text).hexdigest().encode():
            return None
        columns = json.loads(text)
        return columns if isinstance(columns, dict) and set(columns) == set(VALUE_COLUMNS) else None

    def keep(self, key: str, columns: Columns) -> None:
        """Write columns into an entry; floats are read back as the same floats."""
        try:
            text = json.dumps(columns, ensure_ascii=False)
            write_text(self._path(key), f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")
        except (OSError, StoreError) as error:
            _logger.warning("scores were not cached: %s", error)

    def _path(self, key: str) -> Path:
        return _entry(self.root, key).with_suffix(".scores")


def _entry(root: Path, key: str) -> Path:
    return root / key[:2] / key


def _digest(path: Path) -> str:
    return sha256(path) if path.is_file() else ""


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
