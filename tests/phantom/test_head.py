import hashlib

import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.phantom import DEFAULT_SHAPE, FORMAT, Hemorrhage, anatomy_labels, head

TARGETS_ML = (847.0, 246.0, 28.0, 1.9, 144.0, 6.4, 12.0, 7.8, 9.0, 57.0, 9.9)


def digest(scan):
    """SHA-256 of all voxels of a head."""
    together = [volume.array.tobytes() for volume in (scan.image, scan.anatomy, scan.hemorrhage, scan.brain)]
    return hashlib.sha256(b"".join(together)).hexdigest()


def test_the_same_seed_gives_the_same_head():
    """Two calls give the same bytes in image and truth."""
    small = {"shape": (10, 40, 40), "hemorrhages": [Hemorrhage("iph", 20.0)]}
    assert digest(head(3, **small)) == digest(head(3, **small))


def test_another_seed_gives_another_head():
    """Subjects differ in anatomy, not only in noise."""
    one, other = head(3, shape=(10, 40, 40)), head(4, shape=(10, 40, 40))
    assert np.any(one.anatomy.array != other.anatomy.array)


def test_the_default_size_spans_the_whole_head(plain):
    """The spacing is the stated one, and no tissue of the vault is cut off at the sides."""
    assert plain.image.shape == DEFAULT_SHAPE
    np.testing.assert_allclose(plain.image.spacing_mm, (6.25, 1.8, 1.8))
    image = plain.image.array
    assert max(image[:, 0].max(), image[:, -1].max(), image[:, :, 0].max(), image[:, :, -1].max()) < -900


def test_all_volumes_lie_on_one_grid_of_small_integers(plain):
    """Image int16, truths uint8, one geometry, the middle of the grid at the origin of the world."""
    assert plain.image.array.dtype == np.int16
    for truth in (plain.anatomy, plain.hemorrhage, plain.brain):
        assert truth.array.dtype == np.uint8
        assert not truth.geometry.differences(plain.image.geometry)
    middle = np.array(plain.image.origin_mm) + np.array(plain.image.spacing_mm) * (np.array(plain.image.shape) - 1) / 2
    np.testing.assert_allclose(middle, 0.0, atol=1e-9)


def test_every_structure_is_present_in_every_subject(several, volumes_ml):
    """No subject lacks a structure, and even the septum has a third of a millilitre."""
    assert min(volumes_ml(scan).min() for scan in several) > 0.3


def test_mean_volumes_are_near_those_of_the_expert_map(several, volumes_ml):
    """Over subjects each structure's mean volume is within 15 % of its target."""
    means = np.mean([volumes_ml(scan) for scan in several], axis=0)
    np.testing.assert_allclose(means, TARGETS_ML, rtol=0.15)


def test_subjects_differ_as_people_do(several, volumes_ml):
    """Heads differ by some percent in size, and by much more in the width of the ventricles."""
    volumes = np.array([volumes_ml(scan) for scan in several])
    spread = volumes.std(axis=0) / volumes.mean(axis=0)
    assert 0.01 < volumes.sum(axis=1).std() / volumes.sum(axis=1).mean() < 0.1
    assert spread[anatomy_labels["ventricles"] - 1] > 0.08


def test_tissues_have_their_hounsfield_units(several):
    """Deep inside each tissue, where slices are not mixed, the mean HU is that of the tissue."""
    expected = {"ventricles": (4, 14), "cerebellum": (28, 42), "lentiform": (35, 44), "brainstem_cerebrum": (28, 38)}
    for name, (low, high) in expected.items():
        means = [scan.image.array[scan.anatomy.array == anatomy_labels[name]].mean() for scan in several]
        assert low < np.mean(means) < high, name


def test_there_are_air_fat_and_bone_around_the_brain(plain):
    """Outside the cranial cavity lie air near -1000 HU, fat below -40 and bone of several hundred."""
    outside = plain.image.array[plain.brain.array == 0]
    assert abs(np.median(outside[outside < -500]) + 1000) < 10
    assert np.count_nonzero((outside > -120) & (outside < -40)) > 500
    assert np.count_nonzero(outside > 300) > 10_000
    assert outside.max() < 2000


def test_the_brain_is_the_cranial_cavity(plain):
    """The brain mask is where there is anatomy, and bone closes it: hardly a voxel of it is air or bone."""
    inside = plain.image.array[plain.brain.array == 1]
    np.testing.assert_array_equal(plain.brain.array == 1, plain.anatomy.array > 0)
    assert np.mean((inside < -200) | (inside > 600)) < 0.02


def test_thick_slices_mix_tissues():
    """Across the top of the ventricles, a thick slice holds values between fluid and brain that a thin one does not."""
    thick, thin = (head(6, shape=(size, 64, 64)) for size in (12, 72))
    between = []
    for scan in (thick, thin):
        fluid = scan.image.array[scan.anatomy.array == anatomy_labels["ventricles"]]
        between.append(np.mean((fluid > 15) & (fluid < 30)))
    assert between[0] > 1.2 * between[1]


def test_a_finer_grid_shows_the_same_head(volumes_ml):
    """With more voxels the larger structures keep their volumes to within some percent."""
    coarse, fine = volumes_ml(head(8)), volumes_ml(head(8, shape=(32, 160, 160)))
    large = coarse > 5.0
    np.testing.assert_allclose(fine[large], coarse[large], rtol=0.12)
    np.testing.assert_allclose(fine.sum(), coarse.sum(), rtol=0.01)


def test_a_head_can_be_cut_out_by_its_spacing():
    """Shape and spacing together choose the field of view."""
    scan = head(8, shape=(4, 20, 20), spacing_mm=(5.0, 2.0, 2.0))
    assert scan.image.spacing_mm == (5.0, 2.0, 2.0)
    assert scan.brain.array.all()


def test_some_subjects_have_calcifications_that_pass_for_blood(several):
    """Inside the brain of some subjects without hemorrhage there are voxels brighter than blood."""
    bright = []
    for scan in several:
        deep = np.isin(scan.anatomy.array, [anatomy_labels["ventricles"], anatomy_labels["dural_folds_sinuses"]])
        bright.append(np.count_nonzero(scan.image.array[deep] > 90))
    assert sum(count > 3 for count in bright) >= 3
    assert all(not scan.hemorrhage.array.any() for scan in several)


@pytest.mark.parametrize("bad", [{"shape": (0, 10, 10)}, {"shape": (10, 10)}, {"spacing_mm": (1.0, 0.0, 1.0)}])
def test_a_grid_that_is_none_is_refused(bad):
    """Sizes and spacings must be three and positive."""
    with pytest.raises(UsageError, match="expected a"):
        head(1, **bad)


def test_a_head_is_the_same_on_every_machine():
    """The digest is known; where a change is meant, ``FORMAT`` goes up with it."""
    scan = head(1, shape=(10, 40, 40), hemorrhages=[Hemorrhage("iph", 20.0), Hemorrhage("sah", 8.0)])
    first = "276b10c528ed7469fbfa4d1a9c3f5aa139c5587ef9f44630b62a0485d956fed9"
    known = {1: first, 2: first}  # the second changed what readers draw, not the heads
    assert digest(scan) == known[FORMAT]


def test_a_shunt_is_bright_and_in_the_ventricle():
    """A thin catheter from the bone to the left frontal horn; anatomy and noise are those of the head without it."""
    plain, shunted = head(5), head(5, shunted=True)
    assert np.array_equal(plain.anatomy.array, shunted.anatomy.array)
    added = shunted.image.array.astype(int) - plain.image.array
    bright = added > 60
    assert 0.3 < bright.sum() * plain.image.voxel_ml < 3.0
    assert (bright & (plain.anatomy.array == anatomy_labels["ventricles"])).any()
    assert not (bright & (plain.brain.array == 0)).any()
