"""Models' masks and volumes as sets and distributions beside the readers': GED, Dice-max, CRPS, conformal intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.report.frames.comparable_runs import rater_names
from ctbench.runs import Run
from ctbench.runs.folder import RunFolder
from ctbench.runs.forecasts import read_forecasts
from ctbench.scores import RaterKind
from ctbench.statistics.forecasts import (
    NOT_READ,
    ForecastTable,
    conformal_coverage,
    cramer_distance,
    crps_ensemble,
    crps_normal,
    dice_match,
    dice_max,
    energy_distance,
)
from ctbench.volume import read_geometry

__all__ = ["ALPHA", "EACH_READER", "SET_FIGURES", "VOLUME_FIGURES", "forecast_cases", "forecast_means"]

EACH_READER = "each reader against the others"
"""The ceiling: each reader in a model's place, compared with the other readers; the mean over readers."""

ALPHA = 0.1
"""Share of cases that may be outside of a conformal interval."""

SET_FIGURES = ("ged", "ged_level_sets", "dice_max", "dice_match", "dice_max_of_readers")
"""Figures of sets of masks: of the map above .5, and of the level sets above .1, .2 ... .9 as nine samples."""

VOLUME_FIGURES = ("crps_ml", "crps_normal_ml", "cramer_ml", "volume_ml", "volume_of_readers_ml", "volume_difference_ml")
"""Figures of the distribution of a volume."""

_LEVELS = np.arange(1, 10) / 10
_WHO = ("label", "rater", "rater_kind", "case", "patient")
_CONFORMAL = ("conformal_half_width_ml", "conformal_coverage")


def forecast_cases(runs: Sequence[Run]) -> pd.DataFrame:
    """Return for each structure and case how a model's masks and volumes compare with those of the readers.

    Everything is over the whole image, in the voxels that all readers of the case read. A model's masks are its map
    above .5, and its level sets. Its volume is distributed as that of its level sets, whose mean is the sum of
    probabilities: voxels are as correlated as they can be, so it is the widest distribution of these probabilities.

    Args:
        runs: Runs with ``--keep-probabilities``; others are left out.

    Returns:
        Columns label, rater, rater_kind (``reader`` for ``EACH_READER``), case, patient, then ``SET_FIGURES`` and
        ``VOLUME_FIGURES``; null where everything is empty, the run has no prediction that says how large a voxel is, or
        the reference is given as shares of votes, from which no reader's mask or volume can be told.

    Raises:
        UsageError: No run keeps probabilities, or two are of one rater.
        StoreError: A file of a run cannot be read.
    """
    kept = [run for run in runs if run.manifest.keep_probabilities]
    if not kept:
        names = ", ".join(str(run.folder) for run in runs)
        msg = f"{names} keeps no probabilities; make it by `ctbench run --keep-probabilities`"
        raise UsageError(msg)
    rows = []
    for rater, run in zip(rater_names(kept), kept, strict=True):
        for one in read_forecasts(run):
            if one.domain != "image":
                continue
            ml = _voxel_ml(run, one.case)
            head = {"label": one.label, "case": one.case, "patient": one.patient}
            model = {"rater": rater, "rater_kind": RaterKind.MODEL.value}
            if one.table.is_of_shares:
                rows.append(head | model | _of_shares(one.table, ml))
                continue
            cells = _Cells.of(one.table)
            rows.append(head | model | _of_model(cells, ml))
            if len(cells.readers) > 1:
                rows.append(
                    head | {"rater": EACH_READER, "rater_kind": RaterKind.READER.value} | _of_readers(cells, ml)
                )
    table = pd.DataFrame(rows, columns=[*_WHO, *SET_FIGURES, *VOLUME_FIGURES])
    return table.drop_duplicates(["label", "rater", "case"], ignore_index=True)


def forecast_means(
    cases: pd.DataFrame,
    figures: Sequence[str] = (*SET_FIGURES, *VOLUME_FIGURES),
    *,
    resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Return means over cases with 95 % intervals of a bootstrap of patients, and conformal intervals of volumes.

    A conformal interval of a model's volume is made from half of the patients, and its coverage is of the others.

    Args:
        cases: Table of ``forecast_cases``.
        figures: Columns of it. With ``volume_ml`` the conformal intervals are added.
        resamples: Bootstrap samples; 0: no intervals.
        seed: Seed of the bootstrap and of the draw of patients for calibration.

    Returns:
        Columns label, rater, rater_kind, figure, value, low, high, cases (with a value; of a conformal interval those
        that it was not made from).
    """
    rows = []
    for (label, rater, kind), own in cases.groupby(["label", "rater", "rater_kind"], sort=False):
        patients = own["patient"].to_numpy()
        for name in figures:
            values = own[name].to_numpy(float)
            found = _mean(values, patients, resamples, seed)
            rows.append((label, rater, kind, name, *found, int(np.count_nonzero(~np.isnan(values)))))
        if "volume_ml" in figures and kind == RaterKind.MODEL:
            made = conformal_coverage(own["volume_ml"], own["volume_of_readers_ml"], patients, alpha=ALPHA, seed=seed)
            for name, value in zip(_CONFORMAL, (made.half_width, made.coverage), strict=True):
                rows.append((label, rater, kind, name, value, np.nan, np.nan, made.cases))
    return pd.DataFrame(rows, columns=["label", "rater", "rater_kind", "figure", "value", "low", "high", "cases"])


class _Cells(NamedTuple):
    """Voxels that have the same probability and the same votes, counted."""

    forecasts: NDArray[np.float64]
    readers: NDArray[np.bool_]
    voxels: NDArray[np.float64]

    @classmethod
    def of(cls, table: ForecastTable) -> _Cells:
        """Return the cells in which all readers read; ``readers`` is readers x cells."""
        read = ~(table.votes == NOT_READ).any(axis=1)
        counts, votes = table.counts[:, read], table.votes[read] == 1
        level, pattern = np.nonzero(counts)
        return cls(table.forecasts[level], votes[pattern].T, counts[level, pattern])

    def above(self, levels: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return the masks of the voxels whose probability is above some levels: levels x cells."""
        return self.forecasts > levels[:, None]


def _of_model(cells: _Cells, ml: float) -> dict[str, float]:
    single, levels = cells.above(np.array([0.5])), cells.above(_LEVELS)
    return _sets(single, levels, cells.readers, cells.voxels) | _volumes(
        cells.above((np.arange(255) + 0.5) / 255) @ cells.voxels * ml,
        float(cells.forecasts @ cells.voxels) * ml,
        cells.readers @ cells.voxels * ml,
    )


def _of_shares(table: ForecastTable, ml: float) -> dict[str, float]:
    """Return the volumes alone: of given shares of votes, no reader's mask and no reader's volume is known."""
    volume = float(table.forecasts @ table.counts.sum(axis=1)) * ml
    of_readers = float(table.counts.sum(axis=0) @ table.votes[:, 0]) * ml
    return {
        **dict.fromkeys((*SET_FIGURES, *VOLUME_FIGURES), np.nan),
        "volume_ml": volume,
        "volume_of_readers_ml": of_readers,
        "volume_difference_ml": volume - of_readers,
    }


def _of_readers(cells: _Cells, ml: float) -> dict[str, float]:
    """Return the mean over readers of the figures of one reader beside the others."""
    found, volumes = [], cells.readers @ cells.voxels * ml
    for own in range(len(cells.readers)):
        others = np.arange(len(cells.readers)) != own
        alone = cells.readers[[own]]
        sets = _sets(alone, alone, cells.readers[others], cells.voxels)
        # The forecast is what the others say, the observation is the reader: as a model's volume is compared.
        found.append(sets | _volumes(volumes[others], float(volumes[others].mean()), volumes[[own]]))
    return {name: float(_nanmean(np.array([one[name] for one in found]))) for name in found[0]}


def _sets(
    single: NDArray[np.bool_], levels: NDArray[np.bool_], readers: NDArray[np.bool_], voxels: NDArray[np.float64]
) -> dict[str, float]:
    one, several, drawn = list(single), list(levels), list(readers)
    return {
        "ged": energy_distance(one, drawn, voxels=voxels),
        "ged_level_sets": energy_distance(several, drawn, voxels=voxels),
        "dice_max": dice_max(one, drawn, voxels=voxels),
        "dice_match": dice_match(several, drawn, voxels=voxels),
        "dice_max_of_readers": dice_max(drawn, several, voxels=voxels),
    }


def _volumes(ensemble: NDArray[np.float64], mean: float, observed: NDArray[np.float64]) -> dict[str, float]:
    if np.isnan(mean):
        return dict.fromkeys(VOLUME_FIGURES, np.nan)
    return {
        "crps_ml": float(np.mean([crps_ensemble(ensemble, one) for one in observed])),
        "crps_normal_ml": float(np.mean(crps_normal(mean, float(ensemble.std()), observed))),
        "cramer_ml": cramer_distance(ensemble, observed),
        "volume_ml": mean,
        "volume_of_readers_ml": float(observed.mean()),
        "volume_difference_ml": mean - float(observed.mean()),
    }


def _voxel_ml(run: Run, case: str) -> float:
    path = RunFolder(run.folder).prediction(case)
    return read_geometry(path).voxel_ml if path.is_file() else np.nan


def _mean(
    values: NDArray[np.float64], patients: NDArray[np.object_], resamples: int, seed: int
) -> tuple[float, float, float]:
    """Return the mean of the values that are known, and its 95 % interval over patients."""
    known = ~np.isnan(values)
    names, owner = np.unique(patients[known], return_inverse=True)
    if not len(names):
        return np.nan, np.nan, np.nan
    sums, counts = np.bincount(owner, values[known]), np.bincount(owner)
    mean = float(sums.sum() / counts.sum())
    if not resamples or len(names) < 2:
        return mean, np.nan, np.nan
    drawn = np.random.default_rng(seed).integers(0, len(names), (resamples, len(names)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [2.5, 97.5])
    return mean, float(low), float(high)


def _nanmean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else np.nan
