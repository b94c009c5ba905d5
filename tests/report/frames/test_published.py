import pytest

from ctbench.report.frames.published import PUBLISHED_COLUMNS, has_published, published_rows

MEASURED = {"reference": "majority", "tolerance_mm": 1.0}


def test_what_papers_printed_is_marked():
    """Cai's Table 3: the model's overall Dice with its SD, its source and that it is never ranked."""
    rows = published_rows("cai2020", ("caudate", "ventricles"), "dice", **MEASURED)
    row = rows[rows["rater"] == "model (Cai 2020)"].iloc[0]
    assert tuple(rows.columns) == PUBLISHED_COLUMNS
    assert set(rows["rater_kind"]) == {"published"}
    assert 0.5 < row["mean"] < 1
    assert row["reason"].startswith("printed in Table 3 of Cai 2020")
    assert row["reason"].endswith("never ranked")


def test_a_structure_has_rows_of_its_own():
    """One name asks for that structure, several for the papers' own overall rows."""
    one, all_of_them = (
        published_rows("cai2020", over, "dice", **MEASURED) for over in (("caudate",), ("caudate", "lentiform"))
    )
    assert len(one)
    assert one["mean"].tolist() != all_of_them["mean"].tolist()


def test_other_datasets_and_metrics_have_none():
    """Nor has a dataset that no catalogue knows."""
    assert published_rows("nobody's", ("caudate",), "dice", **MEASURED).empty
    assert published_rows("cai2020", ("caudate",), "hd95", **MEASURED).empty
    assert has_published("cai2020", ["hd95", "dice"])
    assert not has_published("cai2020", ["hd95"])
    assert not has_published("nobody's", ["dice"])


@pytest.mark.parametrize(
    ("reference", "printed", "why"),
    [
        ("majority", "ground-truth-masks", ""),
        ("staple", "ground-truth-masks", "printed against majority, measured against staple"),
        ("leave-one-out", "ground-truth-masks", "printed against majority, measured against leave-one-out"),
        ("majority", "inph", "printed against annotation, measured against majority"),
        ("given", "inph", ""),
    ],
)
def test_the_reference_must_be_made_alike(reference, printed, why):
    """One reader's mask is no majority, and another rule is another reference."""
    rows = published_rows("cai2020", ("caudate",), "dice", reference=reference, tolerance_mm=1.0)
    own = rows[rows["reason"].str.contains(printed) & rows["rater"].str.startswith("model")]
    assert set(own["incomparable"]) == {why}
    assert own["reason"].str.contains(f"cannot be compared: {why}" if why else "; other cases").all()


def test_a_population_that_is_not_said_or_pooled_cannot_be_compared():
    """Zhao's cases may be empty; Wachinger's medians are over all structures of all subjects."""
    (zhao, *_) = published_rows("instance2022", ("hemorrhage",), "hd", reference="given", tolerance_mm=1)[
        "incomparable"
    ]
    assert zhao == "the paper does not say over which cases, no unit is printed"
    pooled = published_rows("oasis-multiatlas", ("a", "b"), "dice", reference="given", tolerance_mm=1.0)
    assert set(pooled["incomparable"]) == {"printed over structure x subject, measured over positives"}


@pytest.mark.parametrize(
    ("tolerance", "text"), [(0.42, "0.42"), ({"hemorrhage": 2.0}, "2")], ids=["of all", "of a structure"]
)
def test_a_surface_dice_without_a_tolerance_cannot_be_compared(tolerance, text):
    """Zhao prints none; what was measured is said."""
    rows = published_rows("instance2022", ("hemorrhage",), "nsd", reference="given", tolerance_mm=tolerance)
    assert rows["incomparable"].str.endswith(f"no tolerance is printed, measured at {text} mm").all()
