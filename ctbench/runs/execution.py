"""Execution of a run: plan, predict, score, write the results."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ctbench.datasets import Dataset
from ctbench.errors import StoreError
from ctbench.files import write_text
from ctbench.predictors import Isolation, Predictor
from ctbench.runs.claims import claimed, expect_same, expect_vacant
from ctbench.runs.completion import commit, is_intact, sweep, tidy
from ctbench.runs.digests import predictions_digest
from ctbench.runs.folder import Run, RunFolder
from ctbench.runs.journal import log, note_kept, settle_times
from ctbench.runs.manifest import Manifest, read_manifest
from ctbench.runs.phases import Execution, Progress, check_all, predict_all, score_all
from ctbench.runs.planning import RunPlan, RunRequest, plan_run
from ctbench.runs.predicting import Outcome
from ctbench.runs.shards import Shard

__all__ = ["carry_out", "run"]


def run(
    dataset: Dataset,
    predictor: str | Predictor,
    folder: str | Path,
    *,
    options: Mapping[str, Any] | None = None,
    split: str = "",
    shard: Shard | None = None,
    consensus: str = "majority",
    metrics: Iterable[str] | None = None,
    jobs: int = -1,
    cluster: str = "",
    cached: bool = True,
    isolation: Isolation | None = None,
    allow_demo: bool = False,
    keep_probabilities: bool = False,
    progress: Progress = lambda _name, steps, _total: steps,
) -> Run:
    """Score one predictor, or all readers, on one dataset.

    An interrupted run continues where it stopped; a complete run with the same manifest is returned as it is. Either
    way its results have the same bytes.

    Args:
        dataset: The dataset to score on.
        predictor: A spec for ``load_predictor``, a predictor object, or ``readers`` to score all readers.
        folder: The folder of the run.
        options: Keyword arguments of the predictor's callable; None (default): no arguments.
        split: Score only the cases of this split; empty (default): all cases.
        shard: Score only this shard of the cases; None (default): all cases.
        consensus: The rule that fuses the readers; default: majority.
        metrics: Names of metrics; None (default): all.
        isolation: Whether the predictor is trusted, what it may read, and its limits; None (default): the usual ones.
        allow_demo: Also score a predictor that learnt on phantoms alone on a dataset of patients; default: refuse it.
        jobs: Number of processes; -1 uses all cores.
        cluster: Address of a Dask scheduler whose workers are used instead; empty: none.
        cached: Whether to read and write predictions and scores in ``CTBENCH_CACHE``.
        keep_probabilities: Whether to keep the probabilities of each case; default: only the label maps.
        progress: Called once per phase.

    Returns:
        The complete run.

    Raises:
        UsageError: the folder holds another run or other files, another process is at work in it, the split is empty,
            a metric is unknown, predictor and dataset have no structure in common, or the predictor learnt on phantoms
            alone and the dataset is none.
        DataError: an image or a reader's mask cannot be used.
        StoreError: the folder cannot be written, the disk is full, or a later version made the run in it.
        PluginError: the predictor cannot be made.
    """
    request = RunRequest(
        dataset,
        predictor,
        options=options or {},
        split=split,
        shard=shard,
        consensus=consensus,
        metrics=metrics,
        isolation=isolation,
        allow_demo=allow_demo,
        keep_probabilities=keep_probabilities,
    )
    return carry_out(request, folder, Execution(jobs, cluster, cached, progress))


def carry_out(request: RunRequest, folder: str | Path, execution: Execution | None = None) -> Run:
    """Make the run that is requested, or continue it, in a folder; raises the errors of ``run``.

    Args:
        request: What to score, and by which rules.
        folder: The folder of the run.
        execution: Processes, caches and progress; None: all cores of this machine, with caches.

    Returns:
        The complete run.
    """
    execution = execution or Execution()
    # Workers need not have the same working folder: they outlive it, or run on another machine.
    plan = plan_run(request)
    paths = RunFolder.of(Path(folder).absolute(), plan.manifest)
    whole = _whole(plan, paths)
    if whole is not None and not (paths.partial.is_file() or paths.claim.is_file()):
        return Run(Path(folder), whole, reused=True)
    with claimed(paths):
        whole = _whole(plan, paths)  # it may have become so before it could be claimed
        if whole is not None:
            tidy(paths, whole)  # its process may have been killed before it did
            return Run(Path(folder), whole, reused=True)
        begun = _begin(plan, paths, execution)
        outcomes = predict_all(plan, paths, execution)
        score_all(plan, outcomes, paths, execution)
        _expect_unchanged(plan, outcomes, paths)
        settle_times(paths.costs, paths.times)
        return Run(Path(folder), commit(begun, paths.all_parts(len(plan.cases)), paths))


def _whole(plan: RunPlan, paths: RunFolder) -> Manifest | None:
    """Return the manifest of the complete run in the folder, if it is the requested one and no file of it is lost."""
    if not paths.manifest.is_file():
        return None
    found = read_manifest(paths.manifest)
    expect_same(plan.manifest, found, paths)
    return found if is_intact(found, paths) else None


def _begin(plan: RunPlan, paths: RunFolder, execution: Execution) -> Manifest:
    """Write the manifest of a new run, or return that of the run to continue, unchanged."""
    if paths.manifest.is_file():
        return _reopen(plan, paths)
    if paths.partial.is_file():
        found = read_manifest(paths.partial)
        expect_same(plan.manifest, found, paths)
        sweep(paths)
        return found
    expect_vacant(paths)
    sweep(paths)
    check_all(plan, execution)
    if plan.manifest.shard:
        write_text(paths.files, "\n".join(plan.files))
    write_text(paths.partial, plan.manifest.to_json())
    return plan.manifest


def _expect_unchanged(plan: RunPlan, outcomes: Mapping[str, Outcome], paths: RunFolder) -> None:
    """Check that no file changed while the run was going on, of whose content its results say the digest.

    Raises:
        StoreError: A prediction, a file of the dataset or the code of the predictor changed; the message names it.
    """
    for case, outcome in outcomes.items():
        if outcome.files and paths.prediction_files(case) != outcome.files:
            msg = f"{paths.prediction(case)} was changed after it was made; repeat the same command to make it again"
            raise StoreError(msg)
    if (changed := plan.changed_file()) is not None:
        msg = (
            f"{changed} changed while the run was going on, so its scores may be of both versions; remove "
            f"{paths.path} and run again"
        )
        raise StoreError(msg)


def _reopen(plan: RunPlan, paths: RunFolder) -> Manifest:
    """Continue a complete run of which a file was lost or changed since."""
    found = read_manifest(paths.manifest)
    expect_same(plan.manifest, found, paths)
    log(paths.log, "begin", "", "scores or predictions of the whole run were lost or changed; they are made anew")
    if predictions_digest(paths.predictions) != found.predictions_digest:
        shutil.rmtree(paths.predictions, ignore_errors=True)
    for case in found.cases:
        if files := paths.prediction_files(case):
            note_kept(paths.kept, case, files)
    shutil.rmtree(paths.parts, ignore_errors=True)
    write_text(paths.partial, found.begun().to_json())
    paths.manifest.unlink()
    return found.begun()
