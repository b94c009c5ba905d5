"""The verdict on each model."""

import pandas as pd
import pytest

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.equivalence import equivalence_table
from ctbench.report.frames.standings import standings
from ctbench.report.frames.verdict import VERDICT_COLUMNS, rank_in_words, verdicts


@pytest.fixture(scope="module")
def judged(results):
    """The verdicts of the made-up comparison."""
    table = verdicts(results)
    assert tuple(table.columns) == VERDICT_COLUMNS
    return table


def test_numbers_are_those_of_the_ranking(results, judged):
    """Rank, mean, interval and counts come from the standings of the scope."""
    columns = ["rank", "rank_low", "rank_high", "mean", "low", "high", "misses", "positives", "false_alarms", "failed"]
    for over, models in results.scopes.items():
        expected = standings(results, results.grids("dice", results.fair), over, "dice", results.fair)
        rows = judged[judged["structures"] == results.scope_title(over)].set_index("rater")
        assert set(rows.index) == {"all readers", *models}
        expected = expected.set_index("rater").loc[rows.index, columns].astype(float)
        pd.testing.assert_frame_equal(rows[columns].astype(float), expected)


def test_readers_reached_are_those_to_whom_the_model_is_not_inferior(results, judged):
    """K of R, by the tests of the page on equivalence; a larger margin reaches no fewer."""
    for model in results.models:
        tested = equivalence_table(results, model).query("label == 'overall'")
        (row,) = judged[judged["rater"] == model].to_dict("records")
        assert row["reached"] == (tested["p_inferiority"] < 0.05).sum()
        assert row["readers"] == 3
    wide = verdicts(results, margin=0.5).set_index("rater").loc[list(results.models), "reached"]
    assert wide.tolist() == [3, 3]


def test_the_sentence_says_it_all(results, judged):
    """Rank, Dice with its interval, each reader once, false alarms, failures, the weakest structure."""
    rows = judged.set_index("rater")
    said = rows.loc["atlas", "sentence"]
    assert said.startswith("atlas: rank ")
    assert f"weakest: {rows.loc['atlas', 'weakest']}, {rows.loc['atlas', 'weakest_mean']:.3f}." in said
    assert "false alarms 1 of 1" in said
    assert "failed in 1 of 12 cases" in said
    assert all(said.count(reader) == 1 for reader in results.readers)
    assert "behind" in said


def test_only_the_models_that_are_asked_for(results):
    """The others compete, but have no row."""
    table = verdicts(results, models=["unet"])
    assert set(table["rater"]) == {"all readers", "unet"}


def test_without_readers_nothing_is_said_of_them(small_runs):
    """One model alone on the common reference: its mean, no rank among readers."""
    (results,) = gather(small_runs(raters=("unet",), edit=lambda scores: scores[scores["reference"] == "majority"]))
    (row,) = verdicts(results).to_dict("records")
    assert pd.isna(row["reached"])
    assert "reader" not in row["sentence"]
    assert row["sentence"].startswith("unet: rank 1 of 1, Dice ")


def test_without_a_rank_the_reason_is_all_that_is_said(with_demo_atlas):
    """A model that learnt on simulated heads alone has no figures to count either."""
    said = verdicts(with_demo_atlas, models=["atlas"]).set_index("rater").loc["atlas", "sentence"]
    assert said.startswith("atlas: no rank: learnt on simulated heads alone")
    assert ";" not in said
    assert "nan" not in said.split()


def test_rank_in_words():
    """With its interval where it is one; without a rank the reason."""
    row = {"rank": 2.0, "rank_low": 1.0, "rank_high": 3.0, "ranked": 4, "reason": ""}
    assert rank_in_words(row) == "rank 2 of 4 (1 to 3)"
    assert rank_in_words(row | {"rank_low": 2.0, "rank_high": 2.0}) == "rank 2 of 4"
    assert rank_in_words(row | {"rank": float("nan"), "reason": "learnt here"}) == "no rank: learnt here"
