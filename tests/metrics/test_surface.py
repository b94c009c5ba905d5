import numpy as np
import pytest

from ctbench.metrics import score
from ctbench.reference import Reference

SURFACE = ["hd", "hd95", "assd", "masd", "nsd"]
VOXEL = ["hd95_pooled", "nsd_voxel"]


def check(reference, prediction, spacing, tolerance, values, oracle):
    """Compare the surface metrics of two masks with an oracle's."""
    scores = score(reference, prediction, spacing_mm=spacing, labels={"a": 1}, metrics=SURFACE, tolerance_mm=tolerance)
    expected = oracle(reference, prediction, spacing, tolerance)
    assert values(scores) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("spacing", [(1, 1, 1), (5, 0.45, 0.45), (2.62, 0.488, 0.7)])
@pytest.mark.parametrize("seed", range(4))
def test_blobs_as_surface_distance(seed, spacing, blobs, values, surface_distance_oracle):
    """Blobs that touch the border have the distances that the surface-distance package measures."""
    reference, prediction = blobs(seed) == 1, blobs(seed + 50) == 1
    check(reference, prediction, spacing, 1.3, values, surface_distance_oracle)


@pytest.mark.parametrize("spacing", [(1, 1, 1), (5, 0.45, 0.47)])
def test_thin_things_as_surface_distance(spacing, box, values, surface_distance_oracle):
    """Single voxels, one-voxel sheets and lines, and whole images are measured as surface-distance does."""
    shape = (9, 12, 11)
    thin = [
        box(shape, (4, 5, 5), (5, 6, 6)),
        box(shape, (0, 0, 0), (1, 1, 1)),
        box(shape, (8, 11, 10), (9, 12, 11)),
        box(shape, (3, 0, 0), (4, 12, 11)),
        box(shape, (0, 6, 2), (9, 7, 9)),
        box(shape, (2, 3, 4), (7, 4, 5)),
        box(shape, (0, 0, 0), shape),
    ]
    for reference in thin:
        for prediction in thin:
            check(reference, prediction, spacing, 2.0, values, surface_distance_oracle)


def test_noise_as_surface_distance(values, surface_distance_oracle):
    """Random voxels, whose surface is everywhere and of every code, are measured as surface-distance does."""
    rng = np.random.default_rng(1)
    for share in (0.01, 0.3, 0.9):
        masks = rng.random((2, 8, 14, 13)) < share
        check(*masks, (3, 1, 0.6), 1.0, values, surface_distance_oracle)


def test_single_voxels_one_slice_apart(values):
    """Two lone voxels 5 mm apart: the corners between them coincide, the far ones are 5 mm off."""
    reference, prediction = np.zeros((2, 4, 3, 3), bool)
    reference[1, 1, 1] = prediction[2, 1, 1] = True
    found = values(score(reference, prediction, spacing_mm=(5, 1, 1), labels={"a": 1}))
    assert found["hd"] == found["hd95"] == found["hd95_pooled"] == 5
    assert found["nsd"] == 0.5
    assert found["nsd_voxel"] == 0
    assert found["assd"] == found["masd"] == 2.5


def test_2d_squares(box, values):
    """Squares that are one pixel apart in every slice have the distances and the lengths that geometry gives them."""
    reference, prediction = box((3, 20, 20), (0, 5, 5), (3, 15, 15)), box((3, 20, 20), (0, 6, 5), (3, 16, 15))
    scores = score(
        reference, prediction, spacing_mm=(5, 1, 1), labels={"a": 1}, metrics=SURFACE, tolerance_mm=0.5, surface="2d"
    )
    found = values(scores)
    assert found["hd"] == found["hd95"] == 1
    # Of the 4 x 9 mm and the four corners of 0.7 mm around, the outer side with its two corners is 1 mm off, and the
    # inner side without them; the other sides lie on one another.
    assert [found["nsd"], found["assd"], found["masd"]] == pytest.approx([0.5] * 3)


def test_2d_looks_at_no_other_slice(box, values):
    """A slice in which the prediction slipped by 3 mm counts 3 mm, though the next slice, 0.1 mm off, is right."""
    reference = box((3, 20, 20), (0, 5, 5), (3, 15, 15))
    prediction = reference.copy()
    prediction[1] = np.roll(reference[1], 3, axis=0)
    arguments = {"spacing_mm": (0.1, 1, 1), "labels": {"a": 1}, "metrics": ["hd"]}
    assert values(score(reference, prediction, surface="2d", **arguments))["hd"] == 3
    assert values(score(prediction & reference, reference, **arguments))["hd"] == pytest.approx(0.1)


def test_2d_as_surface_distance(blobs, values, surface_distance_oracle):
    """One slice is measured as surface-distance measures a two-dimensional mask."""
    for seed in range(4):
        reference, prediction = (blobs(seed)[4] == 1), (blobs(seed + 50)[4] == 1)
        scores = score(
            reference[None], prediction[None], spacing_mm=(9, 0.5, 0.8), labels={"a": 1}, metrics=SURFACE, surface="2d"
        )
        assert values(scores) == pytest.approx(surface_distance_oracle(reference, prediction, (0.5, 0.8)), abs=1e-6)


def test_2d_without_a_target_counts_the_diagonal_of_the_slice(box, values):
    """In a slice that only one label map holds, every element is the in-plane diagonal away."""
    reference, prediction = box((2, 30, 40), (0, 5, 5), (2, 15, 15)), box((2, 30, 40), (0, 5, 5), (1, 15, 15))
    scores = score(reference, prediction, spacing_mm=(5, 1, 1), labels={"a": 1}, surface="2d")
    found = values(scores)
    assert found["hd"] == found["hd95"] == 50
    assert found["assd"] == pytest.approx(50 / 3)
    assert found["masd"] == pytest.approx((25 + 0) / 2)
    assert found["nsd"] == pytest.approx(2 / 3)


def test_voxel_counts_are_medpys(blobs, values):
    """Surface voxels, pooled percentile and share within are those of the definition written out in full."""
    from scipy import ndimage
    from scipy.spatial.distance import cdist

    spacing = (5, 0.7, 0.9)
    for seed in range(4):
        masks = [blobs(s) == 1 for s in (seed, seed + 50)]
        points = [np.argwhere(mask & ~ndimage.binary_erosion(mask)) * spacing for mask in masks]
        apart = cdist(*points)
        pooled = np.concatenate([apart.min(axis=1), apart.min(axis=0)])
        found = values(score(*masks, spacing_mm=spacing, labels={"a": 1}, tolerance_mm=1.0))
        assert found["hd95_pooled"] == pytest.approx(np.percentile(pooled, 95))
        assert found["nsd_voxel"] == pytest.approx((pooled <= 1).mean())


@pytest.mark.parametrize("surface", ["3d", "2d"])
@pytest.mark.parametrize("spacing", [(1, 1, 1), (5, 0.45, 0.45), (0.7, 2, 1.1)])
@pytest.mark.parametrize("seed", range(3))
def test_everything_as_plain_numpy_and_scipy(seed, spacing, surface, blobs, values, plain_surface_metrics):
    """With excluded, possible and unannotated voxels, in 2D and 3D, distances are those of a plain implementation."""
    labels, prediction, other = (blobs(seed + shift, (12, 24, 19)) for shift in (0, 50, 99))
    excluded = (other == 0) & (np.indices(labels.shape)[2] > 9)
    annotated = np.arange(12) != 5
    labels = np.where(excluded, 0, labels)
    reference = Reference(labels, excluded, annotated, "majority", (), {1: excluded & (prediction != 2)})
    for names, codes in (("one", 1), ("two", 2), ("both", (1, 2))):
        scores = score(
            reference,
            prediction,
            spacing_mm=spacing,
            labels={names: codes},
            metrics=SURFACE + VOXEL,
            tolerance_mm=1.2,
            surface=surface,
        )
        masks = [np.isin(label_map, codes) for label_map in (labels, prediction)]
        possible = reference.possible[1] if codes != 2 else None
        expected = plain_surface_metrics(
            *masks, spacing, 1.2, uncounted=reference.uncounted, possible=possible, surface=surface
        )
        assert values(scores) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_far_apart_as_plain_numpy_and_scipy(box, values, plain_surface_metrics):
    """Structures at opposite ends, and a stray voxel, are found however far the search has to go."""
    shape = (30, 60, 50)
    far = box(shape, (1, 1, 1), (6, 9, 8)), box(shape, (24, 50, 40), (29, 59, 49))
    stray = far[0].copy()
    stray[29, 59, 49] = True
    for reference, prediction in (far, (far[0], stray), (stray, far[1])):
        for spacing in ((1, 1, 1), (7, 0.5, 0.4)):
            for surface in ("3d", "2d"):
                scores = score(
                    reference,
                    prediction,
                    spacing_mm=spacing,
                    labels={"a": 1},
                    metrics=SURFACE + VOXEL,
                    surface=surface,
                )
                expected = plain_surface_metrics(reference, prediction, spacing, 1.0, surface=surface)
                assert values(scores) == pytest.approx(expected, rel=1e-9)
