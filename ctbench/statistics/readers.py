"""One model against the group of readers: difference of the means, and the range and interval of the readers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from ctbench.errors import UsageError
from ctbench.metric_descriptions import REFERENCE_VOLUME
from ctbench.scores import RaterKind, left_out, without
from ctbench.statistics.estimate import t_half_width
from ctbench.statistics.missing import Numbers
from ctbench.statistics.populations import populated
from ctbench.statistics.tidy import as_names, checked, expect_known, expect_one, reader_rows

__all__ = ["own_references", "readers_minus_model", "within_readers"]


def own_references(scores: pd.DataFrame, *, model: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each reader's reference, made without this reader, and the scores of the reader and a model on it.

    Args:
        scores: Tidy scores on the leave-one-out references of one method; others may be among them.
        model: Name of the model.

    Raises:
        UsageError: There is no reader, the model is unknown or has no scores on one of the references, or a reader has
            no leave-one-out reference or those of several methods.
    """
    scores = populated(checked(scores, ("rater", "rater_kind", "reference")))
    is_reader = reader_rows(scores, model=model)
    references = list(scores["reference"].unique())
    for reader in scores.loc[is_reader, "rater"].unique():
        reference = _without(reader, references)
        pair = scores[scores["reference"].eq(reference) & scores["rater"].isin([reader, model])]
        expect_known(model, pair["rater"].unique(), f"model on the reference {reference!r}")
        yield reference, pair


def _without(reader: str, references: Sequence[str]) -> str:
    found = [name for name in references if left_out(str(name)) == reader]
    if len(found) != 1:
        got = ", ".join(found) if found else f"none among {', '.join(map(str, references))}"
        msg = f"expected one leave-one-out reference {without('<method>', reader)!r} in the scores, got {got}"
        raise UsageError(msg)
    return str(found[0])


def readers_minus_model(scores: pd.DataFrame, *, model: str, by: str | Sequence[str] = "label") -> pd.DataFrame:
    """Return the mean of the readers' means minus the model's mean: the last columns of Cai's Tables 2 and 3.

    Readers score better on a reference to which they contributed than on another.

    Args:
        scores: Tidy scores of one metric, reference and dataset, unless these columns are among ``by``. Rows of the
            metric ``reference_volume_ml`` may be among them; they are needed for ``share_percent``.
        model: Name of the model.
        by: Name or names of the columns to group by, ``label`` among them.

    Returns:
        One row per group: the columns ``by``, ``metric, unit, readers`` (their number), ``n_readers`` (number of
        their values), ``n_model``, ``readers_mean`` (mean of the readers' means), ``model_mean``, ``difference``
        (readers minus model), ``reference_volume_ml`` (mean over cases), ``share_percent`` (difference over that
        volume, %; null unless the unit is mL and the volume is known), ``rows_left_out`` (scores of the readers and the
        model without a value).

    Raises:
        UsageError: The scores are not tidy, hold several metrics, references or datasets, or no reader, or the model is
            unknown.
    """
    groups = as_names(by)
    scores = populated(checked(scores, (*groups, "case", "rater", "rater_kind", "metric", "unit")))
    expect_one(scores, ("reference", "dataset"), split=groups)
    is_volume = scores["metric"].eq(REFERENCE_VOLUME)
    values, volumes = scores[~is_volume], scores[is_volume]
    expect_one(values, ("metric",), split=groups)
    is_reader, is_model = reader_rows(values, model=model), values["rater"].eq(model)
    readers, models = _by_group(values[is_reader], groups), _by_group(values[is_model], groups)
    values = values[is_reader | is_model]
    values = values.assign(missing=values["value"].isna() & ~values["negative"])
    grouped = values.groupby(groups, sort=False, observed=True)
    table = grouped[[name for name in ("metric", "unit") if name not in groups]].first()
    table = table.assign(
        readers=readers["rater_mean"].count(),
        n_readers=readers["n"].sum(),
        n_model=models["n"].sum(),
        readers_mean=readers["rater_mean"].mean(),
        model_mean=models["rater_mean"].mean(),
    )
    counts = ["readers", "n_readers", "n_model"]
    table[counts] = table[counts].fillna(0).astype(int)
    table["difference"] = table["readers_mean"] - table["model_mean"]
    places = [name for name in groups if name != "metric"]
    table = table.join(_mean_volume(volumes, places).rename(REFERENCE_VOLUME), on=places)
    share = 100 * table["difference"] / table[REFERENCE_VOLUME]
    table["share_percent"] = share.where(table["unit"].eq("mL") & table[REFERENCE_VOLUME].gt(0))
    return table.assign(rows_left_out=grouped["missing"].sum()).reset_index()


def _by_group(scores: pd.DataFrame, groups: list[str]) -> pd.api.typing.DataFrameGroupBy[Any, Any]:
    means = scores.groupby([*groups, "rater"], sort=False, observed=True)["value"].agg(["mean", "count"])
    return means.rename(columns={"mean": "rater_mean", "count": "n"}).groupby(groups, sort=False, observed=True)


def _mean_volume(volumes: pd.DataFrame, groups: list[str]) -> pd.Series:
    """Return each group's mean reference volume over cases; the rows of all raters of a case repeat it."""
    cases = volumes.groupby([*groups, "case"], sort=False, observed=True)["value"].mean()
    return cases.groupby(groups, sort=False, observed=True).mean()


def within_readers(scores: pd.DataFrame, *, model: str, by: str | Sequence[str] = "label") -> pd.DataFrame:
    """Return whether a model's mean lies within the range, and the 95 % prediction interval, of the readers' means.

    Args:
        scores: Tidy scores of one metric, reference and dataset, unless these columns are among ``by``.
        model: Name of the model.
        by: Name or names of the columns to group by.

    Returns:
        One row per group: the columns ``by``, ``readers`` (their number), ``reader_lowest, reader_highest, reader_mean,
        reader_sd`` (of the readers' means), ``model_mean``, ``in_range`` (whether it lies between the lowest and the
        highest reader), ``low, high`` (95 % prediction interval of one more reader's mean: mean +- t sd
        sqrt(1 + 1 / readers)), ``in_interval``, ``reason`` (why a number is null; else empty).

    Raises:
        UsageError: The scores are not tidy, a group holds several metrics, references or datasets, there is no reader,
            or the model is unknown.
    """
    groups = as_names(by)
    scores = populated(checked(scores, (*groups, "rater", "rater_kind")))
    expect_one(scores, ("metric", "reference", "dataset"), split=groups)
    reader_rows(scores, model=model)
    rows = []
    for key, group in scores.groupby(groups, sort=False, dropna=False, observed=True):
        means = group.groupby("rater", sort=False, observed=True)["value"].mean()
        readers = means[group.loc[group["rater_kind"].eq(RaterKind.READER), "rater"].unique()].dropna().to_numpy()
        rows.append(dict(zip(groups, key, strict=True)) | _placed(float(means.get(model, math.nan)), readers))
    return pd.DataFrame(rows)


def _placed(mean: float, readers: Numbers) -> dict[str, Any]:
    k = len(readers)
    center, sd = (float(readers.mean()) if k else math.nan), (float(readers.std(ddof=1)) if k > 1 else math.nan)
    half = t_half_width(sd * math.sqrt(1 + 1 / k), k - 1) if k > 1 else math.nan
    lowest, highest = (float(readers.min()), float(readers.max())) if k else (math.nan, math.nan)
    reason = "" if k > 1 else f"{k} reader{'s' * (k != 1)} with values: no standard deviation of readers"
    return {
        "readers": k,
        "reader_lowest": lowest,
        "reader_highest": highest,
        "reader_mean": center,
        "reader_sd": sd,
        "model_mean": mean,
        "in_range": lowest <= mean <= highest,
        "low": center - half,
        "high": center + half,
        "in_interval": center - half <= mean <= center + half,
        "reason": reason if math.isfinite(mean) else f"no values of the model{'; ' if reason else ''}{reason}",
    }
