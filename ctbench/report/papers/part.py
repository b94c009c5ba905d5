"""One table or figure of a paper: what it needs, what is made of it, and what differs from the printed one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.errors import UsageError
from ctbench.report.frames.comparable_runs import ComparableRuns, gather
from ctbench.report.wording import MISSING, fixed
from ctbench.runs import Run, differing_rules

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Figure", "Material", "NotAvailableError", "Part", "Result", "Table", "tuples"]


class NotAvailableError(UsageError):
    """A table or figure cannot be made from these runs; the message says what it needs and what there is."""


@dataclass(frozen=True)
class Table:
    """A table of a part.

    Args:
        frame: Its numbers, unrounded and tidy, for CSV.
        caption: A sentence: what it shows, over which cases, against which reference.
        printed: The same in the form of the paper: columns are heads, cells are text. None: ``frame``, its fractions
            with three digits.
    """

    frame: pd.DataFrame
    caption: str
    printed: pd.DataFrame | None = None

    @property
    def cells(self) -> pd.DataFrame:
        """The table as it is shown: texts."""
        shown = self.frame if self.printed is None else self.printed
        return pd.DataFrame({str(name).replace("_", " "): [_text(value) for value in shown[name]] for name in shown})


@dataclass(frozen=True)
class Figure:
    """A figure of a part; the description is its caption and its alternative text."""

    chart: alt.TopLevelMixin
    description: str


@dataclass(frozen=True)
class Result:
    """What was made of one part.

    Args:
        tables: What follows the part's name in the file's name (empty, or as in ``by-scanner``) -> table.
        figures: The same of the figures.
        notes: What differs from the paper, and why; a sentence each.
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Material:
    """What the parts are made from.

    Args:
        results: Comparable runs: one for each dataset and set of rules (a split is a rule).
        datasets: Name -> dataset, of those whose files are there.
    """

    results: tuple[ComparableRuns, ...]
    datasets: Mapping[str, Dataset] = field(default_factory=dict)

    @classmethod
    def of(cls, runs: Iterable[Run], datasets: Mapping[str, Dataset]) -> Material:
        """Sort runs into those that can be compared.

        Raises:
            UsageError: There are no runs, or two by the same rules are of one rater.
            StoreError: The files of a run cannot be read.
        """
        groups: list[list[Run]] = []
        for run in runs:
            own = (group for group in groups if not _differ(group[0], run))
            group = next(own, None)
            if group is None:
                groups.append([run])
            else:
                group.append(run)
        if not groups:
            return cls(gather([]))
        return cls(tuple(results for group in groups for results in gather(group, datasets)), datasets)

    def one(self) -> ComparableRuns:
        """Return the comparable runs where there is one such group.

        Raises:
            NotAvailableError: There are several.
        """
        if len(self.results) > 1:
            names = "; ".join(f"{results.dataset}, {results.title}" for results in self.results)
            msg = f"needs runs on one dataset by the same rules, got {len(self.results)} groups ({names})"
            raise NotAvailableError(msg)
        return self.results[0]

    def dataset(self, results: ComparableRuns) -> Dataset:
        """Return the dataset of some runs.

        Raises:
            NotAvailableError: Its files are not known here.
        """
        if results.dataset not in self.datasets:
            msg = f"needs the files of {results.dataset}; name its YAML file with --catalog FILE"
            raise NotAvailableError(msg)
        return self.datasets[results.dataset]


@dataclass(frozen=True)
class Part:
    """One table or figure of a paper.

    Args:
        name: As in files' names: ``table-4``.
        title: As the page heads it: ``Table 4: one model on two cohorts``.
        make: Makes it; raises ``NotAvailableError`` where the runs lack what it needs.
    """

    name: str
    title: str
    make: Callable[[Material], Result]


def tuples(frame: pd.DataFrame) -> Iterator[Any]:
    """Iterate over the rows of a frame as named tuples, whose fields have the types of their columns."""
    yield from frame.itertuples()


def _differ(first: Run, other: Run) -> bool:
    same_data = first.manifest.dataset == other.manifest.dataset
    return not same_data or bool(differing_rules(first.manifest, other.manifest))


def _text(value: object) -> str:
    if isinstance(value, float):
        return fixed(value)
    return MISSING if value is None or value is pd.NA else str(value)
