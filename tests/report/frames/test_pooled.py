"""All structures of all cases as one sample."""

import pandas as pd
import pytest

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.pooled import BY_CASE, POOLED, can_pool, pooled, pooled_labels, pooled_scores, usual_baseline


def test_models_are_compared_on_what_all_have(results):
    """A structure that one model does not support is left out for all, and readers are not among the raters."""
    labels = pooled_labels(results)
    assert "insular_cortex" not in labels
    scores = pooled_scores(results)
    assert set(scores["rater"]) == {"unet", "atlas"}
    assert set(scores["label"]) == set(labels)
    assert can_pool(results)


def test_one_model_cannot_be_pooled(small_runs):
    """There is nothing to compare it with."""
    (alone,) = gather(small_runs(raters=("unet",)))
    assert not can_pool(alone)


def test_both_units_stand_side_by_side(results):
    """More values than subjects, a smaller standard error, and no test of the baseline against itself."""
    scores = pooled_scores(results)
    table = pooled(scores, baseline="unet", labels=pooled_labels(results)).set_index(["unit", "rater"])
    assert table.loc[(BY_CASE, "unet"), "n"] == 12
    assert table.loc[(POOLED, "unet"), "n"] > 100
    assert table["p"].notna().tolist() == [name != "unet" for _, name in table.index]


@pytest.mark.parametrize(
    ("means", "expected"),
    [({"a": 0.9, "deepnat": 0.5, "deepnat-crf": 0.4}, "deepnat-crf"), ({"a": 0.9, "deepnat": 0.5}, "deepnat")],
)
def test_the_papers_method_is_the_baseline(means, expected):
    """DeepNAT with the random field, else without; only then the method of the highest mean."""
    scores = pd.DataFrame({"rater": list(means), "value": list(means.values())})
    assert usual_baseline(scores) == expected
    assert usual_baseline(scores[scores["rater"] == "a"]) == "a"
