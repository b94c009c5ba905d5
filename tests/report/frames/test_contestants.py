import math
from dataclasses import replace

import pandas as pd
import pytest

from ctbench.report.frames import comparable_runs
from ctbench.report.frames.contestants import contestants, structure_rows

MODELS = ["unet", "atlas"]


def grids(results, *references):
    """The Dice of all raters on some references."""
    return [results.grid("dice", name) for name in references]


def test_a_structure_has_the_scores_of_the_runs(results):
    """One reference and one structure: what stands is what was scored, case by case."""
    rows = contestants(grids(results, "majority"), MODELS, ("caudate",), "dice", name_of=results.name_of)
    own = results.scores.query("reference == 'majority' and metric == 'dice' and label == 'caudate'")
    expected = own[own["rater"].isin(MODELS)].set_index(["rater", "case"])["value"].to_dict()
    found = {(row.rater, row.case): row.value for row in rows.itertuples()}
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, nan_ok=True)


def test_a_mean_goes_over_what_all_raters_have(results):
    """A structure that one of them does not claim counts for nobody."""
    over = ("caudate", "insular_cortex")
    both = contestants(grids(results, "majority"), MODELS, over, "dice", name_of=results.name_of)
    caudate = contestants(grids(results, "majority"), MODELS, ("caudate",), "dice", name_of=results.name_of)
    assert both["value"].tolist() == pytest.approx(caudate["value"].tolist(), nan_ok=True)
    alone = contestants(grids(results, "majority"), ["unet"], over, "dice", name_of=results.name_of)
    assert alone["value"].tolist() != caudate.loc[caudate["rater"] == "unet", "value"].tolist()


def test_raters_without_a_common_reference_have_no_rows(results):
    """Two readers who were each left out of another reference share none of these."""
    pair = ["reader1", "reader2"]
    without = grids(results, "majority-without-reader1", "majority-without-reader2")
    assert contestants(without, pair, ("caudate",), "dice", name_of=results.name_of).empty


def test_patients_are_those_that_are_named(results):
    """Another case is a patient of its own."""
    rows = contestants(
        grids(results, "majority"),
        MODELS,
        ("caudate",),
        "dice",
        name_of=results.name_of,
        patients={"case01": "p1", "case02": "p1"},
    )
    patients = rows.drop_duplicates("case").set_index("case")["patient"].astype(str)
    assert (patients["case01"], patients["case02"], patients["case03"]) == ("p1", "p1", "case03")


def test_structures_stand_under_each_other(results):
    """The rows of each structure are those that it has alone."""
    asked = {"name_of": results.name_of}
    rows = structure_rows(grids(results, "majority"), MODELS, ["caudate", "ventricles"], "dice", **asked)
    for label in ("caudate", "ventricles"):
        own = contestants(grids(results, "majority"), MODELS, (label,), "dice", **asked)
        assert rows.loc[rows["label"] == label, "value"].tolist() == pytest.approx(own["value"].tolist(), nan_ok=True)
    assert len(rows) == 2 * len(own)
    assert not all(math.isnan(value) for value in rows["value"])


@pytest.mark.parametrize("names", [["unet", "atlas"], ["all readers", "unet"], ["reader1", "atlas"]])
def test_a_few_raters_are_compared_without_the_others(results, names, monkeypatch):
    """A large board reads the rows of these alone, and finds what it finds among all."""
    asked = names, results.labels, "dice"
    whole = contestants(results.grids("dice", results.fair), *asked, name_of=results.name_of)
    for limit in ("_WHOLE", "_FEW"):
        monkeypatch.setattr(comparable_runs, limit, 0)
    parts = replace(results)
    found = contestants(parts.grids("dice", parts.fair), *asked, name_of=parts.name_of)
    pd.testing.assert_frame_equal(found, whole, check_exact=True)
    assert {len(entries) for *_, entries in parts._kept if entries is not None} == {2}
