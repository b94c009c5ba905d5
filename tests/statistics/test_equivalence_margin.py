import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.stats.weightstats import ttost_paired

from ctbench.errors import UsageError
from ctbench.statistics import equivalence, leave_one_out_tests


def test_two_one_sided_tests_agree_with_statsmodels(tidy, readers_and_model):
    """The p of equivalence is that of statsmodels' paired TOST, and the interval is the 90 % one."""
    model = readers_and_model["model"]
    for row in equivalence(tidy(readers_and_model), model="model", margin=0.1).to_dict("records"):
        sample = readers_and_model[row["rater"]]
        assert row["p_equivalence"] == pytest.approx(ttost_paired(model, sample, -0.1, 0.1)[0])
        low, high = scipy.stats.ttest_rel(model, sample).confidence_interval(0.90)
        assert (row["low"], row["high"]) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("shift", "spread", "verdict"),
    [
        (0.0, 0.01, "equivalent within 0.05"),
        (0.02, 0.01, "equivalent within 0.05, though different"),
        (0.09, 0.01, "not inferior by 0.05, and different"),
        (0.03, 0.06, "not inferior by 0.05"),
        (-0.09, 0.01, "different"),
        (0.0, 0.3, "neither difference nor equivalence shown"),
    ],
)
def test_verdicts_in_words(tidy, shift, spread, verdict):
    """Each combination of the tests has its own words; no difference found is not equivalence."""
    noise = spread * np.array([-1, 1] * 8) / np.sqrt(16 / 15)  # mean 0 and this standard deviation
    scores = tidy({"model": 0.7 + shift + noise, "reader1": np.full(16, 0.7)})
    assert equivalence(scores, model="model", margin=0.05).iloc[0]["verdict"] == verdict


def test_inferiority_follows_the_direction_of_the_metric(tidy):
    """A model whose distances are far larger is inferior; the same numbers as Dice are not."""
    values = {"model": [5.0, 5.1, 5.2, 5.05], "reader1": [1.0, 1.0, 1.0, 1.0]}
    distance, dice, volume = (
        equivalence(tidy(values, metric=metric), model="model", margin=0.5).iloc[0]["p_inferiority"]
        for metric in ("hd95", "dice", "volume_ml")
    )
    assert distance > 0.99
    assert dice < 0.001
    assert np.isnan(volume)


def test_what_cannot_be_tested_says_why(tidy):
    """One pair, or differences without variance, have no test and a reason."""
    for values in ({"model": [0.5], "reader1": [0.5]}, {"model": [0.5, 0.5], "reader1": [0.5, 0.5]}):
        row = equivalence(tidy(values), model="model", margin=0.1).iloc[0]
        assert (row["verdict"], np.isnan(row["p_equivalence"])) == ("no test", True)
        assert row["reason"]


def test_the_margin_must_be_positive(tidy):
    """A margin of 0 is an error."""
    with pytest.raises(UsageError, match="positive"):
        equivalence(tidy({"model": [0.5], "reader1": [0.5]}), model="model", margin=0)


def test_different_is_said_after_holm_over_the_readers(tidy):
    """Of four readers one has p = .028: with Holm's correction, as in the main test, nobody is called different."""
    noise = np.array([-1.0, 1.0] * 8)
    others = {f"reader{number}": 0.5 + 0.1 * noise for number in (1, 2, 3)}
    values = {"model": np.full(16, 0.5), "reader4": 0.5 - 0.06 + 0.1 * noise * np.sqrt(15 / 16), **others}
    together = equivalence(tidy(values), model="model", margin=0.01).set_index("rater")
    alone = equivalence(tidy({name: values[name] for name in ("model", "reader4")}), model="model", margin=0.01)
    p = scipy.stats.ttest_rel(values["model"], values["reader4"]).pvalue
    assert 0.0125 < p < 0.05
    assert together.loc["reader4", "p"] == alone.loc[0, "p"] == pytest.approx(p)
    assert together.loc["reader4", "p_holm"] == pytest.approx(4 * p)
    assert alone.loc[0, "verdict"] == "not inferior by 0.01, and different"
    assert together.loc["reader4", "verdict"] == "not inferior by 0.01"


def test_different_agrees_with_the_main_test(tidy):
    """On references of their own, readers are adjusted together within a label, as by the main test."""
    rng = np.random.default_rng(3)
    parts = []
    for number, shift in enumerate((0.0, 0.025, 0.08), start=1):
        values = {"model": 0.8 + 0.05 * rng.standard_normal(12), f"reader{number}": 0.8 - shift + np.zeros(12)}
        parts.append(tidy(values).assign(reference=f"majority-without-reader{number}"))
    scores = pd.concat(parts, ignore_index=True)
    main = leave_one_out_tests(scores, baseline="model").set_index("rater")
    ours = equivalence(scores, model="model", margin=0.01, by=("label", "reference"), holm_within="label")
    ours = ours.set_index("rater")
    np.testing.assert_allclose(ours["p"], main["p"])
    np.testing.assert_allclose(ours["p_holm"], main["p_holm"])
    assert (ours["verdict"].str.contains("different") == main["better"].ne("")).all()
    assert (main["p"] < 0.05).sum() == 2
    assert main["better"].ne("").sum() == 1
