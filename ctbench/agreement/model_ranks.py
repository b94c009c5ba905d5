"""Models on the references that subsets of readers, or other rules, would make: their scores and ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.datasets import Case, Dataset
from ctbench.errors import MissingFileError, UsageError
from ctbench.runs import Run
from ctbench.runs.folder import RunFolder

__all__ = ["PredictedCase", "named_models", "rank_table"]


@dataclass(frozen=True, eq=False)
class PredictedCase:
    """A model's prediction of one case.

    Args:
        model: Name of the model.
        structures: Name -> codes, of the labels and groups that the model claims.
        labels: z,y,x integers; 0 throughout if the prediction is missing or failed.
    """

    model: str
    structures: Mapping[str, tuple[int, ...]]
    labels: NDArray[np.integer]

    @classmethod
    def read(cls, name: str, run: Run, case: Case, shape: tuple[int, ...]) -> PredictedCase:
        """Read the prediction of a case from a run, under the name of the model."""
        try:
            labels: NDArray[np.integer] = run.prediction(case.id).array
        except MissingFileError:
            labels = np.zeros(shape, np.uint8)
        return cls(name, run.claimed, labels)

    def mask(self, structure: str) -> NDArray[np.bool_]:
        """Return the mask of a structure that the model claims, z,y,x."""
        return np.isin(self.labels, self.structures[structure])


def named_models(runs: Sequence[Run] | Mapping[str, Run], dataset: Dataset) -> dict[str, Run]:
    """Return the name of each model -> its run, after checking that they can be scored on other references.

    Args:
        runs: Runs of different models on all cases of a data set, with predictions; a mapping names them.
        dataset: The data set.

    Raises:
        UsageError: A run is one of readers, on another data set, lacks a case, keeps no prediction of the cases, or has
            the name of another one.
    """
    named: dict[str, Run] = {}
    for name, run in runs.items() if isinstance(runs, Mapping) else ((run.manifest.rater, run) for run in runs):
        manifest = run.manifest
        wrong = ""
        if manifest.predictor is None:
            wrong = "it is the run of the readers"
        elif manifest.dataset != dataset.name:
            wrong = f"it is on {manifest.dataset}"
        elif absent := sorted({case.id for case in dataset} - set(manifest.cases)):
            wrong = f"it has no case {absent[0]}"
        elif not any(RunFolder(run.folder).prediction(case.id).is_file() for case in dataset):
            wrong = "it keeps no prediction"
        elif name in named:
            wrong = f"another run has its name, {name}"
        if wrong:
            msg = f"{run.folder} is not a run of one more model on {dataset.name}: {wrong}"
            raise UsageError(msg)
        named[name] = run
    return named


def rank_table(models: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return the mean score and the rank of each model over the references of one kind.

    A model's mean on a reference is over the cases in which this reference holds the structure; a missing prediction
    counts 0. The models of one reference are ranked by their means, 1 is the best, and equal means share a rank.

    Args:
        models: As ``StudyChoices.models``.
        kind: ``subset``: over the subsets of each number of readers; ``rule``: for each rule by itself.

    Returns:
        A row for each structure, number of readers or rule, and model. Its columns are label, readers (for a rule the
        largest number in a case), reference (the rule; empty for subsets), model, references (how many subsets), n
        (cases, at least), dice (mean over references) with lowest and highest, rank (mean) with rank_lowest (best) and
        rank_highest, first (share of the references on which the model has rank 1).
    """
    own = models[models["kind"] == kind]
    if kind == "rule":  # over all cases, whose numbers of readers may differ
        own = own.assign(readers=own.groupby("label")["readers"].transform("max"))
    keys = ["label", "readers", "reference", "model"]
    means = own.groupby(keys, sort=False)["dice"].agg(dice="mean", n="count").reset_index()
    means = means[means["n"] > 0]
    rounded = means.assign(dice=means["dice"].round(12))  # means that are equal up to round-off share a rank
    means["rank"] = rounded.groupby(keys[:3])["dice"].rank(ascending=False, method="min")
    means["group"] = "" if kind == "subset" else means["reference"]
    rows: list[dict[str, Any]] = []
    for (label, readers, group, model), held in means.groupby(["label", "readers", "group", "model"], sort=False):
        rows.append(
            {
                "label": label,
                "readers": readers,
                "reference": group,
                "model": model,
                "references": len(held),
                "n": int(held["n"].min()),
                "dice": float(held["dice"].mean()),
                "lowest": float(held["dice"].min()),
                "highest": float(held["dice"].max()),
                "rank": float(held["rank"].mean()),
                "rank_lowest": int(held["rank"].min()),
                "rank_highest": int(held["rank"].max()),
                "first": float((held["rank"] == 1).mean()),
            }
        )
    return pd.DataFrame(rows, columns=list(_COLUMNS))


_COLUMNS = (
    *("label", "readers", "reference", "model", "references", "n", "dice", "lowest", "highest"),
    *("rank", "rank_lowest", "rank_highest", "first"),
)
