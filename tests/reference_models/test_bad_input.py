"""Scans that are not as a head CT should be: cut, filled with contrast, upside down, mirrored, wrongly labelled."""

import numpy as np
import pytest
import torch

from ctbench.errors import PredictionFailedError
from ctbench.phantom import Hemorrhage, head
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import Volume
from reference_models.baselines.threshold import threshold
from reference_models.cai_unet.predictor import CaiPredictor
from reference_models.deepbleed.predictor import DeepBleedPredictor
from reference_models.scans.brain import find_brain
from reference_models.scans.space import TemplateSpace, extracted_brain, read_template

pytestmark = pytest.mark.usefixtures("shared_preprocessing")

SHAPE = (32, 128, 128)
NETWORKS = [
    ("deepbleed-512", 64, None),
    pytest.param("deepbleed-128", 16, 12.0, marks=pytest.mark.slow),  # it registers
    pytest.param("deepbleed-64", 16, 6.0, marks=pytest.mark.slow),
]


@pytest.fixture(scope="module")
def scan():
    """A head with a bleed of 30 mL."""
    return head(7, shape=SHAPE, hemorrhages=[Hemorrhage("iph", 30.0)])


@pytest.fixture(scope="module")
def brain(scan):
    """Its true brain."""
    return scan.brain.array > 0


def cropped(volume, first, last):
    """The slices from ``first`` on, and before ``last``."""
    origin = np.array(volume.origin_mm) + volume.direction @ (np.array([first, 0, 0]) * volume.spacing_mm)
    return Volume(volume.array[first:last], volume.spacing_mm, tuple(origin), volume.direction)


@pytest.mark.parametrize(("first", "last"), [(0, 24), (10, 32), (12, 22)])
def test_a_scan_that_ends_within_the_head_has_its_brain(scan, brain, dice, first, last):
    """Cut at the vertex, at the base, or at both: what is left of the brain is found."""
    assert dice(find_brain(cropped(scan.image, first, last)), brain[first:last]) >= 0.95


def test_vessels_full_of_contrast_are_brain(scan, brain, dice):
    """A hundred vessels at 300 HU, as bright as thin bone, are left in the brain that they run through."""
    rng = np.random.default_rng(0)
    inside = np.argwhere(brain)
    hu = scan.image.array.copy()
    for z, y, x in inside[rng.integers(len(inside), size=100)]:
        hu[z : z + 2, y : y + 2, x : x + 6][brain[z : z + 2, y : y + 2, x : x + 6]] = 300
    assert dice(find_brain(scan.image.with_array(hu)), brain) >= 0.95


WAYS = {"upside down": (slice(None, None, -1),), "mirrored": (..., slice(None, None, -1))}


@pytest.mark.parametrize("way", WAYS)
def test_a_head_under_a_wrong_header_has_its_brain(scan, brain, dice, way):
    """Voxels turned and the header left as it was: the skull is where it is."""
    turned = scan.image.with_array(np.ascontiguousarray(scan.image.array[WAYS[way]]))
    assert dice(find_brain(turned), brain[WAYS[way]]) >= 0.95


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("model", "edge", "spacing_mm"), NETWORKS)
def test_a_head_stored_another_way_is_the_same_head(deepbleed_weights, model, edge, spacing_mm, way):
    """Voxels turned and the header with them: so is the prediction, but for the grain of the registration."""
    predictor = DeepBleedPredictor(deepbleed_weights(model, edge, spacing_mm), device="cpu")
    image = tiny_head()
    axis = 0 if way == "upside down" else 2
    signs = np.where(np.arange(3) == axis, -1.0, 1.0)
    far = np.array(image.origin_mm) + image.direction[:, axis] * image.spacing_mm[axis] * (image.shape[axis] - 1)
    array = np.ascontiguousarray(np.flip(image.array, axis))
    turned = Volume(array, image.spacing_mm, tuple(far), image.direction * signs)
    one, other = (predictor.predict(one).probabilities["hemorrhage"] for one in (image, turned))
    assert np.abs(np.flip(other, axis) - one).mean() < 0.02


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("model", "edge", "spacing_mm"), NETWORKS)
def test_a_head_under_a_wrong_header_is_answered(deepbleed_weights, model, edge, spacing_mm, way):
    """On its grid; nobody can tell a mirrored head from a right one."""
    predictor = DeepBleedPredictor(deepbleed_weights(model, edge, spacing_mm), device="cpu")
    image = tiny_head()
    turned = image.with_array(np.ascontiguousarray(image.array[WAYS[way]]))
    assert predictor.predict(turned).labels.shape == image.shape


@pytest.mark.parametrize("depth", [2, 400])
@pytest.mark.parametrize(("model", "edge", "spacing_mm"), NETWORKS)
def test_few_and_many_slices_are_answered(deepbleed_weights, model, edge, spacing_mm, depth):
    """Two slices and four hundred, in slices and in template space."""
    image = tiny_head((depth, 24, 20), (150 / depth, 9.0, 9.0))
    predictor = DeepBleedPredictor(deepbleed_weights(model, edge, spacing_mm), device="cpu")
    assert predictor.predict(image).labels.shape == image.shape


@pytest.mark.parametrize("way", WAYS)
def test_the_threshold_finds_the_bleed_under_a_wrong_header(scan, dice, way):
    """It does not know where up is."""
    bleed = scan.hemorrhage.array > 0
    upright = threshold().predict(scan.image).labels > 0
    turned = scan.image.with_array(np.ascontiguousarray(scan.image.array[WAYS[way]]))
    found = threshold().predict(turned).labels > 0
    assert dice(found, bleed[WAYS[way]]) >= dice(upright, bleed) - 0.02


@pytest.mark.parametrize("volume_ml", [5.5, pytest.param(8.0, marks=pytest.mark.slow)])
def test_a_lesion_of_little_more_than_5_ml_comes_back_from_template_space(dice, volume_ml):
    """A mask near the limit of what is asked keeps a Dice of 0.95 on the way to 1.5 mm and back."""
    scan = head(9, hemorrhages=[Hemorrhage("iph", volume_ml)])
    lesion = scan.hemorrhage.array > 0
    space = TemplateSpace.of(extracted_brain(scan.image), read_template(None), 1.5)
    there = space.to_template(lesion.astype(np.float32))
    assert np.count_nonzero(lesion) * scan.image.voxel_ml >= 5
    assert dice(space.to_native(there) > 0.5, lesion) >= 0.95


def test_a_slice_that_does_not_fit_into_memory_is_said_in_a_sentence(cai_weights, monkeypatch):
    """Not even one at a time: what does not fit, where, and what to do."""
    predictor = CaiPredictor(cai_weights(), device="cpu", batch_size=4)

    def full(_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(predictor.network, "forward", full)
    with pytest.raises(PredictionFailedError, match="not enough memory on cpu for a single input of 48 x 48; use"):
        predictor.predict(tiny_head())
