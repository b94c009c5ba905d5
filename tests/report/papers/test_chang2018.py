"""Tables and figures of chang2018, on eight cases of which four bleed: 30, 10, 3 and 0.005 mL."""

import math

import pytest

from ctbench.report.papers import PAPERS
from ctbench.report.papers.chang2018 import PARTS
from ctbench.report.papers.part import Material, NotAvailableError

MADE = {part.name: part.make for part in PARTS}


@pytest.fixture
def material(bleed_runs):
    """Two models and two readers on the test split."""
    return Material.of(bleed_runs(), {})


def test_the_command_makes_these_parts():
    """`ctbench paper chang2018` finds the parts of this module."""
    assert PAPERS["chang2018"] is PARTS


def test_table_1_counts_by_type_and_size(material):
    """30, 10 and 2 mL are a large, a medium and a small iph, .005 mL a punctate sah; quartiles by hand."""
    made = MADE["table-1"](material).tables
    assert made[""].printed.to_dict("list") == {
        "Size": ["large", "medium", "small", "punctate", "total"],
        "iph, test": ["1", "1", "1", "0", "3"],
        "sah, test": ["0", "0", "0", "1", "1"],
    }
    sizes = made["sizes"].frame.set_index("type")
    assert sizes.loc["all", ["scans", "hemorrhages", "share"]].tolist() == [8, 4, 0.5]
    assert sizes.loc["all", ["median_ml", "q1_ml", "q3_ml"]].tolist() == pytest.approx([6.5, 2.25125, 15])
    assert sizes.loc["sah", "median_ml"] == 0.005


def test_table_2_crosses_type_and_size(material):
    """Narrow finds three of four, misses the punctate sah, and alarms in one of four: by hand for each stratum."""
    made = MADE["table-2"](material).tables
    rows = made[""].frame.set_index(["rater", "type", "size_class"])
    assert rows.loc[("wide", "all", "all"), ["sensitivity", "specificity"]].tolist() == [1, 1]
    whole = rows.loc[("narrow", "all", "all")]
    assert whole[["sensitivity", "specificity", "ppv", "npv", "accuracy"]].tolist() == [0.75] * 5
    large = rows.loc[("narrow", "iph", "large")]
    assert large[["positive", "sensitivity", "specificity"]].tolist() == [1, 1, 0.75]
    assert large["balanced_accuracy"] == 0.875
    assert large["balanced_ppv"] == pytest.approx(1 / 1.25)
    assert large["balanced_npv"] == 1
    assert rows.loc[("narrow", "sah", "punctate"), "sensitivity"] == 0
    assert ("narrow", "sah", "large") not in rows.index
    printed = made[""].printed.set_index(["Rater", "Type", "Size"])
    assert printed.loc[("narrow", "iph", "large")].tolist()[:3] == ["1", "0.875", "1.000"]


def test_table_2_is_made_for_readers_too(material):
    """Each on the reference made without this reader; the full set stands beside the balanced one."""
    made = MADE["table-2"](material).tables
    assert list(made) == ["", "full-set", "readers", "readers-full-set"]
    readers = made["readers"].frame
    assert set(readers["reference"]) == {"majority-without-reader1", "majority-without-reader2"}
    assert (readers["sensitivity"] == 1).all()


def test_detection_counts_found_hemorrhages_by_type(material):
    """Three of three iph and none of one sah."""
    made = MADE["detection"](material).tables
    by_type = made["by-type"].printed.set_index(["Rater", "Type"])["Sensitivity"]
    assert by_type[("narrow", "iph")] == "100.0 % (3/3)"
    assert by_type[("narrow", "sah")] == "0.0 % (0/1)"


def test_abc2_is_a_rater_of_volumes(material):
    """The metric is .7 of each volume: r is 1 and the estimate 30 % too low; without files there is no other one."""
    rows = MADE["quantification"](material).tables[""].frame.set_index(["type", "rater"])
    graded = rows.loc[("iph", "ABC/2 (graded slices)")]
    assert graded[["n", "pearson_r", "mean_relative_difference"]].tolist() == pytest.approx([3, 1, -30])
    assert math.isnan(graded["dice"])
    assert ("iph", "ABC/2 (all slices)") not in rows.index
    wide = rows.loc[("iph", "wide")]
    assert wide[["structure", "n"]].tolist() == ["iph", 3]
    assert wide[["dice", "pearson_r", "mean_relative_difference"]].tolist() == pytest.approx([2.3 / 3, 1, -10])


def test_the_roc_has_a_point_for_each_threshold(material):
    """The curve of wide passes through (0, 1); its figure names the diagonal."""
    made = MADE["roc"](material)
    curve = made.tables[""].frame.query("rater == 'wide'")
    assert ((curve["false_positive_rate"] == 0) & (curve["sensitivity"] == 1)).any()
    assert "chance" in made.figures[""].description


def test_cohorts_stand_side_by_side(bleed_runs):
    """Two splits are two columns of each rate."""
    both = [*bleed_runs(split="train", raters=("wide",)), *bleed_runs(split="test", raters=("wide",))]
    made = MADE["table-2"](Material.of(both, {})).tables[""].printed
    assert list(made)[:6] == ["Rater", "Type", "Size", "n", "Accuracy, train", "Accuracy, test"]
    assert made["n"].iloc[0] == "4, 4"


def test_times_are_means_of_predictions(material):
    """Each prediction took 1.5 s."""
    assert MADE["time"](material).tables[""].frame["seconds"].tolist() == [1.5, 1.5]


@pytest.mark.parametrize("name", ["figure-3", "figure-4"])
def test_pictures_need_the_files_of_the_dataset(material, name):
    """Without images there is nothing to draw on."""
    with pytest.raises(NotAvailableError, match="needs the files of the dataset"):
        MADE[name](material)


@pytest.mark.parametrize("name", ["table-1", "table-2", "detection", "roc", "quantification", "figure-3"])
def test_runs_without_a_bleed_are_told_what_is_missing(make_small_runs, tmp_path, name):
    """Ventricles and caudate have no group that stands for any hemorrhage."""
    with pytest.raises(NotAvailableError, match="needs a structure that stands for any hemorrhage"):
        MADE[name](Material.of(make_small_runs(tmp_path), {}))
