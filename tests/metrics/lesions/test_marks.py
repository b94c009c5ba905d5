"""Boxes and pieces as marks on lesions."""

import numpy as np
import pytest

from ctbench.metrics.lesions import Boxes, case_rows
from ctbench.reference import Reference

SPACING_MM = (5, 1, 1)


def boxes(*rows):
    """Boxes of (slice, first row, first column, last row + 1, last column + 1, confidence)."""
    table = np.array(rows, float).reshape(-1, 6)
    return Boxes(table[:, 0].astype(np.int64), table[:, 1:5], table[:, 5])


@pytest.fixture
def truth():
    """Two lesions in the same slices, and a third one elsewhere."""
    labels = np.zeros((6, 40, 40), np.uint8)
    labels[1:4, 4:12, 4:12] = labels[1:3, 4:12, 20:24] = labels[4, 30:36, 30:36] = 1
    return labels


def marks(reference, drawn, hit="centre", labels=None):
    """(outcome, confidence) of the marks of a model that draws boxes only."""
    shape = getattr(reference, "labels", reference).shape
    rows = case_rows(
        reference,
        np.zeros(shape, np.uint8),
        protocols=(),
        surfaces=False,
        spacing_mm=SPACING_MM,
        labels=labels or {"iph": 1},
        boxes={"iph": drawn},
        hit=hit,
    ).marks
    assert {row["protocol"] for row in rows} <= {f"box-{hit}"}
    return [(row["outcome"], row["confidence"]) for row in rows]


def test_a_box_hits_the_lesion_that_holds_its_centre(truth):
    """The surest of several boxes counts; a centre between two lesions, in another slice or outside is false."""
    drawn = boxes(
        (1, 4, 4, 12, 12, 0.6),
        (2, 6, 6, 8, 8, 0.9),
        (1, 4, 4, 12, 24, 0.8),
        (0, 4, 4, 12, 12, 0.5),
        (5, 0, 0, 2, 2, 0.4),
    )
    found = marks(truth, drawn)
    assert found[0] == ("detected", 0.9)
    assert [outcome for outcome, _ in found[1:3]] == ["missed", "missed"]
    assert found[3:] == [("false_positive", 0.8), ("false_positive", 0.5), ("false_positive", 0.4)]


def test_a_box_hits_the_lesion_of_the_largest_iou(truth):
    """64 of 160 pixels with the wide lesion, 32 of 160 with the narrow one; below .1 a box is false."""
    found = marks(truth, boxes((1, 4, 4, 12, 24, 0.8), (1, 0, 0, 40, 40, 0.7)), "iou")
    assert found[0] == ("detected", 0.8)
    assert [outcome for outcome, _ in found[1:]] == ["missed", "missed", "false_positive"]
    assert marks(truth, boxes((1, 4, 20, 12, 24, 0.3)), "iou")[1] == ("detected", 0.3)


def test_a_centre_in_a_voxel_that_does_not_count_is_neither(truth):
    """In an indeterminate voxel, and in a slice that nobody annotated."""
    excluded = np.zeros(truth.shape, bool)
    excluded[2, 20:24, 20:24] = True
    annotated = np.array([True, True, True, True, True, False])
    reference = Reference(truth, excluded, annotated, "majority", ("a", "b"))
    drawn = boxes((2, 20, 20, 24, 24, 0.9), (5, 4, 4, 8, 8, 0.8), (2, 24, 24, 28, 28, 0.7))
    assert marks(reference, drawn)[3:] == [("false_positive", 0.7)]


def test_without_a_lesion_every_box_is_false():
    """The structure is nowhere: there is no overlap table, and each box is a false mark."""
    empty = np.zeros((2, 8, 8), np.uint8)
    for hit in ("centre", "iou"):
        assert marks(empty, boxes((0, 0, 0, 4, 4, 0.3)), hit) == [("false_positive", 0.3)]
        assert marks(empty, boxes(), hit) == []


def test_hits_are_those_of_a_search_through_all_voxels():
    """Random lesions and boxes: the component of 26 neighbours at the centre, by scipy."""
    from scipy import ndimage

    rng = np.random.default_rng(3)
    labels = (ndimage.gaussian_filter(rng.normal(size=(8, 30, 30)), (0.5, 2, 2)) > 0.12).astype(np.uint8)
    corner = rng.uniform(0, 25, (200, 2))
    drawn = Boxes(rng.integers(0, 8, 200), np.hstack([corner, corner + rng.uniform(1, 5, (200, 2))]), rng.random(200))
    parts, n = ndimage.label(labels, np.ones((3, 3, 3)))
    own = parts[tuple(drawn.centres.T)]
    expected = sorted(drawn.confidences[own == part].max() for part in range(1, n + 1) if (own == part).any())
    found = marks(labels, drawn)
    assert sorted(sure for outcome, sure in found if outcome == "detected") == expected
    assert sum(outcome == "false_positive" for outcome, _ in found) == (own == 0).sum()
    assert len(expected) > 3


def test_pieces_that_count_for_a_protocol_are_marks():
    """Ignored lesions and surplus pieces are none; ``cc`` has no false pieces, and so no marks."""
    truth, drawn = np.zeros((2, 3, 20, 20), np.uint8)
    truth[1, 2:10, 2:10] = truth[1, 15, 15] = 1
    drawn[1, 2:10, 2:5] = drawn[1, 2:10, 6:10] = drawn[1, 12:14, 2:4] = 1
    sure = np.where(np.arange(20) < 5, 0.5, 0.75) * np.ones(drawn.shape)
    rows = case_rows(
        truth,
        drawn,
        protocols=["any", "picai", "brats-met", "cc"],
        surfaces=False,
        spacing_mm=(1, 1, 1),
        labels={"iph": 1},
        probabilities={"iph": sure},
        forecast={"iph"},
    ).marks
    by = {
        name: [(one["outcome"], one["confidence"]) for one in rows if one["protocol"] == name]
        for name in ("any", "picai", "brats-met", "cc")
    }
    assert by["any"][0] == ("detected", 0.75)
    assert [outcome for outcome, _ in by["any"]] == ["detected", "missed", "false_positive"]
    assert by["picai"][0] == ("detected", 0.75)
    assert [outcome for outcome, _ in by["picai"]] == ["detected", "missed", "false_positive"]
    assert [outcome for outcome, _ in by["brats-met"]] == ["detected", "false_positive"]
    assert by["cc"] == []
