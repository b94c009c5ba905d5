"""Choices that readers' masks decide: number of readers, tolerance of surface distances, and rule of the consensus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.agreement.panel import Panel, read_panel
from ctbench.agreement.repeats import cases_of_several
from ctbench.consensus import fuse
from ctbench.consensus.signed import shape_based_average
from ctbench.datasets import Case, Dataset
from ctbench.metrics import score
from ctbench.parallel import in_parallel
from ctbench.reference import Reference
from ctbench.runs.phases import Progress

__all__ = ["RULE_NAMES", "StudyChoices", "how_many_readers", "rules_side_by_side", "study_choices", "tolerances"]

_FUSING_RULES = ("majority", "plurality", "staple", "simple")
RULE_NAMES = (*_FUSING_RULES, "weighted majority", "shape-based average")

_MOST_SUBSETS = 30
_LEAST_WEIGHT = 0.01
_SMALL_GAIN = 0.01
"""Of Dice: more readers who gain less are not recommended."""

Rows = list[dict[str, Any]]
Masks = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class StudyChoices:
    """What other numbers of readers, rules and tolerances would mean, by case.

    Args:
        subsets: A row for each case, label and subset of readers: case, label, readers (their number), subset, dice
            (with the consensus of all), volume_ml, indeterminate_share (of what any of them drew).
        rules: A row for each case, label and rule of ``RULE_NAMES``: case, label, rule, volume_ml, dice (with the
            majority; indeterminate voxels are taken as not drawn).
        distances: A row for each case, label and pair of readers: case, label, reader, other, distance_mm, the 95th
            percentile of the distances of both surfaces to each other.
    """

    subsets: pd.DataFrame
    rules: pd.DataFrame
    distances: pd.DataFrame


def study_choices(
    dataset: Dataset,
    *,
    consensus: str = "majority",
    jobs: int = -1,
    progress: Progress = lambda _name, steps, _total: steps,
) -> StudyChoices:
    """Fuse every subset of a data set's readers, by every rule, and measure how far their surfaces are apart.

    Args:
        dataset: The data set; cases with fewer than two readers are left out.
        consensus: The rule for subsets of readers. Of each number of readers at most 30 subsets are fused.
        jobs: Number of worker processes; -1 uses all cores.
        progress: Called once, with the cases as steps.

    Raises:
        DataError: No case has two readers, or a label map cannot be used.
    """
    cases = cases_of_several(dataset)
    arguments = [(case, consensus, dataset.entry.surface) for case in cases]
    steps = in_parallel(_study_case, arguments, jobs)
    found = {name: rows for name, *rows in progress("number of readers, rules and tolerances", steps, len(cases))}
    frames = [pd.DataFrame([row for case in cases for row in found[case.id][place]]) for place in range(3)]
    return StudyChoices(*frames)


def _study_case(case: Case, consensus: str, surface: Literal["2d", "3d"]) -> tuple[str, Rows, Rows, Rows]:
    panel = read_panel(case, consensus)
    subsets, rules, distances = [], [], []
    for label, codes in panel.structures.items():
        readers = [reader for reader in panel.readers if panel.was_asked(reader, label)]
        drawn = panel.masks(codes)
        masks = {reader: drawn[panel.readers.index(reader)] for reader in readers}
        if len(readers) < 2 or not drawn.any():
            continue
        who = {"case": case.id, "label": label}
        subsets += [who | row for row in _subsets(panel, masks, consensus)]
        rules += [who | row for row in _rules(panel, masks, surface)]
        distances += [who | row for row in _distances(panel, masks, surface)]
    return case.id, subsets, rules, distances


def _subsets(panel: Panel, masks: Masks, consensus: str) -> Rows:
    everyone = _fused(panel, masks, consensus)
    rows = []
    for size in range(1, len(masks) + 1):
        for subset in islice(combinations(masks, size), _MOST_SUBSETS):
            own = _fused(panel, {reader: masks[reader] for reader in subset}, consensus)
            any_drawn = np.logical_or.reduce([masks[reader] for reader in subset])
            rows.append(
                {
                    "readers": size,
                    "subset": " ".join(subset),
                    "dice": _dice(own.labels > 0, everyone.labels > 0),
                    "volume_ml": float(np.count_nonzero(own.labels) * panel.grid.voxel_ml),
                    "indeterminate_share": float(own.excluded[any_drawn].mean()) if any_drawn.any() else math.nan,
                }
            )
    return rows


def _rules(panel: Panel, masks: Masks, surface: Literal["2d", "3d"]) -> Rows:
    majority = _fused(panel, masks, "majority")
    drawn = {rule: _fused(panel, masks, rule).labels > 0 for rule in _FUSING_RULES}
    weights = {
        reader: _weight(_dice(mask, _fused(panel, _without(masks, reader), "majority").labels > 0))
        for reader, mask in masks.items()
    }
    drawn["weighted majority"] = _fused(panel, masks, "majority", weights).labels > 0
    drawn["shape-based average"] = shape_based_average(masks, panel.grid.spacing_mm, surface=surface)
    return [
        {
            "rule": rule,
            "volume_ml": float(np.count_nonzero(mask) * panel.grid.voxel_ml),
            "dice": _dice(mask, majority.labels > 0),
        }
        for rule, mask in drawn.items()
    ]


def _weight(dice: float) -> float:
    """Return the weight of a reader by the Dice with the others; where neither drew anything, they agree."""
    return 1.0 if math.isnan(dice) else max(dice, _LEAST_WEIGHT)


def _without(masks: Masks, reader: str) -> Masks:
    return {other: mask for other, mask in masks.items() if other != reader}


def _distances(panel: Panel, masks: Masks, surface: Literal["2d", "3d"]) -> Rows:
    rows = []
    for reader, other in combinations(masks, 2):
        shared = panel.annotated[reader] & panel.annotated[other]
        if not (masks[reader].any() and masks[other].any()):
            continue
        found = score(
            Reference.of(masks[reader].astype(np.uint8), shared),
            masks[other].astype(np.uint8),
            spacing_mm=panel.grid.spacing_mm,
            labels={"structure": 1},
            metrics=["hd95_pooled"],
            surface=surface,
        )
        rows.append({"reader": reader, "other": other, "distance_mm": float(found["value"].iloc[0])})
    return rows


def _fused(panel: Panel, masks: Masks, method: str, weights: Mapping[str, float] | None = None) -> Reference:
    annotated = {reader: panel.annotated[reader] for reader in masks}
    weights = weights or {reader: panel.weights[reader] for reader in masks if reader in panel.weights}
    return fuse({reader: mask.astype(np.uint8) for reader, mask in masks.items()}, method, annotated, weights=weights)


def _dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * float(np.count_nonzero(one & other)) / total if total else math.nan


def how_many_readers(choices: StudyChoices) -> pd.DataFrame:
    """Describe how the consensus moves with the number of readers, over all subsets of them.

    The consensus of a subset is compared with that of all readers, of whom the subset is a part: with all of them the
    Dice is 1 by construction, so look at how it rises, and at the spread between subsets.

    Returns:
        Columns label, readers (their number), subsets (of a case, at most), n (cases), dice (mean over cases of the
        mean over subsets), dice_lowest (mean over cases of the worst subset), volume_sd_ml (between subsets of a case;
        root of the mean variance), indeterminate_share, recommended (the smallest number to which no larger number
        adds .01 of Dice; of few readers it is all); a row for each label and number of readers.
    """
    rows: Rows = []
    for label, own in choices.subsets.groupby("label", sort=False):
        found: Rows = []
        for size, subsets in own.groupby("readers"):
            by_case = subsets.groupby("case")
            variance = by_case["volume_ml"].var(ddof=1)
            found.append(
                {
                    "label": label,
                    "readers": size,
                    "subsets": int(by_case.size().max()),
                    "n": len(by_case),
                    "dice": float(by_case["dice"].mean().mean()),
                    "dice_lowest": float(by_case["dice"].min().mean()),
                    "volume_sd_ml": math.sqrt(float(variance.mean())) if variance.notna().any() else math.nan,
                    "indeterminate_share": float(by_case["indeterminate_share"].mean().mean()),
                }
            )
        dice = [row["dice"] for row in found]
        enough = next(place for place, own in enumerate(dice) if max(dice[place:]) < own + _SMALL_GAIN)
        rows += [row | {"recommended": place == enough} for place, row in enumerate(found)]
    return pd.DataFrame(rows)


def rules_side_by_side(choices: StudyChoices) -> pd.DataFrame:
    """Describe what each rule makes of the same readers.

    Returns:
        A row for each label and rule: label, rule, n (cases), volume_ml (mean), volume_ratio (to the majority, of
        means), dice (with the majority, mean over cases).
    """
    table = choices.rules.groupby(["label", "rule"], sort=False).agg(
        n=("case", "nunique"), volume_ml=("volume_ml", "mean"), dice=("dice", "mean")
    )
    majority = table.xs("majority", level="rule")["volume_ml"].replace(0, np.nan)
    table.insert(2, "volume_ratio", table["volume_ml"] / majority.reindex(table.index, level="label"))
    return table.reset_index()


def tolerances(choices: StudyChoices) -> dict[str, float]:
    """Return the tolerance of each structure that readers keep with each other, ready for ``tolerance_mm`` in the YAML.

    It is the mean over cases, of the mean over pairs of readers, of the 95th percentile of the distances between their
    surfaces, rounded up to a tenth of a millimetre, as Nikolov et al. (Journal of Medical Internet Research
    2021;23:e26151) take it from readers. Structures that no two readers drew in one case have none.
    """
    if choices.distances.empty:
        return {}
    by_case = choices.distances.groupby(["label", "case"], sort=False)["distance_mm"].mean()
    means = by_case.groupby("label", sort=False).mean().dropna()
    return {str(label): math.ceil(round(10 * float(mean), 6)) / 10 for label, mean in means.items()}
