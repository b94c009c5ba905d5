"""A run from beginning to end: predict, score, keep."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from ctbench.datasets import Case, Dataset
from ctbench.errors import StoreError, UsageError
from ctbench.files import write_text
from ctbench.labels import LabelSet
from ctbench.metrics import METRICS
from ctbench.predictors import FolderPredictions, Predictor
from ctbench.runs.folder import SCORE_COLUMNS, SORTED_BY, Run, RunFolder, open_run, write_frame
from ctbench.runs.manifest import SCHEMA_VERSION, Manifest, PredictorCard, package_versions, read_manifest
from ctbench.runs.matching import LabelMatch, match_labels
from ctbench.runs.predicting import Outcome, PredictorSource, predict_case
from ctbench.runs.scoring import ScorePlan, score_model, score_readers
from ctbench.volume import Volume

__all__ = ["READERS", "Progress", "run"]

READERS = "readers"
"""The rater name of a run in which all readers are scored."""

Progress = Callable[[str, Iterable[Any], int], Iterable[Any]]
"""Shows how far a phase is: takes its name, its steps as they end, and how many there will be."""


def run(
    dataset: Dataset,
    predictor: str | Predictor,
    folder: str | Path,
    *,
    options: Mapping[str, Any] | None = None,
    split: str = "",
    consensus: str = "majority",
    metrics: Iterable[str] | None = None,
    jobs: int = -1,
    progress: Progress = lambda _name, steps, _total: steps,
) -> Run:
    """Score one predictor, or all readers, on one dataset.

    A run that was cut off goes on where it was; a whole one with the same manifest is given back as it is.

    Args:
        dataset: what is scored.
        predictor: what ``load_predictor`` takes, a predictor, or ``readers``.
        folder: of the run.
        options: keyword arguments of the predictor's callable.
        split: score only the cases of this split; empty: all.
        consensus: the rule that fuses readers.
        metrics: names; None: all.
        jobs: processes; -1: one a core.
        progress: called once a phase.

    Raises:
        UsageError: the folder holds another run or other files, the split is empty, a metric is unknown, or predictor
            and dataset have no structure in common.
        DataError: an image or a reader's mask cannot be used.
        StoreError: the folder cannot be written, or another version made the run in it.
        PluginError: the predictor cannot be made.
    """
    paths = RunFolder(Path(folder))
    cases = _cases(dataset, split)
    source = None if predictor == READERS else _source(predictor, options)
    manifest, match = _plan(dataset, cases, source, split, consensus, metrics)
    if paths.manifest.is_file():
        _expect_same(manifest, read_manifest(paths.manifest), paths)
        return Run(paths.path, open_run(paths.path).manifest, reused=True)
    _begin(manifest, cases, paths, jobs, progress)
    outcomes: dict[str, Outcome] = {}
    if source is not None:
        outcomes = _predict_all(source, cases, paths, jobs, progress)
    _score_all(manifest, match, cases, outcomes, paths, jobs, progress)
    return _commit(manifest, paths)


def _cases(dataset: Dataset, split: str) -> tuple[Case, ...]:
    cases = tuple(sorted((case for case in dataset if split in {"", case.split or ""}), key=lambda case: case.id))
    if not cases:
        known = sorted({case.split or "" for case in dataset} - {""})
        msg = f"dataset {dataset.name} has no case in split {split!r}; its splits: {', '.join(known) or 'none'}"
        raise UsageError(msg)
    return cases


def _source(predictor: str | Predictor, options: Mapping[str, Any] | None) -> PredictorSource:
    if isinstance(predictor, str):
        return PredictorSource(predictor, dict(options or {}))
    kind = type(predictor)
    return PredictorSource(f"{kind.__module__}:{kind.__qualname__}", {}, predictor)


def _plan(
    dataset: Dataset,
    cases: tuple[Case, ...],
    source: PredictorSource | None,
    split: str,
    consensus: str,
    metrics: Iterable[str] | None,
) -> tuple[Manifest, LabelMatch | None]:
    names = tuple(METRICS) if metrics is None else tuple(metrics)
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        msg = f"unknown metrics {', '.join(unknown)}; known: {', '.join(METRICS)}"
        raise UsageError(msg)
    card, match = None, None
    if source is not None:
        info = source.predictor().info
        card = PredictorCard.of(info, source.spec, source.options)
        match = match_labels(dataset.labels, info.labels)
    tolerance = dataset.tolerance_mm
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        dataset=dataset.name,
        dataset_fingerprint=dataset.select([case.id for case in cases]).fingerprint(),
        split=split,
        cases=tuple(case.id for case in cases),
        rater=card.name if card else READERS,
        rater_kind="model" if card else "reader",
        predictor=card,
        labels=dict(dataset.labels.codes),
        groups=dict(dataset.labels.groups),
        unsupported=match.unsupported if match else (),
        consensus=consensus,
        surface=dataset.surface,
        tolerance_mm=dict(tolerance) if isinstance(tolerance, Mapping) else tolerance,
        metrics={name: METRICS[name].version for name in names},
        versions=package_versions(),
    )
    return manifest, match


def _expect_same(wanted: Manifest, found: Manifest, paths: RunFolder) -> None:
    differing = wanted.differences(found)
    if differing:
        msg = (
            f"{paths.path} holds another run (it differs in {', '.join(differing)}); "
            "give another folder, or remove this one"
        )
        raise UsageError(msg)


def _begin(manifest: Manifest, cases: tuple[Case, ...], paths: RunFolder, jobs: int, progress: Progress) -> None:
    if paths.partial.is_file():
        _expect_same(manifest, read_manifest(paths.partial), paths)
        return
    try:
        if paths.path.exists() and any(paths.path.iterdir()):
            msg = f"{paths.path} has files in it but is no run; give an empty or a new folder"
            raise UsageError(msg)
        made = [folder for folder in (paths.path, *paths.path.parents) if not folder.exists()]
        paths.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot write the run folder {paths.path}: {error.strerror}; choose a folder that you may write to"
        raise StoreError(msg) from error
    try:
        # A mask that cannot be used is better known now than after hours of predicting.
        steps = [(_check_case, case) for case in cases]
        for _ in progress(f"check {manifest.dataset}", _parallel(steps, jobs), len(steps)):
            pass
    except BaseException:
        for folder in made:
            folder.rmdir()
        raise
    write_text(paths.partial, manifest.to_json())


def _check_case(case: Case) -> None:
    """Read every label map of a case, which checks its grid, its codes and its file."""
    for reader in case.readers:
        case.reader(reader)
    case.reference()


def _predict_all(
    source: PredictorSource, cases: tuple[Case, ...], paths: RunFolder, jobs: int, progress: Progress
) -> dict[str, Outcome]:
    outcomes = {case.id: Outcome(case.id) for case in cases if paths.prediction(case.id).is_file()}
    _warn_of_unmatched(source, cases, paths)
    steps = []
    for number, case in enumerate(cases):
        if case.id not in outcomes:
            # Rows of an earlier failure are no result to keep: the case is tried again.
            paths.part(number).unlink(missing_ok=True)
            steps.append((predict_case, source, case.id, case.image_path or _grid(case), paths, case.series))
    for outcome in progress(f"predict {source.predictor().info.name}", _parallel(steps, jobs), len(steps)):
        outcomes[outcome.case] = outcome
        if outcome.status != "ok":
            message = f"{outcome.status}: {outcome.detail}"
            _log(paths, "predict", outcome.case, message, broken_contract=outcome.broken_contract, trace=outcome.trace)
    _write_times(paths, "predict", {outcome.case: outcome.seconds for outcome in outcomes.values() if outcome.seconds})
    return outcomes


def _grid(case: Case) -> Volume:
    """Give a blank volume on the grid of a case that has masks only; it tells nothing of what they hold."""
    mask = case.reference() if not case.readers else case.reader(case.readers[0])
    assert mask is not None  # a case without image, readers and reference is refused when the dataset is loaded
    return mask.with_array(np.zeros_like(mask.array))


def _warn_of_unmatched(source: PredictorSource, cases: tuple[Case, ...], paths: RunFolder) -> None:
    predictor = source.predictor()
    if isinstance(predictor, FolderPredictions):
        unmatched = predictor.unmatched(case.id for case in cases)
        if unmatched:
            _log(paths, "predict", "", f"files of no case that is scored: {', '.join(unmatched)}")


def _score_all(
    manifest: Manifest,
    match: LabelMatch | None,
    cases: tuple[Case, ...],
    outcomes: Mapping[str, Outcome],
    paths: RunFolder,
    jobs: int,
    progress: Progress,
) -> None:
    plan = ScorePlan(
        dataset=manifest.dataset,
        labels=LabelSet(manifest.labels, manifest.groups),
        consensus=manifest.consensus,
        metrics=tuple(manifest.metrics),
        surface=manifest.surface,
        tolerance_mm=manifest.tolerance_mm,
    )
    steps = [
        (_score_part, plan, case, manifest.rater, match, outcomes.get(case.id), paths, number)
        for number, case in enumerate(cases)
        if not paths.part(number).is_file()
    ]
    seconds = dict(progress(f"score {manifest.rater}", _parallel(steps, jobs), len(steps)))
    _write_times(paths, "score", seconds)


def _score_part(
    plan: ScorePlan,
    case: Case,
    rater: str,
    match: LabelMatch | None,
    outcome: Outcome | None,
    paths: RunFolder,
    number: int,
) -> tuple[str, float]:
    start = time.perf_counter()
    if match is None or outcome is None:
        rows = score_readers(plan, case)
    else:
        rows = score_model(plan, case, rater, match, outcome, paths)
    write_frame(rows, paths.part(number))
    return case.id, time.perf_counter() - start


def _commit(manifest: Manifest, paths: RunFolder) -> Run:
    parts = [pd.read_parquet(path) for path in sorted(paths.parts.glob("*.parquet"))]
    filled = [part for part in parts if len(part)]
    scores = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(SCORE_COLUMNS))
    scores = scores.sort_values(SORTED_BY, ignore_index=True)
    write_frame(scores, paths.scores)
    counts = {str(status): int(rows) for status, rows in scores["status"].value_counts().sort_index().items()}
    manifest = manifest.model_copy(update={"counts": counts})
    write_text(paths.manifest, manifest.to_json())
    # Nothing below matters for the result: it is whole from here on.
    paths.partial.unlink(missing_ok=True)
    shutil.rmtree(paths.parts, ignore_errors=True)
    return Run(paths.path, manifest)


def _parallel(steps: list[tuple[Any, ...]], jobs: int) -> Iterator[Any]:
    from joblib import Parallel, delayed  # it takes a while to import, and a reader of runs needs it not

    if not steps:
        return iter(())
    workers = Parallel(n_jobs=min(jobs, len(steps)) if jobs > 0 else jobs, return_as="generator_unordered")
    results: Iterator[Any] = workers(delayed(function)(*arguments) for function, *arguments in steps)
    return results


def _write_times(paths: RunFolder, phase: Literal["predict", "score"], seconds: Mapping[str, float]) -> None:
    """Add the seconds of a phase; a phase that went on after a break keeps those of its first cases."""
    rows = pd.DataFrame({"case": list(seconds), "phase": phase, "seconds": list(seconds.values())})
    if paths.times.is_file():
        before = pd.read_parquet(paths.times)
        known = before[~((before["phase"] == phase) & before["case"].isin(rows["case"]))]
        rows = pd.concat([known, rows]) if len(known) else rows
    write_frame(rows.sort_values(["phase", "case"], ignore_index=True), paths.times)


def _log(paths: RunFolder, phase: str, case: str, message: str, **more: object) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    said = {name: value for name, value in more.items() if value}
    paths.log_message(time=stamp, phase=phase, case=case, message=message, **said)
