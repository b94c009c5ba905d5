"""Evaluation results of models as Hugging Face's model card metadata (``model-index``)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ctbench.datasets import Dataset
from ctbench.errors import UsageError
from ctbench.files import expect_new, file_stems, write_text
from ctbench.markdown import inert, table_of
from ctbench.report.frames.comparable_runs import ComparableRuns, gather
from ctbench.report.frames.shared_means import shared_means
from ctbench.report.wording import metric_title
from ctbench.runs import Run

__all__ = ["write_model_index"]

_DIGITS = 4
"""Digits of the values after the point."""


def write_model_index(
    runs: Iterable[Run], folder: Path, datasets: Mapping[str, Dataset] | None = None
) -> tuple[Path, ...]:
    """Write a model card for each model, with ``model-index`` in its head and the means as a table.

    A file has the model's name, as ``ctbench.files.file_stems`` makes it. Each dataset (and split) is a result with the
    means of the chief metrics, overall and by structure; ``args`` hold the structure, the number of cases, the 95 %
    interval, the unit and the reference.

    Args:
        runs: Runs of models and readers, on one dataset or several.
        folder: The folder to write.
        datasets: Name -> dataset, for titles and for the patient of each case.

    Returns:
        The files.

    Raises:
        UsageError: There is no run of a model, or a file exists.
    """
    gathered = gather(list(runs), datasets)
    models = sorted({model for results in gathered for model in results.models})
    if not models:
        msg = "there is no run of a model; a model card has the results of models"
        raise UsageError(msg)
    paths = {model: folder / f"{stem}.md" for model, stem in file_stems(models).items()}
    expect_new(*paths.values(), advice="remove it, or choose another folder")
    found: dict[str, list[dict[str, Any]]] = {model: [] for model in models}
    for results in gathered:
        for model, means in shared_means(results).groupby("rater", sort=False):
            found[str(model)].append(_result(results, means, datasets or {}))
    for model, path in paths.items():
        write_text(path, _card(model, found[model]))
    return tuple(paths.values())


def _result(results: ComparableRuns, means: pd.DataFrame, datasets: Mapping[str, Dataset]) -> dict[str, Any]:
    dataset = {"type": results.dataset, "name": results.dataset}
    if results.dataset in datasets:
        dataset["name"] = datasets[results.dataset].title
    if results.manifest.split:
        dataset["split"] = results.manifest.split
    return {
        "task": {"type": "image-segmentation", "name": "Segmentation of head CT"},
        "dataset": dataset,
        "metrics": [_metric(row) for row in means.to_dict("records")],
    }


def _metric(row: Mapping[Any, Any]) -> dict[str, Any]:
    name = str(row["metric"])
    interval = {side: round(float(row[side]), _DIGITS) for side in ("low", "high") if math.isfinite(row[side])}
    facts = {"label": str(row["label"]), "cases": int(row["n"]), "unit": str(row["unit"])}
    return {
        "type": name,
        "value": round(float(row["mean"]), _DIGITS),
        "name": f"{metric_title(name)}, {row['label']}",
        "args": {**facts, "reference": str(row["reference"]), **interval},
    }


def _card(model: str, results: list[dict[str, Any]]) -> str:
    head = {"tags": ["image-segmentation", "computed-tomography"], "model-index": [{"name": model, "results": results}]}
    parts = [f"# {inert(model)}", "Means over the cases whose reference holds the structure; scored by ctbench."]
    for result in results:
        split = f", split {result['dataset']['split']}" if "split" in result["dataset"] else ""
        parts += [f"## {inert(result['dataset']['name'] + split)}", table_of(_COLUMNS, map(_cells, result["metrics"]))]
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n\n" + "\n\n".join(parts) + "\n"


_COLUMNS = ("metric", "structure", "mean", "95 % interval", "cases", "unit")


def _cells(metric: Mapping[str, Any]) -> tuple[object, ...]:
    args = metric["args"]
    interval = f"{args['low']} to {args['high']}" if {"low", "high"} <= set(args) else ""
    return metric["type"], args["label"], metric["value"], interval, args["cases"], args["unit"]
