"""Each reader's sensitivity and specificity against the hidden truth that STAPLE estimates, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from ctbench.consensus.patterns import Domain, VotePatterns, contested_patterns, count_patterns, pool
from ctbench.consensus.readings import Annotated, LabelMaps, Readings
from ctbench.consensus.staple import fit_staple
from ctbench.errors import DataError
from ctbench.statistics.estimate import ALPHA, t_quantile

__all__ = [
    "PERFORMANCE_COLUMNS",
    "QUANTITIES",
    "expected_calls",
    "performance_table",
    "pooled_performance",
    "rates",
    "reader_performance",
]

_FEWEST_GROUPS = 5
"""From fewer slices or cases no interval is computed."""

QUANTITIES = ("sensitivity", "specificity")
PERFORMANCE_COLUMNS = ("reader", "label", "quantity", "value", "low", "high", "groups", "reason")


def reader_performance(
    label_maps: LabelMaps,
    labels: Mapping[str, int],
    *,
    annotated: Annotated | None = None,
    domain: Domain = "box",
) -> pd.DataFrame:
    """Estimate the performance of each reader of one case.

    Args:
        label_maps: As for ``fuse``.
        labels: Name -> code.
        annotated: As for ``fuse``.
        domain: Where background counts; a specificity means nothing without it.

    Returns:
        Columns reader, label, quantity (``sensitivity``, ``specificity``), value, low, high, groups (slices in which
        somebody drew something), reason (why a number is NaN). The interval is a delete-one-slice jackknife on the
        logit scale, so that it stays between 0 and 1; voxels of a slice are not independent, slices less dependent.
        With 20 slices it covers the sensitivity in 93 % of simulated studies (``benchmarks/calibration.py``).

    Raises:
        CtbenchError: As for ``fuse``.
    """
    readings = Readings.of(label_maps, annotated)
    return performance_table(readings.readers, _counted(readings, domain), labels, "slices")


def pooled_performance(
    cases: Sequence[tuple[LabelMaps, Annotated | None]], labels: Mapping[str, int], *, domain: Domain = "box"
) -> pd.DataFrame:
    """Estimate the performance of the readers of a data set from one fit over all cases.

    Args:
        cases: Label maps and annotated slices of each case, as for ``fuse``. A reader who did not read a case has no
            label map there, and no part in it.
        labels: Name -> code.
        domain: Where background counts: ``box`` (of each case) or ``image``.

    Returns:
        As ``reader_performance``; groups are cases, and the interval is a jackknife over them.

    Raises:
        DataError: ``cases`` is empty.
        CtbenchError: As for ``fuse``.
    """
    if not cases:
        msg = "no cases; expected the label maps of at least one"
        raise DataError(msg)
    readings = [Readings.of(maps, annotated) for maps, annotated in cases]
    readers = tuple(dict.fromkeys(reader for one in readings for reader in one.readers))
    counted = [_counted(one, domain) for one in readings]
    return performance_table(readers, pool(counted, [one.readers for one in readings], readers), labels, "cases")


def _counted(readings: Readings, domain: Domain) -> VotePatterns:
    return count_patterns(readings, contested_patterns(readings), domain)


def performance_table(
    readers: Sequence[str], patterns: VotePatterns, labels: Mapping[str, int], groups: str
) -> pd.DataFrame:
    """Fit STAPLE to vote patterns and return the table of ``reader_performance``.

    Args:
        readers: Their names, in the order of the votes.
        patterns: Counted by slice or by case: the interval is a jackknife over these groups.
        labels: Name -> code.
        groups: What a group is, in words.
    """
    hits, judged = expected_calls(patterns, labels)
    value = rates(hits, judged)
    informative = np.flatnonzero(patterns.counts @ (patterns.votes > 0).any(axis=1)).tolist()
    low = high = np.full_like(value, np.nan)
    if enough := len(informative) >= _FEWEST_GROUPS:
        low, high = _jackknife(
            _logit(hits, judged), [_logit(*expected_calls(patterns.without_group(one), labels)) for one in informative]
        )
    few = "" if enough else f"no interval from {len(informative)} {groups}; expected {_FEWEST_GROUPS} or more"
    table = pd.DataFrame(
        {"value": value.ravel(), "low": np.fmin(low, value).ravel(), "high": np.fmax(high, value).ravel()},
        index=pd.MultiIndex.from_product([readers, labels, QUANTITIES], names=["reader", "label", "quantity"]),
    )
    judgeable = table["value"].notna()
    table.loc[~judgeable | (not enough), ["low", "high"]] = np.nan
    table["groups"] = len(informative)
    table["reason"] = np.where(judgeable, few, "the readers' votes leave no voxel to judge it by")
    return table.reset_index()


def expected_calls(
    patterns: VotePatterns, labels: Mapping[str, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit STAPLE, and count what each reader called rightly of what there was to call.

    Args:
        patterns: Vote patterns.
        labels: Name -> code.

    Returns:
        Expected numbers of voxels, each readers x labels x ``QUANTITIES``: called rightly, and to be called.
    """
    joint = fit_staple(patterns).joint
    codes = patterns.codes.tolist()
    hits, judged = np.zeros((2, len(joint), len(labels), len(QUANTITIES)))
    for place, code in enumerate(labels.values()):
        index = codes.index(code) if code in codes else None
        drawn, true = (joint.sum(axis=axis) for axis in (2, 1))  # by what was drawn, by what is true
        total = joint.sum(axis=(1, 2))
        both = joint[:, index, index] if index is not None else 0.0
        drew, held = (drawn[:, index], true[:, index]) if index is not None else (0.0, 0.0)
        hits[:, place] = np.stack([both + 0 * total, total - drew - held + both], axis=1)
        judged[:, place] = np.stack([held + 0 * total, total - held], axis=1)
    return hits, judged


def rates(hits: NDArray[np.float64], judged: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sensitivities and specificities of ``expected_calls``; NaN where there was nothing to call."""
    return np.divide(hits, judged, out=np.full_like(hits, np.nan), where=judged > 0)


def _logit(hits: NDArray[np.float64], judged: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the empirical logit, which is finite where a reader is always right or always wrong."""
    moved: NDArray[np.float64] = logit((hits + 0.5) / (judged + 1))
    return moved


def _jackknife(
    whole: NDArray[np.float64], without: Sequence[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n = len(without)
    error = np.sqrt((n - 1) * np.var(np.stack(without), axis=0))
    half = t_quantile(1 - ALPHA / 2, n - 1) * error
    return expit(whole - half), expit(whole + half)
