"""Rankings: who may be ranked with whom, and what is said of it."""

import pytest

from ctbench.report.frames.results import gather
from ctbench.report.page import rankings


def test_readers_compete_as_one_on_the_same_references(results):
    """The readers' value in a case is their mean over the references without them, the model's over the same."""
    found = rankings.entrants(results, ["unet"], ["caudate"])
    chosen = found.query("case == 'case01' and label == 'caudate'").set_index("rater")["value"]
    dice = results.scores.query("metric == 'dice' and case == 'case01' and label == 'caudate'")
    dice = dice[dice["reference"].str.contains("-without-")]
    assert chosen["all readers"] == pytest.approx(dice[dice["rater_kind"] == "reader"]["value"].mean())
    assert chosen["unet"] == pytest.approx(dice[dice["rater"] == "unet"]["value"].mean())


def test_a_structure_that_nobody_has_counts_for_none(results):
    """Where nobody has a Dice, all values are null; a model that does not know a structure takes nothing away."""
    found = rankings.entrants(results, ["atlas"], ["septum_pellucidum", "insular_cortex"])
    assert found.query("case == 'case07' and label == 'septum_pellucidum'")["value"].isna().all()
    unknown = found[found["label"] == "insular_cortex"].set_index("rater")["value"].notna().groupby("rater").sum()
    assert unknown.to_dict() == {"all readers": 12, "atlas": 0}
    ranked = rankings.ranking_table(results, ["atlas"], ["septum_pellucidum", "insular_cortex"]).set_index("label")
    assert ranked.loc["insular_cortex", "reason"].tolist() == ["", "no values of atlas"]


def test_the_better_comes_first(results):
    """In the made-up comparison readers are better than both models; each scope has its ranking."""
    html = rankings.rankings(results)
    assert html.index("all readers") < html.index("unet")
    assert "behind the first" in html
    assert html.count("Kendall") == 2


def test_there_is_nothing_to_rank(small_runs):
    """Readers without a model stand on different references, and one model alone has no rank."""
    (readers,) = gather(small_runs(raters=("reader1", "reader2")))
    assert not rankings.can_rank(readers)
    (alone,) = gather(small_runs(raters=("unet",), edit=lambda scores: scores[scores["reference"] == "majority"]))
    assert not rankings.can_rank(alone)


def test_models_alone_are_ranked_on_the_common_reference(small_runs):
    """Two models without readers compete on the given reference, three raters have a matrix."""
    (two,) = gather(small_runs(raters=("unet", "atlas"), edit=lambda scores: scores[scores["reference"] == "majority"]))
    assert rankings.can_rank(two)
    html = rankings.rankings(two)
    assert "compete on majority" in html
    assert "Who is better than whom" not in html
    (three,) = gather(small_runs(raters=("reader1", "reader2", "unet", "atlas")))
    assert "Who is better than whom" in rankings.rankings(three)
