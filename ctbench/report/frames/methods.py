"""Cards of models, and the cases in which they failed, as tables."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from ctbench.report import explanations
from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.runs import UsedPredictor
from ctbench.scores import RaterKind

__all__ = ["card_facts", "failures_of", "method_card", "method_table"]


def card_facts(card: UsedPredictor) -> dict[str, str]:
    """Return what a predictor states about itself, under the titles of the page; empty where it states nothing."""
    demo = card.info.phantoms_only
    return {
        "Named as": card.spec,
        "Options": ", ".join(f"{key} = {value}" for key, value in {**card.info.parameters, **card.options}.items()),
        "Paper": card.info.paper,
        "Licence": card.info.licence,
        "Trained on": ", ".join(card.info.training_datasets) + (f": {explanations.DEMO}" if demo else ""),
        "Size": card.info.size_in_words,
        "Weights": card.info.weights_digest,
    }


def method_table(runs: ComparableRuns) -> pd.DataFrame:
    """List the models of a runs.

    Returns:
        Columns ``rater, version, description, paper, licence, trained_on``, ``size`` and ``paper_size`` (trainable
        parameters, of the paper's network too; 0: unknown), ``labels`` (how many), ``seconds`` (median of a case),
        ``failed`` (cases without a prediction), ``run``.
    """
    rows = []
    for row in runs.index[runs.index["rater_kind"] == RaterKind.MODEL].to_dict("records"):
        said = json.loads(row["manifest"]).get("predictor") or {}
        rows.append(
            {
                "rater": row["name"],
                "version": row["version"],
                "description": said.get("description", ""),
                "paper": said.get("paper", ""),
                "licence": said.get("licence", ""),
                "trained_on": ", ".join(said.get("training_datasets", ())),
                "size": said.get("size", 0),
                "paper_size": said.get("paper_size", 0),
                "labels": len(said.get("labels", ())),
                "seconds": row["seconds"],
                "failed": row["failed"],
                "run": row["run"],
            }
        )
    columns = [
        "rater",
        "version",
        "description",
        "paper",
        "licence",
        "trained_on",
        "size",
        "paper_size",
        "labels",
        "seconds",
        "failed",
        "run",
    ]
    return pd.DataFrame(rows, columns=columns)


def method_card(runs: ComparableRuns, name: str) -> pd.DataFrame:
    """Return all facts about a model and its run, as rows ``fact, value``."""
    row = runs.index[runs.index["name"] == name].iloc[0]
    manifest = runs.board.manifest(row["run"])
    card = manifest.predictor
    facts: dict[str, Any] = {"Name": manifest.rater, "Version": row["version"]}
    if card is not None:
        groups = [f"{group} ({', '.join(members)})" for group, members in card.info.labels.groups.items()]
        facts |= {"Description": card.info.description, **card_facts(card)}
        facts |= {"Labels": ", ".join((*card.info.labels, *groups)), "Code": card.code_digest}
    facts |= {
        "Trained here": "yes: it was fitted on cases of this dataset" if row["trained_here"] else "",
        "Not scored for": ", ".join(manifest.unsupported),
        "Seconds a case": "" if pd.isna(row["seconds"]) else f"{row['seconds']:.2f}",
        "Device": manifest.device,
        "Cases": f"{len(manifest.cases)}, {row['failed']} without a prediction",
        "Submitted": row["submitted"],
        "Run": row["run"],
        "Scores": manifest.scores_digest,
        "Versions": ", ".join(f"{key} {value}" for key, value in manifest.versions.items()),
    }
    return pd.DataFrame([(fact, str(value)) for fact, value in facts.items() if value], columns=["fact", "value"])


def failures_of(runs: ComparableRuns, name: str) -> pd.DataFrame:
    """Return the cases of a model without a prediction: columns ``case, outcome, detail``."""
    scores = runs.scores_on(runs.metrics[0], runs.common, [name])
    return tables.failures(scores)[["case", "outcome", "detail"]]
