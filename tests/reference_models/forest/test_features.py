"""Predictors of single voxels: closed forms of moments, ranks, z-scores, distances and symmetry."""

import numpy as np
import pytest

from ctbench.volume import Volume
from reference_models.forest.features import FEATURES, NORMAL_GRID, BrainBox, NormalBrain
from reference_models.scans.orientation import Orientation

SPACING = (4.0, 2.0, 2.0)


@pytest.fixture
def brain():
    """Make a box of random HU that is all brain, or of given HU."""

    def make(hu=None, mask=None):
        hu = np.random.default_rng(0).normal(35, 8, (9, 12, 14)) if hu is None else hu
        mask = np.ones(hu.shape, bool) if mask is None else mask
        upright = Orientation.of(Volume(hu, SPACING))
        everywhere = tuple(slice(0, size) for size in hu.shape)
        return BrainBox(upright, hu.shape, everywhere, np.where(mask, hu, 0).astype(np.float32), mask, SPACING)

    return make


@pytest.fixture
def normal():
    """Normal brains of 30 HU with an SD of 5."""
    return NormalBrain(np.full(NORMAL_GRID, 30.0, np.float32), np.full(NORMAL_GRID, 5.0, np.float32))


@pytest.fixture
def column(brain, normal):
    """One predictor of all voxels of a brain, z,y,x."""

    def of(name, hu=None, mask=None):
        made = brain(hu, mask)
        features = made.features(np.ones(made.hu.shape, bool), normal)
        return features[:, FEATURES.index(name)].reshape(made.hu.shape)

    return of


def test_there_is_one_column_for_each_name(brain, normal):
    """A column too many or too few would shift the names of the others."""
    where = np.zeros((9, 12, 14), bool)
    where[4, 5:7, 5:7] = True
    features = brain().features(where, normal)
    assert (features.shape, features.dtype, len(set(FEATURES))) == ((4, len(FEATURES)), np.float32, len(FEATURES))
    assert np.isfinite(features).all()


def test_moments_are_those_of_27_voxels(brain, column):
    """Mean, SD, skew and kurtosis of the neighbourhood of one voxel, by hand."""
    around = brain().hu[3:6, 4:7, 5:8].astype(np.float64)
    centred = around - around.mean()
    sd = around.std()
    assert column("local_mean")[4, 5, 6] == pytest.approx(around.mean(), rel=1e-4)
    assert column("local_sd")[4, 5, 6] == pytest.approx(sd, rel=1e-3)
    assert column("local_skew")[4, 5, 6] == pytest.approx((centred**3).mean() / sd**3, abs=0.01)
    assert column("local_kurtosis")[4, 5, 6] == pytest.approx((centred**4).mean() / sd**4, rel=0.01)


def test_the_window_is_40_to_80_hu(column):
    """Of 27 voxels one is blood: it is within, and the share around it is 1 of 27."""
    hu = np.full((9, 9, 9), 35.0)
    hu[4, 4, 4] = 60.0
    assert np.argwhere(column("in_window", hu)).tolist() == [[4, 4, 4]]
    assert column("share_in_window", hu)[5, 5, 5] == pytest.approx(1 / 27)
    assert column("share_in_window", hu)[6, 6, 6] == 0


def test_z_scores_are_those_of_the_plane_across_each_axis(brain, column):
    """The mean of each plane is 0 and its SD 1."""
    for axis, name in enumerate(("z_axial", "z_coronal", "z_sagittal")):
        plane = np.take(column(name), 3, axis)
        assert float(plane.mean()) == pytest.approx(0, abs=1e-4)
        assert float(plane.std()) == pytest.approx(1, abs=1e-4)


def test_ranks_go_from_0_to_1_within_a_slice(column):
    """The brightest voxel of each slice has 1, and half of them are below one half."""
    ranks = column("rank_axial")
    assert (ranks.max(axis=(1, 2)) == 1).all()
    assert float(np.median(ranks[4])) == pytest.approx(0.5, abs=0.01)


def test_distances_are_in_mm(column):
    """To the centroid along z in steps of 4 mm; to the outside of the brain from its middle."""
    mask = np.zeros((9, 13, 13), bool)
    mask[2:7, 3:10, 3:10] = True
    hu = np.full(mask.shape, 35.0)
    to_centre = column("distance_to_centre", hu, mask)
    assert (to_centre[4, 6, 6], to_centre[6, 6, 6], to_centre[4, 6, 9]) == (0, 8, 6)
    assert column("distance_to_edge", hu, mask)[4, 6, 6] == 8  # four voxels of 2 mm, before three of 4 mm
    assert column("share_outside", hu, mask)[2, 6, 6] == pytest.approx(9 / 27)


def test_a_symmetric_head_has_no_difference_between_sides(column):
    """What is brighter on one side is positive there, and as negative on the other."""
    hu = np.full((9, 12, 14), 35.0)
    assert np.abs(column("difference_to_other_side", hu)).max() < 1e-3
    hu[4, 6, 2] = 80.0
    difference = column("difference_to_other_side", hu)
    assert difference[4, 6, 2] > 0.1
    np.testing.assert_allclose(difference, -difference[:, :, ::-1], atol=1e-4)


def test_normal_brains_are_the_measure(brain, column):
    """40 HU where normal brains have 30 with an SD of 5 is a z-score of 2."""
    hu = np.full((9, 12, 14), 40.0)
    assert column("z_normal", hu)[4, 6, 7] == pytest.approx(2, abs=1e-4)


def test_normal_brains_are_averaged_without_their_bleeds(brain):
    """Two brains of 30 and 40 HU have a mean of 35 and an SD of 5; a bleed in one of them does not count."""
    bleeding = np.full((9, 12, 14), 40.0)
    blood = np.zeros(bleeding.shape, bool)
    blood[:4] = True
    bleeding[blood] = 80.0
    none = np.zeros(bleeding.shape, bool)
    found = NormalBrain.of(iter([(brain(np.full(bleeding.shape, 30.0)), none), (brain(bleeding), blood)]))
    middle = (NORMAL_GRID[0] * 3 // 4, NORMAL_GRID[1] // 2, NORMAL_GRID[2] // 2)
    assert (found.mean[middle], found.sd[middle]) == pytest.approx((35, 5), abs=1e-3)
    assert found.mean[5, 14, 12] == pytest.approx(30, abs=1e-3)
