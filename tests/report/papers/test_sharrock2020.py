"""Tables and figures of sharrock2020, on eight cases of which four bleed: 30, 10, 3 and 0.005 mL."""

import math

import pytest

from ctbench.report.papers import PAPERS
from ctbench.report.papers.part import Material, NotAvailableError
from ctbench.report.papers.sharrock2020 import PARTS

MADE = {part.name: part.make for part in PARTS}
INPUTS = {name: {"parameters": {"edge": edge, "spacing_mm": 1.5}} for name, edge in (("wide", 128), ("narrow", 32))}


@pytest.fixture
def material(bleed_runs):
    """Two models and two readers on the test split."""
    return Material.of(bleed_runs(cards=INPUTS), {})


def test_the_command_makes_these_parts():
    """`ctbench paper sharrock2020` finds the parts of this module."""
    assert PAPERS["sharrock2020"] is PARTS


def test_table_1_counts_failures_among_scans_that_bleed(material):
    """Dice .9, .8, .6 and .4: one of four scans failed; the second model failed in two."""
    table = MADE["table-1"](material).tables[""]
    wide, narrow = table.frame.set_index("rater").loc[["wide", "narrow"]].to_dict("records")
    assert (wide["n"], wide["mean"], wide["median"], wide["share_failed"]) == pytest.approx((4, 0.675, 0.7, 0.25))
    assert (narrow["mean"], narrow["min"], narrow["failures"]) == pytest.approx((0.425, 0.0, 2))
    assert table.printed.iloc[0].tolist() == ["wide", "0.675", "0.222", "0.700", "0.400", "0.900", "25.0%"]
    assert table.frame.set_index("rater").loc["reader1", "reference"] == "majority-without-reader1"


def test_table_2_has_the_types_in_the_reference(material):
    """Two scans hold iph only, one iph with sah, one sah only; without a case table there are no other subgroups."""
    tables = MADE["table-2"](material).tables
    assert list(tables) == [""]
    rows = tables[""].frame.set_index(["rater", "subgroup"])
    assert rows["n"].xs("wide").to_dict() == {"iph only": 2, "sah only": 1, "iph with sah": 1}
    assert rows.loc[("wide", "iph only"), "mean"] == pytest.approx(0.85)
    assert tables[""].printed.set_index("Model").loc["narrow", "iph with sah"] == "0.400 (–); 1 of 1 failed"


def test_table_3_counts_only_scans_that_bleed(material):
    """Ninety per cent of 30, 10, 3 and .005 mL: the mean difference is -1.075 mL, and r is 1."""
    rows = MADE["table-3"](material).tables[""].frame.set_index("rater")
    wide = rows.loc["wide"]
    assert (wide["n"], wide["pearson_r"], wide["mean_difference"]) == pytest.approx((4, 1.0, -0.1 * 43.005 / 4))
    assert wide["rmse"] == pytest.approx(math.sqrt((9 + 1 + 0.09 + 2.5e-7) / 4))
    assert rows.loc["narrow", "share_within"] == 0.75
    assert rows.loc["reader2", "reference"] == "majority-without-reader2"


def test_the_cohort_has_shares_and_volumes(material):
    """Two of four scans with blood have iph only, of 20 mL on average."""
    rows = MADE["cohort"](material).tables[""].frame.set_index("subgroup")
    assert rows.loc["iph only", ["n", "share", "mean_ml"]].tolist() == [2, 0.5, 20]
    assert rows.loc["all", ["n", "min_ml", "max_ml"]].tolist() == [4, 0.005, 30]


def test_training_stands_beside_validation(bleed_runs):
    """Two runs of one model on two splits are one table; with one split the part says what it needs."""
    both = [*bleed_runs(split="train", raters=("wide",)), *bleed_runs(split="test", raters=("wide",))]
    frame = MADE["training"](Material.of(both, {})).tables[""].frame
    assert frame["split"].tolist() == ["train", "test"]
    assert math.isnan(frame["minus_training"].iloc[0])
    assert frame["minus_training"].iloc[1] == 0
    assert MADE["table-1"](Material.of(both, {})).tables[""].frame["n"].tolist() == [4]
    with pytest.raises(NotAvailableError, match="on two splits of one dataset"):
        MADE["training"](Material.of(both[:1], {}))


def test_networks_stand_by_the_width_of_their_input(material, bleed_runs):
    """128 voxels of 1.5 mm are 192 mm; the narrow network's Dice is .25 lower, and it draws .5 mL in one of four."""
    rows = MADE["receptive-field"](material).tables[""].frame
    assert rows[["rater", "width_mm"]].to_numpy().tolist() == [["wide", 192], ["narrow", 48]]
    assert rows["difference"].iloc[1] == pytest.approx(-0.25)
    assert rows["false_ml"].tolist() == [0, 0.125]
    with pytest.raises(NotAvailableError, match="two or more networks whose cards state `edge`"):
        MADE["receptive-field"](Material.of(bleed_runs(), {}))


@pytest.mark.parametrize(("name", "lines"), [("figure-5", 4), ("figure-6", 4)])
def test_volume_figures_have_a_panel_for_each_model(material, name, lines):
    """Identity, fit, dots and LOESS; limits, bias, dots and LOESS."""
    (figure,) = MADE[name](material).figures.values()
    panels = figure.chart.to_dict()["concat"]
    assert [panel["title"]["text"] for panel in panels] == ["wide (n = 4)", "narrow (n = 4)"]
    assert all(len(panel["layer"]) == lines for panel in panels)


def test_figure_2_has_the_quartiles(material):
    """The median of .9, .8, .6 and .4 is .7."""
    rows = MADE["figure-2"](material).tables[""].frame.set_index("rater")
    assert rows.loc["wide", ["q1", "median", "q3"]].tolist() == pytest.approx([0.55, 0.7, 0.825])


@pytest.mark.parametrize("name", [part.name for part in PARTS])
def test_runs_without_a_bleed_are_told_what_is_missing(make_small_runs, tmp_path, name):
    """Ventricles and caudate have no group that stands for any hemorrhage."""
    material = Material.of(make_small_runs(tmp_path), {})
    with pytest.raises(NotAvailableError, match=r"needs (a structure that stands for any|runs of one model)"):
        MADE[name](material)


@pytest.mark.parametrize("name", ["figure-3", "figure-4"])
def test_pictures_need_the_files_of_the_dataset(material, name):
    """Without images there is nothing to draw on."""
    with pytest.raises(NotAvailableError, match="needs the files of bleeds"):
        MADE[name](material)
