"""Overall scores of raters in short: the means that are ranked, and what stands beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from ctbench.boards.grid import Entry, StoredGrid
from ctbench.metric_descriptions import CHIEF_METRICS, REFERENCE_VOLUME
from ctbench.report.frames import tables
from ctbench.report.frames.averages import coded, described, overall, overall_scores
from ctbench.report.frames.calls_beside import calls_beside
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.contestants import Contest, contest, contestants, ranked_names
from ctbench.scores import UNDEFINED, RaterKind, Status
from ctbench.statistics import describe_columns
from ctbench.statistics.populations import of_negatives

__all__ = ["contest_means", "contest_means_by_structure", "summary"]


def summary(
    runs: ComparableRuns,
    over: Sequence[str],
    models: Sequence[str],
    *,
    reference: str,
    metrics: Sequence[str] = CHIEF_METRICS,
) -> pd.DataFrame:
    """Summarise each rater's overall scores: per case the mean over structures, then mean and SD over cases.

    Only structures that the reference of the case holds count. Models, and the readers as one, are described by what
    they are ranked by (``contest_means``).

    Args:
        runs: Runs on one dataset.
        over: Names of the structures that the mean is taken over.
        models: Names of the models; all readers are summarised too.
        reference: Name of one reference, or ``leave-one-out``: then a case's score is the mean over structures and
            references, a row ``all readers`` (of kind ``readers``) averages the readers in the same way, and each
            single reader keeps the one reference that was made without this reader.
        metrics: Names of the metrics; those that were not scored are left out.

    Returns:
        The columns of ``ctbench.statistics.describe`` by rater, rater_kind and reference, metric by metric in the
        order of ``metrics``, readers first, and those of ``calls_beside``. ``n``, ``undefined`` and ``failed`` count
        cases; ``penalised`` counts the structures of cases that have a penalty on any of the references.
    """
    known = [name for name in metrics if name in runs.metrics]
    raters = [*runs.readers, *models]
    own: dict[tuple[str, str], str] = {}
    scores, ranked = [], []
    for metric in known:
        grids = runs.grids(metric, reference)
        scores.append(overall_scores(grids, over, reference, runs.name_of, raters).assign(metric=metric))
        ranked.append(_ranked(grids, over, metric, reference, runs.name_of, models))
        for name, grid in zip(runs.expanded(reference), grids, strict=True):
            readers = (entry.rater for entry in grid.entries if entry.rater_kind == RaterKind.READER)
            own |= {(metric, reader): name for reader in readers}
    together = pd.concat(scores, ignore_index=True), pd.concat(ranked, ignore_index=True)
    means = _means(*together, runs.patients).drop(columns="label")
    pairs = zip(means["metric"], means["rater"], strict=True)
    means["reference"] = [own.get(pair, reference) for pair in pairs]
    means = means.merge(calls_beside(runs, over, reference), on="rater", how="left")
    order = {"metric": known, "rater": [tables.ALL_READERS, *raters]}
    return means.sort_values(
        list(order),
        key=lambda names: names.map({name: place for place, name in enumerate(order[str(names.name)])}),
        kind="stable",
        ignore_index=True,
    )


def contest_means(
    grids: Sequence[StoredGrid],
    over: Sequence[str],
    metric: str,
    reference: str,
    name_of: Callable[[Entry], str],
    readers: Sequence[str],
    models: Sequence[str],
    ranked: Contest | None = None,
    *,
    patients: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Describe overall scores: of models, and of the readers as one, by what they are ranked by.

    Args:
        grids: Scores of one metric, one grid for each reference that ``reference`` stands for.
        over: Names of the structures that a mean is taken over.
        metric: Name of the metric.
        reference: Name of the reference; ``leave-one-out`` adds the readers together as ``all readers``.
        name_of: Returns the name of an entry.
        readers: Names of the readers; each is described by all values that it has.
        models: Names of the models.
        ranked: Their scores. None: computed here.
        patients: Case -> patient; other cases are patients of their own.

    Returns:
        A row for each rater with some score: ``rater, rater_kind, metric, unit``, the columns of
        ``ctbench.statistics.describe_columns``, ``undefined`` and ``failed``, which count cases, and ``penalised``,
        which counts structures of cases.
    """
    if ranked is None:
        ranked = contest(grids, ranked_names(models, reference), over, name_of=name_of)
    found = overall(grids, over, reference, name_of, [*readers, *models])
    if not found.raters:
        return pd.DataFrame(columns=["rater", "rater_kind", "n", "mean", "low", "high", "undefined"])
    negative = of_negatives(
        found.having,
        lambda marked: np.asarray(marked.any(axis=1, keepdims=True)),
        found.values == 0 if metric == REFERENCE_VOLUME else None,
    )
    values = np.where(negative, np.nan, found.values)
    undefined = found.having(UNDEFINED) & np.isnan(values) & ~negative
    columns = {name: at for at, (name, _) in enumerate(found.raters)}
    if len(ranked.cases):
        known = [at for at, name in enumerate(ranked.names) if name in columns]
        places = [columns[ranked.names[at]] for at in known]
        values[:, places] = np.nan
        rows = np.searchsorted(found.cases, ranked.cases)
        values[np.ix_(rows, np.array(places, np.intp))] = ranked.values[:, known]
    owners = pd.factorize(np.array([patients.get(case, case) for case in found.cases]))[0] if patients else None
    kinds = pd.DataFrame(list(found.raters), columns=["rater", "rater_kind"])
    table = pd.concat([kinds, describe_columns(values, metric, owners)], axis=1)
    table = table.assign(
        metric=metric,
        unit=found.unit,
        undefined=undefined.sum(axis=0),
        penalised=found.penalties.sum(axis=0),
        failed=found.failed.sum(axis=0),
    )
    scored = np.flatnonzero((found.status >= 0).any(axis=0))
    return table.iloc[scored].reset_index(drop=True)


def contest_means_by_structure(
    grids: Sequence[StoredGrid],
    structures: Sequence[str],
    metric: str,
    reference: str,
    name_of: Callable[[Entry], str],
    readers: Sequence[str],
    models: Sequence[str],
    *,
    patients: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Describe the scores of each structure by itself, as ``contest_means`` describes those of one.

    Args:
        grids: As for ``contest_means``.
        structures: Names of the structures, one or more.
        metric: Name of the metric.
        reference: As for ``contest_means``.
        name_of: Returns the name of an entry.
        readers: Names of the readers.
        models: Names of the models.
        patients: As for ``contest_means``.

    Returns:
        The columns of ``described``, structure by structure.
    """
    raters = [*readers, *models]
    scores = [overall_scores(grids, (label,), reference, name_of, raters).assign(label=label) for label in structures]
    ranked = [_ranked(grids, (label,), metric, reference, name_of, models).assign(label=label) for label in structures]
    together = pd.concat(scores, ignore_index=True).assign(metric=metric)
    return _means(together, pd.concat(ranked, ignore_index=True), patients)


def _ranked(
    grids: Sequence[StoredGrid],
    over: Sequence[str],
    metric: str,
    reference: str,
    name_of: Callable[[Entry], str],
    models: Sequence[str],
) -> pd.DataFrame:
    """Return the scores that models, and the readers as one, are ranked by."""
    return contestants(grids, ranked_names(models, reference), over, metric, name_of=name_of)


def _means(scores: pd.DataFrame, ranked: pd.DataFrame, patients: Mapping[str, str] | None) -> pd.DataFrame:
    """Describe the scores by metric, label and rater; what has been ranked, by the scores that it is ranked by."""
    keys = ["metric", "label", "rater"]
    means = described(scores, patients).astype(dict.fromkeys(keys, "str"))
    if ranked.empty or means.empty:
        return means
    status = coded(ranked["value"].isna().to_numpy().astype(int), [Status.OK.value, Status.NOT_SAMPLED.value])
    shown = described(ranked.assign(status=status, penalties=0, failed=False), patients).set_index(keys)
    place = shown.index.get_indexer(pd.MultiIndex.from_frame(means[keys]))
    return means.assign(**{name: np.where(place >= 0, shown[name].to_numpy()[place], means[name]) for name in _SHARED})


_SHARED = (
    *("n", "mean", "sd", "median", "median_low", "median_high", "q1", "q3", "se", "low", "high", "min", "max"),
    "mean_ok",
)
"""The columns that are those of the ranking."""
