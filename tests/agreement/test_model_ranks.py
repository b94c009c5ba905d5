"""Ranks of models over subsets of readers, by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ctbench.agreement.choices import study_choices
from ctbench.agreement.model_ranks import PredictedCase, named_models, rank_table
from ctbench.errors import UsageError
from ctbench.runs import READERS, run


@pytest.fixture
def models():
    """On the reference of r1 and of both model u is better, on that of r2 model v; one case has no reference of r2."""
    values = {("r1", "u"): (0.9, 0.7), ("r1", "v"): (0.5, 0.7), ("r2", "u"): (0.6, np.nan), ("r2", "v"): (0.9, np.nan)}
    values |= {("r1 r2", "u"): (0.8, 0.8), ("r1 r2", "v"): (0.8, 0.6)}
    rows = [
        (case, "iph", "subset", len(reference.split()), reference, model, dice)
        for (reference, model), both in values.items()
        for case, dice in zip("pq", both, strict=True)
    ]
    rows += [("p", "iph", "rule", 2, "union", "u", 0.4), ("p", "iph", "rule", 2, "union", "v", 0.4)]
    return pd.DataFrame(rows, columns=["case", "label", "kind", "readers", "reference", "model", "dice"])


def test_models_are_ranked_on_every_subset(models):
    """u: means .8 and .6 of one reader, ranks 1 and 2; of both readers .8 against .7."""
    table = rank_table(models, "subset").set_index(["readers", "model"])
    one = table.loc[(1, "u")]
    assert one[["references", "n", "rank_lowest", "rank_highest", "rank", "first"]].tolist() == [2, 1, 1, 2, 1.5, 0.5]
    assert one[["dice", "lowest", "highest"]].tolist() == pytest.approx([0.7, 0.6, 0.8])
    assert table.loc[(2, "u"), ["rank", "dice"]].tolist() == pytest.approx([1, 0.8])
    assert table.loc[(2, "v"), ["rank", "first", "dice"]].tolist() == pytest.approx([2, 0, 0.7])


def test_equal_means_share_a_rank(models):
    """By the rule, which has a row of its own."""
    table = rank_table(models, "rule")
    assert table[["reference", "model", "rank_lowest", "first"]].to_numpy().tolist() == [
        ["union", "u", 1, 1.0],
        ["union", "v", 1, 1.0],
    ]


def test_a_rule_has_one_row_where_cases_have_different_numbers_of_readers(models):
    """Case q has three readers: the mean of a rule is over both cases all the same, and the number is the larger."""
    more = models[models["kind"] == "rule"].assign(case="q", readers=3, dice=[0.6, 0.8])
    table = rank_table(pd.concat([models, more]), "rule")
    assert table[["reference", "model", "readers", "n", "rank"]].to_numpy().tolist() == [
        ["union", "u", 3, 2, 2],
        ["union", "v", 3, 2, 1],
    ]
    assert table["dice"].tolist() == pytest.approx([0.5, 0.6])


def test_round_off_decides_no_rank(models):
    """A sum of .1 and .2 is not .3 in floating point; the models are equally good."""
    assert 0.1 + 0.2 > 0.3
    rules = models[models["kind"] == "rule"].assign(dice=[0.1 + 0.2, 0.3])
    assert rank_table(rules, "rule")["rank"].tolist() == [1, 1]


def test_a_run_is_scored_on_the_consensus_of_every_subset(blobs, finished_run, bright):
    """The image of blobs shows the box of r1: of hemorrhage the model has Dice 1 with r1, and less with r2 and r3."""
    made = finished_run(bright, "dice")
    cases = blobs.select(made.manifest.cases)
    table = rank_table(study_choices(cases, models=[made], jobs=1).models, "subset")
    assert set(table["label"]) == {"hemorrhage"}
    assert table["references"].tolist() == [3, 3, 1]
    assert table.loc[0, ["highest", "n", "first"]].tolist() == [1, 4, 1]
    assert table.loc[0, "lowest"] == pytest.approx((0.875 * 192 + 0.8 * 75) / 267)
    assert PredictedCase.read("other", made, cases["b"], (6, 24, 24)).mask("hemorrhage").sum() == 267


def test_runs_of_other_things_are_refused(blobs, finished_run, bright, tmp_path):
    """A run of readers, one that lacks a case, one whose predictions were removed, and the same model twice."""
    made = finished_run(bright, "dice")
    cases = blobs.select(made.manifest.cases)
    assert named_models([made], cases) == {made.manifest.rater: made}
    assert list(named_models({"first": made, "second": made}, cases)) == ["first", "second"]
    with pytest.raises(UsageError, match="another run has its name, bright"):
        named_models([made, made], cases)
    with pytest.raises(UsageError, match="it has no case a"):
        named_models([replace(made, manifest=made.manifest.model_copy(update={"cases": ("b", "c", "d")}))], blobs)
    for file in (made.folder / "predictions").glob("*.nii.gz"):
        file.unlink()
    with pytest.raises(UsageError, match="it keeps no prediction"):
        named_models([made], cases)
    readers = run(blobs, READERS, tmp_path / "readers", metrics=["dice"], jobs=1)
    with pytest.raises(UsageError, match="run of the readers"):
        named_models([readers], cases)
