"""Lesions of runs: cases, lesions and pooled sensitivities of models and readers."""

import numpy as np
import pandas as pd
import pytest

from ctbench.datasets import ALL_SIZES
from ctbench.errors import UsageError
from ctbench.metrics.lesions import case_scores
from ctbench.references import read_references
from ctbench.report.frames.lesions import lesion_sensitivity_table, lesion_tables


@pytest.fixture(scope="module")
def tables(runs, dataset):
    """The lesions of all runs of the dataset."""
    return lesion_tables(runs, dataset, ("any", "pq"))


def test_models_are_scored_on_every_reference_and_readers_without_themselves(tables):
    """Readers stand in the same table, each on the one reference made without them."""
    found = tables.cases.groupby("rater_kind")["reference"].unique()
    assert "majority" in found["model"]
    assert "majority" not in found["reader"]
    readers = tables.cases[tables.cases["rater_kind"].eq("reader")]
    assert (readers["reference"] == "majority-without-" + readers["rater"]).all()
    assert set(tables.cases["protocol"]) == {"any", "pq"}


def test_figures_of_a_case_are_those_of_its_label_maps(runs, dataset, tables):
    """A row of a model is what case_scores returns for the prediction and the common reference."""
    case = next(iter(dataset))
    readings = read_references(case, "majority")
    codes = runs[1].label_set.codes_of("caudate")
    (expected,) = case_scores(
        readings.common,
        runs[1].prediction(case.id).array,
        spacing_mm=readings.grid.spacing_mm,
        labels={"caudate": codes},
        protocols=["pq"],
    ).to_dict("records")
    rows = tables.cases
    chosen = rows["case"].eq(case.id) & rows["rater"].eq(runs[1].manifest.rater) & rows["reference"].eq("majority")
    (row,) = rows[chosen & rows["label"].eq("caudate") & rows["protocol"].eq("pq")].to_dict("records")
    assert {name: row[name] for name in expected} == pytest.approx(expected, nan_ok=True)


def test_a_lost_case_misses_all_lesions(runs, tables):
    """The case that failed has its status, and all its lesions are missed."""
    rows = tables.cases
    lost = rows[rows["rater"].eq(runs[2].manifest.rater) & rows["status"].isin(["failed", "missing"])]
    assert len(set(lost["case"])) == 1
    assert (lost["detected"] == 0).all()
    assert (lost["missed"] == lost["lesions"]).all()


def test_pooled_sensitivity(tables):
    """Counts are those of the list, all sizes together first, and intervals hold the share."""
    pooled = lesion_sensitivity_table(tables.lesions)
    whole = pooled[pooled["size_class"].eq(ALL_SIZES)]
    held = tables.lesions["outcome"].isin(["detected", "missed"])
    assert whole["lesions"].sum() == held.sum()
    assert pooled.groupby("label")["size_class"].first().eq(ALL_SIZES).all()
    known = pooled.dropna(subset=["sensitivity"])
    assert (known["low"] <= known["sensitivity"]).all()
    assert (known["sensitivity"] <= known["high"]).all()
    assert np.allclose(known["detected"] / known["lesions"], known["sensitivity"])


def test_lesions_of_one_patient_are_one_cluster():
    """Ten lesions of two patients have a wider interval than ten lesions of ten patients."""
    rows = pd.DataFrame(
        {
            "label": "iph",
            "size_class": "small",
            "protocol": "any",
            "reference": "majority",
            "rater": "m",
            "rater_kind": "model",
            "outcome": ["detected"] * 5 + ["missed"] * 5,
            "patient": [f"p{n}" for n in range(10)],
        }
    )
    apart = lesion_sensitivity_table(rows).iloc[0]
    together = lesion_sensitivity_table(rows.assign(patient=["a"] * 5 + ["b"] * 5)).iloc[0]
    assert (together["patients"], apart["patients"]) == (2, 10)
    assert together["high"] - together["low"] > apart["high"] - apart["low"]


def test_no_runs(dataset):
    """Without a run there is nothing to score."""
    with pytest.raises(UsageError, match="name at least one run folder"):
        lesion_tables([], dataset)
