from itertools import permutations

import numpy as np
import pytest

from ctbench.metrics.lesions import case_scores
from ctbench.metrics.lesions.regions import in_regions
from ctbench.metrics.lesions.table import overlap_tables
from ctbench.reference import Reference


def cut(reference, prediction, spacing_mm=(1, 1, 1)):
    """Return the table of regions of code 1."""
    (table,) = overlap_tables(reference, prediction, spacing_mm=spacing_mm, labels={"a": 1})
    return in_regions(table)


@pytest.fixture
def line():
    """A row with lesions at 0..1 and 20..21, and a prediction from 1 to 20."""
    reference, prediction = np.zeros((2, 1, 1, 24), int)
    reference[0, 0, [0, 1, 20, 21]] = 1
    prediction[0, 0, 1:21] = 1
    return reference, prediction


def test_a_piece_is_cut_in_the_middle_between_two_lesions(line):
    """Of 20 predicted voxels between two lesions, each has the ten that are nearer to it."""
    table = cut(*line)
    assert table.pieces.sizes.tolist() == [10, 10]
    assert table.links.lesion.tolist() == table.links.piece.tolist() == [0, 1]
    assert table.links.voxels.tolist() == [1, 1]


def test_nearness_is_in_mm():
    """A voxel two rows from one lesion and one slice from another belongs to the first where slices are thick."""
    reference, prediction = np.zeros((2, 4, 7, 3), int)
    reference[1, 1, 1] = reference[2, 3, 1] = prediction[1, 3, 1] = prediction[1, 1, 1] = 1
    assert cut(reference, prediction, (5, 1, 1)).pieces.sizes.tolist() == [2]
    assert cut(reference, prediction, (1, 1, 1)).pieces.sizes.tolist() == [1, 1]


def test_uncounted_voxels_are_left_out(line):
    """Voxels that do not count are in no region's size."""
    reference, prediction = line
    excluded = np.zeros(reference.shape, bool)
    excluded[0, 0, 5:8] = True
    given = Reference(reference, excluded, np.ones(1, bool), "majority", ())
    assert cut(given, prediction).pieces.sizes.tolist() == [7, 10]


def test_nothing_to_cut(line):
    """Without lesions the pieces stay as they are."""
    reference, prediction = line
    table = cut(np.zeros_like(reference), prediction)
    assert (len(table.lesions), len(table.pieces)) == (0, 1)


def test_a_voxel_equally_near_to_two_lesions_counts_for_both():
    """Of five voxels between lesions at both ends, the middle one belongs to either region."""
    reference, prediction = np.zeros((2, 1, 1, 7), int)
    reference[0, 0, [0, 6]] = 1
    prediction[0, 0, 1:6] = 1
    assert cut(reference, prediction).pieces.sizes.tolist() == [3, 3]


@pytest.mark.parametrize("axes", list(permutations(range(3)))[::2])
def test_figures_do_not_depend_on_orientation(specks, axes):
    """Flipped and transposed, with a spacing that floats round, the mean Dice of lesions is the same."""
    reference, prediction = specks(1, (6, 12, 13)), specks(2, (6, 12, 13))
    spacing, found = (2.5, 0.47, 0.47), set()
    for flips in ((), (0,), (1,), (2,), (0, 1, 2)):
        both = [np.flip(mask, flips).transpose(axes).astype(int) for mask in (reference, prediction)]
        turned = [spacing[axis] for axis in axes]
        (row,) = case_scores(*both, spacing_mm=turned, labels={"a": 1}, protocols=["cc"]).to_dict("records")
        sizes = np.sort(cut(*both, spacing_mm=turned).pieces.sizes)
        found.add((row["lesions"], row["detected"], round(row["lesion_dice"], 12), *sizes.tolist()))
    assert len(found) == 1
