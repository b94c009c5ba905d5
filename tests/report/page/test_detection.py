"""Detection from scores and from case scores."""

import json
from dataclasses import replace

import pytest

from ctbench.datasets import Dataset
from ctbench.errors import StoreError
from ctbench.report.frames.results import gather
from ctbench.report.page import detection
from ctbench.runs.folder import RunFolder

EMPTY = ("case01", "case02", "case03")
"""Cases of the small runs in which the reference has no ventricles; the model draws some in the first."""


def _absent(scores):
    chosen = scores["case"].isin(EMPTY) & (scores["label"] == "ventricles")
    reference = chosen & (scores["metric"] == "reference_volume_ml")
    drawn = chosen & (scores["metric"] == "volume_ml") & ~((scores["case"] == "case01") & (scores["rater"] == "unet"))
    return scores.assign(value=scores["value"].mask(reference | drawn, 0.0))


def _one_label(scores):
    return _absent(scores[scores["label"] == "ventricles"])


def _say(results, cases, score):
    run = next(run for run in results.runs if run.manifest.rater == "unet")
    for case in cases:
        path = RunFolder(run.folder).findings(case)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"score": score(case), "findings": []}), encoding="utf-8")


def test_calls_by_volume(small_runs):
    """A drawn volume is a call; readers stand on the reference without them, and a structure always there has none."""
    (results,) = gather(small_runs(edit=_absent))
    found = detection.calls(results)
    assert set(found["label"]) == {"ventricles"}
    model = found[found["rater"] == "unet"].set_index("case")
    assert set(model["reference"]) == {"majority"}
    assert set(model.index[model["truth"]]) == {"case04", "case05", "case06"}
    assert set(model.index[model["score"] >= model["threshold"]]) == {"case01", "case04", "case05", "case06"}
    assert set(found.query("rater == 'reader2'")["reference"]) == {"majority-without-reader2"}


def test_a_lost_case_is_a_wrong_call(small_runs):
    """A failed case is called negative if it is positive, and positive if it is negative."""

    def edit(scores):
        lost = (scores["rater"] == "unet") & scores["case"].isin(["case02", "case04"])
        nothing = lost & (scores["metric"] == "volume_ml")
        return _absent(scores).assign(
            status=scores["status"].mask(lost, "failed"), value=lambda rows: rows["value"].mask(nothing)
        )

    (results,) = gather(small_runs(edit=edit))
    model = detection.calls(results).query("rater == 'unet'").set_index("case")
    called = model["score"] >= model["threshold"]
    assert called["case02"]
    assert not called["case04"]


def test_case_scores_are_a_call_of_their_own(small_runs):
    """With a score for every case there are two ways to call it; with one missing, only the volume."""
    (results,) = gather(small_runs(edit=_one_label, labels={"ventricles": 10}))
    _say(results, results.cases, lambda case: 0.9 if case == "case06" else 0.1)
    found = detection.calls(results).query("rater == 'unet' and threshold == 0.5").set_index("case")
    assert found["score"].to_dict() == dict.fromkeys(results.cases, 0.1) | {"case06": 0.9}
    _say(results, ["case03"], lambda _case: None)
    assert detection.calls(results).query("threshold == 0.5").empty


def test_a_broken_score_is_named(small_runs):
    """A file that is no score is an error that names the file and the case."""
    (results,) = gather(small_runs(edit=_one_label, labels={"ventricles": 10}))
    _say(results, results.cases, lambda _case: "much")
    with pytest.raises(StoreError, match=r"case01\.json.*case case01"):
        detection.calls(results)


def test_the_page_says_it(small_runs, dataset):
    """Sensitivity 100 %, specificity 67 %: on the page, with a table by type of the positive cases."""
    (results,) = gather(small_runs(edit=_one_label, labels={"ventricles": 10}))
    typed = [replace(case, subgroups={"type": "normal" if case.id in EMPTY else "ivh"}) for case in dataset]
    html = detection.detections(results, Dataset("toy", dataset.entry, dataset.root, tuple(typed)))
    assert "100.0" in html
    assert "66.7" in html
    assert "By type" in html
    assert "The readers' detection" in html


def test_no_structure_is_ever_absent(results):
    """Without a case that lacks a structure there is nothing to detect."""
    assert not detection.can_detect(results)
