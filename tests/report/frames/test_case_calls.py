"""Who calls which case positive."""

import pandas as pd
import pytest

from ctbench.report.frames.case_calls import at_prevalence, case_calls, detection_rows, stratum_rows


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
    assert own["score"].to_dict() == {**sure, "e": 0.0, "f": 1.0}
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
