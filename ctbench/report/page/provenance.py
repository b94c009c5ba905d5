"""Facts of the dataset, failures, definitions of metrics, cards of models, versions and digests."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from ctbench.files import sha256
from ctbench.report import explanations
from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.definitions import metric_definitions
from ctbench.report.frames.methods import card_facts
from ctbench.report.page.cells import model_fold
from ctbench.report.page.markup import Cell, Column, Html, details, element, join, paragraph, table
from ctbench.report.wording import MISSING, fixed, percent
from ctbench.runs import Run
from ctbench.runs.folder import RunFolder
from ctbench.scores import Status
from ctbench.statistics import OVERALL

__all__ = ["definitions", "facts", "predictors", "problems", "repeat"]


def facts(results: ComparableRuns, title: str, indeterminate: pd.DataFrame | None) -> Html:
    """State in short what was compared with what, and how."""
    manifest = results.manifest
    split = f" of the split {manifest.split}" if manifest.split else ""
    tolerance = manifest.tolerance_mm
    tolerances = (
        f"{tolerance:g} mm"
        if isinstance(tolerance, float)
        else ", ".join(f"{name} {value:g} mm" for name, value in tolerance.items())
    )
    rows = {
        "Dataset": f"{results.dataset}: {title}" if title else results.dataset,
        "Cases": f"{len(manifest.cases)}{split}",
        "Readers": ", ".join(results.readers) or "none",
        "Models": ", ".join(results.models) or "none",
        "Reference": f"{results.common}" + (", and one without each reader" if results.leave_one_out else ""),
        "Indeterminate voxels": MISSING if indeterminate is None else _indeterminate(indeterminate.iloc[-1]),
        "Surface distances": f"{manifest.surface}, NSD within {tolerances}",
    }
    facts = element("dl", *(_entry(name, text) for name, text in rows.items()), class_="facts")
    if indeterminate is None:
        return facts
    return join((facts, details("Indeterminate voxels by structure", _indeterminate_table(indeterminate))))


def _indeterminate(overall: pd.Series) -> str:
    said = f"{percent(float(overall['share']), 2)} of those that some reader drew; they do not count"
    if pd.isna(overall["share_without"]):
        return said
    return f"{said} ({percent(float(overall['share_without']), 2)} on the references without a reader)"


def _indeterminate_table(indeterminate: pd.DataFrame) -> Html:
    columns = [
        Column.text("Structure"),
        Column("Drawn by a reader", "voxels"),
        Column("Indeterminate", "voxels"),
        Column("Share", "%"),
        Column("Without a reader", "%", hint="the same share on the references without each reader, over all readers"),
    ]
    rows = [
        [
            Cell(row["label"], kind="overall" if row["label"] == OVERALL else ""),
            Cell(f"{row['annotated_voxels']:,}", float(row["annotated_voxels"])),
            Cell(f"{row['indeterminate_voxels']:,}", float(row["indeterminate_voxels"])),
            Cell(percent(row["share"], 2).removesuffix(" %"), row["share"]),
            Cell(percent(row["share_without"], 2).removesuffix(" %"), row["share_without"]),
        ]
        for row in indeterminate.to_dict("records")
    ]
    caption = "Voxels that at least one reader drew, and those of them on which no consensus was found"
    return table(columns, rows, caption)


def _entry(name: str, text: object) -> Html:
    return element("div", element("dt", name), element("dd", text))


def problems(results: ComparableRuns) -> Html:
    """List failures with their reasons, unsupported structures, and structures that nobody assessed."""
    parts = [_failures(results), _unsupported(results), _not_assessed(results)]
    return join(part for part in parts if part is not None)


def _failures(results: ComparableRuns) -> Html:
    failures = tables.failures(results.scores)
    if failures.empty:
        return paragraph("No prediction failed and none is missing.")
    columns = [Column.text(name) for name in ("Model", "Case", "Outcome", "Why")]
    rows = [[Cell.text(str(value)) for value in row] for row in failures.itertuples(index=False)]
    return table(columns, rows, f"{len(failures)} predictions failed or are missing; they count with the worst value")


def _unsupported(results: ComparableRuns) -> Html | None:
    lacking = tables.unsupported(results.scores)
    if lacking.empty:
        return None
    columns = [Column.text("Model"), Column.text("Structures")]
    rows = [
        [
            Cell.text(str(rater)),
            Cell(", ".join(name for name in results.structures if name in set(own["label"]))),
        ]
        for rater, own in lacking.groupby("rater", sort=False)
    ]
    caption = "Structures that a model does not claim to know; they are not scored for it"
    return details("Structures that models do not claim", table(columns, rows, caption))


def _not_assessed(results: ComparableRuns) -> Html | None:
    rows = results.scores[results.scores["status"] == Status.NOT_ASSESSED]
    if rows.empty:
        return None
    pairs = rows[["case", "label"]].drop_duplicates().sort_values(["case", "label"])
    columns = [Column.text("Case"), Column.text("Structure")]
    cells = [[Cell.text(str(name)) for name in pair] for pair in pairs.itertuples(index=False)]
    return table(columns, cells, "Structures that nobody could identify in a case; they are not scored there")


def definitions(results: Sequence[ComparableRuns]) -> Html:
    """Define every metric that some run has, with its unit, its value where something is empty, and its source."""
    used = {name for one in results for run in one.runs for name in run.manifest.metrics}
    columns = [
        Column.text("Metric"),
        Column.text("Definition"),
        Column.text("Unit"),
        Column.text("Good"),
        *(Column(name, numeric=False, group="value where empty") for name in ("both", "prediction", "reference")),
        Column.text("failed", hint="failed or missing"),
    ]
    rows = [
        [
            Cell(join((row["title"], element("code", row["metric"], class_="line")))),
            Cell(join((row["definition"], _below(f"{row['source']}. Version {row['version']}."))), kind="long"),
            Cell(row["unit"]),
            Cell(row["better"]),
            *(Cell(row[name]) for name in ("both_empty", "prediction_empty", "reference_empty", "missing")),
        ]
        for row in metric_definitions(used).to_dict("records")
    ]
    caption = f"Every metric of the runs. {explanations.VALUES_WHERE_EMPTY}"
    return details(f"{len(rows)} metrics", table(columns, rows, caption, kind="definitions"))


def _below(text: str) -> Html:
    return element("small", text, class_="line")


def predictors(results: ComparableRuns, focus: Collection[str] = ()) -> Html:
    """Show the card of every model: version, paper, licence, training data, weights, seconds a case; folded."""
    return join(model_fold(results, name, _predictor(results.open_run(name)), focus=focus) for name in results.models)


def _predictor(run: Run) -> Html:
    card = run.manifest.predictor
    assert card is not None  # asked of models only
    seconds = _predict_seconds(run)
    known = run.manifest.dataset in card.info.training_datasets
    rows = card_facts(card) | {
        "Seconds a case": f"{fixed(float(seconds.median()), 's')} (median of {len(seconds)})" if len(seconds) else "",
    }
    badge = element("span", "trained on this dataset", class_="badge warn") if known else None
    entries = [_entry(name, text) for name, text in rows.items() if text]
    head = element("h4", f"{card.info.name} {card.info.version} ", badge)
    return element("div", head, paragraph(card.info.description), element("dl", *entries), class_="panel")


def _predict_seconds(run: Run) -> pd.Series:
    # Times are no part of a result: a run that was passed on may lack them.
    if not RunFolder(run.folder).times.is_file():
        return pd.Series(dtype=float)
    return run.times.loc[run.times["phase"] == "predict", "seconds"]


def repeat(results: Sequence[ComparableRuns], command: str | None, stamp: str | None) -> Html:
    """Return how the page was made: the command, the versions, and the digests that a second run must reach."""
    parts = []
    if command:
        parts.append(paragraph("Made by"))
        parts.append(element("pre", element("code", command)))
    if stamp:
        parts.append(paragraph(stamp))
    columns = [Column.text(name) for name in ("Dataset", "Rater", "Digest of the dataset", "Digest of the scores")]
    rows = [
        [
            Cell.text(one.dataset),
            Cell.text(run.manifest.rater),
            _digest(run.manifest.dataset_fingerprint),
            _digest(sha256(RunFolder(run.folder).scores)),
        ]
        for one in results
        for run in one.runs
    ]
    digests = table(columns, rows, "SHA-256; the same command reaches the same digests")
    parts.append(details("Digests of the data and of the scores", digests))
    versions: dict[str, set[str]] = {}
    for one in results:
        for run in one.runs:
            for name, version in run.manifest.versions.items():
                versions.setdefault(name, set()).add(version)
    listed = ", ".join(f"{name} {' and '.join(sorted(found))}" for name, found in versions.items())
    parts.append(paragraph("Scored with ", listed, "."))
    return join(parts)


def _digest(text: str) -> Cell:
    return Cell(element("code", text, class_="digest"), text)
