"""Scoring of one file against another: a reference and a prediction as label maps or segmentations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench import metrics as metrics_of_arrays
from ctbench.annotations import Naming, found_labels, named_labels, read_annotation
from ctbench.errors import LabelError
from ctbench.labels import LabelSet
from ctbench.reference import Reference
from ctbench.volume import read_geometry, read_label_map

__all__ = ["score", "score_lesions"]


def score(
    reference: str | PathLike[str],
    prediction: str | PathLike[str],
    *,
    labels: LabelSet | Mapping[str, int] | None = None,
    image: str | PathLike[str] | None = None,
    excluded: str | PathLike[str] | None = None,
    metrics: Iterable[str] | None = None,
    tolerance_mm: float | Mapping[str, float] = 1.0,
    surface: Literal["2d", "3d"] = "3d",
    naming: Naming | None = None,
) -> pd.DataFrame:
    """Score a label map in a file against another one, as ``ctbench score`` does.

    Args:
        reference: File of the reference.
        prediction: File of the prediction, on the grid of the reference.
        labels: Names and codes of the structures. None: the segments that the files name, or all their codes.
        image: File of the image, for segmentations without a grid of their own.
        excluded: File of a mask of voxels that do not count.
        metrics: Names of metrics. None: all.
        tolerance_mm: Tolerance of nsd in mm, one for all structures or by name.
        surface: ``3d``, or ``2d`` to measure distances within each axial slice.
        naming: How names in the files meet the labels.

    Returns:
        The rows of ``ctbench.metrics.score``: ``label, metric, value, unit, status, detail``.

    Raises:
        DataError: A file cannot be read, or the grids differ.
        LabelError: Both label maps are empty, and no labels are stated.
        UsageError: A metric is unknown, or one file names its segments and the other does not.
    """
    pair = _read(reference, prediction, labels, image, excluded, naming)
    return metrics_of_arrays.score(
        pair.reference,
        pair.prediction,
        spacing_mm=pair.spacing_mm,
        labels=pair.labels,
        metrics=metrics,
        tolerance_mm=tolerance_mm,
        surface=surface,
    )


def score_lesions(
    reference: str | PathLike[str],
    prediction: str | PathLike[str],
    *,
    protocols: Iterable[str] = tuple(metrics_of_arrays.lesions.PROTOCOLS),
    labels: LabelSet | Mapping[str, int] | None = None,
    image: str | PathLike[str] | None = None,
    excluded: str | PathLike[str] | None = None,
    tolerance_mm: float | Mapping[str, float] = 1.0,
    naming: Naming | None = None,
) -> pd.DataFrame:
    """Score the lesions of a label map in a file against another one, as ``ctbench score --lesions`` does.

    Args:
        reference: File of the reference.
        prediction: File of the prediction, on the grid of the reference.
        protocols: Names of ``metrics.lesions.PROTOCOLS``. Default: all.
        labels: Names and codes of the structures. None: the segments that the files name, or all their codes.
        image: File of the image, for segmentations without a grid of their own.
        excluded: File of a mask of voxels that do not count.
        tolerance_mm: Tolerance of the NSD of lesions in mm, one for all structures or by name.
        naming: How names in the files meet the labels.

    Returns:
        The rows of ``ctbench.metrics.lesions.case_scores``, one per structure and protocol.

    Raises:
        DataError: A file cannot be read, or the grids differ.
        LabelError: Both label maps are empty, and no labels are stated.
        UsageError: A protocol is unknown, or one file names its segments and the other does not.
    """
    pair = _read(reference, prediction, labels, image, excluded, naming)
    return metrics_of_arrays.lesions.case_scores(
        pair.reference,
        pair.prediction,
        spacing_mm=pair.spacing_mm,
        labels=pair.labels,
        protocols=protocols,
        tolerance_mm=tolerance_mm,
        surfaces=True,
    )


class _Pair(NamedTuple):
    """A reference and a prediction on one grid, and the structures to score."""

    reference: Reference
    prediction: NDArray[np.integer]
    spacing_mm: tuple[float, float, float]
    labels: LabelSet


def _read(
    reference: str | PathLike[str],
    prediction: str | PathLike[str],
    labels: LabelSet | Mapping[str, int] | None,
    image: str | PathLike[str] | None,
    excluded: str | PathLike[str] | None,
    naming: Naming | None,
) -> _Pair:
    paths = Path(reference), Path(prediction)
    stated = LabelSet(dict(labels)) if isinstance(labels, Mapping) and not isinstance(labels, LabelSet) else labels
    expected = stated if stated is not None else named_labels(paths)
    grid = None if image is None else read_geometry(image)
    names = naming or Naming()
    true = read_annotation(paths[0], labels=expected, image=grid, image_name=str(image), naming=names)
    guess = read_annotation(paths[1], labels=expected, image=true.geometry, image_name=str(reference), naming=names)
    truth = Reference.of(true.array)
    if excluded is not None:
        mask = read_label_map(excluded, image=true.geometry, image_name=str(reference)).array > 0
        truth = replace(truth, labels=np.where(mask, 0, true.array), excluded=mask)
    return _Pair(truth, guess.array, true.spacing_mm, expected or _all_codes(true.array, guess.array))


def _all_codes(*arrays: NDArray[np.integer]) -> LabelSet:
    found = found_labels(arrays)
    if not found:
        msg = "both label maps are empty; name the structures with --label NAME=CODE"
        raise LabelError(msg)
    return found
