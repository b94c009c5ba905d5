import numpy as np
import pytest

from ctbench.phantom import head as phantom_head
from ctbench.volume import Volume, read_volume
from reference_models.scans.brain import brain_mask

# Two tests look at the brain of the same real head.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")


def sphere(shape, spacing, radius_mm, centre_mm=(0.0, 0.0, 0.0)):
    """A ball in the middle of a grid, moved by `centre_mm`."""
    axes = [
        (np.arange(size) - (size - 1) / 2) * step - centre
        for size, step, centre in zip(shape, spacing, centre_mm, strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return z**2 + y**2 + x**2 < radius_mm**2


def head(spacing=(5.0, 1.0, 1.0), shape=(36, 190, 190)):
    """A ball of brain in a shell of bone in a shell of scalp."""
    hu = np.full(shape, -1000, np.int16)
    hu[sphere(shape, spacing, 84)] = 20
    hu[sphere(shape, spacing, 78)] = 900
    hu[sphere(shape, spacing, 70)] = 35
    return Volume(hu, spacing), sphere(shape, spacing, 70)


def dice(a, b):
    """Overlap of two masks."""
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_a_ball_in_a_shell_is_found():
    """The inside of a closed skull is the brain, within a voxel of its border."""
    image, brain = head()
    assert dice(brain_mask(image), brain) > 0.98


def test_finer_voxels_give_the_same_brain():
    """Working on voxels of about 1.5 mm costs nothing in plane."""
    image, brain = head(spacing=(5.0, 0.5, 0.5), shape=(36, 380, 380))
    assert dice(brain_mask(image), brain) > 0.98


def test_a_gap_in_the_skull_does_not_lose_the_brain():
    """A burr hole or a craniotomy of 30 mm lets nothing out."""
    image, brain = head()
    image.array[:, :60, 80:110] = np.where(image.array[:, :60, 80:110] > 500, 20, image.array[:, :60, 80:110])
    assert dice(brain_mask(image), brain) > 0.95


def test_without_bone_there_is_no_brain():
    """Air, and soft tissue without a skull around it, are no brain."""
    assert not brain_mask(Volume(np.full((4, 32, 32), -1000, np.int16), (5.0, 1.0, 1.0))).any()
    assert not brain_mask(Volume(np.full((4, 32, 32), 30, np.int16), (5.0, 1.0, 1.0))).any()


def test_a_real_head_has_a_brain_of_human_size(real_data):
    """The intracranial space of an adult is 1.1 to 1.8 litres; the cut at the neck may add to it."""
    image = read_volume(real_data / "head_ct" / "cranium.nii.gz")
    volume_ml = brain_mask(image).sum() * image.voxel_ml
    assert 1100 < volume_ml < 1800


@pytest.mark.parametrize("shape", [(24, 128, 128), (40, 128, 128)])
def test_the_phantoms_brain_is_found(shape):
    """The cavity of a simulated head is known: Dice at least 0.97."""
    scan = phantom_head(11, shape=shape)
    assert dice(brain_mask(scan.image), scan.brain.array > 0) >= 0.97


def test_the_neck_is_left_out(real_data):
    """On a scan that begins at the teeth, the lowest slices keep no more than the spinal canal."""
    image = read_volume(real_data / "head_ct" / "cranium.nii.gz")
    area_cm2 = brain_mask(image).sum(axis=(1, 2)) * image.spacing_mm[1] * image.spacing_mm[2] / 100
    assert area_cm2[:5].max() < 5
    assert area_cm2.max() > 140


def test_any_way_of_storing_a_scan_gives_the_same_brain():
    """Upside down, mirrored, or as a stack of coronal slices."""
    image, brain = head(shape=(36, 190, 190))
    turned = Volume(
        image.array.transpose(1, 0, 2)[:, ::-1], (1.0, 5.0, 1.0), direction=[[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    )
    found = brain_mask(turned)
    assert dice(found, brain.transpose(1, 0, 2)[:, ::-1]) > 0.98
