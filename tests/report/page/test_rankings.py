"""Rankings on the page: one for each scope, with stability and pairwise tests."""

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.rankings import can_rank
from ctbench.report.page import rankings


def test_the_better_comes_first(results):
    """In the made-up comparison readers are better than both models; each scope has its ranking."""
    html = rankings.rankings(results)
    assert html.index("all readers") < html.index("unet")
    assert "behind the first" in html
    assert html.count("Kendall") == 2


def test_models_alone_are_ranked_on_the_common_reference(small_runs):
    """Two models without readers compete on the given reference, three raters have a matrix."""
    (two,) = gather(small_runs(raters=("unet", "atlas"), edit=lambda scores: scores[scores["reference"] == "majority"]))
    assert can_rank(two)
    html = rankings.rankings(two)
    assert "compete on majority" in html
    assert "Who is better than whom" not in html
    (three,) = gather(small_runs(raters=("reader1", "reader2", "unet", "atlas")))
    assert "Who is better than whom" in rankings.rankings(three)
