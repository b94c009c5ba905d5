"""Multi-reader multi-case studies: from a tidy table of ratings, marks or scores to tests, intervals and components."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import get_args

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtr

from ctbench.errors import UsageError
from ctbench.scores import RaterKind, left_out
from ctbench.statistics.direction import Direction, direction_in
from ctbench.statistics.missing import Numbers
from ctbench.statistics.multi_reader.analysis import (
    Analysis,
    Components,
    Contrast,
    Design,
    Table,
    analyse,
    components,
    difference,
    mean_over_readers,
)
from ctbench.statistics.multi_reader.merits import Covariance, Figure, Merit, covariances
from ctbench.statistics.multi_reader.ratings import Ratings, read_ratings
from ctbench.statistics.populations import populated
from ctbench.statistics.samples import wide
from ctbench.statistics.tidy import checked, expect_known, expect_one

__all__ = ["Mrmc", "mrmc", "mrmc_against_readers", "mrmc_of_scores"]

READERS = "readers"
"""Name of the condition of the human readers where a model is compared with them."""


@dataclass(frozen=True, eq=False)
class Mrmc:
    """Results of a multi-reader multi-case study.

    Attributes:
        figure: Name of the figure of merit.
        design: ``factorial``, ``readers nested`` or ``cases nested``.
        covariance: How the covariances were estimated.
        cases: Number of cases.
        left_out: Number of cases left out because a rater has no value there.
        values: Columns ``condition, reader, value``: each reader's figure of merit.
        components: Variance and covariances of a figure over samples of cases, means over pairs of one kind.
        mean_squares: Of conditions, readers, and their interaction (nested readers: readers within conditions).
        tests: Are all conditions equal? Columns ``analysis, statistic`` (F; chi-square with fixed readers), ``degrees,
            error_degrees, p``.
        means: Each condition by itself: columns ``analysis, condition, mean, se, degrees, low, high`` (95 %).
        differences: Pairs of conditions: columns ``analysis, first, second, difference`` (first minus second), ``se,
            degrees, low, high, p``; with a margin also ``p_non_inferior`` (first is not worse than second by the
            margin), ``p_equivalent`` (two one-sided tests).
        sampled: Whether the covariances enter the degrees of freedom with the number of cases (``mrmc_of_scores``).
    """

    figure: str
    design: Design
    covariance: Covariance
    cases: int
    left_out: int
    values: pd.DataFrame
    components: Components
    mean_squares: tuple[float, float, float]
    tests: pd.DataFrame
    means: pd.DataFrame
    differences: pd.DataFrame
    sampled: bool = False

    @property
    def table(self) -> pd.DataFrame:
        """All estimates and tests: ``analysis, quantity, estimate, se, low, high, statistic, degrees, p``."""
        pairs = self.differences["first"] + " − " + self.differences["second"]
        parts = [
            self.differences.drop(columns=["first", "second"])
            .rename(columns={"difference": "estimate"})
            .assign(quantity=pairs),
            self.means.rename(columns={"mean": "estimate"}).assign(quantity="mean of " + self.means["condition"]),
            self.tests.rename(columns={"degrees": "numerator", "error_degrees": "degrees"}).assign(
                quantity="all equal"
            ),
        ]
        rows = pd.concat([part for part in parts if len(part)], ignore_index=True)
        order = rows["analysis"].map({name: at for at, name in enumerate(get_args(Analysis))})
        columns = [name for name in _TABLE if name in rows.columns]
        return rows.assign(order=order).sort_values("order", kind="stable")[columns].reset_index(drop=True)


_TABLE = (
    *("analysis", "quantity", "estimate", "se", "low", "high", "statistic", "degrees", "p"),
    *("p_non_inferior", "p_equivalent"),
)


def mrmc(
    ratings: pd.DataFrame,
    *,
    figure: Figure = "auc",
    threshold: float | None = None,
    covariance: Covariance = "jackknife",
    cluster: str | None = None,
    margin: float | None = None,
    direction: Direction | str = Direction.HIGHER,
) -> Mrmc:
    """Compare conditions in which the same readers read the same cases.

    Obuchowski and Rockette's analysis with Hillis' degrees of freedom, see ``multi_reader.analysis``.

    Args:
        ratings: Columns ``condition, reader, case, rating`` and, except for ``figure="mean"``, ``truth`` (whether the
            case has the disease). One row for each condition, reader and case. Figures of marks (``wafroc, wafroc1,
            afroc, lroc, hrauc``) need ``lesion`` too and take a row for each mark: its confidence as ``rating`` and the
            lesion that it lies on (null: none). A lesion without a mark is a row without a rating, and so is a case
            without lesions and marks. A column ``weight`` gives the lesions of ``wafroc`` and ``wafroc1`` their
            weights, above 0 and the same in every reading; those of a case are divided by their sum. Without it the
            lesions of a case weigh the same.
        figure: Name of the figure of merit, see ``ratings_merit`` and ``marks_merit``. Default ``auc``.
        threshold: For sensitivity and specificity: ratings above it are positive calls.
        covariance: ``jackknife`` (default), ``delong`` or ``unbiased``, see ``covariances``.
        cluster: Name of a column whose values are left out as a whole, ``patient`` if patients have several cases.
            None: each case is a unit.
        margin: The largest difference that does not matter, in units of the figure.
        direction: Whether ``higher`` (default) or ``lower`` values of ``figure="mean"`` are better (``lower``: reading
            times, volume errors); it decides what non-inferiority is. Other figures are better the higher.

    Returns:
        The results, for random readers and cases, fixed readers, and fixed cases.

    Raises:
        UsageError: A column is absent, a rating occurs twice or is missing, a case has two truths, a group of cases
            needed by the figure is empty, the design is neither factorial nor nested, or lower values of a figure other
            than the mean are said to be better.
    """
    better = _better(figure, direction)
    study = read_ratings(ratings, figure, cluster)
    merits = {cell: study.merit(*cell, figure, threshold) for cell in study.cells}
    values = study.laid_out([merit.value for merit in merits.values()])
    if any(math.isnan(merit.value) for merit in merits.values()):
        msg = f"{figure} needs cases with and without the disease in each condition"
        raise UsageError(msg)
    found = _covariances(study, list(merits.values()), covariance)
    table = Table(values, found, study.design)
    names = list(dict.fromkeys(condition for condition, _ in study.cells))
    rows = pd.DataFrame(
        [(*cell, merit.value) for cell, merit in merits.items()], columns=["condition", "reader", "value"]
    )
    return _results(table, figure, covariance, names, rows, margin, better, cases=study.cases)


def _better(figure: Figure, direction: Direction | str) -> Direction:
    if direction not in {"higher", "lower"} or (direction == "lower" and figure != "mean"):
        msg = f"direction is {str(direction)!r} of figure {figure!r}; expected higher, or lower only of a mean"
        raise UsageError(msg)
    return Direction(direction)


def mrmc_against_readers(
    ratings: pd.DataFrame,
    *,
    model: str,
    figure: Figure = "auc",
    threshold: float | None = None,
    covariance: Covariance = "jackknife",
    cluster: str | None = None,
    margin: float | None = None,
    direction: Direction | str = Direction.HIGHER,
) -> Mrmc:
    """Compare one model, which rated the cases once, with the readers of the same cases.

    The differences of the model from each reader are analysed (Hillis' single-modality analysis of the differences).

    Args:
        ratings: As for ``mrmc``, without ``condition``; ``reader`` holds the model and the readers.
        model: Name of the model among the readers.
        figure: As for ``mrmc``.
        threshold: As for ``mrmc``.
        covariance: As for ``mrmc``.
        cluster: As for ``mrmc``.
        margin: As for ``mrmc``.
        direction: As for ``mrmc``.

    Returns:
        As ``mrmc``; the second condition is ``readers``. There is no test of all conditions, and no mean square.

    Raises:
        UsageError: As ``mrmc``; also if the model is unknown.
    """
    better = _better(figure, direction)
    expect_known(model, ratings["reader"].unique() if "reader" in ratings else [], "rater")
    study = read_ratings(ratings.assign(condition=READERS), figure, cluster)
    merits = {reader: study.merit(READERS, reader, figure, threshold) for _, reader in study.cells}
    own = [model, *(reader for reader in merits if reader != model)]
    values = np.array([merits[reader].value for reader in own])
    found = covariances([merits[reader] for reader in own], covariance)
    minus = np.column_stack([np.ones(len(own) - 1), -np.eye(len(own) - 1)])
    rows = []
    for analysis in get_args(Analysis):
        compared = mean_over_readers(minus @ values, minus @ found @ minus.T, analysis)
        rows.append(_difference(analysis, model, READERS, compared, margin, better))
    readers = Table(values[None, 1:], found[1:, 1:])
    cells = [(model if reader == model else READERS, reader, merits[reader].value) for reader in own]
    means = [
        _row(analysis, READERS, mean_over_readers(*readers.condition(0), analysis)) for analysis in get_args(Analysis)
    ]
    return Mrmc(
        figure,
        "factorial",
        covariance,
        study.cases,
        0,
        pd.DataFrame(cells, columns=list(_VALUES)),
        components(readers),
        readers.mean_squares,
        pd.DataFrame(columns=list(_TESTS)),
        pd.DataFrame(means),
        pd.DataFrame(rows),
    )


def mrmc_of_scores(scores: pd.DataFrame, *, model: str, margin: float | None = None) -> Mrmc:
    """Compare a model with readers as a population of readers, on references that none of them made.

    The conditions are ``model`` and ``readers``; in both, reader j stands for the reference that was made without
    reader j, on which model and reader are scored. The figure is the mean score, whose covariances over samples of
    cases are sample covariances over n; the degrees of freedom know that they are, while Hillis takes them as known,
    and are careful where readers are few (``sum_of_mean_squares``). The interval of the difference is one for new
    readers and new cases; the test of each reader (``leave_one_out_tests``) speaks of these readers alone. In simulated
    studies of equal model and readers (3 to 8 readers, 12 to 200 cases) it rejects in 3.6 to 6.0 %, where the t test of
    all pairs of scores rejects in 6 to 88 %.

    Args:
        scores: Tidy scores of one metric, structure and dataset on leave-one-out references; other references may be
            among them. Cases in which some rater has no value are left out: positives on every reference remain.
        model: Name of the model.
        margin: The largest difference that does not matter, in the unit of the metric.

    Returns:
        The results; ``p_non_inferior`` follows the metric's better direction.

    Raises:
        UsageError: The scores are not tidy, hold several metrics, structures or datasets, the model is unknown, fewer
            than two readers have a leave-one-out reference, or fewer than two cases are left.
    """
    scores = populated(checked(scores, ("case", "rater", "rater_kind", "reference", "metric", "label")))
    expect_one(scores, ("dataset", "metric", "label"))
    expect_known(model, scores["rater"].unique(), "model")
    owner = scores["reference"].map({name: left_out(str(name)) for name in scores["reference"].unique()})
    readers = [name for name in scores["rater"].unique() if (owner.eq(name) & scores["rater"].eq(name)).any()]
    if len(readers) < 2:
        msg = f"expected leave-one-out references of at least two readers, got {', '.join(readers) or 'none'}"
        raise UsageError(msg)
    of_reader = scores["rater_kind"].eq(RaterKind.READER) & owner.eq(scores["rater"])
    chosen = scores[(of_reader | scores["rater"].eq(model)) & owner.isin(readers)]
    conditions = [model, READERS]
    cells = chosen.assign(owner=owner[chosen.index], rater=np.where(chosen["rater"].eq(model), *conditions))
    columns = pd.MultiIndex.from_product([conditions, readers])
    values = pd.DataFrame(wide(cells, ("case", "owner")).unstack("owner"), columns=columns)  # noqa: PD010  # no sorting
    there = values.dropna(how="all")
    complete = there.dropna()
    if len(complete) < 2:
        msg = (
            f"{len(complete)} cases have scores of {model} and of all readers on all leave-one-out references: no test"
        )
        raise UsageError(msg)
    means = complete.to_numpy().mean(axis=0)
    found = np.cov(complete.to_numpy(), rowvar=False) / len(complete)
    table = Table(means.reshape(2, -1), found, sampled=len(complete))
    rows = pd.DataFrame([(*name, value) for name, value in zip(columns, means, strict=True)], columns=list(_VALUES))
    metric, better = str(scores["metric"].iloc[0]), direction_in(scores)
    counts = {"cases": len(complete), "dropped": len(there) - len(complete)}
    return _results(table, metric, "jackknife", conditions, rows, margin, better, **counts)


_VALUES = ("condition", "reader", "value")


def _covariances(study: Ratings, merits: Sequence[Merit], method: Covariance) -> Numbers:
    if study.design != "cases nested":
        return covariances(merits, method)
    found, each = np.zeros((len(merits), len(merits))), study.sizes[0]
    for start in range(0, len(merits), each):
        own = slice(start, start + each)
        found[own, own] = covariances([_within(merit) for merit in merits[own]], method)
    return found


def _within(merit: Merit) -> Merit:
    """Return a figure with only the units that it has, for conditions whose cases differ."""
    places = np.cumsum(merit.counted) - 1
    columns = np.where(merit.columns < 0, merit.columns, places[merit.columns])
    return Merit(merit.figure, merit.kernel, places[merit.rows], columns, int(merit.counted.sum()))


_TESTS = ("analysis", "statistic", "degrees", "error_degrees", "p")


def _results(
    table: Table,
    figure: str,
    covariance: Covariance,
    conditions: Sequence[str],
    values: pd.DataFrame,
    margin: float | None,
    better: Direction,
    *,
    cases: int,
    dropped: int = 0,
) -> Mrmc:
    tests, means, differences = [], [], []
    for analysis in get_args(Analysis):
        if len(conditions) > 1:
            tests.append((analysis, *analyse(table, analysis)))
        means += [
            _row(analysis, name, mean_over_readers(*table.condition(at), analysis, table.sampled))
            for at, name in enumerate(conditions)
        ]
        for first, second in combinations(range(len(conditions)), 2):
            found = difference(table, first, second, analysis)
            differences.append(_difference(analysis, conditions[first], conditions[second], found, margin, better))
    return Mrmc(
        figure,
        table.design,
        covariance,
        cases,
        dropped,
        values,
        components(table),
        table.mean_squares,
        pd.DataFrame(tests, columns=list(_TESTS)),
        pd.DataFrame(means),
        pd.DataFrame(differences),
        table.sampled is not None,
    )


def _row(analysis: str, condition: str, found: Contrast) -> dict[str, object]:
    numbers = {"se": found.error, "degrees": found.degrees, "low": found.low, "high": found.high}
    return {"analysis": analysis, "condition": condition, "mean": found.estimate, **numbers}


def _difference(
    analysis: str, first: str, second: str, found: Contrast, margin: float | None, better: Direction
) -> dict[str, object]:
    numbers = {"se": found.error, "degrees": found.degrees, "low": found.low, "high": found.high, "p": found.p}
    row = {"analysis": analysis, "first": first, "second": second, "difference": found.estimate, **numbers}
    if margin is None:
        return row
    if not margin > 0:
        msg = f"the margin must be positive, got {margin}"
        raise UsageError(msg)
    below, above = (_one_sided(found, sign * margin, sign) for sign in (-1, 1))
    worse = {Direction.HIGHER: below, Direction.LOWER: above, Direction.NEITHER: math.nan}[better]
    return row | {"p_non_inferior": worse, "p_equivalent": max(below, above)}


def _one_sided(found: Contrast, limit: float, sign: int) -> float:
    """Return p of the hypothesis that the difference lies beyond a limit, on its side (-1: below, 1: above)."""
    t = sign * (found.estimate - limit) / found.error
    if math.isnan(t) or not found.degrees > 0:
        return math.nan
    return float(ndtr(t) if math.isinf(found.degrees) else stdtr(found.degrees, t))
