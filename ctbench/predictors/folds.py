"""The models of a cross-validation: one for each fold, and how well it predicted the cases that it did not see."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError

from ctbench.errors import DataError, MissingFileError, UsageError
from ctbench.files import write_text

__all__ = ["FOLDS", "Fold", "best_weights", "joined_digest", "write_folds"]

FOLDS = "folds.json"
"""Its name in the folder of ``ctbench train --folds``."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One model of a cross-validation.

    Args:
        number: from 1.
        weights: path of its weights, from the folder.
        cases: those that it did not see.
        dice: mean over these cases and their structures, as far as it is defined; None where it nowhere is.
    """

    number: int
    weights: str
    cases: tuple[str, ...]
    dice: FiniteFloat | None


_LIST = TypeAdapter(Annotated[list[Fold], Field(min_length=1)])


def joined_digest(digests: Sequence[str]) -> str:
    """Give one SHA-256 for several weights, which stands for all of them in a card."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def write_folds(folder: str | Path, folds: Sequence[Fold]) -> None:
    """Write what is known of the folds into their folder."""
    write_text(Path(folder) / FOLDS, json.dumps([asdict(fold) for fold in folds], indent=1) + "\n")


def best_weights(folder: str | Path, best: int | None = None) -> list[str]:
    """Give the paths of the weights in the folder of a cross-validation, in the order of the folds.

    Args:
        folder: of ``ctbench train --folds``.
        best: only so many: those with the highest Dice on the cases that they did not see, the first of equals.

    Raises:
        MissingFileError: no whole cross-validation lies there.
        DataError: its list of folds cannot be read.
        UsageError: there are not so many folds.
    """
    path = Path(folder) / FOLDS
    if not path.is_file():
        msg = f"no {FOLDS} in {folder}; expected the folder of a `ctbench train --folds N` that has ended"
        raise MissingFileError(msg)
    try:
        folds = _LIST.validate_json(path.read_bytes())
    except ValidationError as error:
        msg = f"{path} is no list of folds: {error.errors()[0]['msg']}; train again"
        raise DataError(msg) from error
    if best is not None and not 1 <= best <= len(folds):
        msg = f"the best {best} of {len(folds)} folds were asked for in {folder}; expected 1 to {len(folds)}"
        raise UsageError(msg)
    ranked = sorted(folds, key=lambda fold: -1.0 if fold.dice is None else fold.dice, reverse=True)
    chosen = {fold.number for fold in ranked[:best]}
    return [str(Path(folder) / fold.weights) for fold in folds if fold.number in chosen]
