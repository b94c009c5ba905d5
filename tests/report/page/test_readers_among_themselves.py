"""The part of the report about readers among themselves."""

from ctbench.report.frames.study_work import study_work
from ctbench.report.page.readers_among_themselves import readers_among_themselves


def test_the_report_has_the_study_of_the_readers(html):
    """It opens with the result in numbers, ranks models by subsets of readers, and has lines to paste."""
    part = html[html.index("<h3>Readers among themselves</h3>") :]
    part = part[: part.index("<h3>", 4)]
    assert "pairwise Dice" in part[: part.index("<details")]
    for words in ("Who agrees with whom", "Border of each reader", "Rules of the consensus side by side"):
        assert words in part
    assert "tolerance_mm:" in part
    assert "Models by number of readers" in part


def test_many_masks_are_compared_by_another_command(results, dataset, monkeypatch):
    """Above the bound the part is the opening and the command; above it for the opening too, the command alone."""
    monkeypatch.setattr("ctbench.report.page.readers_among_themselves.IN_A_REPORT", study_work(dataset, briefly=True))
    part = readers_among_themselves(results, dataset)
    assert "pairwise Dice" in part
    assert f"ctbench readers {dataset.name} --choices" in part
    assert "Who agrees with whom" not in part
    monkeypatch.setattr("ctbench.report.page.readers_among_themselves.IN_A_REPORT", 0.0)
    part = readers_among_themselves(results, dataset)
    assert "pairwise Dice" not in part
    assert f"ctbench readers {dataset.name} --choices" in part
