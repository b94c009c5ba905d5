"""Ratings and marks of a multi-reader multi-case study: check their table, find its design, and judge each reading."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, get_args

import numpy as np
import pandas as pd

from ctbench.errors import UsageError
from ctbench.statistics.missing import Numbers
from ctbench.statistics.multi_reader.analysis import Design
from ctbench.statistics.multi_reader.merits import Figure, Merit, marks_merit, ratings_merit

__all__ = ["Ratings", "read_ratings"]

_MARKS = frozenset({"wafroc", "wafroc1", "afroc", "lroc", "hrauc"})
_WEIGHTED = frozenset({"wafroc", "wafroc1"})


class Ratings(NamedTuple):
    """A checked table: which cells there are, and what each of them holds."""

    cells: list[tuple[str, str]]
    """Condition and reader, condition by condition."""
    sizes: tuple[int, ...]
    """Number of readers of each condition."""
    design: Design
    rows: dict[tuple[str, str], pd.DataFrame]
    units: int
    cases: int

    def laid_out(self, values: Sequence[float]) -> Numbers:
        """Return the values of the cells, a row for each condition, with NaN behind those that have fewer readers."""
        table = np.full((len(self.sizes), max(self.sizes)), math.nan)
        table[np.arange(max(self.sizes)) < np.array(self.sizes)[:, None]] = values
        return table

    def merit(self, condition: str, reader: str, figure: Figure, threshold: float | None) -> Merit:
        """Return the figure of merit of one cell."""
        rows = self.rows[condition, reader]
        if figure in _MARKS:
            made = _marks(rows, figure)
        else:
            truth = rows["truth"].to_numpy(bool)
            made = ratings_merit(figure, rows["rating"].to_numpy(float), truth, rows["unit"].to_numpy(), threshold)
        return Merit(made.figure, made.kernel, made.rows, made.columns, self.units)


def _marks(rows: pd.DataFrame, figure: Figure) -> Merit:
    lesions, false_marks, units, weights = [], [], [], []
    weighted = "weight" in rows and figure in _WEIGHTED
    for _, own in rows.groupby("case", sort=True):
        on, rated = own["lesion"].notna(), own["rating"].notna()
        best = own[on].fillna({"rating": -math.inf}).groupby("lesion")["rating"].max()
        lesions.append(best.tolist())
        false_marks.append(own.loc[~on & rated, "rating"].tolist())
        units.append(own["unit"].iloc[0])
        given = own[on].groupby("lesion")["weight"].first() if weighted else best
        weights.append((given / given.sum()).tolist())
    return marks_merit(figure, lesions, false_marks, np.array(units), weights if weighted else None)


def read_ratings(ratings: pd.DataFrame, figure: Figure, cluster: str | None = None) -> Ratings:
    """Check a table of ratings or marks and find the design of its study.

    Args:
        ratings: As for ``mrmc``.
        figure: As for ``mrmc``; it decides which columns are needed.
        cluster: As for ``mrmc``.

    Raises:
        UsageError: A column is absent, a rating occurs twice or is missing, a case has two truths, a weight cannot be
            used, or the design is neither factorial nor nested.
    """
    if figure not in get_args(Figure):
        msg = f"unknown figure of merit {figure!r}; expected one of {', '.join(get_args(Figure))}"
        raise UsageError(msg)
    wanted = ["condition", "reader", "case", "rating", *(["lesion"] if figure in _MARKS else [])]
    wanted += [*([] if figure == "mean" or figure in _MARKS else ["truth"]), *([cluster] if cluster else [])]
    absent = [name for name in wanted if name not in ratings.columns]
    if absent:
        many = "s" * (len(absent) > 1)
        msg = f"the ratings lack the column{many} {', '.join(absent)}; they have {list(ratings.columns)}"
        raise UsageError(msg)
    table = ratings if "truth" in ratings else ratings.assign(truth=False)
    table = table.astype({"condition": str, "reader": str, "case": str})
    _check(table, marks=figure in _MARKS)
    if figure in _WEIGHTED and "weight" in table:
        _check_weights(table[table["lesion"].notna()])
    codes, found = pd.factorize(table[cluster or "case"], sort=True)
    table = table.assign(unit=codes).sort_values("case", kind="stable")
    groups = table.groupby(["condition", "reader"], sort=False)
    rows = {(str(condition), str(reader)): own for (condition, reader), own in groups}
    conditions, readers = (list(dict.fromkeys(names)) for names in zip(*rows, strict=True))
    cells = sorted(rows, key=lambda cell: (conditions.index(cell[0]), readers.index(cell[1])))
    design = _design(rows, cells, conditions, readers)
    sizes = tuple(sum(cell[0] == condition for cell in cells) for condition in conditions)
    return Ratings(cells, sizes, design, rows, len(found), table["case"].nunique())


def _check(table: pd.DataFrame, *, marks: bool) -> None:
    if table.empty:
        msg = "the table of ratings has no rows; expected one for each condition, reader and case"
        raise UsageError(msg)
    keys = ["condition", "reader", "case"]
    if not marks:
        for wrong, what in ((table.duplicated(keys), "has two ratings"), (table["rating"].isna(), "has no rating")):
            if wrong.any():
                first = table[wrong].iloc[0]
                msg = (
                    f"reader {first['reader']!r} {what} for case {first['case']!r} in condition {first['condition']!r}"
                )
                raise UsageError(msg)
    twice = table.groupby("case")["truth"].nunique()
    if (twice > 1).any():
        msg = f"case {twice.idxmax()!r} has two values of truth; expected one"
        raise UsageError(msg)


def _check_weights(lesions: pd.DataFrame) -> None:
    weights = pd.to_numeric(lesions["weight"], errors="coerce")
    wrong = ~(np.isfinite(weights) & (weights > 0))
    if wrong.any():
        first = lesions[wrong].iloc[0]
        msg = (
            f"lesion {first['lesion']!r} of case {first['case']!r} has the weight {first['weight']!r}; expected a "
            "number above 0 in every row of a lesion"
        )
        raise UsageError(msg)
    for (case, lesion), own in weights.groupby([lesions["case"], lesions["lesion"]]):
        if len(own.unique()) > 1:
            msg = f"lesion {lesion!r} of case {case!r} has {len(own.unique())} weights; expected one in every reading"
            raise UsageError(msg)


def _design(
    rows: dict[tuple[str, str], pd.DataFrame],
    cells: Sequence[tuple[str, str]],
    conditions: Sequence[str],
    readers: Sequence[str],
) -> Design:
    cases = {cell: frozenset(rows[cell]["case"]) for cell in cells}
    everything = frozenset[str]().union(*cases.values())
    if len(cells) == len(conditions) * len(readers):
        if len(set(cases.values())) == 1:
            return "factorial"
        inside = {(condition, own) for (condition, _), own in cases.items()}
        if len(inside) == len(conditions) and sum(len(own) for _, own in inside) == len(everything):
            return "cases nested"
        condition, reader = min(cells, key=lambda cell: len(cases[cell]))
        first = min(everything - cases[condition, reader])
        msg = (
            f"reader {reader!r} has not read every case in condition {condition!r}, first {first!r}; expected all cases"
        )
        raise UsageError(msg)
    if len(cells) == len(readers) and len(set(cases.values())) == 1:
        return "readers nested"
    absent = [(condition, reader) for condition in conditions for reader in readers if (condition, reader) not in rows]
    msg = (
        f"reader {absent[0][1]!r} has no ratings in condition {absent[0][0]!r}; expected all readers in all "
        "conditions, or other readers in each condition, with the same cases"
    )
    raise UsageError(msg)
