import math

import numpy as np
import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.statistics.multi_reader import mrmc, mrmc_against_readers, mrmc_of_scores, mrmc_power

RANDOM = "random readers and cases"


@pytest.fixture(scope="module")
def van_dyke(real_data):
    """The study of Van Dyke's ratings."""
    table = pd.read_csv(real_data / "observer_study" / "vandyke.csv")
    return mrmc(table.rename(columns={"modality": "condition"}).assign(truth=lambda rows: rows["truth"].eq(1)))


def row(table, analysis=RANDOM, **where):
    """The one row of an analysis."""
    chosen = table[table["analysis"].eq(analysis)]
    for name, value in where.items():
        chosen = chosen[chosen[name].eq(value)]
    (found,) = chosen.to_dict("records")
    return found


def test_van_dykes_components(van_dyke):
    """Mean squares and covariances, to the digits that are published."""
    assert van_dyke.components == pytest.approx((0.00080229, 0.00034661, 0.00034407, 0.00023903), abs=5e-9)
    assert van_dyke.mean_squares == pytest.approx((0.00479617, 0.00383620, 0.00055103), abs=5e-9)
    assert van_dyke.cases == 114
    assert van_dyke.design == "factorial"


def test_van_dykes_areas(van_dyke):
    """Trapezoid areas of the five readers in both modalities, and their means."""
    areas = van_dyke.values.set_index(["condition", "reader"])["value"]
    assert areas.loc["1"].tolist() == pytest.approx(
        [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066], abs=5e-9
    )
    assert areas.loc["2"].tolist() == pytest.approx(
        [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169], abs=5e-9
    )
    assert areas.groupby("condition").mean().tolist() == pytest.approx([0.89703704, 0.94083736], abs=5e-9)


def test_van_dykes_tests(van_dyke):
    """Random readers and cases, fixed readers, fixed cases."""
    found = row(van_dyke.tests)
    assert (found["statistic"], found["error_degrees"]) == pytest.approx((4.4563, 15.2597), abs=5e-5)
    assert found["p"] == pytest.approx(0.051666, abs=5e-7)
    fixed = row(van_dyke.tests, "fixed readers")
    assert (fixed["statistic"], fixed["p"]) == pytest.approx((5.475953, 0.019280), abs=5e-7)
    cases = row(van_dyke.tests, "fixed cases")
    assert (cases["statistic"], cases["p"]) == pytest.approx((8.704, 0.041959), abs=5e-7)


def test_van_dykes_intervals(van_dyke):
    """Of the difference and of each modality."""
    found = row(van_dyke.differences)
    assert (found["difference"], found["se"]) == pytest.approx((-0.0438003, 0.0207486), abs=5e-8)
    assert (found["low"], found["high"]) == pytest.approx((-0.0879595, 0.0003589), abs=5e-8)
    assert row(van_dyke.differences, "fixed readers")["se"] == pytest.approx(0.0187175, abs=5e-8)
    assert row(van_dyke.differences, "fixed cases")["se"] == pytest.approx(0.0148463, abs=5e-8)
    for condition, expected in (
        ("1", (0.897037, 0.825224, 0.968850, 0.0331736)),
        ("2", (0.940837, 0.894138, 0.987537, 0.0215664)),
    ):
        mean = row(van_dyke.means, condition=condition)
        assert mean["degrees"] == pytest.approx({"1": 12.7446, "2": 12.7102}[condition], abs=5e-5)
        assert [mean[name] for name in ("mean", "low", "high", "se")] == pytest.approx(expected, abs=5e-7)


def test_van_dykes_power(van_dyke):
    """Of a study with 10 readers and 165 cases and the difference that was found."""
    difference = row(van_dyke.differences)["difference"]
    found = mrmc_power(
        van_dyke.components, van_dyke.mean_squares[2], pilot_cases=114, difference=difference, readers=10, cases=165
    )
    assert found.power == pytest.approx(0.805420, abs=5e-7)
    assert found.noncentrality == pytest.approx(8.209597, abs=5e-7)
    assert found.degrees == pytest.approx(62.70728, abs=5e-6)


def test_margins(ratings):
    """Not inferior and equivalent by two one-sided tests; a margin of 1 in an area is always large enough."""
    found = row(mrmc(ratings(), margin=0.2).differences)
    t = (found["difference"] + 0.2) / found["se"]
    assert found["p_non_inferior"] < 0.5 if t > 0 else found["p_non_inferior"] >= 0.5
    assert found["p_equivalent"] >= found["p_non_inferior"]
    assert row(mrmc(ratings(), margin=1.0).differences)["p_equivalent"] < 0.001
    with pytest.raises(UsageError, match="margin must be positive"):
        mrmc(ratings(), margin=0.0)


def test_lower_is_better_where_that_is_said(ratings):
    """Of reading times or volume errors the first condition is not inferior if it is not higher by the margin."""
    table = ratings()
    higher, lower = (
        row(mrmc(table, figure="mean", margin=0.2, direction=way).differences) for way in ("higher", "lower")
    )
    turned = row(mrmc(table.assign(rating=-table["rating"]), figure="mean", margin=0.2).differences)
    assert lower["p_non_inferior"] == pytest.approx(turned["p_non_inferior"])
    assert lower["p_non_inferior"] != pytest.approx(higher["p_non_inferior"])
    assert lower["p_equivalent"] == pytest.approx(higher["p_equivalent"])
    alone = table[table["condition"] == "a"].drop(columns="condition")
    asked = {"model": "r1", "figure": "mean", "margin": 0.2}
    against = row(mrmc_against_readers(alone, direction="lower", **asked).differences)
    mirrored = row(mrmc_against_readers(alone.assign(rating=-alone["rating"]), **asked).differences)
    assert against["p_non_inferior"] == pytest.approx(mirrored["p_non_inferior"])
    with pytest.raises(UsageError, match="only of a mean"):
        mrmc(table, direction="lower")


def test_designs_are_recognised(ratings):
    """Other readers in each condition, or other cases."""
    whole = ratings(readers=("r1", "r2", "r3", "r4"))
    by_reader = whole[(whole["condition"] == "a") == whole["reader"].isin(["r1", "r2"])]
    assert mrmc(by_reader).design == "readers nested"
    by_case = whole.assign(case=whole["case"] + whole["condition"])
    found = mrmc(by_case)
    assert found.design == "cases nested"
    assert found.cases == 48
    assert found.components[1] == found.components[3] == 0
    # Each condition by itself does not know of the design.
    assert row(found.means, condition="a")["se"] == pytest.approx(row(mrmc(whole).means, condition="a")["se"])


def test_areas_need_both_kinds_of_cases(ratings):
    """A table without a normal case is refused."""
    with pytest.raises(UsageError, match="auc needs cases with and without the disease"):
        mrmc(ratings().assign(truth=True))


def test_marks(ratings):
    """A table of marks: lesions that nobody marked, false marks and cases without marks."""
    rows = [
        ("n1", None, 2.0),
        ("n2", None, math.nan),
        ("d1", "x", 3.0),
        ("d1", "y", math.nan),
        ("d1", None, 1.0),
        ("d2", "x", 2.0),
    ]
    table = pd.DataFrame(rows, columns=["case", "lesion", "rating"])
    both = pd.concat([table.assign(condition=name, reader=reader) for name in "ab" for reader in ("r1", "r2")])
    found = mrmc(both, figure="wafroc")
    # d1: lesion x above both normal cases, y equal to the unmarked one; d2: equal to n1, above n2.
    assert found.values["value"].tolist() == pytest.approx([((1 + 0.25) / 2 + 0.75) / 2] * 4)


def test_nested_readers_may_be_in_unequal_numbers(ratings):
    """The variance of a difference is that of two means of so many readers, by hand."""
    table = ratings()
    table = table.assign(reader=table["condition"] + "-" + table["reader"])
    found = mrmc(table[table["reader"] != table["reader"].iloc[0]])
    values = found.values.groupby("condition", sort=False)["value"]
    sizes, parts = values.size(), found.components
    inside = values.apply(lambda own: ((own - own.mean()) ** 2).sum()).sum() / (sizes.sum() - 2)
    assert found.mean_squares[2] == pytest.approx(inside)
    rows = found.differences.set_index("analysis")
    shares = (1 / sizes).sum()
    random = inside * shares + 2 * parts.excess
    fixed = (parts.variance - parts.cov3 - parts.excess) * shares + 2 * parts.excess
    assert sizes.nunique() == 2
    assert rows.loc["random readers and cases", "se"] == pytest.approx(random**0.5)
    assert rows.loc["random readers and cases", "degrees"] == pytest.approx(
        random**2 / ((inside * shares) ** 2 / (sizes.sum() - 2))
    )
    assert rows.loc["fixed readers", "se"] == pytest.approx(fixed**0.5)
    assert rows.loc["fixed cases", "se"] == pytest.approx((inside * shares) ** 0.5)


def test_lesions_have_the_weights_that_are_given(marks):
    """A found lesion of weight 3 beside a missed one of 1 is .75 of its case, without weights .5; AFROC ignores them.

    In wAFROC1 the diseased cases without a false mark are among the negatives, with which a missed lesion ties.
    """
    for figure, weighted, plain in (
        ("wafroc", (0.75 + 1) / 2, (0.5 + 1) / 2),
        ("wafroc1", (0.75 + 0.25 / 4 + 1) / 2, (0.5 + 0.5 / 4 + 1) / 2),
        ("afroc", 2 / 3, 2 / 3),
    ):
        assert mrmc(marks, figure=figure).values["value"].unique() == pytest.approx([weighted])
        assert mrmc(marks.drop(columns="weight"), figure=figure).values["value"].unique() == pytest.approx([plain])


def test_a_model_as_one_more_rater(ratings):
    """Differences of the model from each reader; with fixed cases a t test over readers."""
    table = ratings(conditions=("one",), readers=("cad", "r1", "r2", "r3")).drop(columns="condition")
    found = mrmc_against_readers(table, model="cad", margin=0.1)
    values = found.values.set_index("reader")["value"]
    differences = values["cad"] - values[["r1", "r2", "r3"]]
    fixed = row(found.differences, "fixed cases")
    assert fixed["difference"] == pytest.approx(differences.mean())
    assert fixed["se"] == pytest.approx(differences.std() / math.sqrt(3))
    with pytest.raises(UsageError, match="unknown rater 'nobody'"):
        mrmc_against_readers(table, model="nobody")


def leave_one_out(values):
    """Tidy scores of a model and readers: array 2 x readers x cases, on the references without each reader."""
    _, readers, cases = values.shape
    rows = [
        {
            "dataset": "made-up",
            "case": f"case{case}",
            "rater": "model" if kind == 0 else f"reader{reader}",
            "rater_kind": "model" if kind == 0 else "reader",
            "reference": f"majority-without-reader{reader}",
            "label": "bleed",
            "metric": "dice",
            "value": values[kind, reader, case],
            "unit": "1",
            "status": "ok",
            "detail": "",
        }
        for kind in range(2)
        for reader in range(readers)
        for case in range(cases)
    ]
    return pd.DataFrame(rows)


def test_a_model_against_the_population_of_readers():
    """Means over cases, covariances of means, and the interval of the general analysis of the same ratings."""
    values = np.random.default_rng(5).uniform(0.6, 0.9, (2, 3, 10))
    found = mrmc_of_scores(leave_one_out(values), model="model", margin=0.05)
    general = pd.DataFrame(
        [
            {"condition": name, "reader": f"reader{reader}", "case": case, "rating": values[at, reader, case]}
            for at, name in enumerate(("model", "readers"))
            for reader in range(3)
            for case in range(10)
        ]
    )
    same = ["analysis", "first", "second", "difference", "se"]
    pd.testing.assert_frame_equal(found.differences[same], mrmc(general, figure="mean").differences[same])
    assert found.cases == 10
    assert row(found.differences)["difference"] == pytest.approx(values[0].mean() - values[1].mean())


def test_cases_without_a_value_are_left_out_and_counted():
    """A case counts if all raters have a value on all references."""
    values = np.random.default_rng(6).uniform(0.6, 0.9, (2, 3, 10))
    scores = leave_one_out(values)
    lost = scores["case"].eq("case3") & scores["rater"].eq("reader1")
    scores.loc[lost, ["value", "status"]] = [math.nan, "not_sampled"]
    found = mrmc_of_scores(scores, model="model")
    assert (found.cases, found.left_out) == (9, 1)
    assert row(found.differences)["difference"] == pytest.approx(np.delete(values[0] - values[1], 3, axis=1).mean())


def test_one_reader_is_no_population(ratings):
    """The message says what is needed."""
    scores = leave_one_out(np.full((2, 1, 5), 0.8))
    with pytest.raises(UsageError, match="leave-one-out references of at least two readers, got reader0"):
        mrmc_of_scores(scores, model="model")


def test_new_readers_are_more_than_these_readers():
    """Equal model and readers, who differ in skill: the pooled test of all scores rejects in far more than 5 %."""
    rng, rejected, pooled = np.random.default_rng(7), [], []
    for _ in range(300):
        values = rng.normal(0, 0.05, 20) + rng.normal(0, 0.01, (2, 5, 20))
        values[0] += rng.normal(0, 0.03, 20)  # one model: its scores on the five references are nearly equal
        values[1] += rng.normal(0, 0.02, (5, 1)) + rng.normal(0, 0.03, (5, 20))
        rejected.append(row(mrmc_of_scores(leave_one_out(values), model="model").differences)["p"] < 0.05)
        minus = (values[0] - values[1]).ravel()
        pooled.append(abs(minus.mean()) > 2 * minus.std(ddof=1) / math.sqrt(minus.size))
    assert 0.02 < np.mean(rejected) < 0.08
    assert np.mean(pooled) > 0.25
