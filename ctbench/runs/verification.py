"""Verification of a run: rebuild its manifest, score its predictions again or predict again, list what changed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.datasets import Case, Dataset
from ctbench.errors import UsageError
from ctbench.files import sha256
from ctbench.matching import LabelMatch, match_labels
from ctbench.metrics import METRICS
from ctbench.predictors import Isolation
from ctbench.runs.changes import MOVED_COLUMNS, change, moved_scores, moved_table
from ctbench.runs.completion import consensus_digest
from ctbench.runs.digests import key, predictions_digest
from ctbench.runs.execution import carry_out
from ctbench.runs.folder import Run, RunFolder
from ctbench.runs.forecasts import FORECAST_COLUMNS, case_forecasts, forecast_rows, patients_of
from ctbench.runs.manifest import Manifest
from ctbench.runs.phases import Execution, chunks
from ctbench.runs.planning import RunRequest, scoring_of
from ctbench.runs.predicting import Outcome
from ctbench.runs.restated import misstatements, restated
from ctbench.runs.scoring import ScorePlan, score_case
from ctbench.scores import LOST, Status

__all__ = ["verify"]


def verify(
    run: Run,
    dataset: Dataset,
    *,
    repredict: str | None = None,
    options: Mapping[str, Any] | None = None,
    isolation: Isolation | None = None,
    execution: Execution | None = None,
) -> pd.DataFrame:
    """Return what a run states that the dataset and its predictions do not confirm; caches are not used.

    Scores are computed by the rules of ``dataset``. From ``run.json`` come only the names of the consensus and of the
    metrics, the predictor's labels, and which cases failed.

    Args:
        run: A complete run.
        dataset: The whole dataset that it was scored on.
        repredict: Spec of the predictor to run again, which the caller names: the one in ``run.json`` may be a
            stranger's. None (default): the predictions that the run keeps are scored again.
        options: Keyword arguments of that predictor; None (default): no arguments.
        isolation: Whether the predictor is trusted, what it may read, and its limits.
        execution: Processes and progress.

    Returns:
        A row for each change, with the columns ``MOVED_COLUMNS``; no row if the run is verified. ``what`` is ``value``,
        ``status``, ``unit``, ``detail`` or another column of the scores, ``row`` (a row is missing or new),
        ``duplicate`` (a row is there several times), ``columns``, ``prediction``, ``probabilities`` (their counts by
        votes), ``metric`` (its version), a field of the manifest, or ``predictor.FIELD`` for a field of its predictor.

    Raises:
        UsageError: ``repredict`` is given for a run of readers.
        DataError: A case of the run is not in the dataset, or a file of it cannot be used.
        PluginError: The predictor cannot be made.
    """
    execution = execution or Execution()
    if repredict and run.manifest.predictor is None:
        msg = f"{run.folder} is a run of readers, which no predictor can make again; verify it without a predictor"
        raise UsageError(msg)
    cases = _cases(run.manifest, dataset)
    own = replace(dataset, cases=cases)
    facts = [change(*one) for one in misstatements(run.manifest, dataset, run.scores)]
    rows = [*_moved_files(run, own), *facts, *_moved_metrics(run.manifest), *moved_table(run.scores)]
    moved = [pd.DataFrame(rows, columns=list(MOVED_COLUMNS), dtype=object)]
    if repredict:
        moved.append(_repredicted(run, own, repredict, options or {}, isolation, execution))
    else:
        moved.append(_rescored(run, own, execution))
        moved.append(_recounted(run, own, patients_of(dataset), execution))
    return pd.concat([frame for frame in moved if len(frame)] or moved[:1], ignore_index=True)


def _cases(manifest: Manifest, dataset: Dataset) -> tuple[Case, ...]:
    by_id = {case.id: case for case in dataset}
    return tuple(by_id[name] if name in by_id else dataset[name] for name in manifest.cases)


def _moved_files(run: Run, dataset: Dataset) -> Iterator[dict[str, object]]:
    paths, manifest = RunFolder(run.folder), run.manifest
    found = {
        "dataset_fingerprint": dataset.fingerprint(),
        "scores_digest": sha256(paths.scores) if paths.scores.is_file() else "",
        "predictions_digest": predictions_digest(paths.predictions),
    }
    if manifest.keep_probabilities:
        found["probabilities_digest"] = sha256(paths.forecasts) if paths.forecasts.is_file() else ""
    for name, digest in found.items():
        expected = getattr(manifest, name)
        if digest != expected and not _is_unknown(expected, run):
            yield change(name, expected, digest)
    lost = run.scores.loc[run.scores["status"].isin(LOST), "case"].unique() if manifest.predictor else ()
    for case in lost:
        if paths.prediction(case).exists():
            yield change("prediction", "none", sha256(paths.prediction(case)), case=case)


def _is_unknown(digest: str, run: Run) -> bool:
    """Return whether a digest is absent because the run was made before runs kept digests of results."""
    if digest:
        return False
    written = json.loads(RunFolder(run.folder).manifest.read_text(encoding="utf-8"))
    return bool(written.get("schema_version") == 1)


def _moved_metrics(manifest: Manifest) -> Iterator[dict[str, object]]:
    for name, version in manifest.metrics.items():
        now = METRICS[name].version if name in METRICS else None
        if now != version:
            yield change("metric", version, now, metric=name)


def _rescored(run: Run, dataset: Dataset, execution: Execution) -> pd.DataFrame:
    manifest, card, cases = run.manifest, run.manifest.predictor, dataset.cases
    facts = restated(manifest, dataset, run.scores)
    match = None if card is None else match_labels(dataset.labels, card.info.labels)
    rules, outcomes = _known(scoring_of(facts)), _outcomes(run)
    steps = [
        (some, rules, facts.rater, match, [outcomes.get(case.id) for case in some], run.folder)
        for some in chunks(cases)
    ]
    scores, references = [], {}
    for case, rows, digests in execution.over(f"verify {manifest.rater}", _rescore, steps, len(cases)):
        scores.append(rows)
        references[case] = digests
    moved = moved_scores(run.scores, pd.concat([run.scores.iloc[:0], *scores], ignore_index=True))
    return _with_references(run, consensus_digest(references), moved)


def _recounted(run: Run, dataset: Dataset, patients: Mapping[str, str], execution: Execution) -> pd.DataFrame:
    """Return the cases whose kept probabilities, counted again, differ from what the run states."""
    manifest, card, rows = run.manifest, run.manifest.predictor, []
    if manifest.keep_probabilities and card is not None:
        match, paths = match_labels(dataset.labels, card.info.labels), RunFolder.of(run.folder, manifest)
        stated = dict(iter(forecast_rows(run).groupby("case")))
        steps = [(some, match, paths, patients) for some in chunks(dataset.cases)]
        for case, digest in execution.over(f"count {manifest.rater}", _recount, steps, len(dataset.cases)):
            own = _rows_digest(stated.get(case, pd.DataFrame(columns=list(FORECAST_COLUMNS))))
            if own != digest:
                rows.append(change("probabilities", own, digest, case=case))
    return pd.DataFrame(rows, columns=list(MOVED_COLUMNS), dtype=object)


def _recount(
    cases: Sequence[Case], match: LabelMatch, paths: RunFolder, patients: Mapping[str, str]
) -> list[tuple[str, str]]:
    return [(case.id, _rows_digest(case_forecasts(case, patients[case.id], match, paths))) for case in cases]


def _rows_digest(rows: pd.DataFrame) -> str:
    return key(rows=rows[list(FORECAST_COLUMNS)].to_dict("split")["data"])


def _with_references(run: Run, digest: str, moved: pd.DataFrame) -> pd.DataFrame:
    """Return the changes of scores below that of the references, if these changed."""
    stated = run.manifest.consensus_digest
    if digest == stated or _is_unknown(stated, run):
        return moved
    row = pd.DataFrame([change("consensus_digest", stated, digest)], dtype=object)
    return pd.concat([row, moved], ignore_index=True) if len(moved) else row


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


def _repredicted(
    run: Run,
    dataset: Dataset,
    predictor: str,
    options: Mapping[str, Any],
    isolation: Isolation | None,
    execution: Execution,
) -> pd.DataFrame:
    with tempfile.TemporaryDirectory(prefix="ctbench-verify-") as folder:
        request = RunRequest(
            dataset,
            predictor,
            options=options,
            consensus=run.manifest.consensus,
            metrics=[name for name in run.manifest.metrics if name in METRICS],
            isolation=isolation,
            keep_probabilities=run.manifest.keep_probabilities,
            allow_demo=True,  # whether it should have been scored here was asked when the run was made
        )
        made = carry_out(request, Path(folder) / "run", replace(execution, cached=False))
        rows = [*_moved_card(run, made), *_moved_predictions(run, made)]
        predictions = pd.DataFrame(rows, columns=list(MOVED_COLUMNS), dtype=object)
        moved = _with_references(run, made.manifest.consensus_digest, moved_scores(run.scores, made.scores))
        return pd.concat([frame for frame in (predictions, moved) if len(frame)] or [predictions], ignore_index=True)


def _moved_card(run: Run, made: Run) -> Iterator[dict[str, object]]:
    """Yield the fields in which a run describes its predictor otherwise than the predictor does.

    The spec may differ: the same code can be named in several ways.
    """
    stated, found = (
        {} if one.manifest.predictor is None else one.manifest.predictor.model_dump() for one in (run, made)
    )
    for name in sorted(stated.keys() - {"spec"}):
        if stated[name] != found.get(name):
            yield change(f"predictor.{name}", str(stated[name]), str(found.get(name)))


def _moved_predictions(run: Run, made: Run) -> list[dict[str, Any]]:
    rows = []
    kept, new = (RunFolder.of(one.folder, run.manifest) for one in (run, made))
    for case in run.manifest.cases:
        pairs = [(kept.prediction(case), new.prediction(case))]
        pairs += zip(kept.probabilities(case).values(), new.probabilities(case).values(), strict=True)
        for pair in pairs:
            digests = [sha256(path) if path.is_file() else "none" for path in pair]
            if digests[0] != digests[1]:
                rows.append(change("prediction", *digests, case=case))
    return rows
