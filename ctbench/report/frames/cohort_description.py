"""Description of a cohort: scanner and protocol from DICOM headers, grid, the case table, and shares of voxels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ctbench.datasets import Case
from ctbench.metric_descriptions import REFERENCE_VOLUME
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.volume.dicom.series import choose_series, find_series, read_tags

__all__ = ["cohort_description", "voxel_shares"]

_TAGS = {
    "manufacturer": "0008|0070",
    "model of scanner": "0008|1090",
    "slice thickness, mm": "0018|0050",
    "tube voltage, kVp": "0018|0060",
    "gantry tilt, degrees": "0018|1120",
    "convolution kernel": "0018|1210",
    "sex": "0010|0040",
    "age, years": "0010|1010",
}
"""Fact -> DICOM tag; the case table's columns of the first word's name come first."""
_MOST = 6


def cohort_description(cases: Sequence[Case]) -> pd.DataFrame:
    """Describe cases: what DICOM headers and the case table state of them.

    Args:
        cases: Cases of a dataset. The headers are those of the first slice of each series.

    Returns:
        Columns ``fact``, ``value`` (numbers: mean and range; texts: each with its number of cases), ``n`` (cases that
        state the fact). Facts that no case states are left out.
    """
    rows: list[dict[str, Any]] = [{"fact": "cases", "value": str(len(cases)), "n": len(cases)}]
    rows.append({"fact": "patients", "value": str(len({case.patient or case.id for case in cases})), "n": len(cases)})
    facts: dict[str, list[str]] = {}
    for case in cases:
        for name, value in _facts(case).items():
            facts.setdefault(name, []).append(value)
    rows += [{"fact": name, "value": _summary(values), "n": len(values)} for name, values in facts.items()]
    return pd.DataFrame(rows)


def voxel_shares(results: ComparableRuns, cases: Sequence[Case]) -> pd.DataFrame:
    """Return the share of each class among all voxels of the cases' images, from the reference's volumes.

    Args:
        results: Runs with the metric ``reference_volume_ml``.
        cases: Their cases, for the size of the images.

    Returns:
        Columns ``label`` and ``percent`` (null without that metric); the last row is what no label holds: background,
        voxels on which the readers could not agree, and slices that nobody annotated.
    """
    known = REFERENCE_VOLUME in results.metrics
    volumes = results.scores_on(REFERENCE_VOLUME, results.common) if known else pd.DataFrame()
    grids = [case.image_geometry() for case in cases]
    whole_ml = sum(float(np.prod(grid.shape)) * grid.voxel_ml for grid in grids if grid is not None)
    if volumes.empty or not whole_ml or any(grid is None for grid in grids):
        return pd.DataFrame({"label": list(results.labels), "percent": np.nan})
    single = volumes.drop_duplicates(["case", "label"])
    sums = single.groupby("label")["value"].sum().reindex(list(results.labels), fill_value=0.0)
    percent = 100 * sums / whole_ml
    return pd.DataFrame(
        {"label": [*results.labels, "no label"], "percent": [*percent.to_list(), 100 - float(percent.sum())]}
    )


def _facts(case: Case) -> dict[str, str]:
    grid = case.image_geometry()
    found = {} if grid is None else {"slices": str(grid.shape[0]), "distance of slices, mm": f"{grid.spacing_mm[0]:g}"}
    headers = _headers(case)
    for name in (*_TAGS, *case.subgroups):
        value = str(case.subgroups.get(name) or case.subgroups.get(name.split(",")[0], "") or headers.get(name, ""))
        if value:
            found[name] = value
    for name in _TAGS:
        if name.split(",")[0] != name:
            found.pop(name.split(",")[0], None)
    return found


def _headers(case: Case) -> Mapping[str, str]:
    """Return the facts of a DICOM image; nothing for a file of another format."""
    if case.image_path is None or not case.image_path.is_dir():
        return {}
    series = choose_series(find_series(case.image_path), case.series, case.image_path)
    stated = read_tags(series.slices[0].path, _TAGS.values())
    found = {name: stated[tag] for name, tag in _TAGS.items() if tag in stated}
    age = found.get("age, years", "")
    if age.endswith("Y"):  # DICOM's age string: 073Y
        found["age, years"] = age[:-1].lstrip("0")
    return found


def _summary(values: Iterable[str]) -> str:
    """Return the mean and range of numbers, or each text with its number of cases, most frequent first."""
    texts = list(values)
    numbers = pd.to_numeric(pd.Series(texts), errors="coerce")
    if numbers.notna().all() and numbers.min() < numbers.max():
        return f"mean {numbers.mean():.1f}, range {numbers.min():g} to {numbers.max():g}"
    counts = pd.Series(texts).value_counts()
    shown = [f"{name} ({count})" for name, count in counts.head(_MOST).items()]
    more = f", {len(counts) - _MOST} more" if len(counts) > _MOST else ""
    return ", ".join(shown) + more
