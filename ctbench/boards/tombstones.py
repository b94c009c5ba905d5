"""Tombstones of withdrawn runs: neither such a run, nor one that differs from it in next to nothing, comes back.

A tombstone keeps the values of one metric of a withdrawn model. The digest of a run changes with every byte of it; the
scores of predictions in which a few voxels were changed stay what they were.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ctbench.boards.partitions import checked_scores
from ctbench.boards.storage import Place
from ctbench.errors import CtbenchError, UsageError
from ctbench.runs.folder import Run
from ctbench.runs.manifest import Manifest, parse_manifest
from ctbench.scores import RaterKind, leave_one_out_rows

__all__ = ["bury", "expect_not_withdrawn", "resembles", "values_of"]

_USUAL = "dice"
_NEAR = 0.001
"""Values of one score that differ by less are alike; of metrics in mm or mL, in this share of the value."""
_LEAST_ALIKE = 0.5
_LEAST_TELLING = 3
_MOST_VALUES = 20_000


def bury(place: Place, digest: str, reason: str) -> None:
    """Write the tombstone of a run that is on the board."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    content = {"withdrawn": stamp, "reason": reason, **_likeness(place / "runs" / digest, digest)}
    (place / "withdrawn" / f"{digest}.json").write(json.dumps(content, ensure_ascii=False).encode())


def expect_not_withdrawn(place: Place, run: Run, digest: str) -> None:
    """Refuse a run that was withdrawn, or that has nearly the scores of one that was.

    Raises:
        UsageError: It was withdrawn; the message says why, and how the owner of the board lets it in again.
    """
    graves = place / "withdrawn"
    for name in graves.names():
        tombstone = _read(graves / name)
        same = name == f"{digest}.json"
        if same or _is_like(tombstone, run):
            why = tombstone.get("reason") or "no reason was given"
            what = "was withdrawn" if same else f"is like run {name.removesuffix('.json')}, which was withdrawn"
            msg = f"{run.folder} {what} from {place}: {why}; to let it in, the board's owner removes withdrawn/{name}"
            raise UsageError(msg)


def values_of(manifest: Manifest, rows: pd.DataFrame) -> tuple[str, dict[str, float]]:
    """Return a metric of a run, and its values on the reference of all readers by ``CASE<TAB>STRUCTURE``."""
    valued = rows[~leave_one_out_rows(rows["reference"]) & rows["value"].notna()]
    metrics = [name for name in (_USUAL, *manifest.metrics) if name in set(valued["metric"])]
    if not metrics:
        return "", {}
    own = valued[valued["metric"] == metrics[0]].iloc[:_MOST_VALUES]
    keys = own["case"].astype(str) + "\t" + own["label"].astype(str)
    return metrics[0], dict(zip(keys, own["value"].round(6), strict=True))


def resembles(former: Mapping[str, float], values: Mapping[str, float]) -> bool:
    """Return whether at least half of the values are those of a former run.

    The value 0 says little: every bad model misses the small lesions. It counts only if there is nothing else; then all
    values must agree.
    """
    telling = [key for key, value in former.items() if value != 0]
    least = _LEAST_ALIKE if len(telling) >= _LEAST_TELLING else 1.0
    keys = telling if len(telling) >= _LEAST_TELLING else list(former)
    alike = sum(key in values and abs(values[key] - former[key]) <= _NEAR * max(1.0, abs(former[key])) for key in keys)
    return bool(keys) and alike >= least * len(keys)


def _likeness(own: Place, digest: str) -> dict[str, Any]:
    """Return what a tombstone keeps of a run of a model; nothing of one that cannot be read."""
    try:
        manifest = parse_manifest((own / "run.json").read().decode("utf-8", errors="replace"), f"run {digest}")
        rows, _ = checked_scores(digest, manifest, (own / "scores.parquet").read())
    except CtbenchError:
        return {}
    if manifest.rater_kind == RaterKind.READER:  # every true run of the readers is like every other
        return {}
    metric, values = values_of(manifest, rows)
    return {"dataset": manifest.dataset, "metric": metric, "values": values}


def _is_like(tombstone: Mapping[str, Any], run: Run) -> bool:
    manifest = run.manifest
    if manifest.rater_kind == RaterKind.READER or tombstone.get("dataset") != manifest.dataset:
        return False
    own = run.scores[run.scores["metric"] == tombstone.get("metric")]
    former = tombstone.get("values")
    return isinstance(former, dict) and resembles(former, values_of(manifest, own)[1])


def _read(file: Place) -> Mapping[str, Any]:
    """Return the content of a tombstone; one that is damaged still stands for the run that it is named after."""
    try:
        content = json.loads(file.read())
    except (CtbenchError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
