"""The audit of Chang et al. 2018; figures are worked out here a second time from the paper's own numbers."""

import pytest


def test_chang_balanced_accuracies(whole):
    """The printed balanced accuracies are not (sensitivity + specificity) / 2; with the NPV for the latter they are."""
    plain = whole[whole["quantity"].eq("balanced accuracy")]
    other = whole[whole["quantity"].eq("balanced accuracy, with the full set's NPV for the specificity")]
    assert set(plain["verdict"]) == {"contradicted"}
    assert "contradicted" not in set(other["verdict"])
    assert len(plain) == len(other) == 39  # 20 rows for each cohort, less one that is printed as NA


def test_chang_from_whole_cases(one):
    """78 of 82 and 584 of 600 are the only cases that round to .951 and .973; accuracy and PPV then miss a digit."""
    accuracy, ppv = (one(rater="mask-rcnn (test)", quantity=name) for name in ("detection_accuracy", "detection_ppv"))
    assert accuracy["value_low"] == accuracy["value_high"] == pytest.approx((78 + 584) / 682)
    assert ppv["value_low"] == ppv["value_high"] == pytest.approx(78 / (78 + 16))
    for row in (accuracy, ppv):
        assert row["verdict"] == "contradicted"
        assert "cut off" in row["detail"]


@pytest.mark.parametrize(
    ("fields", "printed", "verdict"),
    [
        ({"table": "Abstract", "rater": "cross-validation cohort"}, "8.1", "contradicted"),
        ({"table": "Abstract", "detail": "82 of the 862 examinations of the abstract"}, "12", "contradicted"),
        ({"table": "Abstract", "detail": "82 of the 682 examinations of the text"}, "12", "reproduced"),
        (
            {"rater": "prospective test set", "quantity": "hemorrhages that the missed are a share of"},
            *("81", "contradicted"),
        ),
        ({"rater": "mask-rcnn (test)", "quantity": "detection_npv"}, "0.993", "reproduced"),
    ],
)
def test_single_findings(one, fields, printed, verdict):
    """Each known agreement and disagreement of the papers with themselves is found."""
    row = one(**fields)
    assert (row["printed"], row["verdict"]) == (printed, verdict)
