"""Results that papers printed, on the page."""

import pytest

from ctbench.report import build_report
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.page.published import can_show_published, published_results


@pytest.fixture
def of_cai(write_run, scores, tmp_path):
    """A run on the dataset of Cai et al., by its readers' majority."""
    return write_run(tmp_path / "unet", scores.assign(dataset="cai2020"), "unet")


def test_printed_results_stand_with_the_reason_against_comparison(of_cai):
    """Table 3's Dice is over positives against a majority, as ours; Table 4's against one annotation is not."""
    (results,) = gather([of_cai])
    assert can_show_published(results)
    page = str(published_results(results))
    assert "observer1 (Cai 2020)" in page
    assert "yes, on other cases" in page
    assert "no: printed against annotation, measured against majority" in page


def test_a_dataset_of_no_paper_has_no_such_part(results):
    """Nothing is printed for it."""
    assert not can_show_published(results)


def test_the_report_has_the_part(of_cai, tmp_path):
    """Under a heading of its own."""
    path = build_report([of_cai], tmp_path / "page.html", datasets={})
    assert "Printed by papers" in path.read_text()
