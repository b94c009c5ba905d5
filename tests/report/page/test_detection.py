"""Detection on the page."""

from dataclasses import replace

from ctbench.datasets import Dataset
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.page import detection

EMPTY = ("case01", "case02", "case03")
"""Cases of the small runs in which the reference has no ventricles; the model draws some in the first."""


def _absent(scores):
    chosen = scores["case"].isin(EMPTY) & (scores["label"] == "ventricles")
    reference = chosen & (scores["metric"] == "reference_volume_ml")
    drawn = chosen & (scores["metric"] == "volume_ml") & ~((scores["case"] == "case01") & (scores["rater"] == "unet"))
    return scores.assign(value=scores["value"].mask(reference | drawn, 0.0))


def _one_label(scores):
    return _absent(scores[scores["label"] == "ventricles"])


def test_the_page_says_it(small_runs, dataset):
    """Sensitivity 100 %, specificity 67 %: on the page, with a table by type of the positive cases."""
    (results,) = gather(small_runs(edit=_one_label, labels={"ventricles": 10}))
    typed = [replace(case, subgroups={"type": "normal" if case.id in EMPTY else "ivh"}) for case in dataset]
    html = detection.detections(results, Dataset("toy", dataset.entry, dataset.root, tuple(typed)))
    assert "100.0" in html
    assert "66.7" in html
    assert "By type" in html
    assert "The readers&#39; detection" in html


def test_size_classes_follow_from_the_reference_without_a_case_table(bleed_runs):
    """Bleeds of 30, 10, 2 and .005 mL are a row each of the table by size, and the page says where they come from."""
    (results,) = gather(bleed_runs())
    html = detection.detections(results)
    assert "By size class" in html
    assert "The type is the label with the largest volume in the reference" in html
    folded = html[html.index("By size class") :]
    assert all(name in folded for name in ("large", "medium", "small", "punctate"))
