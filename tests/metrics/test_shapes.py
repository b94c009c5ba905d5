"""Rims, skeletons, Euler numbers and centroids against closed forms and scipy; the further overlaps against sklearn."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import balanced_accuracy_score, fbeta_score, matthews_corrcoef

from ctbench.metrics import score
from ctbench.metrics.shapes import Masks, boundary_iou, centre_distance, centreline_dice, euler_number, rim, skeleton
from ctbench.reference import Reference

UNIT = (1.0, 1.0, 1.0)


def cube(shape, start, stop):
    """A box of voxels in a mask of zeros."""
    mask = np.zeros(shape, bool)
    mask[tuple(slice(*ends) for ends in zip(start, stop, strict=True))] = True
    return mask


@pytest.fixture
def pair():
    """Two cubes of 6 mm, one voxel apart along x, all counted."""
    first = cube((10, 10, 12), (2, 2, 2), (8, 8, 8))
    return Masks(first, np.roll(first, 1, axis=2), np.ones(first.shape, bool))


@pytest.fixture
def noise():
    """Two label maps of blobs that partly overlap, with a margin of background."""
    seeds = np.random.default_rng(5).normal(size=(2, 9, 16, 15))
    return [np.pad(ndimage.gaussian_filter(one, 1.2) > 0.03, 2) for one in seeds]


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (cube((5, 5, 5), (1, 1, 1), (4, 4, 4)), 1),
        (cube((5, 5, 5), (1, 1, 1), (4, 4, 4)) & ~cube((5, 5, 5), (2, 2, 2), (3, 3, 3)), 2),
        (cube((5, 5, 5), (1, 1, 1), (4, 4, 4)) & ~cube((5, 5, 5), (0, 2, 2), (5, 3, 3)), 0),
        (np.eye(3, dtype=bool)[None], 1),
        (np.zeros((3, 3, 3), bool), 0),
    ],
    ids=["ball", "cavity", "ring", "corners touch", "nothing"],
)
def test_euler_numbers_of_known_shapes(mask, expected):
    """A ball has 1, a shell with a cavity 2, a ring 0; voxels that share a corner are one piece."""
    assert euler_number(mask) == expected


def test_euler_number_is_pieces_minus_holes_plus_cavities(noise):
    """In a slice one voxel thick there are no cavities: pieces (8 neighbours) minus holes (4 neighbours)."""
    for mask in noise[0]:
        pieces = ndimage.label(mask, np.ones((3, 3)))[1]
        holes = ndimage.label(~mask)[1] - 1
        assert euler_number(mask[None]) == pieces - holes


def test_skeleton_is_what_opening_removes_from_erosions(noise):
    """By scipy's erosion by faces and dilation by all neighbours."""
    cross, full = ndimage.generate_binary_structure(3, 1), np.ones((3, 3, 3), bool)
    for mask in noise:
        expected, rest = np.zeros(mask.shape, bool), mask
        while rest.any():
            smaller = ndimage.binary_erosion(rest, cross)
            expected |= rest & ~ndimage.binary_dilation(smaller, full)
            rest = smaller
        assert (skeleton(mask) == expected).all()


def test_skeleton_is_that_of_monai(noise):
    """MONAI's soft skeleton of a binary mask; at the border it erodes nothing, so that masks have a margin."""
    torch = pytest.importorskip("torch", reason="the extra `models` is not installed")
    soft_skel = pytest.importorskip("monai.losses.cldice").soft_skel
    for mask in noise:
        padded = np.pad(mask, 1)
        expected = soft_skel(torch.from_numpy(padded.astype(np.float32))[None, None], max(mask.shape))
        assert (skeleton(padded) == (expected.numpy()[0, 0] > 0)).all()


def test_cldice_of_lines():
    """Half of a line is found: sensitivity 1/2, precision 1; a parallel line beside it has none in common."""
    line = cube((3, 3, 14), (1, 1, 2), (2, 2, 12))
    half, everywhere = line & (np.arange(14) < 7), np.ones(line.shape, bool)
    assert centreline_dice(Masks(line, half, everywhere)) == pytest.approx(2 / 3)
    assert centreline_dice(Masks(line, np.roll(line, 1, axis=1), everywhere)) == 0
    assert centreline_dice(Masks(line, half, np.arange(14) * everywhere > 7)) == 0
    assert np.isnan(centreline_dice(Masks(line, half, ~everywhere)))


def test_rim_is_in_mm(pair):
    """Up to 2 mm it is two voxels wide in the slice; along z, where a step is 5 mm, it is the surface only."""
    inner = pair.reference & ~rim(pair.reference, (5.0, 1.0, 1.0), 2.0)
    assert np.count_nonzero(inner) == 4 * 2 * 2
    inner = pair.reference & ~rim(pair.reference, (5.0, 1.0, 1.0), 2.0, planar=True)
    assert np.count_nonzero(inner) == 6 * 2 * 2


def test_boundary_iou_of_shifted_cubes(pair):
    """Rims one voxel wide: of 216 - 64 voxels each, those in common are the ends of 5 x 6 x 6 without 3 x 4 x 4."""
    both = 5 * 36 - (2 * 16 + 3 * 16)
    assert boundary_iou(pair, UNIT, 1.0) == pytest.approx(both / (2 * 152 - both))


def test_rims_near_uncounted_voxels_are_left_out(pair):
    """Where half of the image does not count, a border in the other half decides."""
    counted = pair.counted.copy()
    counted[:, :, 5:] = False
    found = boundary_iou(pair._replace(counted=counted), UNIT, 1.0)
    first, second = (rim(mask, UNIT, 1.0)[:, :, :4] for mask in pair[:2])
    assert found == pytest.approx(np.count_nonzero(first & second) / np.count_nonzero(first | second))


def test_centres(pair):
    """The centroids of cubes one voxel apart are one step apart."""
    assert centre_distance(pair, (5.0, 1.0, 0.5)) == pytest.approx(0.5)


def test_overlaps_of_the_image_are_those_of_sklearn(noise):
    """F2, MCC, balanced accuracy and specificity over the voxels that count."""
    truth, drawn = noise
    excluded = np.zeros(truth.shape, bool)
    excluded[:, :, 6:8] = True
    annotated = np.arange(len(truth)) > 3
    given = Reference(np.where(excluded, 0, truth).astype(np.uint8), excluded, annotated, "given", ())
    names = ["f2", "mcc_image", "balanced_accuracy_image", "specificity_image", "volumetric_similarity"]
    rows = score(given, drawn.astype(np.uint8), spacing_mm=UNIT, labels={"a": 1}, metrics=names)
    found = rows.set_index("metric")["value"]
    counted = ~excluded & annotated[:, None, None]
    true, called = truth[counted], drawn[counted]
    assert found["f2"] == pytest.approx(fbeta_score(true, called, beta=2))
    assert found["mcc_image"] == pytest.approx(matthews_corrcoef(true, called))
    assert found["balanced_accuracy_image"] == pytest.approx(balanced_accuracy_score(true, called))
    assert found["specificity_image"] == pytest.approx(1 - called[~true].mean())
    volumes = int(true.sum()), int(called.sum())
    assert found["volumetric_similarity"] == pytest.approx(1 - abs(volumes[0] - volumes[1]) / sum(volumes))


def test_directed_distances_tell_over_from_under_segmentation():
    """A prediction with a spur is far from the reference; the reference is nowhere far from the prediction."""
    truth = cube((9, 12, 30), (2, 2, 2), (7, 9, 9)).astype(np.uint8)
    spur = truth | cube((9, 12, 30), (4, 5, 9), (5, 6, 25))
    names = ["hd", "hd_from_prediction", "hd_from_reference", "asd_from_prediction", "asd_from_reference", "masd"]
    rules = {"spacing_mm": UNIT, "labels": {"a": 1}, "metrics": names}
    found = score(truth, spur, **rules).set_index("metric")["value"]
    assert found["hd_from_prediction"] == found["hd"] > 14
    assert found["hd_from_reference"] < 2
    assert (found["asd_from_prediction"] + found["asd_from_reference"]) / 2 == pytest.approx(found["masd"])
    turned = score(spur, truth, **rules).set_index("metric")["value"]
    assert turned["hd_from_reference"] == found["hd_from_prediction"]


def test_nothing_left_to_measure_is_not_sampled():
    """A reference that fills all that counts has no background, and so no specificity: null with its status."""
    truth = np.ones((3, 4, 4), np.uint8)
    names = ["specificity_image", "mcc_image", "dice"]
    rows = score(truth, truth, spacing_mm=UNIT, labels={"a": 1}, metrics=names).set_index("metric")
    assert rows["status"].to_dict() == {"dice": "ok", "specificity_image": "not_sampled", "mcc_image": "not_sampled"}
    assert rows["value"].isna().sum() == 2
