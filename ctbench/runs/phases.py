"""The predict phase and the score phase of a run, in parallel over cases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ctbench.datasets import Case
from ctbench.matching import LabelMatch
from ctbench.parallel import in_parallel
from ctbench.predictors import FolderPredictions
from ctbench.runs import digests
from ctbench.runs.cache import PredictionCache, ScoreCache
from ctbench.runs.completion import is_whole_part, write_part
from ctbench.runs.digests import prediction_identity
from ctbench.runs.folder import RunFolder, part_size
from ctbench.runs.forecasts import case_forecasts, is_whole_forecast_part, write_forecast_part
from ctbench.runs.journal import Cost, kept_digests, log, note_cost, note_kept, peak_memory_mib
from ctbench.runs.planning import RunPlan, scoring_of
from ctbench.runs.predicting import Outcome, PredictorSource, predict_case, release_predictors
from ctbench.runs.scoring import ScorePlan, score_case
from ctbench.scores import Status
from ctbench.volume import Volume

__all__ = ["Execution", "Progress", "check_all", "chunks", "predict_all", "score_all"]

Progress = Callable[[str, Iterable[Any], int], Iterable[Any]]
"""Progress display of a phase: takes its name, its steps as they end, and their total number."""


@dataclass(frozen=True)
class Execution:
    """How a run is carried out, without effect on its results.

    Args:
        jobs: Number of worker processes; -1 uses all cores.
        cluster: Address of a Dask scheduler; empty: this machine.
        cached: Whether to read predictions and scores from the caches, and to write them there.
        progress: Called once per phase.
    """

    jobs: int = -1
    cluster: str = ""
    cached: bool = True
    progress: Progress = lambda _name, steps, _total: steps

    def over(
        self, name: str, function: Callable[..., list[Any]], steps: list[tuple[Any, ...]], total: int
    ) -> Iterator[Any]:
        """Call a function that returns a list with each of ``steps``, and yield the elements of the lists."""
        lists = in_parallel(function, steps, self.jobs, cluster=self.cluster)
        yield from self.progress(name, (one for some in lists for one in some), total)


def chunks(cases: tuple[Case, ...]) -> list[tuple[Case, ...]]:
    """Return the cases of each part of a run, in order."""
    size = part_size(len(cases))
    return [cases[start : start + size] for start in range(0, len(cases), size)]


def check_all(plan: RunPlan, execution: Execution) -> None:
    """Check every file, label maps in full, before hours of predicting.

    Raises:
        DataError: A file cannot be used.
    """
    steps = [(cases,) for cases in chunks(plan.cases)]
    for _ in execution.over(f"check {plan.manifest.dataset}", _check, steps, len(plan.cases)):
        pass


def _check(cases: Iterable[Case]) -> list[str]:
    for case in cases:
        case.check()
    return [case.id for case in cases]


def predict_all(plan: RunPlan, paths: RunFolder, execution: Execution) -> dict[str, Outcome]:
    """Predict every case that has no prediction yet; a case that failed is tried again.

    Returns:
        Case -> outcome of its prediction.
    """
    source, card = plan.source, plan.manifest.predictor
    if source is None or card is None:
        return {}
    _tell_of_unmatched(source, plan, paths)
    said = set(source.unenforced())
    for sentence in source.unenforced():
        log(paths.log, "predict", "", sentence)
    # Not the card of the manifest, in which tokens and home folders are the same for everybody.
    whole = source.card(card.code_digest)
    identity = prediction_identity(whole, source.here if source.reads_around() else None) if execution.cached else ""
    cache = PredictionCache.of(identity) if identity else None
    outcomes = _kept(plan, paths)
    steps = []
    for number, cases in enumerate(chunks(plan.cases)):
        lacking = tuple(case for case in cases if case.id not in outcomes)
        if lacking:
            # Rows of an earlier failure are not kept.
            paths.part(number).unlink(missing_ok=True)
            steps.append((lacking, source, paths, cache))
    total = sum(len(step[0]) for step in steps)
    if execution.jobs != 1 or execution.cluster:
        source.release()  # it was made here for its card; the workers make their own
    for outcome, cost in execution.over(f"predict {card.info.name}", _predict, steps, total):
        outcomes[outcome.case] = outcome
        if outcome.files:
            note_kept(paths.kept, outcome.case, outcome.files)
        note_cost(paths.costs, cost)
        for sentence in outcome.unenforced:
            if sentence not in said:  # a worker on another machine
                said.add(sentence)
                log(paths.log, "predict", outcome.case, f"where this case was predicted, {sentence}")
        if outcome.status != Status.OK:
            message = f"{outcome.status}: {outcome.detail}"
            log(
                paths.log,
                "predict",
                outcome.case,
                message,
                broken_contract=outcome.broken_contract,
                trace=outcome.trace,
                refused=outcome.refused,
            )
    release_predictors()
    return outcomes


def _kept(plan: RunPlan, paths: RunFolder) -> dict[str, Outcome]:
    """Return the outcomes of the cases whose predictions are still as they were made.

    A power failure leaves empty files that were not on the disk yet; what is damaged or unknown is made anew.
    """
    digests = kept_digests(paths.kept)
    kept = [case.id for case in plan.cases if digests.get(case.id)]
    return {case: Outcome(case, files=digests[case]) for case in kept if paths.prediction_files(case) == digests[case]}


def _predict(
    cases: Iterable[Case], source: PredictorSource, paths: RunFolder, cache: PredictionCache | None
) -> list[tuple[Outcome, Cost]]:
    found = [_predict_or_fetch(case, source, paths, cache) for case in cases]
    return [(replace(outcome, files=paths.prediction_files(outcome.case)), cost) for outcome, cost in found]


def _predict_or_fetch(
    case: Case, source: PredictorSource, paths: RunFolder, cache: PredictionCache | None
) -> tuple[Outcome, Cost]:
    # The label map comes last: where it is, the prediction is whole.
    probabilities = {f"{path.name.removeprefix(f'{case.id}_')}": path for path in paths.probabilities(case.id).values()}
    files = {**probabilities, "findings.json": paths.findings(case.id), "labels.nii.gz": paths.prediction(case.id)}
    for path in (paths.findings(case.id), *probabilities.values()):
        path.unlink(missing_ok=True)
    if cache is None or case.image_path is None:
        return _predict_one(case, source, paths)
    # Left out where they are not kept, so that what was cached before stays known.
    more = {"probabilities": sorted(probabilities)} if probabilities else {}
    key = digests.key(predictor=cache.identity, image=digests.volume_digest(case.image()), **more)
    seconds = cache.fetch(key, files)
    if seconds is not None:
        return Outcome(case.id), Cost(case.id, "predict", seconds, peak_memory_mib(), cached=True)
    outcome, cost = _predict_one(case, source, paths)
    if outcome.status == Status.OK:  # a failure is tried again, always
        cache.keep(key, files, cost.seconds)
    return outcome, cost


def _predict_one(case: Case, source: PredictorSource, paths: RunFolder) -> tuple[Outcome, Cost]:
    start = time.perf_counter()
    outcome = predict_case(source, case.id, case.image_path or _grid(case), paths, case.series)
    seconds = outcome.seconds or time.perf_counter() - start
    return outcome, Cost(case.id, "predict", seconds, peak_memory_mib())


def _grid(case: Case) -> Volume:
    """Return a blank volume on the grid of a case with masks only, without any information on the masks."""
    mask = case.reference() if not case.readers else case.reader(case.readers[0])
    assert mask is not None  # a case without image, readers and reference is refused when the dataset is loaded
    return mask.with_array(np.zeros_like(mask.array))


def _tell_of_unmatched(source: PredictorSource, plan: RunPlan, paths: RunFolder) -> None:
    predictor = source.predictor()
    if isinstance(predictor, FolderPredictions):
        if not plan.manifest.shard:
            predictor.expect_some(case.id for case in plan.cases)
        unmatched = predictor.unmatched(case.id for case in plan.cases)
        if unmatched:
            log(paths.log, "predict", "", f"files of no case that is scored: {', '.join(unmatched)}")


def score_all(plan: RunPlan, outcomes: Mapping[str, Outcome], paths: RunFolder, execution: Execution) -> None:
    """Score every part that has not been scored yet."""
    rules = replace(scoring_of(plan.manifest), cache=ScoreCache.default() if execution.cached else None)
    owners = dict(plan.patients) if paths.probability_labels else {}
    rater, match = plan.manifest.rater, plan.match
    steps = [
        (cases, rules, rater, match, [outcomes.get(case.id) for case in cases], paths, number, owners)
        for number, cases in enumerate(chunks(plan.cases))
        if not is_whole_part(paths.part(number)) or (owners and not is_whole_forecast_part(paths.part(number)))
    ]
    total = sum(len(step[0]) for step in steps)
    for cost in execution.over(f"score {rater}", _score_part, steps, total):
        note_cost(paths.costs, cost)


def _score_part(
    cases: tuple[Case, ...],
    rules: ScorePlan,
    rater: str,
    match: LabelMatch | None,
    outcomes: list[Outcome | None],
    paths: RunFolder,
    number: int,
    owners: Mapping[str, str],
) -> list[Cost]:
    release_predictors()
    tables, references, costs, forecasts = [], {}, [], []
    for case, outcome in zip(cases, outcomes, strict=True):
        start = time.perf_counter()
        scores = score_case(rules, case, rater, match, outcome, paths)
        tables.append(scores.columns)
        references[case.id] = scores.references
        if owners and match is not None:
            forecasts.append(case_forecasts(case, owners[case.id], match, paths))
        costs.append(Cost(case.id, "score", time.perf_counter() - start, peak_memory_mib()))
    if owners:  # before the scores: where they are, the part is whole
        write_forecast_part(forecasts, paths.part(number))
    write_part(tables, references, paths.part(number))
    return costs
