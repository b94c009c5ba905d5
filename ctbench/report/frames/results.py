"""The results of one dataset: all runs that were scored on it, joined once it is sure that they may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from ctbench.errors import UsageError
from ctbench.report.frames import tables
from ctbench.runs import Run, differing_rules

__all__ = ["Results", "gather"]


@dataclass(frozen=True)
class Results:
    """Runs on one dataset, against one set of references.

    Args:
        runs: at least one; ``gather`` makes sure that they belong together.
    """

    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        """The dataset's."""
        return self.runs[0].manifest.dataset

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The tidy scores of all runs."""
        return pd.concat([run.scores for run in self.runs], ignore_index=True)

    @property
    def cases(self) -> tuple[str, ...]:
        """The cases that were scored."""
        return self.runs[0].manifest.cases

    @property
    def labels(self) -> tuple[str, ...]:
        """The dataset's labels, by their codes."""
        codes = self.runs[0].manifest.labels
        return tuple(sorted(codes, key=codes.__getitem__))

    @property
    def groups(self) -> tuple[str, ...]:
        """The dataset's groups of labels."""
        return tuple(self.runs[0].manifest.groups)

    @property
    def structures(self) -> tuple[str, ...]:
        """Labels, then groups."""
        return (*self.labels, *self.groups)

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that the page shows: the chief ones; where none of them was scored, those that were."""
        scored = self.scores["metric"].unique()
        return tuple(name for name in tables.CHIEF_METRICS if name in scored) or tuple(map(str, scored))

    @cached_property
    def readers(self) -> tuple[str, ...]:
        """The readers that were scored."""
        return tables.raters(self.scores, "reader")

    @cached_property
    def models(self) -> tuple[str, ...]:
        """The models that were scored."""
        return tables.raters(self.scores, "model")

    @cached_property
    def common(self) -> str:
        """The name of the reference that all readers made, or that was given."""
        return tables.common_reference(self.scores)

    @cached_property
    def leave_one_out(self) -> bool:
        """Whether readers were scored on references that they had no part in."""
        is_reader = self.scores["rater_kind"] == "reader"
        return bool(tables.is_leave_one_out(self.scores.loc[is_reader, "reference"]).any())

    @property
    def fair(self) -> str:
        """The reference to compare raters on: leave-one-out where there is one, else the common one."""
        return tables.LEAVE_ONE_OUT if self.leave_one_out else self.common

    def scores_of(self, models: Sequence[str]) -> pd.DataFrame:
        """Give the scores of the readers and of some models."""
        is_reader, is_model = self.scores["rater_kind"] == "reader", self.scores["rater"].isin(list(models))
        return self.scores[is_reader | is_model]

    def averaged(self, rater: str | None = None) -> tuple[str, ...]:
        """Name the structures that the overall mean of a model goes over; of the readers, all labels."""
        if rater is None:
            return self.labels
        return tables.scope(self.scores, rater, self.labels, self.groups)

    def compared(self, model: str) -> tuple[str, ...]:
        """Name the structures that a model supports: labels, then groups."""
        return tables.supported(self.scores, model, self.structures)

    def scopes(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """Group the models by the structures that their overall mean goes over; means over others do not compare."""
        found: dict[tuple[str, ...], tuple[str, ...]] = {}
        for model in self.models:
            over = self.averaged(model)
            found[over] = (*found.get(over, ()), model)
        return found or {self.averaged(): ()}

    def scope_title(self, over: Sequence[str]) -> str:
        """Name what an overall mean goes over."""
        if len(over) == 1:
            return over[0]
        if tuple(over) == self.labels:
            return f"Mean of all {len(over)} structures"
        if set(over) <= set(self.labels):
            without = ", ".join(name for name in self.labels if name not in over)
            return f"Mean of {len(over)} of {len(self.labels)} structures, without {without}"
        return f"Mean of {', '.join(over)}"

    def unit(self, metric: str) -> str:
        """Give the unit of a metric that was scored."""
        return str(self.scores.loc[self.scores["metric"] == metric, "unit"].iloc[0])


def gather(runs: Iterable[Run]) -> tuple[Results, ...]:
    """Join runs by dataset, in the order in which the datasets first occur.

    Raises:
        UsageError: no runs, two runs of one dataset that were scored against other references or by other rules, or
            two of one rater.
    """
    by_dataset: dict[str, list[Run]] = {}
    for run in runs:
        by_dataset.setdefault(run.manifest.dataset, []).append(run)
    if not by_dataset:
        msg = "no runs to report; give at least one run folder"
        raise UsageError(msg)
    for group in by_dataset.values():
        for run in group[1:]:
            _expect_comparable(group[0], run)
        _expect_single(group)
    return tuple(Results(tuple(group)) for group in by_dataset.values())


def _expect_comparable(first: Run, other: Run) -> None:
    differing = differing_rules(first.manifest, other.manifest)
    if differing:
        msg = (
            f"{first.folder} and {other.folder} cannot stand in one report of {first.manifest.dataset}: they differ in "
            f"{', '.join(differing)}; score both alike, or report them apart"
        )
        raise UsageError(msg)


def _expect_single(runs: Sequence[Run]) -> None:
    folders: dict[str, Run] = {}
    for run in runs:
        rater = run.manifest.rater
        if rater in folders:
            msg = (
                f"{folders[rater].folder} and {run.folder} are both runs of {rater} on {run.manifest.dataset}; "
                "give one of them, or name the predictors apart"
            )
            raise UsageError(msg)
        folders[rater] = run
