"""Tables beside the page: one for the terminal, and CSV files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.files import file_stems, write_text
from ctbench.report.frames import tables
from ctbench.report.frames.case_calls import calls, can_detect, detection_rows
from ctbench.report.frames.cohorts import cohorts_of
from ctbench.report.frames.comparable_runs import ComparableRuns, gather
from ctbench.report.frames.equivalence import MARGIN, can_be_equivalent, equivalence_table
from ctbench.report.frames.models_vs_readers import compared_with_readers
from ctbench.report.frames.pooled import can_pool, pooled, pooled_labels, pooled_scores, usual_baseline
from ctbench.report.frames.rankings import can_rank, ranking_table
from ctbench.report.frames.subgroups import LOW_DICE, can_fail, low_table
from ctbench.report.frames.summaries import summary
from ctbench.runs import Run
from ctbench.scores import RaterKind
from ctbench.spreadsheet import as_csv
from ctbench.statistics import false_alarms

__all__ = ["summary_table", "write_csv"]


def summary_table(runs: Iterable[Run]) -> pd.DataFrame:
    """Summarise runs for the terminal: a row for each dataset and rater, the readers together.

    Returns:
        Columns ``dataset, rater, rater_kind, reference, structures`` (what the overall mean goes over), then for each
        chief metric ``<metric>`` (mean) and ``<metric>_sd``, ``n`` (cases that count in the first metric),
        ``undefined, penalised, failed`` (of the first metric) and the columns of ``calls_beside``, as in
        ``frames.summaries.summary``. Where there are readers, all rows of a dataset average the same leave-one-out
        references.
    """
    rows = []
    for cohort in cohorts_of(gather(runs)):
        results = cohort.results
        for over, models in results.scopes.items():
            table = summary(results, over, models, reference=results.fair, metrics=results.chief_metrics)
            if results.leave_one_out:
                table = table[table["rater_kind"] != RaterKind.READER]
            what = over[0] if len(over) == 1 else f"{len(over)} of {len(results.labels)}"
            for keys, own in table.groupby(["rater", "rater_kind", "reference"], sort=False):
                head = dict(zip(("rater", "rater_kind", "reference"), keys, strict=True))
                rows.append({"dataset": cohort.name, **head, "structures": what, **_flat(own)})
    return pd.DataFrame(rows)


def _flat(described: pd.DataFrame) -> dict[str, object]:
    flat: dict[str, object] = {}
    for row in described.to_dict("records"):
        flat |= {row["metric"]: row["mean"], f"{row['metric']}_sd": row["sd"]}
    first = described.iloc[0]
    flat |= {name: int(first[name]) for name in ("n", "undefined", "penalised", "failed", *_COUNTS)}
    return flat | {name: first[name] for name in ("specificity", "specificity_low", "specificity_high", "false_ml")}


_COUNTS = ("positives", "misses", "negatives", "false_alarms")


def write_csv(
    runs: Iterable[Run],
    folder: str | PathLike[str],
    *,
    datasets: Mapping[str, Dataset] | None = None,
    margin: float = MARGIN,
    low_dice: float = LOW_DICE,
    volume_limit: float = tables.VOLUME_LIMIT_ML,
) -> tuple[Path, ...]:
    """Write the page's tables as CSV: all metrics, references and raters, unrounded.

    Args:
        runs: Runs of models and readers, on one dataset or several.
        folder: Folder of ``summary.csv`` and for each dataset ``<dataset>-structures.csv``, ``-volumes.csv``,
            ``-false-alarms.csv`` and, where the runs allow, ``-ranking.csv``, ``-comparisons.csv``,
            ``-equivalence.csv``, ``-detection.csv``, ``-pooled.csv`` and ``-low-dice.csv``.
        datasets: Name -> dataset; used for the patient of each case, in ranks and tests.
        margin: Largest difference in Dice that does not matter, for equivalence to readers.
        low_dice: Dice below which a case is listed as a failure.
        volume_limit: Largest difference of a volume that counts as near, mL.

    Returns:
        What was written.
    """
    runs = list(runs)
    frames = {"summary": summary_table(runs)}
    for cohort in cohorts_of(gather(runs, datasets)):
        results = cohort.results
        ranked = _rankings(results) if can_rank(results) else []
        found = {"ranking": ranked, **_frames(results, margin, low_dice, volume_limit)}
        frames |= {f"{cohort.name.replace(', ', '-')}-{name}": pd.concat(part) for name, part in found.items() if part}
    paths = {name: Path(folder) / f"{stem}.csv" for name, stem in file_stems(frames).items()}
    for name, frame in frames.items():
        write_text(paths[name], as_csv(frame, line_end="\n").decode())
    return tuple(paths.values())


def _frames(
    results: ComparableRuns, margin: float, low_dice: float, volume_limit: float
) -> dict[str, list[pd.DataFrame]]:
    metrics = list(results.scores["metric"].unique())
    on_common: Any = {"reference": results.common, "structures": results.structures}
    common = results.scores[results.scores["reference"] == results.common]
    described = [
        tables.per_structure(results.positive_scores, results.structures, metric, results.patients)
        for metric in metrics
    ]
    return {
        "structures": described,
        "volumes": [
            tables.volumes(results.scores, population=population, limit_ml=volume_limit, **on_common)
            for population in get_args(tables.VolumePopulation)
        ],
        "false-alarms": [false_alarms(common).assign(reference=results.common)],
        "comparisons": _comparisons(results, metrics) if results.readers else [],
        "equivalence": [equivalence_table(results, model, margin).assign(model=model) for model in results.models]
        if can_be_equivalent(results)
        else [],
        "detection": [detection_rows(calls(results))] if can_detect(results) else [],
        "pooled": [_pooled(results)] if can_pool(results) else [],
        "low-dice": [low_table(results, model, low_dice) for model in results.models] if can_fail(results) else [],
    }


def _pooled(results: ComparableRuns) -> pd.DataFrame:
    scores = pooled_scores(results)
    return pooled(scores, baseline=usual_baseline(scores), labels=pooled_labels(results))


def _rankings(results: ComparableRuns) -> list[pd.DataFrame]:
    return [
        ranking_table(results, models, over).assign(structures=results.scope_title(over))
        for over, models in results.ranked_scopes.items()
        if len(models) + results.leave_one_out >= 2
    ]


def _comparisons(results: ComparableRuns, metrics: Sequence[str]) -> list[pd.DataFrame]:
    references = [results.common, *([tables.LEAVE_ONE_OUT] if results.leave_one_out else [])]
    parts = []
    for model in results.models:
        tested = [compared_with_readers(results, model, reference, metrics) for reference in references]
        parts += [found[metric].assign(model=model, metric=metric) for metric in metrics for found in tested]
    return parts
