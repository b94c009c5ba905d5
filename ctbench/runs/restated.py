"""What a run's manifest must state, computed from the dataset and the run's scores instead of believed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.errors import UsageError
from ctbench.matching import match_labels
from ctbench.runs.manifest import Manifest
from ctbench.runs.planning import READERS
from ctbench.runs.provenance import seeds_in
from ctbench.runs.shards import Shard
from ctbench.scores import RaterKind

__all__ = ["misstatements", "restated"]

_SHA256 = re.compile(r"(?:[0-9a-f]{64})?")


def restated(manifest: Manifest, dataset: Dataset, scores: pd.DataFrame) -> Manifest:
    """Return a manifest with every field that follows from other facts replaced by what follows.

    Left as they are: the predictor's card, the names of consensus and metrics (a choice), versions, commit and device
    (circumstances), and the digests.

    Args:
        manifest: Manifest of a complete run, possibly written by a stranger.
        dataset: The whole dataset that the run names.
        scores: The scores of the run.

    Raises:
        UsageError: The labels of the predictor cannot be matched with those of the dataset.
    """
    card, tolerance = manifest.predictor, dataset.tolerance_mm
    facts = {
        "dataset": dataset.name,
        "cases": _cases(manifest, dataset),
        "rater": card.info.name if card else READERS,
        "rater_kind": RaterKind.MODEL if card else RaterKind.READER,
        "labels": dict(dataset.labels.codes),
        "groups": dict(dataset.labels.groups),
        "unsupported": match_labels(dataset.labels, card.info.labels).unsupported if card else (),
        "surface": dataset.surface,
        "tolerance_mm": dict(tolerance) if isinstance(tolerance, Mapping) else tolerance,
        "seeds": seeds_in({**card.info.parameters, **card.options}) if card else {},
        "counts": {str(name): int(count) for name, count in scores["status"].value_counts().sort_index().items()},
    }
    return manifest.model_copy(update=facts)


def misstatements(manifest: Manifest, dataset: Dataset, scores: pd.DataFrame) -> Iterator[tuple[str, object, object]]:
    """Yield each field of a manifest that does not follow from the dataset: its name, what it states, what follows.

    Arguments and errors are those of ``restated``.
    """
    facts = restated(manifest, dataset, scores)
    for name in type(manifest).model_fields:
        stated, fact = getattr(manifest, name), getattr(facts, name)
        if stated != fact and not (name == "counts" and not manifest.scores_digest):  # version 1 kept neither
            yield name, _text(stated), _text(fact)
    card = manifest.predictor
    if card is None:
        return
    if card.info.name in {READERS, *dataset.readers}:
        yield "rater", card.info.name, f"the name of a reader of {dataset.name}"
    if not _SHA256.fullmatch(card.code_digest):
        yield "predictor.code_digest", card.code_digest, "64 hexadecimal digits or nothing"


def _text(value: object) -> object:
    """Return a value of a manifest as one that a table can show."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value) if isinstance(value, Mapping) else value


def _cases(manifest: Manifest, dataset: Dataset) -> tuple[str, ...]:
    """Return the cases that a run with this split and shard has; none where the dataset has no such split or shard."""
    split = manifest.split
    cases = sorted(case.id for case in dataset if split in {"", case.split or ""})
    try:
        return tuple(Shard.parse(manifest.shard).of(cases) if manifest.shard else cases)
    except UsageError:
        return ()
