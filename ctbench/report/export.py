"""Tables beside the page: one for the terminal, and CSV files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import pandas as pd

from ctbench.files import write_text
from ctbench.report import tables
from ctbench.report.results import Results, gather
from ctbench.runs import Run

__all__ = ["summary_table", "write_csv"]


def summary_table(runs: Iterable[Run]) -> pd.DataFrame:
    """Summarise runs for the terminal: a row for each dataset and rater, the readers together.

    Returns:
        Columns ``dataset, rater, rater_kind, reference, structures`` (what the overall mean goes over), then for each
        chief metric ``<metric>`` (mean) and ``<metric>_sd``, and ``n`` (cases that count in the first metric),
        ``undefined, penalised, failed`` (of the first metric, as in ``tables.summary``). Where there are readers, all
        rows of a dataset average the same leave-one-out references.
    """
    rows = []
    for results in gather(runs):
        for over, models in results.scopes().items():
            table = tables.summary(results.scores_of(models), over, reference=results.fair, metrics=results.metrics)
            if results.leave_one_out:
                table = table[table["rater_kind"] != "reader"]
            what = over[0] if len(over) == 1 else f"{len(over)} of {len(results.labels)}"
            for keys, own in table.groupby(["rater", "rater_kind", "reference"], sort=False):
                head = dict(zip(("rater", "rater_kind", "reference"), keys, strict=True))
                rows.append({"dataset": results.name, **head, "structures": what, **_flat(own)})
    return pd.DataFrame(rows)


def _flat(described: pd.DataFrame) -> dict[str, object]:
    flat: dict[str, object] = {}
    for row in described.to_dict("records"):
        flat |= {row["metric"]: row["mean"], f"{row['metric']}_sd": row["sd"]}
    first = described.iloc[0]
    return flat | {name: int(first[name]) for name in ("n", "undefined", "penalised", "failed")}


def write_csv(runs: Iterable[Run], folder: str | PathLike[str]) -> tuple[Path, ...]:
    """Write the page's tables as CSV: all metrics, references and raters, unrounded.

    Args:
        runs: as for ``build_report``.
        folder: for each dataset it gets ``<dataset>-structures.csv``, ``-volumes.csv`` and, where there are readers
            and models, ``-comparisons.csv``; and ``summary.csv``.

    Returns:
        What was written.
    """
    runs = list(runs)
    frames = {"summary": summary_table(runs)}
    for results in gather(runs):
        frames |= {f"{results.name}-{name}": frame for name, frame in _frames(results).items()}
    paths = {name: Path(folder) / (re.sub(r"[^\w.-]", "_", name) + ".csv") for name in frames}
    for name, frame in frames.items():
        write_text(paths[name], frame.to_csv(index=False))
    return tuple(paths.values())


def _frames(results: Results) -> dict[str, pd.DataFrame]:
    metrics = list(results.scores["metric"].unique())
    frames = {
        "structures": pd.concat(
            [tables.per_structure(results.scores, results.structures, metric) for metric in metrics]
        ),
        "volumes": tables.volumes(results.scores, reference=results.common, structures=results.structures),
    }
    references = [results.common, *([tables.LEAVE_ONE_OUT] if results.leave_one_out else [])]
    compared = [
        tables.comparison(
            results.scores,
            model=model,
            structures=results.compared(model),
            averaged=results.averaged(model),
            metric=metric,
            reference=reference,
        ).assign(model=model, metric=metric)
        for model in results.models
        for metric in metrics
        for reference in references
        if results.readers
    ]
    return frames | ({"comparisons": pd.concat(compared)} if compared else {})
