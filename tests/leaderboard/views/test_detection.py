"""The page detection."""

import pytest

from ctbench.files import sha256
from ctbench.statistics import predictive_values


def _table(test, *columns):
    return next(one.value for one in test.dataframe if set(columns) <= set(one.value.columns))


def test_rates_by_hand(app, toy_board):
    """Both models draw the second blob wherever it is, and nowhere else; one fails on a case that has it."""
    rates = _table(app(toy_board, "detection", finding="ivh"), "sensitivity", "specificity").set_index("rater")
    assert rates.loc["sharp", ["n", "positive", "sensitivity", "specificity"]].tolist() == [5, 4, 100, 100]
    assert rates.loc["blunt", "sensitivity"] == pytest.approx(75)


def test_predictive_values_follow_the_prevalence(app, toy_board):
    """The slider changes the last columns, by Bayes' theorem, and nothing else."""
    tables = [_table(app(toy_board, "detection", prevalence=at), "ppv_at") for at in ("0.5", "0.1")]
    for table, prevalence in zip(tables, (0.5, 0.1), strict=True):
        blunt = table.set_index("rater").loc["blunt"]
        expected = predictive_values(blunt["sensitivity"] / 100, blunt["specificity"] / 100, prevalence=prevalence)
        assert blunt[["ppv_at", "npv_at"]].tolist() == pytest.approx([100 * value for value in expected])
    assert tables[0]["ppv"].tolist() == tables[1]["ppv"].tolist()


def test_readers_come_on_demand(app, toy_board):
    """Readers are judged by references of their own, and only shown if asked for."""
    assert "ann" not in set(_table(app(toy_board, "detection"), "sensitivity")["rater"])
    test = app(toy_board, "detection", readers="true")
    assert {"ann", "ben", "cem"} <= set(_table(test, "sensitivity")["rater"])


def test_wrong_calls_are_listed(app, toy_board):
    """The case without a prediction counts as wrongly called, and is listed as such."""
    wrong = _table(app(toy_board, "detection", finding="ivh"), "case", "was")
    assert wrong[["case", "rater", "was", "no prediction"]].to_numpy().tolist() == [["case2", "blunt", "missed", True]]


def test_nothing_to_detect(app, toy_board):
    """A structure that is in all cases is no finding that can be asked for."""
    test = app(toy_board, "detection")
    (finding,) = (box for box in test.selectbox if box.label == "Finding")
    assert list(finding.options) == ["ivh"]


def test_size_classes_follow_from_the_reference_where_no_column_has_them(app, toy_runs, tmp_path):
    """One of five cases is negative; those of 2 mL are small and those of 8 mL medium, as in the report."""
    run, folder = toy_runs["sharp"], tmp_path / "runs" / "sharp"
    folder.mkdir(parents=True)
    scores = run.scores[run.scores["metric"].isin(["volume_ml", "reference_volume_ml"])]
    size = scores["case"].map({"case1": 2.0, "case2": 2.0, "case3": 8.0, "case4": 8.0, "case5": 0.0})
    size = size.mask(scores["label"] == "ivh", size / 4)
    scores.assign(value=size, status="ok").to_parquet(folder / "scores.parquet", index=False)
    told = run.manifest.model_copy(update={"scores_digest": sha256(folder / "scores.parquet")})
    (folder / "run.json").write_text(told.to_json(), encoding="utf-8")
    test = app(tmp_path / "runs", "detection", finding="hemorrhage")
    sizes = _table(test, "size_class", "sensitivity").set_index("size_class")
    assert sizes["positive"].to_dict() == {"medium": 2, "small": 2}
    assert any("the size class is that of the volume" in one.proto.body for one in test.html)
