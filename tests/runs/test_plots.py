"""Figures of a run."""

from ctbench import displays
from ctbench.runs.plots import Plots


def test_boxes_are_drawn_by_the_report(monkeypatch):
    """Run, metric and structures are passed on to the function of the report, which is imported when it is called."""
    seen = []
    monkeypatch.setattr("ctbench.report.notebook.boxes", lambda *given: seen.append(given) or "chart")
    assert Plots("run").boxes("hd95", ["caudate"]) == "chart"
    assert seen == [("run", "hd95", ["caudate"])]
    assert displays.drawn_by("boxes", 1) == "chart"
