"""Summaries of repeated readings: intra- and inter-reader agreement, components of variance, limits, aided or not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ctbench.agreement.repeats import ReadingStudy
from ctbench.statistics.clustered_mean import clustered_mean
from ctbench.statistics.clustered_slope import clustered_slope
from ctbench.statistics.estimate import Estimate, t_half_width
from ctbench.statistics.limits_of_agreement import BlandAltman, bland_altman, limits_with_mean
from ctbench.statistics.repeats import RepeatedLimits, ReplicateLimits, limits_with_repeats, replicate_bland_altman

__all__ = ["aided_effect", "components", "intra_and_inter", "reader_borders", "volume_limits"]


def intra_and_inter(study: ReadingStudy) -> pd.DataFrame:
    """Describe how far one reader agrees with himself, and readers with each other.

    A case's value is the mean over its pairs, so that intervals (Student's t) are over cases, clustered by patient.

    Returns:
        Columns label, condition, kind (``same reader``, ``different readers``), metric, n (cases), mean, low, high,
        lowest, highest (means over cases of single readers or pairs of readers).
    """
    keys = ["label", "condition", "kind", "metric"]
    rows = []
    known = study.pairs.dropna(subset=["value"])
    for key, own in known.groupby(keys, sort=False):
        by_case, by_pair = own.groupby("case")["value"].mean(), own.groupby(["reader", "other"])["value"].mean()
        found = _mean(by_case, study)
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


_ENDS = ("", "_low", "_high")
_LIMITS = ("reproducibility", "repeatability", "session_sd")
_COMPONENTS = (
    *("label", "quantity", "n", "left_out"),
    *(f"{name}{end}" for name in _LIMITS for end in _ENDS),
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


def volume_limits(study: ReadingStudy) -> pd.DataFrame:
    """Return the limits of agreement of single volumes between each pair of readers, under the voting condition.

    Where both readers of a pair read some case in several sessions, what they measured is the same (form ``constant``
    of ``ctbench.statistics.replicate_bland_altman``); where a patient has several cases, it differs (form ``varies``,
    from their first sessions). Of others it is the Bland-Altman analysis of first sessions (``single``).

    Returns:
        Columns label, reader, other, form (both replicate forms where both apply), n (patients of ``varies``, else
        cases), pairs (of volumes; volumes of ``constant``), bias_ml (other minus reader) with low and high, sd_ml,
        lower_ml and upper_ml (the 95 % limits), reason (why numbers are NaN).
    """
    columns = ("label", "reader", "other", "form", *_PAIR_LIMITS)
    rows = []
    for label in dict.fromkeys(study.readings["label"]):
        own = _of(study, str(label), "volume_ml", study.voting)
        table = own.pivot_table("value", ["case", "session"], "reader", sort=False)
        for reader, other in combinations(sorted(table.columns), 2):
            rows += [
                dict(zip(columns, (label, reader, other, form, *found), strict=True))
                for form, found in _limits(table[[reader, other]], study)
            ]
    return pd.DataFrame(rows, columns=list(columns))


_PAIR_LIMITS = ("n", "pairs", "bias_ml", "low", "high", "sd_ml", "lower_ml", "upper_ml", "reason")


def _limits(both: pd.DataFrame, study: ReadingStudy) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the forms of limits that the readings of two readers allow."""
    counts = both.notna().groupby("case").sum()
    firsts = both.groupby("case", sort=False).first().dropna()
    patients = np.array(study.patients_of(firsts.index), dtype=object)
    again = bool((counts > 1).any().all())
    several = len(set(patients)) < len(patients)
    reference, measured = (firsts[name].to_numpy() for name in both.columns)
    if again:
        cases = both.index.get_level_values("case").to_numpy()
        volumes = (both[name].to_numpy() for name in both.columns)
        yield "constant", _limits_of(replicate_bland_altman(cases, *volumes, true_value="constant"))
    if several:
        found = replicate_bland_altman(pd.factorize(patients)[0], reference, measured, true_value="varies")
        yield "varies", _limits_of(found)
    if not again and not several:
        yield "single", _limits_of(bland_altman(reference, measured))


def _limits_of(found: ReplicateLimits | BlandAltman) -> tuple[Any, ...]:
    pairs = found.pairs if isinstance(found, ReplicateLimits) else found.n
    return (
        *(found.n, pairs, found.bias, found.bias_low, found.bias_high),
        *(found.sd, found.lower, found.upper, found.reason),
    )


def reader_borders(study: ReadingStudy) -> pd.DataFrame:
    """Return how far outside of the common border each reader draws, with t intervals clustered by patient.

    Returns:
        Columns label, condition, reader, n (cases), bias_mm, low, high, spread_mm (of the border about the common one,
        without the bias; root of the mean variance over readings; NaN under conditions that make no references),
        session_sd_mm (between sessions of a case; NaN without repeats), drift_mm with drift_mm_low and drift_mm_high
        (change per reading in the order of reading, by ``clustered_slope``; NaN if the order is unknown).
    """
    spreads = study.readings[study.readings["metric"] == "border_spread_mm"]
    squares = spreads.assign(value=spreads["value"] ** 2).groupby(["label", "condition", "reader"])["value"].mean()
    own = study.readings[study.readings["metric"] == "border_offset_mm"].dropna(subset=["value"])
    keys = ["label", "condition", "reader"]
    rows = []
    for key, readings in own.groupby(keys, sort=False):
        by_case = readings.groupby("case")["value"]
        found = _mean(by_case.mean(), study)
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
                **_interval("drift_mm", _drift(readings, study)),
            }
        )
    columns = [*keys, "n", "bias_mm", "low", "high", "spread_mm", "session_sd_mm"]
    columns += [f"drift_mm{end}" for end in _ENDS]
    return pd.DataFrame(rows, columns=columns)


def _drift(readings: pd.DataFrame, study: ReadingStudy) -> Estimate:
    known = readings.dropna(subset=["order"])
    return clustered_slope(known["order"].to_numpy(float), known["value"], study.patients_of(known["case"]))


def aided_effect(study: ReadingStudy) -> pd.DataFrame:
    """Compare each other condition with the voting one, paired by reader and case.

    Sessions of a reader are averaged first. A case's difference is the mean over its readers, and the interval is over
    cases (Student's t), clustered by patient; for readers as a sample of all readers use ``ctbench mrmc``.

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
                rows.append({"label": label, "metric": metric, "condition": condition} | _paired(both, metric, study))
        times = [_times(study, one) for one in (study.voting, condition)]
        rows.append(
            {"label": "", "metric": "seconds", "condition": condition}
            | _paired(times, "seconds", study)
            | _saved(times, study)
        )
    found = pd.DataFrame(rows)
    return found[found["n"] > 0].reset_index(drop=True) if len(found) else found


def _of(study: ReadingStudy, label: str, metric: str, condition: str) -> pd.DataFrame:
    rows = study.readings
    return rows[(rows["label"] == label) & (rows["metric"] == metric) & (rows["condition"] == condition)]


def _times(study: ReadingStudy, condition: str) -> pd.DataFrame:
    rows = study.readings[study.readings["condition"] == condition]
    return rows.drop_duplicates(["case", "reader", "session"]).assign(value=lambda own: own["seconds"])


def _paired(both: Sequence[pd.DataFrame], metric: str, study: ReadingStudy) -> dict[str, Any]:
    before, after = (own.groupby(["case", "reader"])["value"].mean() for own in both)
    table = pd.DataFrame({"before": before, "after": after}).dropna()
    difference = table["after"] - table["before"]
    found = _mean(difference.groupby("case").mean(), study)
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


def _saved(times: Sequence[pd.DataFrame], study: ReadingStudy) -> dict[str, float]:
    logs = [
        np.log(own.assign(value=own["value"].where(own["value"] > 0)).set_index(["case", "reader"])["value"])
        for own in times
    ]
    before, after = (one.groupby(["case", "reader"]).mean() for one in logs)
    found = _mean((after - before).dropna().groupby("case").mean(), study)
    return {
        "saved_share": 1 - math.exp(found.value) if found.n else math.nan,
        "saved_low": 1 - math.exp(found.high),
        "saved_high": 1 - math.exp(found.low),
    }


def _mean(by_case: pd.Series, study: ReadingStudy) -> Estimate:
    """Return the mean of the cases' values, with an interval that takes a patient's cases as alike."""
    known = by_case.dropna()
    patients, _ = pd.factorize(np.array(study.patients_of(known.index), dtype=object))
    found = clustered_mean(known.to_numpy(), patients)
    half = t_half_width(found.error, found.degrees)
    return Estimate(found.mean, found.mean - half, found.mean + half, n=len(known))
