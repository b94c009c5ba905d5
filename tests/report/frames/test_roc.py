import pandas as pd

from ctbench.report.frames.roc import roc_table


def test_each_rater_has_a_curve_from_corner_to_corner():
    """Steps are counted from 0 for each rater; rates never fall."""
    found = pd.DataFrame(
        {
            "rater": ["a"] * 4 + ["b"] * 4,
            "by": "by its score",
            "truth": [True, True, False, False] * 2,
            "score": [0.9, 0.4, 0.6, 0.1, 0.5, 0.5, 0.5, 0.5],
        }
    )
    curves = roc_table(found)
    assert list(curves["rater"].unique()) == ["a", "b"]
    for _, own in curves.groupby("rater"):
        assert own["step"].tolist() == list(range(len(own)))
        rates = own[["false_positive_rate", "sensitivity"]]
        assert rates.iloc[0].tolist() == [0.0, 0.0]
        assert rates.iloc[-1].tolist() == [1.0, 1.0]
        assert (rates.diff().dropna() >= 0).all(axis=None)


def test_no_calls_are_an_empty_table_with_its_columns():
    """Charts find the columns that they ask for."""
    empty = roc_table(pd.DataFrame(columns=["rater", "by", "truth", "score"]))
    assert empty.empty
    assert list(empty.columns) == ["rater", "by", "step", "threshold", "false_positive_rate", "sensitivity"]
