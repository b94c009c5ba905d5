"""Run requests and plans: what a run will score, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ctbench.consensus import expect_method
from ctbench.datasets import Case, Dataset, fingerprint_of
from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.matching import LabelMatch, match_labels
from ctbench.metrics import METRICS, chosen_metrics
from ctbench.predictors import Isolation, Predictor, expect_fit_for, probability_name, with_options_shown
from ctbench.runs.digests import code_digest, code_files
from ctbench.runs.forecasts import patients_of
from ctbench.runs.manifest import SCHEMA_VERSION, Manifest
from ctbench.runs.predicting import PredictorSource
from ctbench.runs.provenance import describe_device, git_state, package_versions, seeds_in
from ctbench.runs.scoring import ScorePlan
from ctbench.runs.shards import Shard
from ctbench.runs.stamps import Stamps, first_changed, stamps
from ctbench.scores import RaterKind

__all__ = ["READERS", "RunPlan", "RunRequest", "plan_run", "scoring_of"]

READERS = "readers"
"""The rater name of a run in which all readers are scored."""


@dataclass(frozen=True)
class RunRequest:
    """What to score, and by which rules: everything that a user chooses and that can change the results of a run.

    Args:
        dataset: The dataset to score on.
        predictor: A spec for ``load_predictor``, a predictor object, or ``readers`` to score all readers.
        options: Keyword arguments of the predictor's callable; default: none.
        split: Score only the cases of this split; empty (default): all cases.
        shard: Score only this shard of the cases; None (default): all. ``merge`` joins shards.
        consensus: The rule that fuses the readers; default: majority.
        metrics: Names of metrics; None (default): all.
        isolation: Whether the predictor is trusted, what it may read, and its limits; None (default): the usual ones.
        allow_demo: Also score a predictor that learnt on phantoms alone on a dataset of patients; default: refuse it.
        keep_probabilities: Keep the probabilities of each case, and count them by readers' votes; default: drop them.
    """

    dataset: Dataset
    predictor: str | Predictor
    options: Mapping[str, Any] = field(default_factory=dict)
    split: str = ""
    shard: Shard | None = None
    consensus: str = "majority"
    metrics: Iterable[str] | None = None
    isolation: Isolation | None = None
    allow_demo: bool = False
    keep_probabilities: bool = False


@dataclass(frozen=True)
class RunPlan:
    """A request with everything resolved: the cases, the predictor's card and the manifest.

    Args:
        manifest: The content of ``run.json``, without results.
        cases: Cases to score, sorted by id.
        dataset: The dataset with these cases only.
        files: The lines of which the dataset's fingerprint is the digest.
        stamps: Stamps of the files of the dataset and of the predictor, taken before they were digested.
        source: Makes the predictor; None for readers.
        match: The predictor's labels matched to the dataset's; None for readers.
        patients: Case -> first case of the same patient in the whole dataset.
    """

    manifest: Manifest
    cases: tuple[Case, ...]
    dataset: Dataset
    files: list[str]
    stamps: Stamps
    source: PredictorSource | None
    match: LabelMatch | None
    patients: Mapping[str, str]

    def changed_file(self) -> Path | None:
        """Return a file of the dataset or of the predictor whose content may have changed since; None: none did."""
        changed = first_changed(self.stamps, _stamps(self.cases, self.source))
        if changed is None:
            return None
        card = self.manifest.predictor
        code = _code_digest(self.source) if self.source else ""
        same = (card is None or card.code_digest == code) and self.dataset.file_lines() == self.files
        return None if same else changed


def plan_run(request: RunRequest) -> RunPlan:
    """Return the plan of a requested run; raises the errors of ``run`` on arguments that cannot be used."""
    dataset = request.dataset
    names = chosen_metrics(request.metrics)
    expect_method(request.consensus)
    cases = _cases(dataset, request.split, request.shard)
    source = None if request.predictor == READERS else _source(request)
    card, match = None, None
    before = _stamps(cases, source)
    if source is not None:
        source.expect_hidden(path for case in cases for path in case.mask_files())
        info = source.predictor().info
        expect_fit_for(info, dataset.name, is_phantom=dataset.is_phantom, allow_demo=request.allow_demo)
        card = source.card(_code_digest(source)).public(source.secrets())
        match = match_labels(dataset.labels, info.labels)
    dataset = replace(dataset, cases=cases)
    files = dataset.file_lines()
    tolerance = dataset.tolerance_mm
    settings = {**card.info.parameters, **card.options} if card else {}
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        dataset=dataset.name,
        dataset_fingerprint=fingerprint_of(files),
        split=request.split,
        shard=str(request.shard or ""),
        cases=tuple(case.id for case in cases),
        rater=card.info.name if card else READERS,
        rater_kind=RaterKind.MODEL if card else RaterKind.READER,
        predictor=card,
        labels=dict(dataset.labels.codes),
        groups=dict(dataset.labels.groups),
        unsupported=match.unsupported if match else (),
        consensus=request.consensus,
        surface=dataset.surface,
        tolerance_mm=dict(tolerance) if isinstance(tolerance, Mapping) else tolerance,
        metrics={name: METRICS[name].version for name in names},
        versions=package_versions(),
        git=git_state(),
        device=describe_device(settings.get("device")) if card else "none",
        seeds=seeds_in(settings),
        keep_probabilities=request.keep_probabilities and card is not None,
    )
    _expect_distinct_files(manifest)
    return RunPlan(manifest, cases, dataset, files, before, source, match, patients_of(request.dataset))


def scoring_of(manifest: Manifest) -> ScorePlan:
    """Return the rules by which a run is scored."""
    return ScorePlan(
        dataset=manifest.dataset,
        labels=LabelSet(manifest.labels, manifest.groups),
        consensus=manifest.consensus,
        metrics=tuple(manifest.metrics),
        surface=manifest.surface,
        tolerance_mm=manifest.tolerance_mm,
    )


def _expect_distinct_files(manifest: Manifest) -> None:
    """Check that the probabilities of no two labels, or cases, would have one file name."""
    labels, names = manifest.probability_labels, dict[str, str]()
    for case in manifest.cases if labels else ():
        for label in labels:
            name, what = probability_name(case, label), f"label {label} of case {case}"
            if name in names:
                msg = f"{name} would hold the probabilities of {names[name]} and of {what}; rename a label or a case"
                raise UsageError(msg)
            names[name] = what


def _cases(dataset: Dataset, split: str, shard: Shard | None) -> tuple[Case, ...]:
    cases = tuple(sorted((case for case in dataset if split in {"", case.split or ""}), key=lambda case: case.id))
    if not cases:
        known = sorted({case.split or "" for case in dataset} - {""})
        msg = f"dataset {dataset.name} has no case in split {split!r}; its splits: {', '.join(known) or 'none'}"
        raise UsageError(msg)
    return shard.of(cases) if shard else cases


def _stamps(cases: Iterable[Case], source: PredictorSource | None) -> Stamps:
    images = [path for case in cases for path in (case.image_path, case.brain_path) if path is not None]
    code = () if source is None or source.made else code_files(source.spec, source.here, source.isolation.mounts)
    return stamps([*images, *(path for case in cases for path in case.mask_files()), *(path for _, path in code)])


def _code_digest(source: PredictorSource) -> str:
    return "" if source.made else code_digest(source.spec, source.here, source.isolation.mounts)


def _source(request: RunRequest) -> PredictorSource:
    predictor = request.predictor
    if isinstance(predictor, str):
        isolation = with_options_shown(predictor, request.options, request.isolation)
        return PredictorSource(predictor, dict(request.options), isolation=isolation)
    kind = type(predictor)
    return PredictorSource(f"{kind.__module__}:{kind.__qualname__}", {}, predictor)
