"""Logging of a run to MLflow or Weights & Biases: the model's card, means with intervals, and the report."""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.errors import StoreError, UsageError
from ctbench.extras import import_extra
from ctbench.predictors import info_to_json
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.shared_means import shared_means
from ctbench.report.page.build import build_report
from ctbench.runs import Run
from ctbench.spreadsheet import as_csv

__all__ = ["Tracker", "expect_tracker", "log_run"]

Tracker = Literal["mlflow", "wandb"]

_MOST_LETTERS = 500
"""Longest text of a parameter: MLflow refuses longer ones."""


@dataclass(frozen=True)
class _Logged:
    """What is logged of a run.

    Args:
        project: Name of the experiment or project.
        name: Name of the run: that of the model.
        parameters: What was scored and how -> text.
        card: The model's card, as in ``run.json``, without secrets and names of machines.
        means: The means as ``shared_means`` returns them.
        values: Name with ``/`` -> number, e.g. ``dice/iph/mean``.
        page: The report, an HTML file.
    """

    project: str
    name: str
    parameters: dict[str, str]
    card: dict[str, Any]
    means: pd.DataFrame
    values: dict[str, float]
    page: Path


def expect_tracker(tracker: Tracker) -> Any:
    """Import the package of a tracker and return it.

    Raises:
        UsageError: It is not installed; the message has the command that installs it. Or W&B's settings in the working
            folder, which may be a stranger's, name a server.
    """
    settings = Path("wandb", "settings")
    is_read = tracker == "wandb" and not {"WANDB_BASE_URL", "WANDB_DIR"} & os.environ.keys() and settings.is_file()
    if is_read and "base_url" in settings.read_text(encoding="utf-8", errors="replace").lower():
        msg = (
            f"{settings.absolute()} names the server to which W&B would send this run and your key; set WANDB_BASE_URL "
            "to the server that you mean, or remove the file"
        )
        raise UsageError(msg)
    return import_extra(tracker, f"--log {tracker}")


def log_run(run: Run, beside: Sequence[Run], tracker: Tracker, datasets: Mapping[str, Dataset] | None = None) -> str:
    """Log the run of a model, and return where it can be seen.

    The experiment (MLflow) or project (W&B) is ``ctbench-DATASET``; where it lives is set as ever, by
    ``MLFLOW_TRACKING_URI``, ``WANDB_MODE`` and the like.

    Args:
        run: The run of a model, or of readers, of whom there is neither card nor means.
        beside: Further runs on the same dataset for the report, such as that of the readers.
        tracker: ``mlflow`` or ``wandb``.
        datasets: Name -> dataset, for the patient of each case; no image is read, so that none is sent.

    Raises:
        UsageError: The package is not installed.
        StoreError: The tracker refused; the run itself is whole.
    """
    package = expect_tracker(tracker)
    write: Callable[[Any, _Logged], str] = {"mlflow": _to_mlflow, "wandb": _to_wandb}[tracker]
    with tempfile.TemporaryDirectory() as folder:
        page = build_report([run, *beside], Path(folder) / "report.html", datasets=datasets or {}, overlays=False)
        logged = _logged(run, page, datasets)
        try:
            return write(package, logged)
        except Exception as error:  # whatever a server or a client raises
            msg = f"{run.folder} is whole, but {tracker} could not log it: {type(error).__name__}: {error}"
            raise StoreError(msg) from error


def _logged(run: Run, page: Path, datasets: Mapping[str, Dataset] | None) -> _Logged:
    manifest = run.manifest
    predictor = manifest.predictor.public() if manifest.predictor else None
    facts = {
        "dataset": manifest.dataset,
        "dataset_fingerprint": manifest.dataset_fingerprint,
        "split": manifest.split or "all",
        "cases": len(manifest.cases),
        "consensus": manifest.consensus,
        "surface": manifest.surface,
        "tolerance_mm": manifest.tolerance_mm,
        **({"version": predictor.info.version, "spec": predictor.spec} if predictor else {}),
        **({f"option_{name}": value for name, value in predictor.options.items()} if predictor else {}),
    }
    (results,) = gather([run], datasets)
    means = shared_means(results)
    return _Logged(
        project=f"ctbench-{manifest.dataset}",
        name=manifest.rater,
        parameters={_safe(name): str(value)[:_MOST_LETTERS] for name, value in facts.items()},
        card=info_to_json(predictor.info) if predictor else {},
        means=means,
        values=_values(means),
        page=page,
    )


def _values(means: pd.DataFrame) -> dict[str, float]:
    """Return the numbers by name, ``METRIC/STRUCTURE/mean``, ``low``, ``high`` and ``cases``, without unknown ones."""
    values = {
        f"{_safe(row['metric'])}/{_safe(row['label'])}/{what}": float(row[column])
        for row in means.to_dict("records")
        for what, column in (("mean", "mean"), ("low", "low"), ("high", "high"), ("cases", "n"))
    }
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _safe(name: object) -> str:
    """Return a name with the characters that MLflow allows."""
    return re.sub(r"[^\w.-]", "_", str(name), flags=re.ASCII)


def _to_mlflow(mlflow: Any, logged: _Logged) -> str:
    mlflow.set_experiment(logged.project)
    with mlflow.start_run(run_name=logged.name) as started:
        mlflow.log_params(logged.parameters)
        mlflow.log_metrics(logged.values)
        mlflow.log_dict(logged.card, "card.json")
        mlflow.log_text(as_csv(logged.means, line_end="\n").decode(), "means.csv")
        mlflow.log_artifact(str(logged.page))
    return f"MLflow run {started.info.run_id} of the experiment {logged.project} in {mlflow.get_tracking_uri()}"


def _to_wandb(wandb: Any, logged: _Logged) -> str:
    config = {**logged.parameters, "card": logged.card}
    with wandb.init(project=logged.project, name=logged.name, config=config, job_type="evaluation") as started:
        started.summary.update(logged.values)
        started.log({"means": wandb.Table(dataframe=logged.means.astype({"n": float}))})
        artifact = wandb.Artifact(f"{_safe(logged.name)}-report", type="report")
        artifact.add_file(str(logged.page))
        started.log_artifact(artifact)
        seen = started.url or f"{Path(started.dir).parent}; send it with: wandb sync FOLDER"
    return f"W&B run {logged.name} of the project {logged.project}: {seen}"
