"""Tables and figures of Zhao et al. 2022."""

import pytest

from ctbench.report.papers.part import Material, NotAvailableError
from ctbench.report.papers.zhao2022 import PARTS

TABLE_1, FIGURE_3 = (part.make for part in PARTS)


@pytest.fixture(scope="module")
def material(make_small_runs, tmp_path_factory):
    """Readers and two models on six cases, of which one has no caudate, and nobody draws one."""
    runs = make_small_runs(
        tmp_path_factory.mktemp("runs"),
        raters=("reader1", "unet", "atlas"),
        edit=_without_one_caudate,
        labels={"caudate": 6},
    )
    return Material.of(runs, {})


def _without_one_caudate(scores):
    scores = scores[scores["label"] == "caudate"]
    empty = (scores["label"] == "caudate") & (scores["case"] == "case02")
    is_volume = scores["metric"].str.contains("volume")
    value = scores["value"].mask(empty & is_volume, 0.0).mask(empty & ~is_volume)
    return scores.assign(value=value, status=scores["status"].mask(empty, "both_empty"))


def test_both_conventions_stand_in_table_1(material):
    """INSTANCE's mean counts a rightly empty case as 1, ours the positives alone: both are those of the scores."""
    results = material.one()
    result = TABLE_1(material)
    frame = result.tables[""].frame.set_index(["population", "rater", "metric"])
    label = "caudate"
    assert result.tables[""].caption == "Mean over cases of caudate on toy, against majority."
    own = results.scores[
        (results.scores["reference"] == results.common)
        & (results.scores["label"] == label)
        & (results.scores["rater"] == "unet")
        & (results.scores["metric"] == "dice")
    ]
    assert own["status"].value_counts().to_dict() == {"ok": 5, "both_empty": 1}
    positives = own[~own["status"].isin(["both_empty", "reference_empty"])]["value"]
    assert frame.loc[("positives", "unet", "dice"), "mean"] == pytest.approx(positives.mean())
    full = own["value"].mask(own["status"].eq("both_empty"), 1.0)
    assert frame.loc[("full-marks", "unet", "dice"), "mean"] == pytest.approx(full.mean())
    printed = result.tables[""].cells
    assert printed["Model"].tolist() == ["unet", "atlas"] * 2
    assert printed["Dice"][0] == f"{full.mean():.3f}"


def test_what_was_not_scored_is_said(material):
    """The runs hold Dice and NSD, not HD and RVD; the tolerance of the NSD stands below the table."""
    notes = " ".join(TABLE_1(material).notes)
    assert "Not scored in these runs: hd, rvd_absolute." in notes
    assert "NSD at a tolerance of 1 mm" in notes


def test_pictures_need_the_files_of_the_dataset(material):
    """The sentence says how to name them."""
    with pytest.raises(NotAvailableError, match="needs the files of toy; name its YAML file with --catalog FILE"):
        FIGURE_3(material)


def test_readers_alone_are_no_models(make_small_runs, tmp_path):
    """The sentence says what is needed."""
    material = Material.of(
        make_small_runs(tmp_path, raters=("reader1", "reader2"), edit=_without_one_caudate, labels={"caudate": 6}), {}
    )
    with pytest.raises(NotAvailableError, match="needs a run of a model, got readers only"):
        TABLE_1(material)
