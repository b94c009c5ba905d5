import numpy as np
import pytest

from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.reader_population import population_table, population_verdict
from ctbench.statistics import OVERALL


def test_a_model_against_the_readers_as_a_population(results):
    """By structure and overall: the mean differences on the references without a reader; n says which cases count."""
    found = population_table(results, "unet", "dice", margin=0.05).set_index("label")
    scores = tables.contest(results.positive_scores, "unet", tables.LEAVE_ONE_OUT)
    own = scores[(scores["metric"] == "dice") & (scores["label"] == "caudate")]
    values = own.pivot_table(index="case", columns=["reference", "rater"], values="value")
    complete = values.dropna()
    raters = complete.columns.get_level_values("rater")
    expected = complete.loc[:, raters == "unet"].mean().mean() - complete.loc[:, raters != "unet"].mean().mean()
    assert found.loc["caudate", "difference"] == pytest.approx(expected)
    assert found.loc["caudate", ["readers", "n", "left_out"]].tolist() == [
        3,
        len(complete),
        len(values) - len(complete),
    ]
    assert list(found.index)[-1] == OVERALL
    assert np.isfinite(found[["low", "high", "p", "p_equivalent", "p_non_inferior"]].to_numpy(float)).all()


def test_structures_with_one_case_have_no_row(small_runs):
    """One case is no sample of cases."""
    (one,) = gather(small_runs(edit=lambda scores: scores[scores["case"] == scores["case"].iloc[0]]))
    assert population_table(one, "unet", "dice").empty


@pytest.mark.parametrize(
    ("p", "equivalent", "non_inferior", "words"),
    [
        (0.2, 0.01, 0.01, "equivalent within 0.05"),
        (0.01, 0.01, 0.01, "equivalent within 0.05, though different"),
        (0.2, 0.2, 0.01, "not inferior by 0.05"),
        (0.01, 0.9, 0.9, "different"),
        (0.2, 0.2, 0.2, "neither difference nor equivalence shown"),
        (float("nan"), float("nan"), float("nan"), "no test"),
    ],
)
def test_tests_are_put_into_words(p, equivalent, non_inferior, words):
    """Equivalence goes before non-inferiority, and a difference is told beside both."""
    row = {"p": p, "p_equivalent": equivalent, "p_non_inferior": non_inferior}
    assert population_verdict(row, 0.05) == words
