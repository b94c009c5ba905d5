import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.formula.api as smf

from ctbench.errors import UsageError
from ctbench.statistics import (
    categorical_regression,
    categorical_regression_from_summary,
    describe,
    leave_one_out_regression,
)


def test_two_raters_are_students_t_test(tidy, readers_and_model):
    """With one reader and the model, difference, interval and p are those of the two-sample t test."""
    pair = {name: readers_and_model[name] for name in ("model", "reader1")}
    row = categorical_regression(tidy(pair), baseline="model").iloc[0]
    test = scipy.stats.ttest_ind(pair["reader1"], pair["model"])
    interval = test.confidence_interval()
    assert row["p"] == pytest.approx(test.pvalue)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))


def test_pooled_variance_by_hand(tidy):
    """The standard error is that of the variance pooled over all three raters, worked out by hand."""
    result = categorical_regression(
        tidy({"model": [1.0, 3.0], "reader1": [4.0, 6.0, 8.0], "reader2": [5.0]}), baseline="model"
    )
    pooled = (2 + 8 + 0) / (6 - 3)  # squares about each mean over N - k
    for row, difference, n in zip(result.to_dict("records"), (4.0, 3.0), (3, 1), strict=True):
        error = np.sqrt(pooled * (1 / n + 1 / 2))
        assert row["difference"] == pytest.approx(difference)
        assert row["high"] - row["difference"] == pytest.approx(3.182446305 * error)  # t(3) at 97.5 %
        assert row["p"] == pytest.approx(2 * scipy.stats.t.sf(difference / error, 3))
    assert result["rows_used"].to_list() == [6, 6]


def test_agrees_with_statsmodels_formula(tidy, readers_and_model):
    """Unequal numbers of cases: every figure is that of statsmodels' formula with treatment coding."""
    values = {name: sample[: 12 - i] for i, (name, sample) in enumerate(readers_and_model.items())}
    scores = tidy(values)
    fit = smf.ols("value ~ C(rater, Treatment('model'))", scores).fit()
    for row in categorical_regression(scores, baseline="model").to_dict("records"):
        name = f"C(rater, Treatment('model'))[T.{row['rater']}]"
        expected = (fit.params[name], *fit.conf_int().loc[name], fit.pvalues[name])
        assert (row["difference"], row["low"], row["high"], row["p"]) == pytest.approx(expected)


def test_summary_gives_what_the_rows_give(tidy, readers_and_model):
    """The closed form from means, SDs and n equals the regression of the rows, for two labels at once."""
    shifted = {name: sample[:-2] - 0.1 for name, sample in readers_and_model.items()}
    scores = pd.concat([tidy(readers_and_model), tidy(shifted, label="lentiform")])
    from_rows = categorical_regression(scores, baseline="model")
    from_summary = categorical_regression_from_summary(describe(scores), baseline="model")
    pd.testing.assert_frame_equal(from_rows, from_summary, rtol=1e-10)


@pytest.mark.parametrize(("metric", "better"), [("dice", "reader1"), ("hd95", "model"), ("volume_ml", "")])
def test_better_follows_the_direction_of_the_metric(tidy, metric, better):
    """The same significant difference favours the higher rater for Dice, the lower for a distance, none for a size."""
    scores = tidy({"model": [0.1, 0.2, 0.3], "reader1": [0.7, 0.8, 0.9]}, metric=metric)
    row = categorical_regression(scores, baseline="model").iloc[0]
    assert (row["higher"], row["better"]) == ("reader1", better)


def test_no_asterisk_without_significance(tidy):
    """A rater who is higher with p above .05 is called higher and not better."""
    row = categorical_regression(tidy({"model": [0.1, 0.9], "reader1": [0.2, 0.95]}), baseline="model").iloc[0]
    assert row["p"] > 0.05
    assert (row["higher"], row["better"]) == ("reader1", "")


def test_null_scores_are_left_out_and_counted(tidy):
    """A null score changes nothing but the count of rows left out."""
    whole = tidy({"model": [0.1, 0.2, 0.3], "reader1": [0.2, 0.4]})
    holed = tidy({"model": [0.1, 0.2, 0.3], "reader1": [0.2, 0.4, np.nan]})
    first, second = (categorical_regression(scores, baseline="model").iloc[0] for scores in (whole, holed))
    assert (second["n"], second["n_baseline"], second["rows_used"], second["rows_left_out"]) == (2, 3, 5, 1)
    assert second["p"] == pytest.approx(first["p"])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"model": [0.5], "reader1": [0.6]}, "one value of each rater"),
        ({"model": [0.1, 0.1, 0.1], "reader1": [0.7, 0.7, 0.7]}, "all equal"),
        ({"model": [0.5, 0.6], "reader1": [np.nan, np.nan]}, "no values of reader1"),
        ({"model": [np.nan], "reader1": [0.4, 0.5]}, "no values of model"),
        ({"model": [np.nan], "reader1": [np.nan]}, "no values of reader1 and model"),
    ],
)
def test_what_cannot_be_tested_says_why(tidy, values, reason):
    """Too few, equal or absent values give null p, no asterisk and the reason, from rows and summary alike."""
    scores = tidy(values)
    for result in (
        categorical_regression(scores, baseline="model"),
        categorical_regression_from_summary(describe(scores), baseline="model"),
    ):
        row = result.iloc[0]
        assert np.isnan(row["p"])
        assert row["better"] == ""
        assert reason in row["reason"]


def test_two_datasets_can_be_the_category(tidy):
    """One model on two datasets, of unequal size: the category is the dataset (the papers' Table 4)."""
    scores = pd.concat([tidy({"model": [0.9, 0.8, 0.85]}), tidy({"model": [0.7, 0.6]}, dataset="other")])
    row = categorical_regression(scores, baseline="made-up", category="dataset").iloc[0]
    assert row["dataset"] == "other"
    assert row["p"] == pytest.approx(scipy.stats.ttest_ind([0.9, 0.8, 0.85], [0.7, 0.6]).pvalue)


@pytest.mark.parametrize("column", ["metric", "reference", "dataset"])
def test_samples_that_do_not_belong_together_are_refused(tidy, column):
    """Several metrics, references or datasets are an error that names them."""
    one = tidy({"model": [0.5], "reader1": [0.6]})
    with pytest.raises(UsageError, match=f"2 values of {column} .*other"):
        categorical_regression(pd.concat([one, one.assign(**{column: "other"})]), baseline="model")


def test_an_unknown_baseline_is_refused(tidy):
    """The error for an unknown baseline lists the raters and offers the nearest."""
    scores = tidy({"model": [0.5], "reader1": [0.6]})
    with pytest.raises(UsageError, match=r"did you mean 'model'.*model, reader1"):
        categorical_regression(scores, baseline="modle")
    with pytest.raises(UsageError, match="did you mean 'model'"):
        categorical_regression_from_summary(describe(scores), baseline="modle")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="sd"), "no column sd"),
        (lambda table: pd.concat([table, table]), "two rows for rater 'model'"),
        (lambda table: table.assign(sd=-0.1), "sd >= 0"),
        (lambda table: table.assign(n=-1), "n >= 0"),
        (lambda table: table.assign(mean=np.nan), "mean if n > 0"),
    ],
)
def test_a_wrong_summary_is_refused(change, message):
    """A summary without its columns, with a rater twice or with impossible numbers is an error that says so."""
    summary = pd.DataFrame({"label": "a", "rater": ["model", "reader1"], "mean": 0.8, "sd": 0.1, "n": 12})
    with pytest.raises(UsageError, match=message):
        categorical_regression_from_summary(change(summary), baseline="model")


@pytest.fixture
def leave_one_out(tidy, readers_and_model):
    """Scores on the majority, and of each reader and two models on the reference without that reader."""
    model = readers_and_model["model"]
    tables = [tidy(readers_and_model)]
    for i, reader in enumerate(("reader1", "reader2", "reader3")):
        values = {"model": model - i / 100, "other": model, reader: readers_and_model[reader] - 0.02}
        tables.append(tidy(values, reference=f"majority-without-{reader}"))
    return pd.concat(tables, ignore_index=True)


def test_each_reader_meets_the_model_on_the_reference_of_the_others(leave_one_out):
    """Reader k and the model are compared on majority-without-k alone, as a t test of those two samples."""
    result = leave_one_out_regression(leave_one_out, baseline="model")
    assert result["reference"].to_list() == [f"majority-without-reader{k}" for k in (1, 2, 3)]
    for row in result.to_dict("records"):
        there = leave_one_out[leave_one_out["reference"] == row["reference"]]
        reader, model = (there.loc[there["rater"] == name, "value"] for name in (row["rater"], "model"))
        assert row["p"] == pytest.approx(scipy.stats.ttest_ind(reader, model).pvalue)
        assert row["difference"] == pytest.approx(reader.mean() - model.mean())


def test_leave_one_out_adds_a_column_to_the_common_ones(leave_one_out):
    """The table has the columns of the categorical regression and the reference."""
    common = categorical_regression(leave_one_out[leave_one_out["reference"] == "majority"], baseline="model")
    assert set(leave_one_out_regression(leave_one_out, baseline="model")) == set(common) | {"reference"}


def test_leave_one_out_wants_one_reference_for_each_reader(leave_one_out):
    """Without a reader's leave-one-out reference, or with those of two methods, there is a clear error."""
    with pytest.raises(UsageError, match=r"'<method>-without-reader1'.*none among majority"):
        leave_one_out_regression(leave_one_out[leave_one_out["reference"] == "majority"], baseline="model")
    twice = pd.concat([leave_one_out, leave_one_out.assign(reference="staple-without-reader1")])
    with pytest.raises(UsageError, match="majority-without-reader1, staple-without-reader1"):
        leave_one_out_regression(twice, baseline="model")


def test_leave_one_out_wants_a_model_and_readers(leave_one_out):
    """A reader as baseline, or scores without readers, is a clear error."""
    with pytest.raises(UsageError, match="unknown model 'reader1'"):
        leave_one_out_regression(leave_one_out, baseline="reader1")
    with pytest.raises(UsageError, match="rater_kind 'reader'"):
        leave_one_out_regression(leave_one_out[leave_one_out["rater_kind"] == "model"], baseline="model")
