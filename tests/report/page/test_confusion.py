"""Confusion matrices on the page."""

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.confusion import confusion_table
from ctbench.report.page.confusion import confusions


def test_the_page_shows_the_table(results, runs, dataset):
    """The percentages of the page are those of the table, for each model; one structure alone has none."""
    html = confusions(results, dataset)
    assert html.count("<details>") == 2
    table = confusion_table(runs[1], dataset, results.averaged("unet"))
    own = table[(table["reference"] == "caudate") & (table["prediction"] == "caudate")]["percent"].item()
    assert f">{own:.1f}</span>" in html
    assert "n = 11 cases" in html


def test_a_model_that_always_failed(small_runs, dataset):
    """Without any prediction the page says so, and goes on."""
    (results,) = gather(small_runs())
    assert "No case has a prediction." in confusions(results, dataset)
