import numpy as np
import pytest

from ctbench.metrics.comparison import Comparison, PlainReference
from ctbench.metrics.structures import Structure
from ctbench.reference import GroupReference

SHAPE = (6, 9, 11)


@pytest.fixture
def pair(box):
    """Code 3 in the reference, code 3 one slice higher in the prediction, code 70,000 in one corner."""
    reference, prediction = (np.zeros(SHAPE, np.int32) for _ in range(2))
    reference[box(SHAPE, (1, 2, 3), (3, 5, 7))] = 3
    prediction[box(SHAPE, (2, 2, 3), (4, 5, 7))] = 3
    prediction[5, 8, 10] = 70_000
    return reference, prediction


@pytest.fixture
def compare(pair):
    """A function that compares the pair, with properties of the reference, for some codes."""

    def make(codes, **properties):
        return Comparison([PlainReference(pair[0], **properties)], pair[1], codes)

    return make


def test_a_crop_holds_all_voxels_and_a_margin(compare):
    """A crop is as large as the structure in both label maps, and one voxel more, in rows of a multiple of eight."""
    crop = compare([3, 70_000]).crop(Structure("blob", (3,), 1.0))
    assert crop.reference.voxels.shape == (3 + 2, 3 + 2, 8)
    assert crop.reference.voxels[1:3, 1:-1, 1:5].all()
    assert crop.reference.voxels.sum() == crop.prediction.voxels.sum() == 24
    assert crop.uncounted.size == 0
    assert crop.outer is crop.reference
    assert crop.counts[0].sum(axis=0).tolist() == [24, 24, 12]


def test_codes_beyond_the_table_have_a_box(compare):
    """Rare, large codes are found as well."""
    crop = compare([3, 70_000]).crop(Structure("blob", (70_000,), 1.0))
    assert crop.prediction.voxels.shape == (3, 3, 8)
    assert crop.prediction.voxels[1, 1, 1] == crop.prediction.voxels.sum() == 1


def test_a_structure_that_is_nowhere_has_no_crop(compare):
    """Nothing to cut out is None."""
    assert compare([3, 4]).crop(Structure("blob", (4,), 1.0)) is None


def test_possible_and_uncounted_voxels(compare, box):
    """The outer mask has the possible voxels too; excluded voxels and unannotated slices do not count."""
    band = box(SHAPE, (0, 0, 0), (2, 2, 2))
    annotated = np.arange(6) != 3
    given = compare([3], excluded=band, annotated=annotated, possible={3: np.flatnonzero(band)})
    crop = given.crop(Structure("blob", (3,), 1.0))
    assert crop.outer.voxels.shape == (4 + 2, 5 + 2, 16)
    assert crop.outer.voxels.sum() == 24 + 8
    assert crop.reference.voxels.sum() == 24
    inside = np.pad(band | ~annotated[:, None, None], 1)[0:6, 0:7, 0:9]
    np.testing.assert_array_equal(crop.uncounted[1:-1, 1:-1, 1:8], inside[1:-1, 1:-1, 1:-1])
    assert crop.counts[0].sum(axis=0).tolist() == [24, 12, 12]


def test_references_that_differ_are_planes_of_one_crop(pair, box):
    """Every plane of a crop of three references is the crop of that reference alone, and so is its window."""
    labels, prediction = pair
    band = box(SHAPE, (1, 2, 3), (3, 5, 4))
    wider = labels.copy()
    wider[0, 0, 0] = 3
    references = [
        PlainReference(labels, annotated=np.arange(6) != 2),
        PlainReference(wider),
        PlainReference(np.where(band, 0, labels), excluded=band, possible={3: np.flatnonzero(band)}),
    ]
    structure = Structure("blob", (3,), 1.0)
    crop = Comparison(references, prediction, [3]).crop(structure)
    for plane, reference in enumerate(references):
        alone = Comparison([reference], prediction, [3]).crop(structure)
        window = crop.windows[plane]
        np.testing.assert_array_equal(crop.counts[plane].sum(axis=0), alone.counts[0].sum(axis=0))
        for mine, its in (
            (crop.reference.voxels, alone.reference.voxels),
            (crop.outer.voxels, alone.outer.voxels),
            (crop.prediction.voxels, alone.prediction.voxels),
            (crop.uncounted, alone.uncounted),
        ):
            own = mine[window] >> plane & 1
            np.testing.assert_array_equal(own, its[..., : own.shape[2]] if its.size else 0)


def test_a_group_has_its_own_reference_in_its_plane(pair):
    """Where one of two references has a reference of the group, only that plane follows it."""
    labels, prediction = pair
    at = (np.array([5, 5]), np.array([0, 0]), np.array([0, 1]))
    group = GroupReference(at, np.array([True, False]), np.array([False, True]))
    references = [PlainReference(labels, groups={"any": group}), PlainReference(labels)]
    crop = Comparison(references, prediction, [3]).crop(Structure("any", (3,), 1.0))
    assert crop.counts.sum(axis=1)[:, 0].tolist() == [25, 24]
    assert np.count_nonzero(crop.outer.voxels & 1) == 26
    assert np.count_nonzero(crop.outer.voxels & 2) == 24
    assert crop.uncounted.sum() == np.count_nonzero(crop.uncounted & 1) == 1
