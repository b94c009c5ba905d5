"""The tidy table of scores: what every function of this floor expects of it, and the messages when it is not so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from ctbench.errors import UsageError
from ctbench.scores import STATUSES, UNSCORED, RaterKind, Status
from ctbench.suggestions import suggestion

__all__ = [
    "OVERALL",
    "as_names",
    "checked",
    "expect_known",
    "expect_one",
    "plain",
    "reader_rows",
]

OVERALL = "overall"
"""The label of the mean over structures."""


def checked(scores: pd.DataFrame, columns: Iterable[str], *, coded: bool = False) -> pd.DataFrame:
    """Return the scores with ``value`` as float64 (NaN where null), after checking them.

    Args:
        scores: tidy scores.
        columns: the columns that must be there, besides ``value``.
        coded: Whether categorical columns stay so, with the categories that occur; else they become plain text.
            To group by hundreds of thousands of strings takes longer than all that follows.

    Raises:
        UsageError: a column is absent, a value is infinite or no number, a status is unknown, a row of status ``ok``
            has no value, or one of status ``not_assessed`` or ``unsupported`` has one.
    """
    absent = [column for column in (*columns, "value") if column not in scores.columns]
    if absent:
        msg = f"scores lack the column{'s' * (len(absent) > 1)} {', '.join(absent)}; they have {list(scores.columns)}"
        raise UsageError(msg)
    scores = scores.assign(value=_as_float(scores["value"]))
    if "status" in scores.columns:
        _check_status(scores)  # while it is categorical, if it is: that is quicker
    # Categorical columns would bring categories that no row has into every table, in an order of their own.
    recoded = _in_order if coded else plain
    return scores.assign(**{str(name): recoded(own) for name, own in scores.select_dtypes("category").items()})


def plain(column: pd.Series) -> pd.Series:
    """Return a categorical column as a column of its names; any other column as it is."""
    return column.astype(column.cat.categories.dtype) if isinstance(column.dtype, pd.CategoricalDtype) else column


def _in_order(column: pd.Series) -> pd.Series:
    names, codes = column.cat.categories, column.cat.codes.to_numpy()
    occurring = np.flatnonzero(np.bincount(codes[codes >= 0], minlength=len(names)))
    order = occurring[np.argsort(names[occurring])]
    places = np.full(len(names) + 1, -1)  # the last is that of a null, whose code is -1
    places[order] = np.arange(len(order))
    return pd.Series(pd.Categorical.from_codes(places[codes], names[order]), index=column.index)


def _as_float(values: pd.Series) -> pd.Series:
    try:
        numbers = pd.to_numeric(values).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        msg = f"the column value must hold numbers or nulls, got {values.dtype}: {error}"
        raise UsageError(msg) from error
    if np.isinf(numbers).any():
        msg = f"{int(np.isinf(numbers).sum())} scores are infinite; an undefined score is a null with a status"
        raise UsageError(msg)
    return pd.Series(numbers, index=values.index)


def _check_status(scores: pd.DataFrame) -> None:
    status, valued = scores["status"], scores["value"].notna()
    unknown = sorted({str(name) for name in status.unique()} - STATUSES)
    if unknown:
        msg = f"unknown status {', '.join(unknown)}; expected {', '.join(sorted(STATUSES))}"
        raise UsageError(msg)
    for wrong, what in (
        (status.eq(Status.OK) & ~valued, "status ok and no value"),
        (status.isin(UNSCORED) & valued, "a value although they were not assessed or unsupported"),
    ):
        if wrong.any():
            first = scores[wrong].iloc[0].drop("value")
            msg = f"{int(wrong.sum())} scores have {what}, first {dict(first)}"
            raise UsageError(msg)


def as_names(by: str | Sequence[str]) -> list[str]:
    """Return one name, or several, as a list."""
    return [by] if isinstance(by, str) else list(by)


def expect_one(scores: pd.DataFrame, columns: Iterable[str], *, split: Iterable[str] = ()) -> None:
    """Raise ``UsageError`` if one of ``columns`` that is not split on holds several values.

    Scores of two metrics, two references or two datasets are never one sample.
    """
    for column in columns:
        if column in split or column not in scores.columns:
            continue
        found = scores[column].unique()
        if len(found) > 1:
            listed = ", ".join(map(str, found[:5])) + (", ..." if len(found) > 5 else "")
            msg = f"scores hold {len(found)} values of {column} ({listed}), which cannot be mixed; select one"
            raise UsageError(msg)


def expect_known(name: str, known: Iterable[str], what: str) -> None:
    """Raise ``UsageError`` unless ``name`` is among ``known``; the message lists them and offers the nearest."""
    names = list(map(str, known))
    if name in names:
        return
    hint = suggestion(name, names, otherwise="the scores have")
    also = f" The scores have {', '.join(names)}" if hint.endswith("?") else ""
    msg = f"unknown {what} {name!r}; {hint}{also}"
    raise UsageError(msg)


def reader_rows(scores: pd.DataFrame, *, model: str) -> pd.Series:
    """Return which rows are those of readers.

    Raises:
        UsageError: no row is, or none of the others is of the model.
    """
    is_reader = scores["rater_kind"].eq(RaterKind.READER)
    expect_known(model, scores.loc[~is_reader, "rater"].unique(), "model")
    if not is_reader.any():
        msg = "no row of the scores has rater_kind 'reader'; a comparison with readers needs some"
        raise UsageError(msg)
    return is_reader
