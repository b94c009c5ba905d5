"""`folds.json`: the models of a cross-validation, with the held-out cases and the Dice of each fold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Annotated

from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError

from ctbench.errors import DataError, MissingFileError, UsageError
from ctbench.files import write_text

__all__ = ["FOLDS", "Fold", "best_folders", "best_weights", "joined_digest", "write_folds"]

FOLDS = "folds.json"
"""Name of the file in the folder of ``ctbench train --folds``."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One model of a cross-validation.

    Args:
        number: Number of the fold, from 1.
        weights: Path of its weights, relative to the folder.
        cases: Ids of the held-out cases.
        dice: Mean Dice over these cases and their structures where it is defined; None if it is defined nowhere.
        validation: Ids of the cases that chose the best epoch; empty: unknown, written by an earlier version.
    """

    number: int
    weights: str
    cases: tuple[str, ...]
    dice: FiniteFloat | None
    validation: tuple[str, ...] = ()


_LIST = TypeAdapter(Annotated[list[Fold], Field(min_length=1)])


def joined_digest(digests: Sequence[str]) -> str:
    """Return one SHA-256 for several weights, from their digests, for `PredictorInfo.weights_digest`."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def write_folds(folder: str | Path, folds: Sequence[Fold]) -> None:
    """Write ``folds.json`` into a folder."""
    write_text(Path(folder) / FOLDS, json.dumps([asdict(fold) for fold in folds], indent=1) + "\n")


def best_folders(folders: Sequence[str | Path], best: int | None = None) -> list[str | Path]:
    """Return the cross-validations with the highest mean Dice over the folds that have one, in the order they came in.

    Args:
        folders: Folders of ``ctbench train --folds``.
        best: Number of them, the first ones if equal; None: all.

    Raises:
        MissingFileError, DataError: As for ``best_weights``.
        UsageError: ``best`` is below 1 or above the number of folders.
    """
    if best is not None and not 1 <= best <= len(folders):
        msg = f"best={best} for {len(folders)} models; expected 1 to {len(folders)}"
        raise UsageError(msg)
    defined = [[fold.dice for fold in _read(folder) if fold.dice is not None] for folder in folders]
    dice = [fmean(folds) if folds else -1.0 for folds in defined]
    ranked = sorted(range(len(folders)), key=lambda place: dice[place], reverse=True)
    return [folders[place] for place in sorted(ranked[:best])]


def best_weights(folder: str | Path, best: int | None = None) -> list[str]:
    """Return the paths of the weights of a cross-validation, in the order of the folds.

    Args:
        folder: Folder of ``ctbench train --folds``.
        best: Number of folds to use: those with the highest Dice on their held-out cases, the first ones if equal;
            None: all folds.

    Raises:
        MissingFileError: The folder has no ``folds.json``, so that the cross-validation is not complete.
        DataError: ``folds.json`` is malformed.
        UsageError: ``best`` is below 1 or above the number of folds.
    """
    folds = _read(folder)
    if best is not None and not 1 <= best <= len(folds):
        msg = f"best={best} for {len(folds)} folds in {folder}; expected 1 to {len(folds)}"
        raise UsageError(msg)
    ranked = sorted(folds, key=lambda fold: -1.0 if fold.dice is None else fold.dice, reverse=True)
    chosen = {fold.number for fold in ranked[:best]}
    return [str(Path(folder) / fold.weights) for fold in folds if fold.number in chosen]


def _read(folder: str | Path) -> list[Fold]:
    path = Path(folder) / FOLDS
    if not path.is_file():
        msg = f"no {FOLDS} in {folder}; expected the folder of a complete `ctbench train --folds N`"
        raise MissingFileError(msg)
    try:
        return _LIST.validate_json(path.read_bytes())
    except ValidationError as error:
        msg = f"{path} is not a list of folds: {error.errors()[0]['msg']}; train again"
        raise DataError(msg) from error
