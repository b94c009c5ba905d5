"""Equivalence to readers as tables."""

import pytest

from ctbench.report.frames import equivalence
from ctbench.report.frames.comparable_runs import gather


def test_differences_are_taken_on_the_same_reference(results):
    """A reader's relative value is its own less the model's on its reference; the model's are 0."""
    dice = results.scores.query("metric == 'dice' and label == 'caudate' and rater in ('unet', 'reader2')")
    relative = equivalence.relative_to(dice[dice["reference"].str.contains("-without-")], "unet")
    values = dice[dice["reference"] == "majority-without-reader2"].query("case == 'case04'").set_index("rater")["value"]
    found = relative.query("case == 'case04' and rater == 'reader2'")["value"].item()
    assert found == pytest.approx(values["reader2"] - values["unet"])
    assert set(relative.query("rater == 'unet'")["value"]) == {0.0}


def test_without_readers_there_is_none(small_runs):
    """Equivalence needs models and readers."""
    (readers,) = gather(small_runs(raters=("reader1", "reader2")))
    assert not equivalence.can_be_equivalent(readers)
