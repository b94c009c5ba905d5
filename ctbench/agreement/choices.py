"""Choices that readers' masks decide: number of readers, tolerance of surface distances, and rule of the consensus."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from ctbench.agreement.model_ranks import PredictedCase, named_models
from ctbench.agreement.panel import Drawn, read_drawn
from ctbench.agreement.repeats import cases_of_several
from ctbench.boxes import box_around
from ctbench.consensus import fuse
from ctbench.consensus.fusion import expect_method
from ctbench.consensus.patterns import MARGIN
from ctbench.consensus.signed import diagonal_mm, shape_based_average
from ctbench.datasets import Case, Dataset
from ctbench.metrics import score
from ctbench.parallel import in_parallel
from ctbench.reference import Reference
from ctbench.runs import Run
from ctbench.runs.phases import Progress
from ctbench.volume import Volume

__all__ = [
    "RULE_NAMES",
    "StudyChoices",
    "how_many_readers",
    "rules_side_by_side",
    "study_choices",
    "tolerance_yaml",
    "tolerances",
]

_FUSING_RULES = ("majority", "plurality", "staple", "simple")
RULE_NAMES = (*_FUSING_RULES, "weighted majority", "shape-based average")

_MOST_SUBSETS = 30
_LEAST_WEIGHT = 0.01
_SMALL_GAIN = 0.01
"""Of Dice: more readers who gain less are not recommended."""

Rows = list[dict[str, Any]]
Masks = Mapping[str, NDArray[np.bool_]]


_MEASURES = ("dice", "dice_lowest", "volume_sd_ml", "indeterminate_share")
_NUMBERS = ("label", "readers", "subsets", "n", *_MEASURES, "recommended")
_SUBSETS = ("case", "label", "readers", "subset", "dice", "volume_ml", "indeterminate_share")
_RULES = ("case", "label", "rule", "volume_ml", "dice")
_DISTANCES = ("case", "label", "reader", "other", "distance_mm")
_MODELS = ("case", "label", "kind", "readers", "reference", "model", "dice")
_SIDE_BY_SIDE = ("label", "rule", "n", "volume_ml", "volume_ratio", "dice")


def _no_models() -> pd.DataFrame:
    return pd.DataFrame(columns=list(_MODELS))


@dataclass(frozen=True, eq=False)
class StudyChoices:
    """What other numbers of readers, rules and tolerances would mean, by case.

    Args:
        subsets: A row for each case, label and subset of readers: case, label, readers (their number), subset, dice
            (with the consensus of all; null where that is empty), volume_ml, indeterminate_share (of what any of them
            drew).
        rules: A row for each case, label and rule of ``RULE_NAMES``: case, label, rule, volume_ml, dice (with the
            majority, null where that is empty; indeterminate voxels are taken as not drawn).
        distances: A row for each case, label and pair of readers: case, label, reader, other, distance_mm, the 95th
            percentile of the distances of both surfaces to each other.
        models: A row for each case, label, model and reference, which a subset of readers made by the study's rule, or
            all readers by another rule: case, label, kind (``subset`` or ``rule``), readers (their number), reference
            (names of the readers, or the rule), model, dice (null where the reference is empty).
    """

    subsets: pd.DataFrame
    rules: pd.DataFrame
    distances: pd.DataFrame
    models: pd.DataFrame = field(default_factory=_no_models)


def study_choices(
    dataset: Dataset,
    *,
    consensus: str = "majority",
    models: Sequence[Run] | Mapping[str, Run] = (),
    jobs: int = -1,
    progress: Progress = lambda _name, steps, _total: steps,
) -> StudyChoices:
    """Fuse every subset of a data set's readers, by every rule, and measure how far their surfaces are apart.

    Args:
        dataset: The data set; cases with fewer than two readers are left out.
        consensus: The rule for subsets of readers. Of each number of readers at most 30 subsets are fused.
        models: Runs of models on the data set, which are scored on each of these references; a mapping names them.
        jobs: Number of worker processes; -1 uses all cores.
        progress: Called once, with the cases as steps.

    Raises:
        DataError: No case has two readers, or a label map cannot be used.
        UsageError: A run is not one of a model on this data set, or the rule is unknown.
    """
    expect_method(consensus)
    named = named_models(models, dataset)
    cases = cases_of_several(dataset)
    arguments = [(case, consensus, dataset.entry.surface, named) for case in cases]
    steps = in_parallel(_study_case, arguments, jobs)
    found = {name: rows for name, *rows in progress("number of readers, rules and tolerances", steps, len(cases))}
    frames = [
        pd.DataFrame([row for case in cases for row in found[case.id][place]], columns=list(columns))
        for place, columns in enumerate((_SUBSETS, _RULES, _DISTANCES, _MODELS))
    ]
    return StudyChoices(*frames)


@dataclass(frozen=True, eq=False)
class _Structure:
    """The masks of one structure, cut out around what readers and models drew.

    Args:
        masks: Reader -> z,y,x bool, of the readers who were asked for it.
        annotated: Reader -> z bool.
        weights: Reader -> weight.
        models: Model -> z,y,x bool.
        grid: A volume on the grid of the whole image.
        surface: As for ``ctbench.metrics.score``.
    """

    masks: Masks
    annotated: Masks
    weights: Mapping[str, float]
    models: Masks
    grid: Volume
    surface: Literal["2d", "3d"]
    _kept: dict[tuple[str, tuple[str, ...]], Reference] = field(default_factory=dict, init=False)

    def volume_ml(self, mask: NDArray[np.generic]) -> float:
        """Return the volume of a mask in mL."""
        return float(np.count_nonzero(mask) * self.grid.voxel_ml)

    def fused(self, method: str, readers: Iterable[str] | None = None) -> Reference:
        """Return the consensus of some readers (None: all) by a rule, with the weights of the data set."""
        chosen = tuple(self.masks if readers is None else readers)
        found = self._kept.get((method, chosen)) or self._fuse(method, chosen, self.weights)
        if len(chosen) >= len(self.masks) - 1:  # these are needed for subsets, rules and weights
            self._kept[method, chosen] = found
        return found

    def weighted(self, weights: Mapping[str, float]) -> Reference:
        """Return the majority of all readers with these weights."""
        return self._fuse("majority", tuple(self.masks), weights)

    def _fuse(self, method: str, readers: Sequence[str], weights: Mapping[str, float]) -> Reference:
        return fuse(
            {reader: self.masks[reader].astype(np.uint8) for reader in readers},
            method,
            {reader: self.annotated[reader] for reader in readers},
            weights={reader: weights[reader] for reader in readers if reader in weights},
        )

    def scored(self, reference: Reference, /, **which: object) -> Rows:
        """Return the Dice of each model on a reference, over the voxels that count; null where it is empty."""
        counted = ~reference.uncounted
        truth = reference.labels > 0
        empty = not truth.any()
        return [
            {**which, "model": model, "dice": math.nan if empty else _dice(mask & counted, truth)}
            for model, mask in self.models.items()
        ]


def _study_case(
    case: Case, consensus: str, surface: Literal["2d", "3d"], models: Mapping[str, Run]
) -> tuple[str, Rows, Rows, Rows, Rows]:
    drawn = read_drawn(case)
    predicted = [PredictedCase.read(name, run, case, drawn.grid.shape) for name, run in models.items()]
    subsets: Rows = []
    rules: Rows = []
    distances: Rows = []
    scored: Rows = []
    for label in drawn.structures:
        structure = _structure(drawn, label, predicted, surface)
        if structure is None:
            continue
        who = {"case": case.id, "label": label}
        for rows, (own, on_models) in ((subsets, _subsets(structure, consensus)), (rules, _rules(structure))):
            rows += [who | row for row in own]
            scored += [who | row for row in on_models]
        distances += [who | row for row in _distances(structure)]
    return case.id, subsets, rules, distances, scored


def _structure(
    drawn: Drawn, label: str, predicted: Sequence[PredictedCase], surface: Literal["2d", "3d"]
) -> _Structure | None:
    """Return the masks of a structure that two readers or more were asked for and one of them drew; else None."""
    masks = drawn.asked_masks(label)
    if len(masks) < 2 or not any(mask.any() for mask in masks.values()):
        return None
    models = {one.model: one.mask(label) for one in predicted if label in one.structures}
    everywhere = np.logical_or.reduce([*masks.values(), *models.values()])
    box = box_around(everywhere, MARGIN)  # STAPLE counts background as far
    assert box is not None
    return _Structure(
        {reader: mask[box] for reader, mask in masks.items()},
        {reader: drawn.annotated[reader][box[0]] for reader in masks},
        drawn.weights,
        {model: mask[box] for model, mask in models.items()},
        drawn.grid,
        surface,
    )


def _subsets(structure: _Structure, consensus: str) -> tuple[Rows, Rows]:
    """Return the rows of every subset of readers, and of the models on its consensus."""
    everyone = structure.fused(consensus)
    rows: Rows = []
    scored: Rows = []
    for size in range(1, len(structure.masks) + 1):
        for subset in islice(combinations(structure.masks, size), _MOST_SUBSETS):
            own = structure.fused(consensus, subset)
            any_drawn = np.logical_or.reduce([structure.masks[reader] for reader in subset])
            rows.append(
                {
                    "readers": size,
                    "subset": " ".join(subset),
                    "dice": _dice_with(everyone, own),
                    "volume_ml": structure.volume_ml(own.labels),
                    "indeterminate_share": float(own.excluded[any_drawn].mean()) if any_drawn.any() else math.nan,
                }
            )
            scored += structure.scored(own, kind="subset", readers=size, reference=" ".join(subset))
    return rows, scored


def _rules(structure: _Structure) -> tuple[Rows, Rows]:
    """Return the rows of every rule, and of the models on what it makes of all readers."""
    made = {rule: structure.fused(rule) for rule in _FUSING_RULES}
    weights = {
        reader: _weight(_dice(mask, structure.fused("majority", _others(structure.masks, reader)).labels > 0))
        for reader, mask in structure.masks.items()
    }
    made["weighted majority"] = structure.weighted(weights)
    grid = structure.grid
    longest_mm = diagonal_mm(grid.shape, grid.spacing_mm)  # whatever is cut out
    average = shape_based_average(structure.masks, grid.spacing_mm, surface=structure.surface, longest_mm=longest_mm)
    made["shape-based average"] = Reference.of(average.astype(np.uint8), made["majority"].annotated)
    rows: Rows = []
    scored: Rows = []
    for rule, reference in made.items():
        dice = _dice_with(made["majority"], reference)
        rows.append({"rule": rule, "volume_ml": structure.volume_ml(reference.labels), "dice": dice})
        scored += structure.scored(reference, kind="rule", readers=len(structure.masks), reference=rule)
    return rows, scored


def _weight(dice: float) -> float:
    """Return the weight of a reader by the Dice with the others; where neither drew anything, they agree."""
    return 1.0 if math.isnan(dice) else max(dice, _LEAST_WEIGHT)


def _others(masks: Masks, reader: str) -> list[str]:
    return [other for other in masks if other != reader]


def _distances(structure: _Structure) -> Rows:
    rows: Rows = []
    for reader, other in combinations(structure.masks, 2):
        first, second = structure.masks[reader], structure.masks[other]
        if not (first.any() and second.any()):
            continue
        found = score(
            Reference.of(first.astype(np.uint8), structure.annotated[reader] & structure.annotated[other]),
            second.astype(np.uint8),
            spacing_mm=structure.grid.spacing_mm,
            labels={"structure": 1},
            metrics=["hd95_pooled"],
            surface=structure.surface,
        )
        rows.append({"reader": reader, "other": other, "distance_mm": float(found["value"].iloc[0])})
    return rows


def _dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * float(np.count_nonzero(one & other)) / total if total else math.nan


def _dice_with(reference: Reference, other: Reference) -> float:
    """Return the Dice of a reference with another one; null where the first is empty."""
    truth = reference.labels > 0
    return _dice(other.labels > 0, truth) if truth.any() else math.nan


def how_many_readers(choices: StudyChoices) -> pd.DataFrame:
    """Describe how the consensus moves with the number of readers, over all subsets of them.

    Only cases count in which the consensus of all readers holds the structure.

    The consensus of a subset is compared with that of all readers, of whom the subset is a part: with all of them the
    Dice is 1 by construction, so look at how it rises, and at the spread between subsets.

    Returns:
        Columns label, readers (their number), subsets (of a case, at most), n (cases), dice (mean over cases of the
        mean over subsets), dice_lowest (mean over cases of the worst subset), volume_sd_ml (between subsets of a case;
        root of the mean variance), indeterminate_share, recommended (the smallest number to which no larger number
        adds .01 of Dice; of few readers it is all); a row for each label and number of readers.
    """
    rows: Rows = []
    for label, own in choices.subsets.dropna(subset="dice").groupby("label", sort=False):
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
    return pd.DataFrame(rows, columns=list(_NUMBERS))


def rules_side_by_side(choices: StudyChoices) -> pd.DataFrame:
    """Describe what each rule makes of the same readers.

    Returns:
        A row for each label and rule: label, rule, n (cases), volume_ml (mean), volume_ratio (to the majority, of
        means), dice (with the majority, mean over the cases in which it holds the structure).
    """
    if choices.rules.empty:
        return pd.DataFrame(columns=list(_SIDE_BY_SIDE))
    table = choices.rules.groupby(["label", "rule"], sort=False).agg(
        n=("case", "nunique"), volume_ml=("volume_ml", "mean"), dice=("dice", "mean")
    )
    majority = table.xs("majority", level="rule")["volume_ml"].replace(0, np.nan)
    table["volume_ratio"] = table["volume_ml"] / majority.reindex(table.index, level="label")
    return table.reset_index()[list(_SIDE_BY_SIDE)]


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


def tolerance_yaml(choices: StudyChoices) -> str:
    """Return ``tolerances`` as lines to paste into the YAML of a data set; empty if there are none."""
    found = tolerances(choices)
    return yaml.safe_dump({"tolerance_mm": found}, sort_keys=False) if found else ""
