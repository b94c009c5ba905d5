import numpy as np
import pytest

from ctbench.metrics.abc2 import abc2_ml
from ctbench.metrics.inputs import as_comparison
from ctbench.metrics.measured import StructureMeasurements
from ctbench.metrics.structures import Structure
from ctbench.reference import Reference

SHAPE, SPACING = (6, 12, 14), (5.0, 2.0, 1.0)


@pytest.fixture
def measure(box):
    """A function that measures a box from (1, 2, 2) against the same one shifted along x."""

    def make(shift, excluded=None, code=1):
        reference, prediction = (box(SHAPE, (1, 2, 2 + by), (4, 6, 8 + by)).astype(np.uint8) for by in (0, shift))
        if excluded is not None:
            labels = np.where(excluded, 0, reference)
            reference = Reference(labels, excluded, np.ones(SHAPE[0], bool), "majority", ("a", "b"))
        comparison = as_comparison([reference], prediction, [code])
        return StructureMeasurements(Structure("box", (code,), 1.0), comparison, SPACING).against[0]

    return make


def test_voxels_of_shifted_boxes_are_counted(measure):
    """A box of 3 x 4 x 6 voxels, shifted by two, shares two thirds of them."""
    found = measure(2)
    assert (found.n_reference, found.n_prediction, found.n_both) == (72, 72, 48)


def test_sizes_follow_from_shape_and_spacing(measure):
    """A voxel of 5 x 2 x 1 mm has 0.01 mL, and the diagonal is that of the whole image."""
    found = measure(0)
    assert found.voxel_ml == pytest.approx(0.01)
    assert found.diagonal_mm == pytest.approx(np.sqrt(30**2 + 24**2 + 14**2))


def test_excluded_voxels_do_not_count(measure):
    """A column of the box that is excluded is missing from reference and prediction."""
    excluded = np.zeros(SHAPE, bool)
    excluded[:, :, 4] = True
    found = measure(1, excluded)
    assert (found.n_reference, found.n_prediction, found.n_both) == (60, 60, 48)


def test_abc2_of_both_is_that_of_their_masks(measure, box):
    """The shifted box has the ABC/2 volume of the box itself, worked out on the whole image."""
    found = measure(2)
    expected = abc2_ml(box(SHAPE, (1, 2, 2), (4, 6, 8)), SPACING)
    assert (found.abc2_ml, found.reference_abc2_ml) == pytest.approx((expected, expected))


def test_surfaces_of_shifted_boxes_are_as_far_apart_as_the_shift(measure):
    """No surface element is farther from the other box than the shift of 2 mm, and some are as far."""
    for distances in (measure(2).distances, measure(2).voxel_distances):
        for side in (distances.from_reference, distances.from_prediction):
            assert side.mm.min() == 0.0
            assert side.mm.max() == pytest.approx(2.0)


def test_a_code_that_nobody_drew_is_nothing(measure):
    """Counts and ABC/2 are 0 without a crop to look at."""
    found = measure(2, code=9)
    assert (found.n_reference, found.n_prediction, found.n_both) == (0, 0, 0)
    assert found.abc2_ml == found.reference_abc2_ml == 0.0
