"""The shared controls above a page, and the scores, runs and dataset that they select."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from ctbench.boards import Board
from ctbench.boards.grid import StoredGrid
from ctbench.datasets import Dataset
from ctbench.errors import DataError, UsageError
from ctbench.report.frames.comparable_runs import ComparableRuns, comparable_runs, datasets_on
from ctbench.report.frames.local_datasets import local_dataset, task_of
from ctbench.report.frames.standings import standings
from ctbench.report.frames.tables import ALL_READERS, LEAVE_ONE_OUT
from ctbench.report.wording import metric_title
from ctbench.runs import Run
from ctbench.scores import RaterKind
from leaderboard import controls, reading

__all__ = ["ASKED", "Selection", "Structure", "ask", "dataset_of", "scores_of"]

ASKED = ("dataset", "structure", "metric", "reference")
"""The shared controls that a page may have; the others require ``dataset``."""

_VERIFIED = "runs that the owner of this board has scored again; the others are shown as they were submitted"
_ANY, _UNKNOWN = "any task", "task not stated"
_REFERENCES = "leave-one-out: a reader is scored on what the other readers agree on, models on the same references"


@dataclass(frozen=True)
class Structure:
    """A structure, or the mean over several.

    Args:
        title: Title on the page.
        over: The structures of the mean; one name for a single structure.
        overall: Whether it is a mean over structures.
    """

    title: str
    over: tuple[str, ...]
    overall: bool


@dataclass(frozen=True)
class Selection:
    """The values of the shared controls, and the data that they select.

    Args:
        board: The whole board.
        runs: The comparable raters of a dataset; None on a page without the control of the dataset.
        structure: A structure, or a mean over several.
        metric: Name of the metric.
        reference: Name of a reference, or ``leave-one-out``.
    """

    board: Board
    runs: ComparableRuns
    structure: Structure
    metric: str
    reference: str

    def scores(
        self, metric: str | None = None, reference: str | None = None, raters: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return tidy scores of all structures of the dataset.

        Args:
            metric: Name of the metric; default: the selected one.
            reference: Name of the reference; ``leave-one-out``: all references without a reader. Default: the selected
                one.
            raters: Names of the raters; None: all of them, which is slow on large boards.
        """
        names = None if raters is None else tuple(raters)
        return scores_of(self.runs, metric or self.metric, reference or self.reference, names)

    def grids(self, metric: str | None = None) -> tuple[StoredGrid, ...]:
        """Read the scores of all raters in the positives, an array for each reference that the chosen one stands for.

        Args:
            metric: Name of the metric; default: the selected one.
        """
        references = self.runs.expanded(self.reference)
        return tuple(_grid(self.runs, metric or self.metric, name) for name in references)

    def unit(self) -> str:
        """Return the unit of the metric."""
        return next((grid.unit for grid in self.grids() if grid.unit), "")

    def readers(self) -> tuple[str, ...]:
        """Return the single readers that were scored on the chosen references."""
        entries = {entry for grid in self.grids() for entry in grid.entries}
        return tuple(sorted({entry.rater for entry in entries if entry.rater_kind == RaterKind.READER}))

    def raters(self) -> tuple[str, ...]:
        """Return the raters that can be compared: all readers as one (leave-one-out only), models, single readers."""
        entries = {entry for grid in self.grids() for entry in grid.entries}
        readers = self.readers()
        found = {self.runs.name_of(entry) for entry in entries if entry.rater_kind == RaterKind.MODEL}
        together = [ALL_READERS] if readers and self.reference == LEAVE_ONE_OUT else []
        return (*together, *(name for name in self.runs.models if name in found), *readers)

    def standings(self, cases: tuple[str, ...] | None = None) -> pd.DataFrame:
        """Return the ranking, see ``ctbench.report.frames.standings``; of a subgroup of the cases, if it is given."""
        return _standings(self, cases)

    def run(self, rater: str) -> Run:
        """Open the run of a model, or that of the readers, with its predictions, times and log.

        Raises:
            StoreError: The run's files are not on this machine, or cannot be read.
        """
        return self.runs.open_run(rater)

    def dataset(self) -> Dataset:
        """Return the dataset with its images and readers' masks, if it is on this machine.

        Raises:
            DataError: The dataset is not on this machine.
        """
        return dataset_of(self.runs)

    def patients(self) -> dict[str, str]:
        """Return case -> patient; empty if the dataset is not on this machine."""
        try:
            return self.dataset().patients
        except DataError:
            return {}


def dataset_of(runs: ComparableRuns) -> Dataset:
    """Return the dataset of some runs with its images and readers' masks, if it is on this machine.

    Raises:
        DataError: The dataset is not on this machine.
    """
    return _dataset(runs.dataset, reading.catalogs())


@reading.cached(4)
def _dataset(name: str, catalogs: tuple[str, ...]) -> Dataset:
    return local_dataset(name, catalogs)


@reading.cached(4)
def scores_of(runs: ComparableRuns, metric: str, reference: str, raters: tuple[str, ...] | None) -> pd.DataFrame:
    """Return ``runs.scores_on(metric, reference, raters)``, cached."""
    return runs.scores_on(metric, reference, raters)


@reading.cached(7)
def _grid(runs: ComparableRuns, metric: str, reference: str) -> StoredGrid:
    return runs.positives(metric, reference)


@reading.cached(24)
def _standings(selection: Selection, cases: tuple[str, ...] | None) -> pd.DataFrame:
    asked = selection.runs, selection.grids(), selection.structure.over, selection.metric, selection.reference
    return standings(*asked, cases=cases, patients=selection.patients())


@reading.cached(8)
def _fields(board: Board, dataset: str) -> tuple[ComparableRuns, ...]:
    return comparable_runs(board, dataset)


def ask(board: Board, asks: Sequence[str]) -> Selection:
    """Show the shared controls of a page side by side, and return what they select.

    Raises:
        UsageError: No run of the board can be shown.
    """
    if board.record is not None and controls.switch("Verified runs only", "verified", hint=_VERIFIED):
        board = board.only_verified()
    datasets = datasets_on(board)
    if not datasets:
        msg = "no run of this board can be shown (of verified runs, if only those were chosen); see the page About"
        raise UsageError(msg)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        dataset = _ask_dataset(datasets)
        runs = _ask_field(_fields(board, dataset))
        structures = structures_of(runs)
        usual = next((one for one in structures if one.over == runs.chief_scope), structures[0])
        structure, metric, reference = usual, runs.metrics[0], runs.references[0]
        if "structure" in asks:
            structure = controls.choice(
                "Structure", structures, "structure", default=usual, shown=lambda one: one.title
            )
        if "metric" in asks:
            metric = controls.choice("Metric", runs.metrics, "metric", shown=metric_title)
        if "reference" in asks:
            reference = controls.choice("Reference", runs.references, "reference", hint=_REFERENCES)
    return Selection(board, runs, structure, metric, reference)


def _ask_dataset(datasets: tuple[str, ...]) -> str:
    tasks = _tasks(datasets, reading.catalogs())
    if len(set(tasks)) > 1:
        task = controls.choice("Task", [_ANY, *sorted(set(tasks))], "task")
        datasets = tuple(name for name, own in zip(datasets, tasks, strict=True) if task in {_ANY, own})
    return controls.choice("Dataset", datasets, "dataset")


@reading.cached(2)
def _tasks(datasets: tuple[str, ...], catalogs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(task_of(name, catalogs) or _UNKNOWN for name in datasets)


def _ask_field(fields: Sequence[ComparableRuns]) -> ComparableRuns:
    if len(fields) == 1:
        return fields[0]
    hint = "runs that were scored on other cases, references or by other rules are never compared"
    known = {runs.title: runs for runs in fields}
    return known[controls.choice("Scored by", list(known), "rules", hint=hint)]


def structures_of(runs: ComparableRuns) -> tuple[Structure, ...]:
    """Return the structures to choose from: the means over structures, the widest first, then labels, then groups."""
    widest_first = sorted(runs.scopes, key=lambda over: (-len(over), over))
    means = [Structure(runs.scope_title(over), over, overall=True) for over in widest_first if len(over) > 1]
    return (*means, *(Structure(name, (name,), overall=False) for name in runs.structures))
