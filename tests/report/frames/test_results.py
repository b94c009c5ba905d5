"""Runs that may, and may not, stand in one report."""

import pytest

from ctbench.errors import UsageError
from ctbench.report.frames.results import gather


def test_runs_are_joined_by_dataset(runs):
    """All rows of all runs are there, with readers, models, and the reference to compare on."""
    (results,) = gather(runs)
    assert results.name == "toy"
    assert len(results.scores) == sum(len(run.scores) for run in runs)
    assert results.readers == ("reader1", "reader2", "reader3")
    assert results.models == ("unet", "atlas")
    assert (results.common, results.fair) == ("majority", "leave-one-out")


def test_labels_stand_by_their_codes(runs, label_codes):
    """Structures are shown as the dataset numbers them, groups after them."""
    (results,) = gather(runs)
    assert results.labels == tuple(label_codes)
    assert results.structures == (*label_codes, "csf", "ventricles_all")


def test_scopes(runs, label_codes):
    """Models whose overall means go over different structures are kept apart."""
    (results,) = gather(runs)
    full, reduced = results.scopes().items()
    assert full == (tuple(label_codes), ("unet",))
    assert "insular_cortex" not in reduced[0]
    assert reduced[1] == ("atlas",)


def test_datasets_stand_apart(small_runs):
    """Runs of two datasets are two results, in the order in which they came."""
    there = small_runs(edit=lambda scores: scores.assign(dataset="other"))
    assert [results.name for results in gather([*small_runs(), *there])] == ["toy", "other"]


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("dataset_fingerprint", "0" * 64, "dataset_fingerprint"),
        ("consensus", "staple", "consensus"),
        ("tolerance_mm", 2.0, "tolerance_mm"),
        ("surface", "2d", "surface"),
        ("split", "train", "split"),
        ("shard", "1/2", "shard"),
        ("metrics", {"dice": 2}, "definition of dice"),
        ("consensus_digest", "b" * 64, "voxels of their references"),
    ],
)
def test_runs_by_other_rules_are_refused(small_runs, field, value, named):
    """Scores against other references or by other definitions never stand in one table; the message names the field."""
    first = small_runs(raters=("unet",), consensus_digest="a" * 64)
    other = small_runs(raters=("atlas",), **{"consensus_digest": "a" * 64} | {field: value})
    with pytest.raises(UsageError, match=named):
        gather([*first, *other])


def test_two_runs_of_one_rater_are_refused(small_runs):
    """Two runs of one name would be taken for one another."""
    with pytest.raises(UsageError, match="both runs of unet"):
        gather([*small_runs(raters=("unet",)), *small_runs(raters=("unet",))])


def test_no_runs():
    """A report of nothing is refused."""
    with pytest.raises(UsageError, match="at least one run"):
        gather([])
