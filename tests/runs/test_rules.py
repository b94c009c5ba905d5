import pytest

from ctbench.runs import differing_rules
from ctbench.runs.rules import rules_digest


@pytest.fixture
def kept(finished_run, bright):
    """The manifest of a run."""
    return finished_run(bright, "dice").manifest


def test_another_model_is_scored_by_the_same_rules(kept):
    """What a model is has no part in the rules, nor has what it was scored by beside the shared metrics."""
    other = kept.model_copy(update={"rater": "other", "predictor": None, "metrics": {"dice": 1, "hd95": 1}})
    assert differing_rules(kept, other) == []
    assert rules_digest(kept) == rules_digest(other)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"split": "train"}, "split"),
        ({"cases": ("a",)}, "cases"),
        ({"tolerance_mm": 2.0}, "tolerance_mm"),
        ({"consensus_digest": "f" * 64}, "the voxels of their references"),
    ],
)
def test_other_rules_are_named_and_have_another_digest(kept, change, named):
    """A page can say why two runs do not stand beside one another."""
    other = kept.model_copy(update=change)
    assert differing_rules(kept, other) == [named]
    assert rules_digest(kept) != rules_digest(other)


def test_another_definition_of_a_metric_is_named(kept):
    """Values of different versions are not comparable; the digest leaves that to each metric."""
    other = kept.model_copy(update={"metrics": {"dice": 2}})
    assert differing_rules(kept, other) == ["the definition of dice"]
    assert rules_digest(kept) == rules_digest(other)
