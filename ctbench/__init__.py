"""Scores head-CT segmentation against fused human readers.

Everything named in ``__all__`` is the public surface. It is imported when it is first used, so that ``import ctbench``
and ``ctbench --help`` take no time.

Example:
    >>> import numpy as np
    >>> import ctbench
    >>> readers = {name: np.zeros((2, 4, 4), int) for name in ("ann", "ben", "cem")}
    >>> readers["ann"][0, :2] = readers["ben"][0, :2] = 1
    >>> reference = ctbench.consensus.fuse(readers)
    >>> int(reference.labels.sum())
    8
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctbench import consensus, metrics, statistics
    from ctbench.datasets import Case, Dataset, load_dataset
    from ctbench.errors import CtbenchError
    from ctbench.labels import LabelSet
    from ctbench.predictors import Finding, Prediction, Predictor, PredictorInfo, check_conformance, load_predictor
    from ctbench.reference import Reference
    from ctbench.report import build_report
    from ctbench.runs import Run, open_run, run
    from ctbench.volume import Volume, read_label_map, read_volume, write_volume

__all__ = [
    "Case",
    "CtbenchError",
    "Dataset",
    "Finding",
    "LabelSet",
    "Prediction",
    "Predictor",
    "PredictorInfo",
    "Reference",
    "Run",
    "Volume",
    "build_report",
    "check_conformance",
    "consensus",
    "load_dataset",
    "load_predictor",
    "metrics",
    "open_run",
    "read_label_map",
    "read_volume",
    "run",
    "statistics",
    "write_volume",
]

_HOMES = {
    "ctbench.datasets": ("Case", "Dataset", "load_dataset"),
    "ctbench.errors": ("CtbenchError",),
    "ctbench.labels": ("LabelSet",),
    "ctbench.predictors": (
        "Finding",
        "Prediction",
        "Predictor",
        "PredictorInfo",
        "check_conformance",
        "load_predictor",
    ),
    "ctbench.reference": ("Reference",),
    "ctbench.report": ("build_report",),
    "ctbench.runs": ("Run", "open_run", "run"),
    "ctbench.volume": ("Volume", "read_label_map", "read_volume", "write_volume"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
