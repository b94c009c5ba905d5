"""Equivalence to readers, in words."""

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.page import equivalence


def _shifted(by):
    """Give an edit that makes the model the reader of each reference, off by a constant and a little noise."""

    def edit(scores):
        keys = ["case", "label", "reference", "metric"]
        readers = scores[scores["rater_kind"] == "reader"].set_index(keys)["value"]
        unet = scores["rater"] == "unet"
        sway = 0.001 * (scores["case"].str[-1].astype(int) % 3)
        known = (
            scores[keys].apply(tuple, axis=1).map(readers[readers.index.get_level_values("reference") != "majority"])
        )
        return scores.assign(value=scores["value"].mask(unet & known.notna(), known + by + sway))

    return edit


def test_a_model_next_to_the_readers_is_equivalent(small_runs):
    """A model that is off by a hundredth is equivalent within 0.05, and lies below all readers."""
    (results,) = gather(small_runs(edit=_shifted(-0.01)))
    html = equivalence.equivalences(results)
    assert "Against reader1, reader2, reader3: equivalent within 0.05, though different (n = 6)." in html
    assert "outside their spread" in html


def test_a_model_far_from_the_readers_is_not(small_runs):
    """A model that is off by a tenth is different."""
    (results,) = gather(small_runs(edit=_shifted(-0.1)))
    assert "Against reader1, reader2, reader3: different (n = 6)." in equivalence.equivalences(results)
