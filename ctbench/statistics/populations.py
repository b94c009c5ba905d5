"""Populations: the cases over which a mean, a test or a rank is taken, chosen by the reference and never by the rater.

For one structure, the positives are the cases whose reference holds it, the negatives those whose reference was judged
and does not hold it. If false alarms counted in a mean, each would change whose cases the mean is taken over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.metric_descriptions import DESCRIPTIONS, REFERENCE_VOLUME
from ctbench.scores import LOST, NEGATIVE, POSITIVE, Status

__all__ = ["PLACE", "Population", "negatives", "of_negatives", "populated"]

Population = Literal["positives", "penalise", "full-marks"]

PLACE = ("dataset", "case", "label", "reference")
"""The columns that name one structure of one case against one reference."""

_Marks = NDArray[np.bool_]


def negatives(scores: pd.DataFrame) -> pd.Series:
    """Return for each score whether the case is a negative: its reference was judged and does not hold the structure.

    The statuses of all raters of the case say it. Where every rater failed or is missing, the rows of the metric
    ``reference_volume_ml`` do; without them the case counts as a positive.

    Args:
        scores: Tidy scores with the columns ``case``, ``label`` and ``status``; best of all raters and metrics.
    """
    status = scores["status"]
    if not status.isin(LOST).any():
        return status.isin(NEGATIVE)
    places = _places(scores)
    count = int(places.max(initial=-1)) + 1

    def having(statuses: Collection[str]) -> _Marks:
        return status.isin(statuses).to_numpy()

    def anywhere(marked: _Marks) -> _Marks:
        return (np.bincount(places[marked], minlength=count) > 0)[places]

    volumes = scores["metric"].eq(REFERENCE_VOLUME) & scores["value"].eq(0) if "metric" in scores.columns else None
    found = of_negatives(having, anywhere, None if volumes is None else volumes.to_numpy())
    return pd.Series(found, index=scores.index)


def of_negatives(
    having: Callable[[Collection[str]], _Marks], anywhere: Callable[[_Marks], _Marks], no_volume: _Marks | None
) -> _Marks:
    """Return for scores in any arrangement which are of negatives; the rule behind ``negatives``.

    Args:
        having: Returns for each score whether its status is one of some.
        anywhere: Returns for each score whether any score of the same structure, case and reference is marked.
        no_volume: Whether a score is a reference volume of 0 mL. None: there are no reference volumes.
    """
    negative, lost = having(NEGATIVE), having(LOST)
    empty = anywhere(negative)
    if no_volume is not None:
        judged = empty | anywhere(having(POSITIVE))
        empty = empty | (~judged & anywhere(lost & no_volume))
    return negative | (lost & empty)


def _places(scores: pd.DataFrame) -> NDArray[np.intp]:
    """Return a number for each dataset, case, label and reference."""
    place = np.zeros(len(scores), np.intp)
    for column in (name for name in PLACE if name in scores.columns):
        codes, names = pd.factorize(scores[column], use_na_sentinel=False)
        place = place * len(names) + codes
    return pd.factorize(place)[0]


def populated(scores: pd.DataFrame, population: Population = "positives") -> pd.DataFrame:
    """Return scores of which only those of one population have a value.

    All functions of ``ctbench.statistics`` that take tidy scores with a column ``status`` do this first. Call it
    before selecting a metric where a case may have failed for all raters, see ``negatives``.

    Args:
        scores: Tidy scores.
        population: ``positives`` (default): cases whose reference holds the structure, the same for all raters.
            ``penalise``: also cases that do not hold it, where a rater drew it (overlap 0) or failed. ``full-marks``:
            all cases; a structure that neither the reference nor the rater holds has the best value (overlap 1,
            distance 0), as in the challenges INSTANCE and BraTS.

    Returns:
        The scores, null where a case is not in the population, with the column ``negative`` (whether the reference
        was judged and does not hold the structure).

    Raises:
        UsageError: The population is unknown.
    """
    if population not in get_args(Population):
        msg = f"unknown population {population!r}; expected one of {', '.join(get_args(Population))}"
        raise UsageError(msg)
    if population == "positives" and "negative" in scores.columns and scores["negative"].dtype == bool:
        return scores  # they are already; rows that were added since would have made it a column of objects
    if "status" not in scores.columns or not {"case", "label"} <= set(scores.columns):
        return scores.assign(negative=False)
    negative = negatives(scores)
    if population == "positives":
        return scores.assign(negative=negative, value=scores["value"].mask(negative))
    if population == "full-marks":
        empty = scores["status"].eq(Status.BOTH_EMPTY.value)
        return scores.assign(negative=negative, value=scores["value"].mask(empty, _best(scores)))
    return scores.assign(negative=negative)


def _best(scores: pd.DataFrame) -> pd.Series:
    """Return the best value of each score's metric; null where it has none."""
    best = {"higher": 1.0, "lower": 0.0, "zero": 0.0}
    by_metric = {name: best.get(str(described.better), math.nan) for name, described in DESCRIPTIONS.items()}
    metric = scores["metric"] if "metric" in scores.columns else pd.Series("dice", index=scores.index)
    return metric.astype(object).map(by_metric).astype(float)
