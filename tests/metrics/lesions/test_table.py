import numpy as np
import pytest
from scipy import ndimage

from ctbench.errors import DataError, UsageError
from ctbench.metrics.lesions.table import overlap_tables
from ctbench.reference import Reference

SPACING = (5.0, 0.7, 0.4)
CUBE = np.ones((3, 3, 3))


def table_of(reference, prediction, neighbours=26):
    """Return the table of code 1."""
    (table,) = overlap_tables(reference, prediction, spacing_mm=SPACING, labels={"a": 1}, neighbours=neighbours)
    return table


@pytest.mark.parametrize("neighbours", [18, 26])
def test_voxels_in_common_are_those_of_scipys_pieces(specks, neighbours):
    """Sizes and common voxels are those of the pieces that SciPy finds."""
    masks = specks(0), specks(1) | specks(2)
    table = table_of(*(mask.astype(int) for mask in masks), neighbours)
    rank = ndimage.generate_binary_structure(3, 3 if neighbours == 26 else 2)
    (true, n), (found, m) = (ndimage.label(mask, rank) for mask in masks)
    expected = np.zeros((n + 1, m + 1), int)
    np.add.at(expected, (true, found), 1)
    common = np.zeros((n, m), int)
    common[table.links.lesion, table.links.piece] = table.links.voxels
    assert np.array_equal(common, expected[1:, 1:])
    assert table.lesions.sizes.tolist() == expected[1:].sum(axis=1).tolist()
    assert table.pieces.sizes.tolist() == expected[:, 1:].sum(axis=0).tolist()


def test_uncounted_voxels_are_left_out(specks):
    """Only counted voxels make sizes and overlaps, and a lesion without any is none; distances are of whole pieces."""
    mask = specks(0)
    pieces, n = ndimage.label(mask, CUBE)
    excluded = np.isin(pieces, [1, 2])
    excluded[:, :, :9] = True
    labels = (mask & ~excluded).astype(int)
    reference = Reference(labels, excluded, np.ones(len(mask), bool), "majority", (), {1: mask & excluded})
    table = table_of(reference, mask.astype(int))
    assert table.lesions.sizes.sum() == table.pieces.sizes.sum() == np.count_nonzero(labels)
    assert table.pieces.sizes.min() > 0
    assert len(table.pieces) < n
    assert table.pieces.doubtful.any()
    assert table.pieces.doubtful.tolist() == [
        bool(excluded[pieces == piece].any()) for piece in range(1, n + 1) if (~excluded[pieces == piece]).any()
    ]


def test_distances_between_pieces(specks):
    """Each entry is the distance in mm of the nearest voxels of a lesion and a piece, 0 where they overlap."""
    masks = specks(0), specks(1)
    table = table_of(*(mask.astype(int) for mask in masks))
    distances = table.distances_mm()
    (true, n), (found, m) = (ndimage.label(mask, CUBE) for mask in masks)
    for lesion in range(n):
        mm = ndimage.distance_transform_edt(true != lesion + 1, sampling=SPACING)
        assert distances[lesion] == pytest.approx(ndimage.minimum(mm, found, np.arange(m) + 1))
    assert (distances[table.links.lesion, table.links.piece] == 0).all()
    assert table.nearest_mm[0] == pytest.approx(distances.min(axis=1))
    assert table.nearest_mm[1] == pytest.approx(distances.min(axis=0))


@pytest.mark.parametrize("dilations", [1, 3])
def test_consolidated_lesions_are_those_whose_dilations_meet(specks, dilations):
    """Lesions are joined exactly where SciPy's dilated mask has one piece for several of them."""
    mask = specks(0, (9, 30, 70)) & (specks(1, (9, 30, 70)) | specks(2, (9, 30, 70)))
    joined = table_of(mask.astype(int), mask.astype(int)).consolidated(dilations)
    grown = ndimage.binary_dilation(mask, ndimage.generate_binary_structure(3, 2), iterations=dilations)
    together, _ = ndimage.label(grown, CUBE)
    assert sorted(joined.lesions.sizes.tolist()) == sorted(
        np.bincount(together[mask])[np.unique(together[mask])].tolist()
    )


def test_groups_are_connected_through_others():
    """Two lesions and two pieces that overlap in a chain are one group; what overlaps nothing is a group alone."""
    reference, prediction = np.zeros((2, 1, 3, 30), int)
    reference[0, 1, 2:6] = reference[0, 1, 8:12] = reference[0, 1, 25:28] = 1
    prediction[0, 1, 5:9] = prediction[0, 1, 11:14] = prediction[0, 1, 20:22] = 1
    lesions, pieces = table_of(reference, prediction).groups
    assert lesions[0] == lesions[1] == pieces[0] == pieces[1]
    assert len({*lesions.tolist(), *pieces.tolist()}) == 3


def test_largest_slices(pair):
    """The slice of a piece is the one with most of its voxels; of equal ones the first."""
    mask = np.zeros((6, 9, 9), int)
    mask[1, 2:4, 2:4] = mask[2, 2:6, 2:6] = mask[3, 2:6, 2:6] = 1
    table = table_of(mask, mask)
    assert table.lesions.slices.tolist() == [2]


def test_too_many_pairs_are_refused():
    """Thousands of specks in both masks are an error that names the structure, not a full memory."""
    mask = np.zeros((3, 260, 260), int)
    mask[1, ::2, ::2] = 1
    with pytest.raises(DataError, match="a has 16900 lesions and 16900 predicted pieces"):
        table_of(mask, mask).distances_mm()


def test_no_voxel_and_bad_arguments(specks):
    """A structure that is nowhere has an empty table; arguments are checked as those of score."""
    nothing = np.zeros((3, 4, 5), int)
    table = table_of(nothing, nothing)
    assert (len(table.lesions), len(table.pieces), table.distances_mm().shape) == (0, 0, (0, 0))
    with pytest.raises(DataError, match="spacing_mm"):
        list(overlap_tables(nothing, nothing, spacing_mm=(1, 1), labels={"a": 1}))
    with pytest.raises(UsageError, match="tolerance_mm"):
        list(overlap_tables(nothing, nothing, spacing_mm=(1, 1, 1), labels={"a": 1}, tolerance_mm=-1))
