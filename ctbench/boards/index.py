"""The index of a board: a table of its runs, so that a page need not open each."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from ctbench.boards.storage import Place
from ctbench.errors import CtbenchError, StoreError
from ctbench.runs.manifest import Manifest, parse_manifest
from ctbench.runs.rules import rules_digest

__all__ = ["INDEX_COLUMNS", "current_index", "index_row", "read_index", "typed_index", "write_index"]

INDEX_COLUMNS = (
    "run",
    "dataset",
    "rater",
    "rater_kind",
    "version",
    "split",
    "cases",
    "failed",
    "consensus",
    "dataset_fingerprint",
    "submitted",
    "rules",
    "overall_of",
    "metrics",
    "trained_here",
    "seconds",
    "manifest",
    "problem",
)
"""The columns of ``Board.runs``.

``run`` is a digest; ``rules`` a digest that comparable runs share; ``overall_of`` the structures of the overall mean,
and ``metrics`` the versions of their definitions, both as JSON; ``trained_here``: whether the predictor was trained on
this dataset; ``seconds``: median time of a prediction (null if unknown); ``manifest``: the text of ``run.json``;
``problem``: why a run cannot be shown, else empty."""

_TYPES: dict[str, Any] = {"cases": int, "failed": int, "trained_here": bool, "seconds": float}


def write_index(place: Place, rows: pd.DataFrame) -> None:
    """Write the table of the runs, with the columns ``INDEX_COLUMNS``."""
    with (place / "index.parquet").writing() as file:
        typed_index(rows).to_parquet(file, index=False, compression="zstd")


def index_row(digest: str, own: Place, take: Callable[[str, Manifest, bytes], int]) -> dict[str, Any]:
    """Return the row of a run; a run that cannot be read is listed with the reason.

    Args:
        digest: Digest of the run.
        own: Folder of the run.
        take: Called with digest, manifest and bytes of the scores; returns the number of cases without a prediction.
    """
    row: dict[str, Any] = dict.fromkeys(INDEX_COLUMNS, "") | {"run": digest, "seconds": math.nan}
    row |= {"cases": 0, "failed": 0, "trained_here": False}
    try:
        text = (own / "run.json").read().decode("utf-8", errors="replace")
        manifest = parse_manifest(text, f"run {digest}")
        lost = take(digest, manifest, (own / "scores.parquet").read())
    except CtbenchError as error:
        return row | {"problem": str(error)}
    return row | {
        "dataset": manifest.dataset,
        "rater": manifest.rater,
        "rater_kind": manifest.rater_kind.value,
        "version": manifest.predictor.info.version if manifest.predictor else "",
        "split": manifest.split,
        "cases": len(manifest.cases),
        "failed": lost,
        "consensus": manifest.consensus,
        "dataset_fingerprint": manifest.dataset_fingerprint,
        "submitted": _stamped(own / "submitted.json"),
        "rules": rules_digest(manifest),
        "overall_of": json.dumps(_overall_of(manifest)),
        "metrics": json.dumps(manifest.metrics),
        "trained_here": bool(manifest.predictor and manifest.dataset in manifest.predictor.info.training_datasets),
        "seconds": _seconds(own / "times.parquet"),
        "manifest": text,
    }


def _stamped(file: Place) -> str:
    """Return when a run was submitted; empty if that is not known."""
    try:
        return str(json.loads(file.read())["submitted"])
    except (CtbenchError, ValueError, KeyError, TypeError):
        return ""


def _overall_of(manifest: Manifest) -> list[str]:
    """Return the structures of the overall mean: the labels that the predictor claims, or its groups if it has none."""
    labels, groups = (
        [name for name in names if name not in manifest.unsupported]
        for names in (sorted(manifest.labels, key=manifest.labels.__getitem__), manifest.groups)
    )
    return labels or groups


def _seconds(times: Place) -> float:
    """Return the median time of a prediction, NaN if the run has no times."""
    try:
        frame = pd.read_parquet(io.BytesIO(times.read()), columns=["phase", "seconds"])
    except (CtbenchError, OSError, ValueError):
        return math.nan
    return float(frame.loc[frame["phase"] == "predict", "seconds"].median())


def read_index(place: Place) -> pd.DataFrame:
    """Return the table of the runs of a board; empty for a board without one.

    Raises:
        StoreError: The table cannot be read, or an earlier version of ctbench made it.
    """
    index = _read(place)
    if not set(INDEX_COLUMNS) <= set(index.columns):
        msg = (
            f"{place / 'index.parquet'} was made by an earlier version of ctbench; rebuild it with "
            "`ctbench.boards.rebuild`, or submit a run"
        )
        raise StoreError(msg)
    return typed_index(index)


def current_index(place: Place) -> pd.DataFrame:
    """Return the table to add runs to; empty if an earlier version of ctbench made it.

    Raises:
        StoreError: The table cannot be read.
    """
    index = _read(place)
    return typed_index(index if set(INDEX_COLUMNS) <= set(index.columns) else index.iloc[:0])


def typed_index(index: pd.DataFrame) -> pd.DataFrame:
    """Return the columns ``INDEX_COLUMNS`` of a table with their types."""
    texts = dict.fromkeys((name for name in INDEX_COLUMNS if name not in _TYPES), object)
    return index.reindex(columns=list(INDEX_COLUMNS)).astype(texts | _TYPES)


def _read(place: Place) -> pd.DataFrame:
    file = place / "index.parquet"
    if not file.exists():
        return pd.DataFrame(columns=list(INDEX_COLUMNS))
    try:
        return pd.read_parquet(io.BytesIO(file.read()))
    except (OSError, ValueError) as error:
        msg = f"{file} cannot be read: {error}; remove it, and the next submission makes it anew"
        raise StoreError(msg) from error
