"""Frames of single cases."""

import pytest

from ctbench.report.frames.case_order import case_scores, worst_first


def _of(scores, metric, rater="unet"):
    return scores[(scores["rater"] == rater) & (scores["metric"] == metric)]


@pytest.mark.parametrize(("metric", "up"), [("dice", True), ("hd95", False)])
def test_worst_first(scores, metric, up):
    """A low Dice and a large distance come first; values are means over structures and references."""
    rows = _of(scores, metric)
    table = worst_first(rows, ("caudate", "lentiform"))
    assert table["value"].is_monotonic_increasing if up else table["value"].is_monotonic_decreasing
    own = rows[rows["label"].isin(["caudate", "lentiform"]) & (rows["case"] == "case04")]
    expected = own.groupby("reference")["value"].mean().mean()
    assert table.set_index("case").loc["case04", "value"] == pytest.approx(expected)
    assert table["outcome"].eq("scored").all()


def test_failures_come_first_with_their_reason(scores):
    """A failed case has the worst value there is, and says why."""
    first = worst_first(_of(scores, "dice", "atlas"), ("caudate",)).iloc[0]
    assert (first["case"], first["value"], first["outcome"]) == ("case11", 0.0, "failed (penalty)")
    assert "gave up" in first["detail"]


def test_undefined_cases_come_last(scores):
    """Where neither has the structure there is no value, and nothing to look at."""
    assert worst_first(_of(scores, "dice"), ("septum_pellucidum",)).iloc[-1]["case"] == "case07"


def test_a_metric_without_a_good_side_sorts_by_name(scores):
    """Of a volume none is the worst."""
    table = worst_first(_of(scores, "volume_ml"), ("caudate",))
    assert table["case"].is_monotonic_increasing


def test_no_scores(scores):
    """A structure that nobody scored gives an empty table."""
    assert list(worst_first(_of(scores, "dice"), ("thalamus",)).columns) == ["case", "value", "outcome", "detail"]


def test_case_scores(scores):
    """A row for each structure in their order, a column for each metric with its unit, the chief ones first."""
    own = scores[(scores["rater"] == "unet") & (scores["case"] == "case03") & (scores["reference"] == "majority")]
    table = case_scores(own, ("septum_pellucidum", "caudate"))
    assert table["structure"].tolist() == ["septum_pellucidum", "caudate"]
    assert list(table.columns[1:4]) == ["Dice", "Volume difference (absolute), mL", "HD95, mm"]
    assert table["outcome"].tolist() == ["missed (penalty)", "scored"]
    expected = own[(own["label"] == "caudate") & (own["metric"] == "hd95")]["value"].item()
    assert table["HD95, mm"].iloc[1] == expected
