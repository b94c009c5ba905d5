"""The index of a board: a table of its runs, so that a page need not open each."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable
from typing import Any

import pandas as pd

from ctbench.boards.storage import Place
from ctbench.errors import CtbenchError, StoreError
from ctbench.runs.digests import predictions_digest_of
from ctbench.runs.manifest import Manifest, parse_manifest
from ctbench.runs.parquet import read_bounded
from ctbench.runs.privacy import public_text
from ctbench.runs.rules import rules_digest
from ctbench.scores import Column

__all__ = [
    "COLUMNS",
    "INDEX_COLUMNS",
    "current_index",
    "facts_of",
    "index_row",
    "read_index",
    "submission_time",
    "typed_index",
    "write_index",
]

COLUMNS = (
    Column("run", "text", "", "Digest of the run: SHA-256 of its run.json."),
    Column("dataset", "text", "", "Name of the dataset."),
    Column("rater", "text", "", "Name of the model, or readers."),
    Column("rater_kind", "text", "", "model or reader."),
    Column("version", "text", "", "Version of the model, by its card; empty for readers."),
    Column("split", "text", "", "Split of the dataset that was scored; empty: all cases."),
    Column("cases", "integer", "cases", "Number of cases that were scored."),
    Column("failed", "integer", "cases", "Number of cases without a prediction."),
    Column("consensus", "text", "", "Rule that fused the readers into the reference."),
    Column("dataset_fingerprint", "text", "", "Digest of the dataset's files."),
    Column("submitted", "text", "", "Time of the submission, ISO 8601; empty if it was never submitted."),
    Column("rules", "text", "", "Digest that comparable runs share: same cases, references and metrics."),
    Column("overall_of", "text", "", "Structures of the model's overall mean, as JSON."),
    Column("metrics", "text", "", "Metric -> version of its definition, as JSON."),
    Column("trained_here", "boolean", "", "Whether the model was trained on this dataset, by its card."),
    Column("seconds", "number", "s", "Median time of a prediction; null if unknown."),
    Column("manifest", "text", "", "Text of run.json."),
    Column("problem", "text", "", "Why the run cannot be shown; empty if it can."),
)
"""The columns of a board's table of runs, in their order."""

INDEX_COLUMNS = tuple(column.name for column in COLUMNS)
"""The names of all columns."""

_MOST_RUNS = 1_000_000
_FREE_BYTES, _BYTES_PER_BYTE = 1 << 26, 1024
"""Bytes that the table may unpack to, and further ones for each byte of its file: manifests have much in common."""

_TYPES: dict[str, Any] = {"text": object, "integer": int, "boolean": bool, "number": float}


def write_index(place: Place, rows: pd.DataFrame) -> None:
    """Write the table of the runs, with the columns ``INDEX_COLUMNS``."""
    with (place / "index.parquet").writing() as file:
        typed_index(rows).to_parquet(file, index=False, compression="zstd")


def index_row(
    digest: str, own: Place, take: Callable[[str, Manifest, bytes], int], *, whole: bool = False
) -> dict[str, Any]:
    """Return the row of a run; one that cannot be read, or lacks the digests it states, is listed with the reason.

    Args:
        digest: Digest of the run.
        own: Folder of the run.
        take: Called with digest, manifest and bytes of the scores; returns the number of cases without a prediction.
        whole: Whether to read the predictions too, and check their digest.
    """
    row: dict[str, Any] = dict.fromkeys(INDEX_COLUMNS, "") | {"run": digest, "seconds": math.nan}
    row |= {"cases": 0, "failed": 0, "trained_here": False}
    try:
        content = (own / "run.json").read()
        text = content.decode("utf-8", errors="replace")
        manifest = parse_manifest(text, f"run {digest}")
        scores = (own / "scores.parquet").read()
        _expect_digests(digest, content, manifest, scores)
        if whole:
            _expect_predictions(digest, manifest, own)
        lost = take(digest, manifest, scores)
    except CtbenchError as error:
        return row | {"problem": public_text(str(error))}
    return row | {
        **facts_of(manifest),
        "failed": lost,
        "submitted": re.sub(r"\.\d+", "", submission_time(own)),
        "seconds": _seconds(own / "times.parquet", len(manifest.cases)),
        "manifest": text,
    }


def facts_of(manifest: Manifest) -> dict[str, Any]:
    """Return the columns of a run's row that follow from its manifest."""
    return {
        "dataset": manifest.dataset,
        "rater": manifest.rater,
        "rater_kind": manifest.rater_kind.value,
        "version": manifest.predictor.info.version if manifest.predictor else "",
        "split": manifest.split,
        "cases": len(manifest.cases),
        "consensus": manifest.consensus,
        "dataset_fingerprint": manifest.dataset_fingerprint,
        "rules": rules_digest(manifest),
        "overall_of": json.dumps(_overall_of(manifest)),
        "metrics": json.dumps(manifest.metrics),
        "trained_here": bool(manifest.predictor and manifest.dataset in manifest.predictor.info.training_datasets),
    }


def _expect_digests(digest: str, content: bytes, manifest: Manifest, scores: bytes) -> None:
    """Check the name of a run and the digest of its scores."""
    named = hashlib.sha256(content).hexdigest()
    if named != digest:
        msg = f"the folder of run {digest} is not named by the digest of its run.json, {named}: one of them was changed"
        raise StoreError(msg)
    found = hashlib.sha256(scores).hexdigest()
    if manifest.scores_digest and found != manifest.scores_digest:  # runs of schema version 1 kept none
        msg = f"scores.parquet of run {digest} was changed after the run was made: its digest is {found}"
        raise StoreError(msg)


def _expect_predictions(digest: str, manifest: Manifest, own: Place) -> None:
    """Check the digests of the predictions of a run, and of the table of their probabilities."""
    folder, forecasts = own / "predictions", own / "probabilities.parquet"
    found = predictions_digest_of({name: _sha256(folder / name) for name in folder.names()})
    if found != manifest.predictions_digest:
        msg = f"a prediction of run {digest} was changed after the run was made: their digest is {found}"
        raise StoreError(msg)
    found = _sha256(forecasts) if forecasts.exists() else ""
    if found != manifest.probabilities_digest:
        msg = f"probabilities.parquet of run {digest} was changed after the run was made: its digest is {found!r}"
        raise StoreError(msg)


def _sha256(file: Place) -> str:
    return hashlib.sha256(file.read()).hexdigest()


def submission_time(own: Place) -> str:
    """Return when the run in a folder was submitted; empty if that is not known."""
    try:
        return str(json.loads((own / "submitted.json").read())["submitted"])
    except (CtbenchError, ValueError, KeyError, TypeError):
        return ""


def _overall_of(manifest: Manifest) -> list[str]:
    """Return the structures of the overall mean: the labels that the predictor claims, or its groups if it has none."""
    labels, groups = (
        [name for name in names if name not in manifest.unsupported]
        for names in (sorted(manifest.labels, key=manifest.labels.__getitem__), manifest.groups)
    )
    return labels or groups


def _seconds(times: Place, cases: int) -> float:
    """Return the median time of a prediction, NaN if the run has no times."""
    try:
        frame = read_bounded(times.read(), str(times), 2 * cases, ["phase", "seconds"])
    except CtbenchError:
        return math.nan
    if not {"phase", "seconds"} <= set(frame.columns) or not pd.api.types.is_numeric_dtype(frame["seconds"]):
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
            "`ctbench board rebuild`, or submit a run"
        )
        raise StoreError(msg)
    return index.drop_duplicates("run", ignore_index=True)


def current_index(place: Place) -> pd.DataFrame:
    """Return the table to add runs to; empty if an earlier version of ctbench made it.

    Raises:
        StoreError: The table cannot be read.
    """
    index = _read(place)
    return index if set(INDEX_COLUMNS) <= set(index.columns) else typed_index(index.iloc[:0])


def typed_index(index: pd.DataFrame) -> pd.DataFrame:
    """Return the columns ``INDEX_COLUMNS`` of a table with their types."""
    types = {column.name: _TYPES[column.type] for column in COLUMNS}
    return index.reindex(columns=list(INDEX_COLUMNS)).astype(types)


def _read(place: Place) -> pd.DataFrame:
    """Return the table as it is kept, with the types of ``INDEX_COLUMNS`` if it has all of them."""
    file = place / "index.parquet"
    if not file.exists():
        return typed_index(pd.DataFrame(columns=list(INDEX_COLUMNS)))
    content = file.read()
    try:
        most = _FREE_BYTES + _BYTES_PER_BYTE * len(content)
        index = read_bounded(content, str(file), _MOST_RUNS, most_bytes=most)
        texts = index.select_dtypes(exclude=["number", "bool"])
        if not all(isinstance(value, str) for _, column in texts.items() for value in column):
            msg = "a column holds no text"
            raise ValueError(msg)
        return typed_index(index) if set(INDEX_COLUMNS) <= set(index.columns) else index
    except (StoreError, ValueError, TypeError) as error:
        msg = f"{file} cannot be read: {error.__cause__ or error}; remove it, and the next submission makes it anew"
        raise StoreError(msg) from error
