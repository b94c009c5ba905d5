"""Positive calls of cases, from volumes and from a model's own scores."""

import json

import pandas as pd
import pytest

from ctbench.errors import StoreError
from ctbench.report.frames.case_calls import (
    at_prevalence,
    calls,
    can_detect,
    case_calls,
    detection_rows,
    stratum_rows,
)
from ctbench.report.frames.comparable_runs import gather
from ctbench.runs.folder import RunFolder


def _rows(rater, kind, reference, volumes):
    """Tidy volumes of one structure: case -> (in the reference, drawn), None: no prediction."""
    rows = []
    for case, (true, drawn) in volumes.items():
        status = "failed" if drawn is None else "ok"
        for metric, value in (("reference_volume_ml", true), ("volume_ml", drawn)):
            rows.append((case, rater, kind, reference, "ich", metric, value, status))
    return pd.DataFrame(
        rows, columns=["case", "rater", "rater_kind", "reference", "label", "metric", "value", "status"]
    ).astype({"value": float})


VOLUMES = {"a": (3.0, 2.0), "b": (1.0, 0.0), "c": (0.0, 0.0), "d": (0.0, 0.5), "e": (2.0, None), "f": (0.0, None)}
SCORES = pd.concat(
    [
        _rows("net", "model", "majority", VOLUMES),
        _rows("net", "model", "majority-without-ann", VOLUMES),
        _rows("ann", "reader", "majority", VOLUMES),
        _rows("ann", "reader", "majority-without-ann", {"a": (3.0, 3.0), "b": (1.0, 1.0), "c": (0.0, 0.0)}),
    ]
)
ASKED = {"common": "majority", "structures": ("ich",), "findings": ("ich",)}


def _found(sure=lambda _rater, _case: None):
    return case_calls(SCORES, **ASKED, sure=sure)


def test_counts_by_hand():
    """One hit, one miss, one quiet, one alarm; the two cases without a prediction count as wrong."""
    rows = detection_rows(_found()).set_index("rater")
    counts = ["true_positive", "false_negative", "true_negative", "false_positive"]
    assert rows.loc["net", counts].tolist() == [1, 2, 1, 2]
    assert rows.loc["net", "reference"] == "majority"


def test_readers_are_judged_by_the_others():
    """A reader stands on the reference without it only."""
    rows = detection_rows(_found()).set_index("rater")
    assert rows.loc["ann", ["reference", "n", "accuracy"]].tolist() == ["majority-without-ann", 3, 1.0]


def test_a_score_is_a_call_of_its_own():
    """A model that says how sure it is has rows for both; a case without a prediction is as wrong as can be."""
    sure = {"a": 0.9, "b": 0.6, "c": 0.1, "d": 0.2}
    found = _found(lambda _rater, case: sure[case])
    own = found[found["by"].str.contains("score") & (found["rater"] == "net")].set_index("case")
    assert own["score"].to_dict() == pytest.approx({**sure, "e": -0.9, "f": 1.9})
    assert own["lost"].sum() == 2


def test_a_model_that_is_silent_on_a_case_has_no_scores():
    """Scores of some cases only are no basis for a call."""
    assert not _found(lambda _rater, case: None if case == "a" else 0.5)["by"].str.contains("score").any()


def test_what_is_everywhere_cannot_be_found():
    """A structure that all cases have is no finding."""
    scores = _rows("net", "model", "majority", {"a": (3.0, 2.0), "b": (1.0, 0.0)})
    assert case_calls(scores, **ASKED, sure=lambda *_: None).empty


def test_strata_have_their_own_positive_cases():
    """Each type has its positive cases and all negative ones."""
    types = pd.Series({"a": "iph", "b": "ivh", "e": "iph", "c": "none", "d": "none", "f": "none"}, name="type")
    rows = stratum_rows(_found().query("rater == 'net'"), types).set_index("type")
    assert list(rows.index) == ["iph", "ivh"]
    assert rows["n"].tolist() == [5, 4]
    assert rows["positive"].tolist() == [2, 1]
    assert rows["sensitivity"].tolist() == [0.5, 0.0]


@pytest.mark.parametrize(("prevalence", "ppv", "npv"), [(0.5, 1 / 3, 1 / 3), (0.0, 0.0, 1.0), (1.0, 1.0, 0.0)])
def test_predictive_values_at_a_prevalence(prevalence, ppv, npv):
    """Sensitivity and specificity of a third at half positive cases; none or all of them are certain."""
    row = at_prevalence(detection_rows(_found()).query("rater == 'net'"), prevalence).iloc[0]
    assert (row["ppv_at"], row["npv_at"]) == pytest.approx((ppv, npv))


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
    found = calls(results)
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
    model = calls(results).query("rater == 'unet'").set_index("case")
    called = model["score"] >= model["threshold"]
    assert called["case02"]
    assert not called["case04"]


def test_case_scores_are_a_call_of_their_own(small_runs):
    """With a score for every case there are two ways to call it; with one missing, only the volume."""
    (results,) = gather(small_runs(edit=_one_label, labels={"ventricles": 10}))
    _say(results, results.cases, lambda case: 0.9 if case == "case06" else 0.1)
    found = calls(results).query("rater == 'unet' and threshold == 0.5").set_index("case")
    assert found["score"].to_dict() == dict.fromkeys(results.cases, 0.1) | {"case06": 0.9}
    _say(results, ["case03"], lambda _case: None)
    assert calls(results).query("threshold == 0.5").empty


def test_a_broken_score_is_named(small_runs):
    """A file that is no score is an error that names the file and the case."""
    (results,) = gather(small_runs(edit=_one_label, labels={"ventricles": 10}))
    _say(results, results.cases, lambda _case: "much")
    with pytest.raises(StoreError, match=r"case01\.json.*case case01"):
        calls(results)


def test_only_structures_that_some_case_lacks_can_be_detected(results):
    """Of eleven labels and two groups only the septum is absent in a case."""
    assert can_detect(results)
    assert set(calls(results)["label"]) == {"septum_pellucidum"}
