"""The section on conclusions that survive."""

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.multiverse import can_turn, conclusions, specifications
from ctbench.report.page.multiverse import surviving_conclusions


def test_each_pair_stands_once_with_its_share(results):
    """The better of a pair comes first; the shares are those of ``conclusions``."""
    page = str(surviving_conclusions(results, None))
    found = conclusions(specifications([results]))
    for row in found[found["share"] > 0.5].to_dict("records"):
        assert f"{row['options']}" in page
    assert page.count("<tr") == 1 + len(found) / 2
    assert "<svg" in page


def test_a_sentence_stands_above_what_is_folded(results):
    """How many pairs keep their order is read at once; the table and the figure are folded."""
    page = str(surviving_conclusions(results, None))
    found = conclusions(specifications([results]))
    kept = int((found["share"] == 1).sum())
    sentence = f"{kept} of {len(found) // 2} pairs keep their order in every combination."
    assert page.index(sentence) < page.index("<details>")
    assert page.index("<details>") < min(page.index("<table"), page.index("<svg"))


def test_a_model_alone_has_no_order(small_runs):
    """It takes two raters that can be ranked together."""
    (alone,) = gather(small_runs(raters=("unet",)))
    assert not can_turn(alone)
