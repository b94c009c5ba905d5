"""Uncertainty of models: calibration and other figures of kept probabilities against the readers, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from ctbench.errors import UsageError
from ctbench.report.frames.comparable_runs import ComparableRuns, rater_names
from ctbench.runs import Run
from ctbench.runs.forecasts import DOMAINS, CaseForecast, read_forecasts
from ctbench.scores import RaterKind
from ctbench.statistics.forecasts import (
    FIGURES,
    MEAN,
    Outcomes,
    calibration_error,
    pool_tables,
    pooled_figures,
    pooled_outcomes,
    reliability_diagram,
)

__all__ = [
    "CHIEF_FIGURES",
    "DIAGRAM_BINS",
    "DOMAIN_TITLES",
    "EACH",
    "OTHERS",
    "UncertaintyTables",
    "can_be_uncertain",
    "compared_uncertainty",
    "domains_of",
    "figure_digits",
    "reliability_table",
    "runs_with_probabilities",
    "uncertainty_table",
    "worst_calibrated",
]

EACH = "each reader"
"""Compared with each reader in turn: every reading of a voxel is one observation."""

OTHERS = "vote share of the other readers"
"""The forecast of the ceiling: for each reader the share of the other readers who drew the structure."""

DOMAIN_TITLES = {
    "box": "within the box of all that any reader drew, with a margin of 10 mm",
    "image": "over the whole image",
    "brain": "within the brain and all that any reader drew",
}
"""Where voxels are counted, for titles: no figure of calibration means anything without it."""

CHIEF_FIGURES = ("ece", "ks", "brier", "nll", "auroc", "average_precision", "soft_dice_qubiq")
"""The figures that people see first."""

DIAGRAM_BINS = 10
"""Number of bins of a reliability diagram."""

_COLUMNS = ("domain", "label", "rater", "rater_kind", "against", "figure", "value", "low", "high", "cases", "reason")


def figure_digits(figure: str) -> int:
    """Return the digits after the point of a figure: three of those that are near 1, four of errors near 0."""
    return 3 if figure.startswith(("auroc", "average_precision", "soft_dice")) else 4


def can_be_uncertain(results: ComparableRuns) -> bool:
    """Return whether a model's run keeps probabilities."""
    return bool(_keeping(results))


def runs_with_probabilities(results: ComparableRuns) -> dict[str, Run]:
    """Return the runs of models that keep probabilities, by the names that the models have among these runs.

    Raises:
        StoreError: The files of a run are not there.
    """
    return {model: results.open_run(model) for model in _keeping(results)}


def _keeping(results: ComparableRuns) -> list[str]:
    """Return the models whose runs keep probabilities."""
    texts = dict(zip(results.index["name"], results.index["manifest"], strict=True))
    # Manifests of other runs do not name the field, and to parse thousands of them takes seconds.
    asked = [model for model in results.models if '"keep_probabilities"' in texts[model]]
    return [model for model in asked if results.board.manifest(results.run_of(model)).keep_probabilities]


class UncertaintyTables(NamedTuple):
    """What report and leaderboard show of the probabilities of comparable runs.

    Attributes:
        figures: Table of ``uncertainty_table``.
        diagrams: Table of ``reliability_table``.
        worst: Table of ``worst_calibrated``.
    """

    figures: pd.DataFrame
    diagrams: pd.DataFrame
    worst: pd.DataFrame


def compared_uncertainty(results: ComparableRuns, domain: str = "box") -> UncertaintyTables:
    """Return the figures, diagrams and worst cases of all models with probabilities, by the models' names.

    Args:
        results: Runs, some of which keep probabilities.
        domain: The voxels that count, see ``DOMAIN_TITLES``.

    Raises:
        UsageError: No run keeps probabilities, or the domain is unknown.
        StoreError: A file of a run cannot be read.
    """
    kept = runs_with_probabilities(results)
    runs, names = list(kept.values()), list(kept)
    return UncertaintyTables(
        uncertainty_table(runs, domain, names=names),
        reliability_table(runs, domain, names=names),
        worst_calibrated(runs, domain, names=names),
    )


def uncertainty_table(
    runs: Sequence[Run],
    domain: str = "box",
    *,
    figures: Sequence[str] = CHIEF_FIGURES,
    by_reader: bool = False,
    names: Sequence[str] | None = None,
    resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Return figures of the probabilities of models, over all voxels of all cases, by structure.

    Beside each model stands the ceiling: the vote share of the other readers, scored against each reader as if it were
    a model's forecast.

    Args:
        runs: Runs with ``--keep-probabilities``; others are left out.
        domain: ``box``, ``image`` or ``brain``, see ``DOMAIN_TITLES``.
        figures: Names in ``ctbench.statistics.forecasts.FIGURES``.
        by_reader: Whether to compare with every single reader too.
        names: Name of the rater of each run; None: as its manifest says.
        resamples: Bootstrap samples of patients for the 95 % intervals; 0: no intervals.
        seed: Seed of the bootstrap.

    Returns:
        Columns domain, label, rater, rater_kind (``reader`` for the ceiling), against (``mean of readers``, ``each
        reader`` or a reader), figure, value, low, high, cases (with a voxel in the domain), reason (why there is no
        value).

    Raises:
        UsageError: No run keeps probabilities, or the domain or a figure is unknown.
        StoreError: A file of a run cannot be read.
    """
    unknown = [name for name in figures if name not in FIGURES]
    if unknown:
        msg = f"unknown figures {', '.join(unknown)}; expected some of {', '.join(FIGURES)}"
        raise UsageError(msg)
    rows = []
    for name, label, cases in _structures(runs, domain, names):
        patients = [case.patient for case in cases]
        for rater, kind, against, outcomes in _compared(name, cases, by_reader=by_reader):
            found = pooled_figures(outcomes, patients, figures, resamples=resamples, seed=seed)
            for figure, one in found.items():
                head = (domain, label, rater, kind, against, figure)
                rows.append((*head, one.value, one.low, one.high, one.n, one.reason))
    return pd.DataFrame(rows, columns=list(_COLUMNS)).drop_duplicates(list(_COLUMNS[:6]), ignore_index=True)


def reliability_table(
    runs: Sequence[Run], domain: str = "box", bins: int = DIAGRAM_BINS, *, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the reliability diagram of each model and structure, with the band of the single readers.

    Args:
        runs: As for ``uncertainty_table``, which names the errors.
        domain: As there.
        bins: Number of bins of equal width.
        names: As there.

    Returns:
        Columns domain, label, rater, bin (from 1), forecast (its mean), observed (mean share of readers), lowest and
        highest (of the readers one by one), voxels; a row for each bin that is not empty.
    """
    rows = []
    for name, label, cases in _structures(runs, domain, names):
        table = pool_tables([case.table for case in cases])
        mean = reliability_diagram(table.against(MEAN), bins)
        own = np.array([reliability_diagram(table.against(reader), bins).observed for reader in table.readers])
        for place in np.flatnonzero(mean.voxels):
            drawn = own[:, place][~np.isnan(own[:, place])]
            ends = (drawn.min(), drawn.max()) if len(drawn) else (np.nan, np.nan)
            head = (domain, label, name, int(place) + 1)
            rows.append((*head, mean.forecast[place], mean.observed[place], *ends, int(mean.voxels[place])))
    columns = ["domain", "label", "rater", "bin", "forecast", "observed", "lowest", "highest", "voxels"]
    return pd.DataFrame(rows, columns=columns)


def worst_calibrated(
    runs: Sequence[Run], domain: str = "box", count: int = 5, *, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the cases with the largest ECE against the mean of readers, for each model and structure.

    Args:
        runs: As for ``uncertainty_table``, which names the errors.
        domain: As there.
        count: Number of cases.
        names: As there.

    Returns:
        Columns domain, label, rater, case, ece, forecast_share and observed_share (mean forecast and mean share of
        readers in the domain), voxels; the largest ECE first.
    """
    rows = []
    for name, label, cases in _structures(runs, domain, names):
        own = []
        for case in cases:
            outcomes = case.table.against(MEAN)
            total = float(outcomes.total)
            if total:
                forecast = float(outcomes.voxels @ outcomes.forecasts) / total
                observed = float(outcomes.positives.sum()) / total
                error = float(calibration_error(outcomes))
                own.append((domain, label, name, case.case, error, forecast, observed, int(total)))
        rows += sorted(own, key=lambda row: (-row[4], row[3]))[:count]
    columns = ["domain", "label", "rater", "case", "ece", "forecast_share", "observed_share", "voxels"]
    return pd.DataFrame(rows, columns=columns)


def _structures(
    runs: Sequence[Run], domain: str, names: Sequence[str] | None
) -> Iterator[tuple[str, str, list[CaseForecast]]]:
    """Yield the rater, a structure, and its forecasts in each case, of each run with probabilities."""
    if domain not in DOMAINS:
        msg = f"unknown domain {domain!r}; expected {' or '.join(DOMAINS)}"
        raise UsageError(msg)
    kept = [
        (rater, run)
        for rater, run in zip(rater_names(runs, names), runs, strict=True)
        if run.manifest.keep_probabilities
    ]
    if not kept:
        folders = ", ".join(str(run.folder) for run in runs)
        msg = f"{folders} keeps no probabilities; make it by `ctbench run --keep-probabilities`"
        raise UsageError(msg)
    for rater, run in kept:
        tables = read_forecasts(run)
        found = [one for one in tables if one.domain == domain]
        if tables and not found and domain == "brain":
            msg = (
                f"{run.folder} has no figures {DOMAIN_TITLES[domain]}, because its dataset named no masks of the "
                "brain; add `brain: PATTERN` to the dataset and run again, or use box or image"
            )
            raise UsageError(msg)
        for label in run.label_set.names:
            cases = [one for one in found if one.label == label]
            if cases:
                yield rater, label, cases


def domains_of(runs: Sequence[Run]) -> list[str]:
    """Return the domains that ``uncertainty_table`` takes for these runs: the brain only if each run counted there."""
    counted = [{one.domain for one in read_forecasts(run)} for run in runs if run.manifest.keep_probabilities]
    return [domain for domain in DOMAINS if domain != "brain" or (counted and all(domain in own for own in counted))]


def _compared(
    rater: str, cases: Sequence[CaseForecast], *, by_reader: bool
) -> Iterator[tuple[str, str, str, list[Outcomes]]]:
    """Yield rater, kind, what it is compared with, and the outcomes of each case."""
    model, reader_kind = RaterKind.MODEL.value, RaterKind.READER.value
    tables = [case.table for case in cases]
    yield rater, model, MEAN, [table.against(MEAN) for table in tables]
    readers = sorted({name for table in tables for name in table.readers})
    if len(readers) < 2:
        return
    own = {
        reader: [table.against(reader) if reader in table.readers else None for table in tables] for reader in readers
    }
    others = {
        reader: [
            table.vote_shares_without(reader).against(reader) if reader in table.readers else None for table in tables
        ]
        for reader in readers
    }
    for name, kind, found in ((rater, model, own), (OTHERS, reader_kind, others)):
        yield name, kind, EACH, [_together(by_case) for by_case in zip(*found.values(), strict=True)]
        for reader in readers if by_reader else ():
            yield name, kind, reader, [_together([one]) for one in found[reader]]


def _together(found: Sequence[Outcomes | None]) -> Outcomes:
    """Return the sum of outcomes; without any, an empty one."""
    known = [one for one in found if one is not None]
    if not known:
        return Outcomes(np.array([0.0]), np.array([0.0, 1.0]), np.zeros((1, 2)))
    pooled = pooled_outcomes(known)
    return Outcomes(pooled.forecasts, pooled.observed, pooled.counts.sum(axis=0))
