"""Label maps to score, and oracles to score them against."""

import warnings

import numpy as np
import pytest
from scipy import ndimage


@pytest.fixture(scope="session")
def box():
    """A function that makes a bool z,y,x array with a box in it: ``box(shape, start, stop)``."""

    def make(shape, start, stop):
        mask = np.zeros(shape, bool)
        mask[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = True
        return mask

    return make


@pytest.fixture(scope="session")
def ball():
    """A function that makes a bool z,y,x array with an ellipsoid in it: ``ball(shape, radius, centre=None)``."""

    def make(shape, radius, centre=None):
        centre = (np.array(shape) - 1) / 2 if centre is None else centre
        grid = np.moveaxis(np.indices(shape), 0, -1)
        return (((grid - centre) / radius) ** 2).sum(axis=-1) <= 1

    return make


@pytest.fixture(scope="session")
def blobs():
    """A function that makes a z,y,x label map of smooth random regions: ``blobs(seed, shape, labels)``."""

    def make(seed, shape=(9, 20, 17), labels=3):
        rng = np.random.default_rng(seed)
        fields = [ndimage.gaussian_filter(rng.normal(size=shape), 1.5, mode="wrap") for _ in range(labels + 1)]
        return np.argmax(fields, axis=0).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def values():
    """A function that makes {metric: value} of one structure's rows of a frame of scores."""

    def pick(scores, label=None):
        rows = scores if label is None else scores[scores.label == label]
        assert rows.metric.is_unique
        return dict(zip(rows.metric, rows.value, strict=True))

    return pick


@pytest.fixture(scope="session")
def surface_distance_oracle():
    """A function that gives the surface metrics of two masks as the surface-distance package has them."""
    import surface_distance

    def measure(reference, prediction, spacing_mm, tolerance_mm=1.0):
        with warnings.catch_warnings():
            # The package asks SciPy for names that SciPy has deprecated.
            warnings.simplefilter("ignore", DeprecationWarning)
            found = surface_distance.compute_surface_distances(reference, prediction, spacing_mm)
        forth, back = surface_distance.compute_average_surface_distance(found)
        areas = [found[f"surfel_areas_{side}"].sum() for side in ("gt", "pred")]
        return {
            "hd": surface_distance.compute_robust_hausdorff(found, 100),
            "hd95": surface_distance.compute_robust_hausdorff(found, 95),
            "nsd": surface_distance.compute_surface_dice_at_tolerance(found, tolerance_mm),
            "masd": (forth + back) / 2,
            "assd": (forth * areas[0] + back * areas[1]) / sum(areas),
        }

    return measure


@pytest.fixture(scope="session")
def plain_surface_metrics():
    """A function that works out the surface metrics by NumPy and SciPy alone, slowly and with nothing clever."""
    from ctbench.metrics.elements import element_sizes, neighbour_codes

    def dual_grid(mask, uncounted, spacing):
        return element_sizes(spacing)[neighbour_codes(mask)], neighbour_codes(uncounted) > 0

    def voxels(mask, uncounted, spacing):
        return (mask & ~ndimage.binary_erosion(mask)).astype(float), ndimage.binary_dilation(uncounted)

    def directed(sizes, targets, spacing, without):
        if not targets.any():
            return np.full(np.count_nonzero(sizes), without), sizes[sizes > 0]
        return ndimage.distance_transform_edt(~targets, sampling=spacing)[sizes > 0], sizes[sizes > 0]

    def in_one_piece(reference, outer, prediction, uncounted, spacing, model, without):
        inner, touches = model(reference, uncounted, spacing)
        targets = (inner > 0) | (model(outer, uncounted, spacing)[0] > 0)
        found, _ = model(prediction, uncounted, spacing)
        return directed(inner * ~touches, found > 0, spacing, without), directed(
            found * ~touches, targets, spacing, without
        )

    def both_ways(masks, spacing, model, surface):
        if surface == "3d":
            return in_one_piece(*masks, spacing, model, np.inf)
        diagonal = np.linalg.norm(np.multiply(masks[0].shape[1:], spacing[1:]))
        slices = [in_one_piece(*one, spacing[1:], model, diagonal) for one in zip(*masks, strict=True)]
        return [[np.concatenate(parts) for parts in zip(*side, strict=True)] for side in zip(*slices, strict=True)]

    def percentile(mm, weights, share=0.95):
        order = np.argsort(mm)
        reached = np.cumsum(weights[order]) / weights.sum()
        return mm[order][np.searchsorted(reached, share - 1e-9)]

    def measure(reference, prediction, spacing_mm, tolerance_mm, *, uncounted=None, possible=None, surface="3d"):
        nothing = np.zeros(reference.shape, bool)
        outer = reference if possible is None else reference | possible
        masks = (reference, outer, prediction, nothing if uncounted is None else uncounted)
        sides = [side for side in both_ways(masks, tuple(spacing_mm), dual_grid, surface) if len(side[0])]
        counted = [side for side in both_ways(masks, tuple(spacing_mm), voxels, surface) if len(side[0])]
        found = {}
        if sides:
            mm, areas = (np.concatenate(parts) for parts in zip(*sides, strict=True))
            found |= {
                "hd": mm.max(),
                "hd95": max(percentile(*side) for side in sides),
                "assd": np.average(mm, weights=areas),
                "masd": np.mean([np.average(d, weights=a) for d, a in sides]),
                "nsd": np.average(mm <= tolerance_mm * (1 + 1e-9), weights=areas),
            }
        if counted:
            mm = np.concatenate([d for d, _ in counted])
            found |= {"hd95_pooled": np.percentile(mm, 95), "nsd_voxel": np.mean(mm <= tolerance_mm * (1 + 1e-9))}
        return found

    return measure
