import pytest

from ctbench.runs import READERS, Shard, run
from ctbench.runs.restated import misstatements, restated


@pytest.mark.parametrize("split", ["", "test"])
def test_a_run_states_what_follows(blobs, bright, tmp_path, split):
    """Of a model, of readers, of a split: the manifest that ctbench wrote is the one that is computed."""
    for name, spec in (("model", bright), ("readers", READERS)):
        made = run(blobs, spec, tmp_path / name, metrics=["dice"], jobs=1, split=split)
        assert restated(made.manifest, blobs, made.scores) == made.manifest
        assert list(misstatements(made.manifest, blobs, made.scores)) == []


def test_a_shard_states_its_part_of_the_cases(blobs, bright, tmp_path):
    """Its cases follow from its number; a number that cannot be has none."""
    made = run(blobs, bright, tmp_path / "run", metrics=["dice"], jobs=1, shard=Shard(2, 2))
    assert restated(made.manifest, blobs, made.scores) == made.manifest
    wrong = made.manifest.model_copy(update={"shard": "5/2"})
    assert list(misstatements(wrong, blobs, made.scores)) == [("cases", "c, d", "")]


def test_each_lie_is_named_with_both_values(blobs, bright, tmp_path):
    """The name of the field, what is stated, and what follows."""
    made = run(blobs, bright, tmp_path / "run", metrics=["dice"], jobs=1)
    wrong = made.manifest.model_copy(update={"rater": "best", "unsupported": ()})
    told = list(misstatements(wrong, blobs, made.scores))
    assert told == [("rater", "best", "bright"), ("unsupported", "", "iph, ivh")]
