import logging

import numpy as np
import pytest
from scipy import ndimage

from ctbench.errors import DataError
from ctbench.phantom import Hemorrhage, head
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import Volume, from_itk, read_volume, to_itk
from ctbench.volume.itk import simpleitk
from reference_models.scans.brain import brain_mask
from reference_models.scans.space import TemplateSpace, extracted_brain, read_template, register


def moved(brain, degrees, mm, seed):
    """The same brain somewhere else, and ITK's transform that took it there."""
    sitk = simpleitk()
    rng = np.random.default_rng(seed)
    axis, way = (vector / np.linalg.norm(vector) for vector in rng.normal(size=(2, 3)))
    motion = sitk.VersorRigid3DTransform()
    motion.SetRotation(axis.tolist(), np.deg2rad(degrees))
    motion.SetTranslation((way * mm).tolist())
    rotation = np.reshape(motion.GetMatrix(), (3, 3))[::-1, ::-1]
    origin = rotation @ brain.origin_mm + way[::-1] * mm
    return Volume(brain.array, brain.spacing_mm, tuple(origin), rotation @ brain.direction), motion


def recovered(brain, first, seed):
    """By how many mm, at the head's middle, and degrees a motion of 20 of each is missed, after the ``first`` fit."""
    other, motion = moved(brain, 20, 20, seed)
    second = register(other, read_template(None))
    points = np.random.default_rng(0).uniform(-60, 60, (50, 3)).tolist()
    expected = np.array([motion.TransformPoint(first.TransformPoint(point)) for point in points])
    found = np.array([second.TransformPoint(point) for point in points])
    a, b = expected - expected.mean(0), found - found.mean(0)
    left, _, right = np.linalg.svd(a.T @ b)
    angle = np.degrees(np.arccos(np.clip((np.trace(left @ right) - 1) / 2, -1, 1)))
    return np.linalg.norm(expected.mean(0) - found.mean(0)), angle


@pytest.fixture(scope="module")
def scan():
    """A head with a bleed of 30 mL."""
    return head(5, hemorrhages=[Hemorrhage("iph", 30.0)])


@pytest.fixture(scope="module")
def brain(scan):
    """Its extracted brain."""
    return extracted_brain(scan.image)


def test_a_brain_is_clamped_and_alone(scan, brain):
    """HU from -1024 to 3071 in the mask, 0 elsewhere."""
    assert brain.array.min() >= -1024
    assert brain.array.max() <= 3071
    assert (brain.array[~brain_mask(scan.image)] == 0).all()


@pytest.fixture(scope="module")
def registered(brain):
    """ITK's transform from the template to that brain."""
    return register(brain, read_template(None))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_a_known_motion_is_recovered_on_a_phantom(brain, registered, seed):
    """Twenty degrees and twenty millimetres, to less than one of each."""
    mm, degrees = recovered(brain, registered, seed)
    assert mm < 1
    assert degrees < 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["head_ct/cranium.nii.gz", "head_ct_ge_tilt_dicom"])
def test_a_known_motion_is_recovered_on_real_heads(real_data, name):
    """As on the phantom, though the template is a phantom's."""
    brain = extracted_brain(read_volume(real_data / name))
    mm, degrees = recovered(brain, register(brain, read_template(None)), 2)
    assert mm < 1
    assert degrees < 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["head_ct/cranium.nii.gz", "head_ct_ge_tilt_dicom"])
def test_a_real_brain_lies_on_the_brain_of_a_real_template(real_data, dice, name):
    """Rigidly registered, with teeth and neck or a tilted gantry; the cavity holds fluid that the template does not."""
    path = real_data / "templates" / "ct_brain_atlas_1mm.nii.gz"
    template = read_template(str(path))
    brain = extracted_brain(read_volume(real_data / name))
    cavity = ndimage.binary_fill_holes(template.array != 0).astype(np.uint8)
    sitk = simpleitk()
    to_template = register(brain, template).GetInverse()
    there = sitk.Resample(to_itk(template.with_array(cavity)), to_itk(brain), to_template, sitk.sitkNearestNeighbor)
    found = ndimage.binary_fill_holes(brain.array != 0)
    assert dice(from_itk(there).array > 0, found) > 0.9


def test_a_lesion_comes_back_from_template_space(scan, brain, dice):
    """A mask of 30 mL, to the template at 1.5 mm and back, keeps a Dice of 0.95."""
    space = TemplateSpace.of(brain, read_template(None), 1.5)
    lesion = (scan.hemorrhage.array > 0).astype(np.float32)
    there = space.to_template(lesion)
    assert there.shape == (128, 128, 128)
    assert abs(there.sum() * 1.5**3 / 1000 - lesion.sum() * scan.image.voxel_ml) < 1.5
    assert dice(space.to_native(there) > 0.5, lesion > 0) >= 0.95


def test_registering_twice_gives_the_same(brain, registered):
    """Bit for bit: nothing depends on threads."""
    assert register(brain, read_template(None)).GetParameters() == registered.GetParameters()


def test_two_slices_are_centred_at_least(caplog):
    """Too little to register; the log says that it was not."""
    two = extracted_brain(tiny_head((2, 48, 40)))
    if not two.array.any():
        two = two.with_array(np.where(tiny_head((2, 48, 40)).array > 0, 30.0, 0.0))
    with caplog.at_level(logging.WARNING, logger="reference_models"):
        register(two, read_template(None))
    assert "only centred" in caplog.text


def test_an_empty_volume_is_refused():
    """There is nothing to register."""
    with pytest.raises(DataError, match="empty volume"):
        register(Volume(np.zeros((8, 8, 8)), (1, 1, 1)), read_template(None))
