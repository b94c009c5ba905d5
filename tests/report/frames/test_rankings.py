"""Rankings as tables: which raters may be ranked together, and on which references."""

import pytest

from ctbench.report.frames import rankings
from ctbench.report.frames.comparable_runs import gather


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


def test_there_is_nothing_to_rank(small_runs):
    """Readers without a model stand on different references, and one model alone has no rank."""
    (readers,) = gather(small_runs(raters=("reader1", "reader2")))
    assert not rankings.can_rank(readers)
    (alone,) = gather(small_runs(raters=("unet",), edit=lambda scores: scores[scores["reference"] == "majority"]))
    assert not rankings.can_rank(alone)
