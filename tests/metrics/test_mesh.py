"""Surfaces measured at the centres of their pieces instead of at the corners of voxels."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ctbench.errors import UsageError
from ctbench.metrics import score
from ctbench.metrics.elements import element_centres, element_sizes, neighbour_codes
from ctbench.reference import Reference

METRICS = ["hd", "assd", "nsd"]
SPACING = (3.0, 0.8, 1.1)


def mesh(reference, prediction, **others):
    """Score label 1 with the mesh model."""
    arguments = {"spacing_mm": SPACING, "labels": {"a": 1}, "metrics": METRICS, "surface_model": "mesh"} | others
    return score(reference, prediction, **arguments)


def pieces(mask, spacing):
    """Give the places and sizes of all pieces of a surface."""
    codes = neighbour_codes(mask)
    sizes = element_sizes(spacing)[codes]
    return (np.argwhere(sizes) + element_centres(spacing)[codes[sizes > 0]]) * spacing, sizes[sizes > 0]


def test_as_all_pairs(blobs, values):
    """Distances are those of every piece of one surface to every piece of the other."""
    masks = blobs(0) == 1, blobs(1) == 1
    (here, sizes), (there, other_sizes) = (pieces(mask, SPACING) for mask in masks)
    apart = cdist(here, there)
    mm, weights = np.concatenate([apart.min(axis=1), apart.min(axis=0)]), np.concatenate([sizes, other_sizes])
    found = values(mesh(*masks, tolerance_mm=1.3))
    assert found["hd"] == pytest.approx(mm.max())
    assert found["assd"] == pytest.approx(np.average(mm, weights=weights))
    assert found["nsd"] == pytest.approx(np.average(mm <= 1.3, weights=weights))


def test_as_all_pairs_within_slices(blobs, values):
    """In 2D the same holds for contours, slice by slice, with the diagonal where there is no other contour."""
    reference, prediction = blobs(0) == 1, blobs(1) == 1
    prediction[3] = False
    mm, weights = [], []
    for one, other in zip(reference, prediction, strict=True):
        (here, sizes), (there, other_sizes) = (pieces(mask, SPACING[1:]) for mask in (one, other))
        apart = np.pad(cdist(here, there), [(0, 1), (0, 1)], constant_values=np.hypot(20 * 0.8, 17 * 1.1))
        mm += [apart.min(axis=1)[:-1], apart.min(axis=0)[:-1]]
        weights += [sizes, other_sizes]
    found = values(mesh(reference, prediction, surface="2d"))
    assert found["hd"] == pytest.approx(np.hypot(20 * 0.8, 17 * 1.1))
    assert found["assd"] == pytest.approx(np.average(np.concatenate(mm), weights=np.concatenate(weights)))


def test_turning_changes_nothing(blobs, values):
    """Distances are the same from every side."""
    masks = blobs(0) == 1, blobs(1) == 1
    found = values(mesh(*masks))
    for axis in range(3):
        assert values(mesh(*[np.flip(mask, axis) for mask in masks])) == pytest.approx(found)
    turned = [mask.transpose(2, 0, 1) for mask in masks]
    assert values(mesh(*turned, spacing_mm=(SPACING[2], SPACING[0], SPACING[1]))) == pytest.approx(found)


def test_spheres_are_nearer_to_the_truth(ball, values):
    """Of two spheres 2 mm apart, the mesh has less than half of the dual grid's error in ASSD and NSD."""
    pair = ball((50, 50, 50), 20.3), ball((50, 50, 50), 22.3)
    arguments = {"spacing_mm": (1, 1, 1), "tolerance_mm": 1.5}
    off_mesh, off_grid = (
        values(score(*pair, labels={"a": 1}, metrics=METRICS, surface_model=model, **arguments))
        for model in ("mesh", "dual_grid")
    )
    assert abs(off_mesh["assd"] - 2) < abs(off_grid["assd"] - 2) / 2
    assert off_mesh["nsd"] < off_grid["nsd"] / 2


def test_possible_and_excluded_voxels(ball, values):
    """Targets and samples are those of the dual grid: a prediction beyond the band is measured to its outer edge."""
    shape = (41, 41, 41)
    core, outer = ball(shape, 8), ball(shape, 13)
    reference = Reference(core.astype(int), outer & ~core, np.ones(41, bool), "majority", (), {1: outer & ~core})
    beyond = mesh(reference, ball(shape, 15), spacing_mm=(1, 1, 1))
    assert set(beyond.detail) == {"only the prediction's surface could be sampled"}
    assert values(beyond)["assd"] == pytest.approx(2, abs=0.1)
    assert set(mesh(reference, ball(shape, 10.5), spacing_mm=(1, 1, 1)).status) == {"not_sampled"}


def test_unknown_model_is_refused(blobs):
    """There are two models to choose from."""
    with pytest.raises(UsageError, match=r"'voxel'.*'dual_grid' or 'mesh'"):
        mesh(blobs(0), blobs(1), surface_model="voxel")
