import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.phantom import Hemorrhage, anatomy_labels, head, hemorrhage_labels


@pytest.mark.parametrize("volume_ml", [0.5, 4.0, 15.0, 40.0])
@pytest.mark.parametrize("kind", list(hemorrhage_labels))
def test_a_hemorrhage_has_the_volume_that_it_was_asked_for(kind, volume_ml):
    """The truth holds the volume to within a voxel, for every type and size class."""
    scan = head(9, shape=(20, 80, 80), hemorrhages=[Hemorrhage(kind, volume_ml)])
    found = np.count_nonzero(scan.hemorrhage.array == hemorrhage_labels[kind]) * scan.hemorrhage.voxel_ml
    assert abs(found - volume_ml) <= scan.hemorrhage.voxel_ml
    assert scan.hemorrhages == (Hemorrhage(kind, found),)


def test_punctate_hemorrhages_exist_on_a_fine_grid():
    """Where voxels are at most 0.004 mL there are hemorrhages below 0.01 mL."""
    scan = head(9, shape=(3, 200, 200), spacing_mm=(4.0, 0.9, 0.9), hemorrhages=[Hemorrhage("sah", 0.0065)])
    assert scan.image.voxel_ml < 0.004
    assert 0.0 < np.count_nonzero(scan.hemorrhage.array) * scan.image.voxel_ml < 0.01


def test_blood_is_as_bright_as_blood(bleeding):
    """Where whole voxels are blood, its mean is between 50 and 76 HU."""
    for kind in ("iph", "ivh"):
        scan = bleeding[kind]
        assert 50 < np.median(scan.image.array[scan.hemorrhage.array > 0]) < 78


@pytest.mark.parametrize(
    ("kind", "homes"),
    [("ivh", ["ventricles"]), ("sah", ["subarachnoid_space", "central_sulcus"])],
)
def test_blood_stays_in_the_spaces_of_its_type(bleeding, kind, homes):
    """Nearly all blood in ventricles and in the subarachnoid space lies where the anatomy says so."""
    scan = bleeding[kind]
    home = np.isin(scan.anatomy.array, [anatomy_labels[name] for name in homes])
    assert np.mean(home[scan.hemorrhage.array > 0]) > 0.9


def test_blood_in_the_ventricles_sinks_to_the_back(bleeding):
    """The patient lies on the back: blood lies behind the fluid of the lateral ventricles."""
    scan = bleeding["ivh"]
    rows = np.broadcast_to(np.arange(scan.image.shape[1])[None, :, None], scan.image.shape)
    blood = scan.hemorrhage.array > 0
    fluid = (scan.anatomy.array == anatomy_labels["ventricles"]) & ~blood
    assert rows[blood].mean() > rows[fluid].mean() + 15


def test_extra_axial_blood_lies_under_the_skull_on_one_side(bleeding):
    """It touches the rim of the cranial cavity and does not cross the midline."""
    scan = bleeding["edh_sdh"]
    columns = np.nonzero(scan.hemorrhage.array)[2]
    middle = np.nonzero(scan.brain.array)[2].mean()
    assert (columns > middle).all() or (columns < middle).all()
    assert np.abs(columns - middle).min() > 5


def test_a_large_hematoma_pushes_the_midline_aside():
    """With an extra-axial hematoma, the ventricles lie farther from it than without."""
    with_blood = head(12, hemorrhages=[Hemorrhage("edh_sdh", 60.0)])
    without = head(12)
    side = np.sign(np.nonzero(with_blood.hemorrhage.array)[2].mean() - 64)
    code = anatomy_labels["ventricles"]
    shift = [np.nonzero(scan.anatomy.array == code)[2].mean() for scan in (with_blood, without)]
    assert side * (shift[1] - shift[0]) > 0.5


def test_several_hemorrhages_do_not_share_voxels():
    """Each keeps its own volume beside the others."""
    wanted = [Hemorrhage("iph", 10.0), Hemorrhage("ivh", 5.0), Hemorrhage("sah", 5.0)]
    scan = head(10, shape=(20, 80, 80), hemorrhages=wanted)
    counts = np.bincount(scan.hemorrhage.array.ravel(), minlength=5) * scan.image.voxel_ml
    np.testing.assert_allclose(counts[[1, 2, 4]], [10.0, 5.0, 5.0], atol=scan.image.voxel_ml)


def test_the_anatomy_is_the_same_with_blood_that_pushes_nothing():
    """Subarachnoid blood changes the image, not the anatomy under it."""
    plain, bloody = head(11, shape=(12, 48, 48)), head(11, shape=(12, 48, 48), hemorrhages=[Hemorrhage("sah", 9.0)])
    np.testing.assert_array_equal(plain.anatomy.array, bloody.anatomy.array)
    assert np.any(plain.image.array != bloody.image.array)


def test_a_hemorrhage_without_room_is_refused():
    """The message says how much room there is."""
    with pytest.raises(UsageError, match="no room for an ivh of 900 mL"):
        head(1, shape=(8, 32, 32), hemorrhages=[Hemorrhage("ivh", 900.0)])


@pytest.mark.parametrize(("kind", "volume_ml"), [("stroke", 3.0), ("iph", 0.0), ("iph", float("nan"))])
def test_what_is_no_hemorrhage_is_refused(kind, volume_ml):
    """Types and volumes are checked when they are named."""
    with pytest.raises(UsageError, match=r"stroke|positive"):
        Hemorrhage(kind, volume_ml)
