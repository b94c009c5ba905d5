"""Readers as a group against one model."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ctbench.statistics.tidy import checked, expect_one, reader_rows

__all__ = ["readers_minus_model"]

_VOLUME = "reference_volume_ml"


def readers_minus_model(scores: pd.DataFrame, *, model: str) -> pd.DataFrame:
    """Subtract a model's mean from the mean of the readers' means: the last columns of Cai's Tables 2 and 3.

    Readers who helped to make the reference score better on it than they would on another.

    Args:
        scores: tidy scores of one metric, reference and dataset; rows of the metric ``reference_volume_ml`` may stand
            among them and give the share.
        model: the name of the model.

    Returns:
        A row for each label: ``label, metric, unit, readers`` (how many), ``n_readers`` (their values), ``n_model``,
        ``readers_mean`` (the mean of the readers' means), ``model_mean``, ``difference`` (readers minus model),
        ``reference_volume_ml`` (mean over cases), ``share_percent`` (difference over that volume, %; null unless the
        unit is mL and there is a volume), ``rows_left_out`` (scores of the readers and the model without a value).

    Raises:
        UsageError: scores that are not tidy, several metrics, references or datasets, no reader, or an unknown model.
    """
    scores = checked(scores, ("case", "rater", "rater_kind", "label", "metric", "unit"))
    expect_one(scores, ("reference", "dataset"))
    is_volume = scores["metric"].eq(_VOLUME)
    values, volumes = scores[~is_volume], scores[is_volume]
    expect_one(values, ("metric",))
    is_reader, is_model = reader_rows(values, model=model), values["rater"].eq(model)
    readers, models = _by_label(values[is_reader]), _by_label(values[is_model])
    values = values[is_reader | is_model]
    table = values.groupby("label", sort=False, observed=True)[["metric", "unit"]].first()
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
    table["reference_volume_ml"] = _mean_volume(volumes)
    share = 100 * table["difference"] / table["reference_volume_ml"]
    table["share_percent"] = share.where(table["unit"].eq("mL") & table["reference_volume_ml"].gt(0))
    missing = values["value"].isna().groupby(values["label"], observed=True).sum()
    return table.assign(rows_left_out=missing).reset_index()


def _by_label(scores: pd.DataFrame) -> pd.api.typing.DataFrameGroupBy[Any, Any]:
    means = scores.groupby(["label", "rater"], sort=False, observed=True)["value"].agg(["mean", "count"])
    return means.rename(columns={"mean": "rater_mean", "count": "n"}).groupby("label", sort=False, observed=True)


def _mean_volume(volumes: pd.DataFrame) -> pd.Series:
    """Mean over cases of each label's reference volume, which every rater of a case repeats."""
    cases = volumes.groupby(["label", "case"], sort=False, observed=True)["value"].mean()
    return cases.groupby("label", sort=False, observed=True).mean()
