"""Expected results of a run: a small text file that a model's repository keeps under version control."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from ctbench.datasets.yamlfile import parse_yaml
from ctbench.errors import MissingFileError, SchemaVersionError, UsageError
from ctbench.metric_descriptions import LOCKED_METRICS
from ctbench.runs.changes import MOVED_COLUMNS, TOLERANCE
from ctbench.runs.folder import Run
from ctbench.scores import LOST, Status, leave_one_out_rows

__all__ = ["Lock", "lock", "moved_from_lock", "read_lock"]

"""What is locked unless other metrics are named, as far as the run has them."""

_VERSION = 1
_HEAD = "# What `ctbench run` should give; made by `ctbench lock`, checked by `ctbench verify RUN --lock`.\n"


class LockedMean(BaseModel):
    """The mean of one metric of one structure over cases."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rater: str
    label: str
    metric: str
    n: int
    """Number of cases with a value."""
    mean: float | None
    """Null if no case has a value."""


class Lock(BaseModel):
    """The inputs of a run, and its results against the reference of all readers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lock_version: Literal[1]
    dataset: str
    dataset_fingerprint: str
    split: str
    rater: str
    rater_version: str
    """Empty for readers."""
    consensus: str
    surface: str
    metrics: dict[str, int]
    """Metric -> version of its definition."""
    failed: int
    """Cases without a prediction."""
    results: tuple[LockedMean, ...]

    def to_text(self) -> str:
        """Return the text of the file: a line for each mean, so that a diff shows each change."""
        content = self.model_dump(mode="json")
        results = content.pop("results")
        lines = [yaml.safe_dump(one, default_flow_style=True, width=math.inf, sort_keys=False) for one in results]
        return _HEAD + yaml.safe_dump(content, sort_keys=False) + "results:\n" + "".join(f"- {line}" for line in lines)


def lock(run: Run, metrics: Iterable[str] | None = None) -> Lock:
    """Return the expected results of a run.

    Args:
        run: A complete run.
        metrics: Names of metrics; None (default): ``LOCKED_METRICS``, as far as the run has them.

    Raises:
        UsageError: The run lacks one of these metrics.
    """
    manifest = run.manifest
    wanted = LOCKED_METRICS if metrics is None else tuple(metrics)
    names = [name for name in wanted if name in manifest.metrics]
    if not names or (metrics is not None and len(names) < len(wanted)):
        msg = f"{run.folder} lacks some of the metrics {', '.join(wanted)}; it has {', '.join(manifest.metrics)}"
        raise UsageError(msg)
    return Lock(
        lock_version=_VERSION,
        dataset=manifest.dataset,
        dataset_fingerprint=manifest.dataset_fingerprint,
        split=manifest.split,
        rater=manifest.rater,
        rater_version=manifest.predictor.info.version if manifest.predictor else "",
        consensus=manifest.consensus,
        surface=manifest.surface,
        metrics={name: manifest.metrics[name] for name in names},
        failed=int(run.scores.loc[run.scores["status"].isin(LOST), "case"].nunique()),
        results=tuple(_means(run.scores, names)),
    )


def read_lock(path: Path) -> Lock:
    """Read a lock file.

    Raises:
        MissingFileError: The file does not exist.
        SchemaVersionError: Another version of ctbench wrote it.
        UsageError: The file is not a lock file.
    """
    if not path.is_file():
        msg = f"no lock file at {path}; write it with `ctbench lock RUN --out {path}`"
        raise MissingFileError(msg)
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("lock_version", _VERSION) != _VERSION:
            msg = f"{path} is of lock version {content['lock_version']}, expected {_VERSION}; write it again"
            raise SchemaVersionError(msg)
        return Lock.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        msg = f"{path} is not a lock file: {'.'.join(map(str, first['loc']))}: {first['msg']}; write it again"
        raise UsageError(msg) from error
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        msg = f"{path} is not a lock file: {error}; write it again"
        raise UsageError(msg) from error


def moved_from_lock(run: Run, expected: Lock) -> pd.DataFrame:
    """Return what differs between a run and a lock: numbers of cases exactly, means by more than 1e-6.

    Returns:
        Rows with the columns ``MOVED_COLUMNS``; ``what`` is a field of the lock, ``n`` or ``mean``.

    Raises:
        UsageError: The run lacks a metric of the lock.
    """
    found = lock(run, tuple(expected.metrics))
    rows = list(_moved_fields(expected, found))
    before, now = ({(one.rater, one.label, one.metric): one for one in side.results} for side in (expected, found))
    for name in sorted(before.keys() | now.keys()):
        rows += _moved_mean(name, before.get(name), now.get(name))
    return pd.DataFrame(rows, columns=list(MOVED_COLUMNS), dtype=object)


def _means(scores: pd.DataFrame, metrics: list[str]) -> Iterator[LockedMean]:
    common = ~leave_one_out_rows(scores["reference"])
    scored = scores[common & scores["metric"].isin(metrics) & (scores["status"] != Status.UNSUPPORTED)]
    for (rater, label, metric), own in scored.groupby(["rater", "label", "metric"]):
        n = int(own["value"].notna().sum())
        mean = round(float(own["value"].mean()), 9) if n else None
        yield LockedMean(rater=str(rater), label=str(label), metric=str(metric), n=n, mean=mean)


def _moved_fields(expected: Lock, found: Lock) -> Iterator[dict[str, object]]:
    for name in type(expected).model_fields:
        if name in {"rater_version", "results"}:  # a new version with the same numbers is welcome
            continue
        before, now = getattr(expected, name), getattr(found, name)
        if before != now:
            yield _row(name, before, now)


def _moved_mean(
    name: tuple[str, str, str], before: LockedMean | None, now: LockedMean | None
) -> Iterator[dict[str, object]]:
    counts = (before.n if before else None, now.n if now else None)
    means = (before.mean if before else None, now.mean if now else None)
    if counts[0] != counts[1]:
        yield _row("n", *counts, *name)
    if (means[0] is None) != (means[1] is None) or abs((means[0] or 0) - (means[1] or 0)) > TOLERANCE:
        yield _row("mean", *means, *name)


def _row(
    what: str, expected: object, found: object, rater: str = "", label: str = "", metric: str = ""
) -> dict[str, object]:
    where = {"what": what, "rater": rater, "label": label, "metric": metric}
    return dict.fromkeys(MOVED_COLUMNS, "") | where | {"expected": expected, "found": found}
