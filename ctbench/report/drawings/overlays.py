"""Slices with the errors of a prediction drawn over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.report.drawings.colours import ERROR_COLOURS

__all__ = ["Mistakes", "grey", "mistakes", "overlay", "pick_cases", "worst_slice"]

_OPACITY = {"true positive": 0.32, "false positive": 0.8, "false negative": 0.8, "other structure": 0.8}
_HATCH = (150, 150, 150)
_WINDOW = (40.0, 80.0)


@dataclass(frozen=True)
class Mistakes:
    """Masks of the agreement and errors of a prediction, of one shape; a voxel is in at most one of them.

    Args:
        true_positive: Both have the same structure.
        false_positive: Only the prediction has a structure.
        false_negative: Only the reference has a structure.
        other_structure: They have different structures.
        uncounted: The voxel is not counted (indeterminate, or nobody annotated its slice).
    """

    true_positive: NDArray[np.bool_]
    false_positive: NDArray[np.bool_]
    false_negative: NDArray[np.bool_]
    other_structure: NDArray[np.bool_]
    uncounted: NDArray[np.bool_]

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """All counted voxels that differ."""
        return self.false_positive | self.false_negative | self.other_structure

    def of_slice(self, z: int) -> Mistakes:
        """Return the masks of one slice, y,x."""
        return Mistakes(**{field.name: getattr(self, field.name)[z] for field in fields(self)})


def mistakes(reference: NDArray[np.integer], prediction: NDArray[np.integer], uncounted: NDArray[np.bool_]) -> Mistakes:
    """Compare two label maps voxel by voxel.

    Args:
        reference: Codes, 0 is background; any shape.
        prediction: Codes of the same label set, same shape.
        uncounted: Bool, same shape.
    """
    drawn, predicted, counted = reference != 0, prediction != 0, ~uncounted
    same = reference == prediction
    return Mistakes(
        true_positive=counted & drawn & same,
        false_positive=counted & predicted & ~drawn,
        false_negative=counted & drawn & ~predicted,
        other_structure=counted & drawn & predicted & ~same,
        uncounted=uncounted,
    )


def worst_slice(found: Mistakes, annotated: NDArray[np.bool_]) -> int:
    """Return z of the annotated slice with the most wrong voxels; if none is wrong, with the most true positives."""
    wrong = (found.wrong.sum(axis=(1, 2)), found.true_positive.sum(axis=(1, 2)))
    scores = wrong[0] if wrong[0].any() else wrong[1]
    return int(np.argmax(np.where(annotated, scores, -1)))


def grey(image: NDArray[np.floating] | NDArray[np.integer], window: tuple[float, float] = _WINDOW) -> NDArray[np.uint8]:
    """Return Hounsfield units in a window (level, width), by default 40/80 (brain), as grey RGB of shape y,x,3."""
    level, width = window
    scaled = np.clip((np.asarray(image, np.float64) - (level - width / 2)) / width, 0, 1)
    return np.repeat(np.round(255 * scaled).astype(np.uint8)[..., None], 3, axis=-1)


def overlay(base: NDArray[np.uint8], found: Mistakes) -> NDArray[np.uint8]:
    """Return a slice tinted with ``ERROR_COLOURS``; voxels that are not counted are hatched in grey.

    Args:
        base: The slice, y,x,3.
        found: Masks of shape y,x.

    Returns:
        y,x,3; unchanged outside of the masks.
    """
    shown = base.astype(np.float64)
    for name, rgb in ERROR_COLOURS.items():
        mask, opacity = getattr(found, name.replace(" ", "_")), _OPACITY[name]
        shown[mask] = (1 - opacity) * shown[mask] + opacity * np.array(rgb)
    rows, columns = np.indices(found.uncounted.shape)
    shown[found.uncounted & ((rows + columns) % 3 == 0)] = _HATCH
    return np.round(shown).astype(np.uint8)


def pick_cases(overall: pd.DataFrame, drawable: Sequence[str]) -> dict[str, tuple[str, float]]:
    """Return the worst, the median and the best case of one rater.

    Args:
        overall: A row for each case, columns case and value (higher is better).
        drawable: The cases with a prediction.

    Returns:
        ``worst``, ``median`` (the lower of two) and ``best`` -> case and value; fewer keys for fewer than three cases.
        Equal values are ordered by the case's name.
    """
    rows = overall[overall["case"].isin(list(drawable))].dropna(subset="value").sort_values(["value", "case"])
    ranked = list(zip(rows["case"], rows["value"], strict=True))
    places = {"worst": 0, "median": (len(ranked) - 1) // 2, "best": len(ranked) - 1}
    chosen: dict[str, tuple[str, float]] = {}
    for name, place in places.items():
        if ranked and ranked[place] not in chosen.values():
            chosen[name] = ranked[place]
    return chosen
