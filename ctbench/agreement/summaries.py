"""Summaries of a reader study: means over cases, and the reliability of volumes, with 95 % intervals."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pandas as pd

from ctbench.agreement.study import ReaderStudy
from ctbench.statistics import Estimate, Population, describe, icc, overall, overall_ccc
from ctbench.statistics.reliability import Form

__all__ = ["pair_summary", "reader_summary", "reliability"]

_EITHER: Population = "penalise"
"""Of two readers neither is the reference: the cases in which either drew the structure count."""

_BETWEEN = "\n"
"""Between the names of two readers: no file, and so no reader, is named with it."""


def pair_summary(study: ReaderStudy) -> pd.DataFrame:
    """Describe how far each pair of readers agrees, by structure and metric, over cases.

    Returns:
        Columns label, reader, other, and those of ``ctbench.statistics.describe``. Where there are several structures,
        the label ``overall`` describes each case's mean over them (``ctbench.statistics.overall``).
    """
    by = ("label", "reader", "other")
    table = describe(study.pairs, by=by, population=_EITHER)
    labels = [label for label in study.labels if label in set(table["label"])]
    if len(labels) < 2:
        return table
    pairs = study.pairs.assign(rater=study.pairs["reader"] + _BETWEEN + study.pairs["other"])
    means = overall(pairs, labels=labels, population=_EITHER)
    means[["reader", "other"]] = means["rater"].str.split(_BETWEEN, expand=True)
    return pd.concat([table, describe(means, by=by, population=_EITHER)], ignore_index=True)


def reader_summary(study: ReaderStudy) -> pd.DataFrame:
    """Describe each reader's volumes, STAPLE performance and weight in the consensus, by structure, over cases.

    Returns:
        Columns label, reader, and those of ``ctbench.statistics.describe``.
    """
    return describe(study.by_reader, by=("label", "reader"), population=_EITHER)


def reliability(study: ReaderStudy) -> pd.DataFrame:
    """Return the reliability of the readers by structure.

    Intraclass correlations and the overall concordance correlation are of the volumes, with the intervals of
    ``ctbench.statistics.icc`` and ``overall_ccc``. For the forms 1,1 and 1,k it does not matter who read a case, only
    how many did; for the others a case counts if every reader of the study read it. Fleiss' kappa, Krippendorff's
    alpha and the generalised conformity index are computed on the voxels of each case; these are their means over cases
    with t intervals, because cases are independent and voxels are not.

    Returns:
        A row for each structure and statistic (``icc(1,1)`` to ``icc(3,k)``, ``overall_ccc``, ``fleiss_kappa``,
        ``krippendorff_alpha``, ``generalised_conformity_index``): label, statistic, value, low, high, n (cases that
        count), left_out (cases without a value), reason (why something is NaN).
    """
    rows = []
    described = describe(study.agreement, by="label", population=_EITHER)
    known = {*described["label"], *study.by_reader["label"]}
    for label in [name for name in (*study.labels, *study.groups) if name in known]:
        volumes = _volumes(study, label)
        rows += [_row(label, f"icc({form})", _icc(volumes, form)) for form in get_args(Form)]
        rows.append(_row(label, "overall_ccc", _WITHOUT_VOLUMES if volumes.empty else overall_ccc(volumes)))
        for mean in described[described["label"] == label].to_dict("records"):
            reason = {0: "no case has a value", 1: "one case: no interval"}.get(mean["n"], "")
            left_out = int(mean["rows"] - mean["n"])
            found = Estimate(mean["mean"], mean["low"], min(mean["high"], 1.0), int(mean["n"]), left_out, reason)
            rows.append(_row(label, mean["metric"], found))
    return pd.DataFrame(rows)


def _volumes(study: ReaderStudy, label: str) -> pd.DataFrame:
    """Return the volumes of a structure, cases x readers."""
    own = study.by_reader
    own = own[(own["label"] == label) & (own["metric"] == "volume_ml")]
    return own.pivot_table("value", "case", "reader")


_WITHOUT_VOLUMES = Estimate(math.nan, reason="no slice was annotated by all readers of a case")


def _icc(volumes: pd.DataFrame, form: Form) -> Estimate:
    if volumes.empty:
        return _WITHOUT_VOLUMES
    table = volumes.to_numpy()
    if form.startswith("1"):
        # Whose reading a column holds means nothing here: NaN go last, and columns of NaN away.
        table = np.sort(table, axis=1)
        table = table[:, ~np.isnan(table).all(axis=0)]
    return icc(table, form)


def _row(label: str, statistic: str, found: Estimate) -> dict[str, object]:
    return {
        "label": label,
        "statistic": statistic,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n": found.n,
        "left_out": found.left_out,
        "reason": found.reason,
    }
