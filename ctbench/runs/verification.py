"""Verification of a run: score its predictions again, or predict again, and list what changed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.datasets import Case, Dataset
from ctbench.files import sha256
from ctbench.matching import LabelMatch, match_labels
from ctbench.metrics import METRICS
from ctbench.predictors import Isolation
from ctbench.runs.completion import consensus_digest
from ctbench.runs.digests import predictions_digest
from ctbench.runs.execution import carry_out
from ctbench.runs.folder import Run, RunFolder
from ctbench.runs.manifest import Manifest
from ctbench.runs.phases import Execution, chunks
from ctbench.runs.planning import RunRequest, scoring_of
from ctbench.runs.predicting import Outcome
from ctbench.runs.scoring import ScorePlan, score_case
from ctbench.scores import KEYS, LOST, Status

__all__ = ["MOVED_COLUMNS", "moved_scores", "verify"]

MOVED_COLUMNS = ("what", "case", "rater", "reference", "label", "metric", "expected", "found")
"""The columns of the list of changes; the middle ones are empty for a change of the run as a whole."""

TOLERANCE = 1e-6
"""Tolerance of values computed from distances, in their own unit."""


def verify(
    run: Run,
    dataset: Dataset,
    *,
    repredict: bool = False,
    isolation: Isolation | None = None,
    execution: Execution | None = None,
) -> pd.DataFrame:
    """Return what changed since a run was made; caches are not used.

    Args:
        run: A complete run.
        dataset: The dataset that it was scored on.
        repredict: Whether to run the predictor again too, as in the run's card.
        isolation: Whether the predictor is trusted, what it may read, and its limits.
        execution: Processes and progress.

    Returns:
        A row for each change, with the columns ``MOVED_COLUMNS``; no row if the run is verified. ``what`` is ``value``,
        ``status``, ``row`` (a row is missing or new), ``prediction``, ``metric`` (its version),
        ``dataset_fingerprint``, ``consensus_digest``, ``scores_digest`` or ``predictions_digest``.

    Raises:
        DataError: A case of the run is not in the dataset, or a file of it cannot be used.
        PluginError: The predictor cannot be made.
    """
    execution = execution or Execution()
    cases = _cases(run.manifest, dataset)
    rows = [*_moved_files(run, replace(dataset, cases=cases)), *_moved_metrics(run.manifest)]
    moved = [pd.DataFrame(rows, columns=list(MOVED_COLUMNS), dtype=object)]
    if repredict and run.manifest.predictor is not None:
        moved.append(_repredicted(run, replace(dataset, cases=cases), isolation, execution))
    else:
        moved.append(_rescored(run, cases, execution))
    return pd.concat([frame for frame in moved if len(frame)] or moved[:1], ignore_index=True)


def moved_scores(expected: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Compare two tables of scores: values computed from counts exactly, others within 1e-6 of their unit.

    Args:
        expected: Tidy scores.
        found: Tidy scores.

    Returns:
        Rows with the columns ``MOVED_COLUMNS``, in the order of the scores.
    """
    both = expected.merge(found, on=list(KEYS), how="outer", suffixes=("_expected", "_found"), indicator=True)
    lone = both["_merge"] != "both"
    status = ~lone & (both["status_expected"] != both["status_found"])
    old, new = both["value_expected"], both["value_found"]
    allowed = both["metric"].map(lambda name: 0.0 if name in METRICS and METRICS[name].counted else TOLERANCE)
    near = ((old - new).abs() <= allowed) | (old.isna() & new.isna())
    parts = [
        _rows(both[lone], "row", both["status_expected"], both["status_found"]),
        _rows(both[status], "status", both["status_expected"], both["status_found"]),
        _rows(both[~lone & ~status & ~near], "value", old, new),
    ]
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)


def _rows(which: pd.DataFrame, what: str, expected: pd.Series, found: pd.Series) -> pd.DataFrame:
    values = {
        "expected": expected[which.index].astype(object).where(expected[which.index].notna(), None),
        "found": found[which.index].astype(object).where(found[which.index].notna(), None),
    }
    return which.assign(what=what, **values)[list(MOVED_COLUMNS)].astype(object)


def _cases(manifest: Manifest, dataset: Dataset) -> tuple[Case, ...]:
    by_id = {case.id: case for case in dataset}
    return tuple(by_id[name] if name in by_id else dataset[name] for name in manifest.cases)


def _row(what: str, expected: object, found: object, **where: str) -> dict[str, object]:
    return dict.fromkeys(MOVED_COLUMNS, "") | where | {"what": what, "expected": expected, "found": found}


def _moved_files(run: Run, dataset: Dataset) -> Iterator[dict[str, object]]:
    paths, manifest = RunFolder(run.folder), run.manifest
    found = {
        "dataset_fingerprint": dataset.fingerprint(),
        "scores_digest": sha256(paths.scores) if paths.scores.is_file() else "",
        "predictions_digest": predictions_digest(paths.predictions),
    }
    for name, digest in found.items():
        expected = getattr(manifest, name)
        if expected and digest != expected:  # runs of schema version 1 kept no digests of results
            yield _row(name, expected, digest)


def _moved_metrics(manifest: Manifest) -> Iterator[dict[str, object]]:
    for name, version in manifest.metrics.items():
        now = METRICS[name].version if name in METRICS else None
        if now != version:
            yield _row("metric", version, now, metric=name)


def _rescored(run: Run, cases: tuple[Case, ...], execution: Execution) -> pd.DataFrame:
    manifest, card = run.manifest, run.manifest.predictor
    match = None if card is None else match_labels(run.label_set, card.info.labels)
    rules, outcomes = _known(scoring_of(manifest)), _outcomes(run)
    steps = [
        (some, rules, manifest.rater, match, [outcomes.get(case.id) for case in some], run.folder)
        for some in chunks(cases)
    ]
    scores, references = [], {}
    for case, rows, digests in execution.over(f"verify {manifest.rater}", _rescore, steps, len(cases)):
        scores.append(rows)
        references[case] = digests
    moved = moved_scores(run.scores, pd.concat([run.scores.iloc[:0], *scores], ignore_index=True))
    digest = consensus_digest(references)
    if manifest.consensus_digest and digest != manifest.consensus_digest:
        row = pd.DataFrame([_row("consensus_digest", manifest.consensus_digest, digest)], dtype=object)
        moved = pd.concat([row, moved], ignore_index=True) if len(moved) else row
    return moved


def _known(rules: ScorePlan) -> ScorePlan:
    """Return the rules without metrics that no longer exist; their absence is reported separately."""
    return replace(rules, metrics=tuple(name for name in rules.metrics if name in METRICS))


def _outcomes(run: Run) -> dict[str, Outcome]:
    """Return the outcome of the prediction of every case, from the run's scores."""
    if run.manifest.predictor is None:
        return {}
    scores = run.scores
    lost = scores[scores["status"].isin(LOST)].drop_duplicates("case")
    outcomes = {case: Outcome(case) for case in run.manifest.cases}
    for row in lost.to_dict("records"):
        outcomes[row["case"]] = Outcome(row["case"], Status(row["status"]), row["detail"])
    return outcomes


def _rescore(
    cases: Sequence[Case],
    rules: ScorePlan,
    rater: str,
    match: LabelMatch | None,
    outcomes: Sequence[Outcome | None],
    folder: Path,
) -> list[tuple[str, pd.DataFrame, dict[str, str]]]:
    results = []
    for case, outcome in zip(cases, outcomes, strict=True):
        scores = score_case(rules, case, rater, match, outcome, RunFolder(folder))
        results.append((case.id, scores.rows, scores.references))
    return results


def _repredicted(run: Run, dataset: Dataset, isolation: Isolation | None, execution: Execution) -> pd.DataFrame:
    card = run.manifest.predictor
    assert card is not None  # called for models only
    with tempfile.TemporaryDirectory(prefix="ctbench-verify-") as folder:
        request = RunRequest(
            dataset,
            card.spec,
            options=card.options,
            consensus=run.manifest.consensus,
            metrics=[name for name in run.manifest.metrics if name in METRICS],
            isolation=isolation,
        )
        made = carry_out(request, Path(folder) / "run", replace(execution, cached=False))
        predictions = pd.DataFrame(_moved_predictions(run, made), columns=list(MOVED_COLUMNS), dtype=object)
        return pd.concat([predictions, moved_scores(run.scores, made.scores)], ignore_index=True)


def _moved_predictions(run: Run, made: Run) -> list[dict[str, Any]]:
    rows = []
    for case in run.manifest.cases:
        kept, new = (RunFolder(one.folder).prediction(case) for one in (run, made))
        digests = [sha256(path) if path.is_file() else "none" for path in (kept, new)]
        if digests[0] != digests[1]:
            rows.append(_row("prediction", *digests, case=case))
    return rows
