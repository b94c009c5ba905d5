from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.uncertainty import can_be_uncertain
from ctbench.report.page.build import build_report
from ctbench.report.page.uncertainty import uncertainties
from ctbench.runs import run


def test_the_part_has_diagram_table_and_worst_cases(probability_run):
    """The domain stands in every title, and the ceiling in the table."""
    (results,) = gather([probability_run])
    html = str(uncertainties(results))
    assert html.count("within the box of all that any reader drew, with a margin of 10 mm") >= 4
    assert "vote share of the other readers" in html
    assert "<svg" in html
    assert "Worst calibrated cases" in html


def test_only_runs_with_probabilities_have_the_part(probability_run, blobs, unsure, tmp_path):
    """The page of other runs stays as it was."""
    plain = run(blobs, unsure(), tmp_path / "plain", metrics=["dice"], jobs=1)
    assert not can_be_uncertain(gather([plain])[0])
    with_part = build_report([probability_run], tmp_path / "with.html", datasets={}).read_text()
    without = build_report([plain], tmp_path / "without.html", datasets={}).read_text()
    assert ">Uncertainty<" in with_part
    assert "Uncertainty" not in without
