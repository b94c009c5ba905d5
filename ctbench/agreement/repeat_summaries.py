"""Summaries of repeated readings: intra- against inter-reader agreement, variance components, aided against unaided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ctbench.agreement.repeats import ReadingStudy
from ctbench.statistics.estimate import Estimate, t_half_width
from ctbench.statistics.limits_of_agreement import limits_with_mean
from ctbench.statistics.repeats import RepeatedLimits, limits_with_repeats

__all__ = ["aided_effect", "components", "intra_and_inter", "reader_borders"]


def intra_and_inter(study: ReadingStudy) -> pd.DataFrame:
    """Describe how far one reader agrees with himself, and readers with each other.

    A case's value is the mean over its pairs, so that intervals (Student's t) are over cases.

    Returns:
        Columns label, condition, kind (``same reader``, ``different readers``), metric, n (cases), mean, low, high,
        lowest, highest (means over cases of single readers or pairs of readers).
    """
    keys = ["label", "condition", "kind", "metric"]
    rows = []
    known = study.pairs.dropna(subset=["value"])
    for key, own in known.groupby(keys, sort=False):
        by_case, by_pair = own.groupby("case")["value"].mean(), own.groupby(["reader", "other"])["value"].mean()
        found = _mean(by_case.to_numpy())
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "n": found.n,
                "mean": found.value,
                "low": found.low,
                "high": found.high,
                "lowest": float(by_pair.min()),
                "highest": float(by_pair.max()),
            }
        )
    return pd.DataFrame(rows, columns=[*keys, "n", "mean", "low", "high", "lowest", "highest"])


def components(study: ReadingStudy) -> pd.DataFrame:
    """Return components of variance of volumes and borders under the voting condition, from readers' sessions.

    By ``ctbench.statistics.limits_with_repeats``, over the cases that every reader read in every session. Of readers
    with one session, reproducibility is that of ``limits_with_mean``, and nothing else is known.

    Returns:
        A row for each label and quantity (``volume_ml``, ``border_offset_mm``): label, quantity, n (cases), left_out,
        reproducibility, repeatability and session_sd with ``_low`` and ``_high``, reader_sd, case_reader_sd, icc,
        reason (why numbers are NaN).
    """
    rows = []
    for label in dict.fromkeys(study.readings["label"]):
        for quantity in ("volume_ml", "border_offset_mm"):
            found = _components(_of(study, str(label), quantity, study.voting))
            rows.append({"label": label, "quantity": quantity, **found})
    return pd.DataFrame(rows, columns=list(_COMPONENTS))


_LIMITS = ("reproducibility", "repeatability", "session_sd")
_COMPONENTS = (
    *("label", "quantity", "n", "left_out"),
    *(f"{name}{end}" for name in _LIMITS for end in ("", "_low", "_high")),
    *("reader_sd", "case_reader_sd", "icc", "reason"),
)


def _components(own: pd.DataFrame) -> dict[str, Any]:
    table = own.pivot_table("value", "case", ["reader", "session"])
    readers, sessions = (list(dict.fromkeys(table.columns.get_level_values(level))) for level in (0, 1))
    if len(readers) < 2:
        return {"n": 0, "left_out": len(table), "reason": "fewer than two readers"}
    if len(sessions) < 2:
        around = limits_with_mean(table.to_numpy())
        row = {"n": around.n, "left_out": around.left_out, "reason": around.reason or "each reader has one session"}
        return row | _interval("reproducibility", around)
    full = table.reindex(columns=pd.MultiIndex.from_product([readers, sessions]))
    found = limits_with_repeats(full.to_numpy().reshape(len(full), len(readers), len(sessions)))
    return _flat(found)


def _flat(found: RepeatedLimits) -> dict[str, Any]:
    row: dict[str, Any] = {"n": found.repeatability.n, "left_out": found.repeatability.left_out}
    for name in _LIMITS:
        row |= _interval(name, getattr(found, name))
    return row | {
        "reader_sd": found.reader_sd,
        "case_reader_sd": found.case_reader_sd,
        "icc": found.icc,
        "reason": found.repeatability.reason,
    }


def _interval(name: str, found: Estimate) -> dict[str, Any]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def reader_borders(study: ReadingStudy) -> pd.DataFrame:
    """Return how far outside of the common border each reader draws, with t intervals over cases.

    Returns:
        Columns label, condition, reader, n (cases), bias_mm, low, high, spread_mm (of the border about the common one,
        without the bias; root of the mean variance over readings; NaN under conditions that make no references),
        session_sd_mm (between sessions of a case; NaN without repeats), drift_mm (change per reading in the order of
        reading; NaN if the order is unknown).
    """
    spreads = study.readings[study.readings["metric"] == "border_spread_mm"]
    squares = spreads.assign(value=spreads["value"] ** 2).groupby(["label", "condition", "reader"])["value"].mean()
    own = study.readings[study.readings["metric"] == "border_offset_mm"].dropna(subset=["value"])
    keys = ["label", "condition", "reader"]
    rows = []
    for key, readings in own.groupby(keys, sort=False):
        by_case = readings.groupby("case")["value"]
        found = _mean(by_case.mean().to_numpy())
        spread = by_case.var(ddof=1).mean()
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "n": found.n,
                "bias_mm": found.value,
                "low": found.low,
                "high": found.high,
                "spread_mm": math.sqrt(squares.get(key, math.nan)),
                "session_sd_mm": math.nan if math.isnan(spread) else math.sqrt(spread),
                "drift_mm": _slope(readings),
            }
        )
    columns = [*keys, "n", "bias_mm", "low", "high", "spread_mm", "session_sd_mm", "drift_mm"]
    return pd.DataFrame(rows, columns=columns)


def _slope(readings: pd.DataFrame) -> float:
    known = readings.dropna(subset=["order"])
    order = known["order"].to_numpy(float)
    if len(known) < 3 or np.ptp(order) == 0:
        return math.nan
    return float(np.polyfit(order, known["value"].to_numpy(), 1)[0])


def aided_effect(study: ReadingStudy) -> pd.DataFrame:
    """Compare each other condition with the voting one, paired by reader and case.

    Sessions of a reader are averaged first. A case's difference is the mean over its readers, and the interval is over
    cases (Student's t); for readers as a sample of all readers use ``ctbench mrmc``.

    Returns:
        Columns label (empty for the time), metric (``dice``, ``nsd``, ``volume_difference_absolute_ml`` on the
        reference made without the reader, ``seconds``), condition, n (cases), readers, unaided, aided (means; named by
        role, whatever the conditions are called), difference, low, high, better_readers (number of readers whose mean
        is better aided). For ``seconds`` also saved_share, with saved_low and saved_high: the share of the time that
        is saved, from geometric means.
    """
    rows = []
    for condition in study.conditions[1:]:
        for label in dict.fromkeys(study.readings["label"]):
            for metric in ("dice", "nsd", "volume_difference_absolute_ml"):
                source = metric.replace("_absolute", "")
                both = [_of(study, str(label), source, one) for one in (study.voting, condition)]
                if metric != source:
                    both = [own.assign(value=own["value"].abs()) for own in both]
                rows.append({"label": label, "metric": metric, "condition": condition} | _paired(both, metric))
        times = [_times(study, one) for one in (study.voting, condition)]
        rows.append(
            {"label": "", "metric": "seconds", "condition": condition} | _paired(times, "seconds") | _saved(times)
        )
    found = pd.DataFrame(rows)
    return found[found["n"] > 0].reset_index(drop=True) if len(found) else found


def _of(study: ReadingStudy, label: str, metric: str, condition: str) -> pd.DataFrame:
    rows = study.readings
    return rows[(rows["label"] == label) & (rows["metric"] == metric) & (rows["condition"] == condition)]


def _times(study: ReadingStudy, condition: str) -> pd.DataFrame:
    rows = study.readings[study.readings["condition"] == condition]
    return rows.drop_duplicates(["case", "reader", "session"]).assign(value=lambda own: own["seconds"])


def _paired(both: Sequence[pd.DataFrame], metric: str) -> dict[str, Any]:
    before, after = (own.groupby(["case", "reader"])["value"].mean() for own in both)
    table = pd.DataFrame({"before": before, "after": after}).dropna()
    difference = table["after"] - table["before"]
    found = _mean(difference.groupby("case").mean().to_numpy())
    sign = 1 if metric in ("dice", "nsd") else -1
    return {
        "n": found.n,
        "readers": table.index.get_level_values("reader").nunique(),
        "unaided": float(table["before"].mean()),
        "aided": float(table["after"].mean()),
        "difference": found.value,
        "low": found.low,
        "high": found.high,
        "better_readers": int((sign * difference.groupby("reader").mean() > 0).sum()),
    }


def _saved(times: Sequence[pd.DataFrame]) -> dict[str, float]:
    logs = [
        np.log(own.assign(value=own["value"].where(own["value"] > 0)).set_index(["case", "reader"])["value"])
        for own in times
    ]
    before, after = (one.groupby(["case", "reader"]).mean() for one in logs)
    found = _mean((after - before).dropna().groupby("case").mean().to_numpy())
    return {
        "saved_share": 1 - math.exp(found.value) if found.n else math.nan,
        "saved_low": 1 - math.exp(found.high),
        "saved_high": 1 - math.exp(found.low),
    }


def _mean(values: np.ndarray) -> Estimate:
    known = values[~np.isnan(values)]
    n = len(known)
    if n < 2:
        return Estimate(float(known.mean()) if n else math.nan, n=n)
    half = t_half_width(float(known.std(ddof=1)) / math.sqrt(n), n - 1)
    return Estimate(float(known.mean()), float(known.mean() - half), float(known.mean() + half), n=n)
