"""Models against readers on the page."""

import pytest

from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.page.models_vs_readers import comparisons, paper_comparisons
from ctbench.report.wording import p_value


@pytest.fixture
def small(small_runs):
    """Runs of three readers and a model on two structures, gathered."""
    (gathered,) = gather(small_runs())
    return gathered


def test_readers_are_compared_on_references_without_them(small):
    """Each reader stands beside the model on the reference that this reader had no part in."""
    html = comparisons(small)
    for reader in small.readers:
        assert f"against majority-without-{reader}" in html
    assert "readers contribute to this reference" not in html


def test_the_papers_test_says_what_is_wrong_with_it(small):
    """The common reference is named, with the caveat."""
    html = paper_comparisons(small)
    assert "All raters against majority." in html
    assert "readers contribute to this reference" in html


def test_p_values_are_those_of_the_table(small):
    """Every P of the Dice comparison stands on the page, in the page's own writing."""
    found = tables.comparison(
        small.scores,
        model="unet",
        structures=small.compared("unet"),
        averaged=small.averaged("unet"),
        metric="dice",
        reference=tables.LEAVE_ONE_OUT,
    )
    html = comparisons(small)
    assert len(found)
    for p in found["p"].dropna():
        assert p_value(p).replace("<", "&lt;") in html
