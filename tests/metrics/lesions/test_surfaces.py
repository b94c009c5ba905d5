import numpy as np
import pytest

from ctbench.metrics import score
from ctbench.metrics.lesions import lesion_list
from ctbench.metrics.lesions.protocols import protocol
from ctbench.metrics.lesions.surfaces import lesion_surfaces
from ctbench.metrics.lesions.table import overlap_tables
from ctbench.reference import Reference

SPACING = (5.0, 0.7, 0.4)


@pytest.fixture
def two(ball):
    """Two ellipsoids far apart, and the same two predicted, one larger and one moved."""
    shape = (12, 40, 90)
    first, second = ball(shape, (3, 9, 9), (5, 19, 20)), ball(shape, (2, 6, 7), (6, 20, 65))
    return (first, second), (ball(shape, (3, 10, 10), (5, 19, 20)), np.roll(second, 2, axis=1))


def test_each_lesion_is_scored_as_if_it_were_alone(two):
    """HD95, NSD and Dice of a lesion are those of score on label maps that hold this lesion and its piece only."""
    lesions, pieces = two
    found = lesion_list(
        (lesions[0] | lesions[1]).astype(int),
        (pieces[0] | pieces[1]).astype(int),
        spacing_mm=SPACING,
        labels={"a": 1},
        tolerance_mm=0.9,
    )
    assert found.outcome.tolist() == ["detected", "detected"]
    for row, lesion, piece in zip(found.itertuples(), lesions, pieces, strict=True):
        alone = score(lesion.astype(int), piece.astype(int), spacing_mm=SPACING, labels={"a": 1}, tolerance_mm=0.9)
        values = dict(zip(alone.metric, alone.value, strict=True))
        assert [row.dice, row.hd95_mm, row.nsd] == pytest.approx([values[name] for name in ("dice", "hd95", "nsd")])


def test_excluded_voxels_are_not_sampled(two):
    """With indeterminate voxels around a lesion, its distances are those of score with the same reference."""
    lesions, pieces = two
    excluded = pieces[0] & ~lesions[0]
    reference = Reference(lesions[0].astype(int), excluded, np.ones(12, bool), "majority", (), {1: excluded})
    drawn = np.roll(pieces[0], 3, axis=2).astype(int)
    found = lesion_list(reference, drawn, spacing_mm=SPACING, labels={"a": 1}).iloc[0]
    whole = score(reference, drawn, spacing_mm=SPACING, labels={"a": 1})
    values = dict(zip(whole.metric, whole.value, strict=True))
    assert [found.dice, found.hd95_mm, found.nsd] == pytest.approx([values[name] for name in ("dice", "hd95", "nsd")])


def test_missed_lesions_are_not_measured(two):
    """A lesion without a piece has no distance of its own; the list penalises it by the diagonal."""
    lesions, pieces = two
    masks = (lesions[0] | lesions[1]).astype(int), pieces[0].astype(int)
    (table,) = overlap_tables(*masks, spacing_mm=SPACING, labels={"a": 1})
    assert np.isnan(lesion_surfaces(protocol("any").apply(table)).hd95_mm).tolist() == [False, True]
    found = lesion_list(*masks, spacing_mm=SPACING, labels={"a": 1})
    assert found.hd95_mm[1] == pytest.approx(np.linalg.norm(np.multiply(SPACING, (12, 40, 90))))
    assert found.nsd[1] == 0
