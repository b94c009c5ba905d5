"""Accuracy of the surface metrics against smooth solids, side by side with other implementations.

Balls, ellipsoids and slabs whose surfaces are known are drawn as voxels, at several spacings and several places between
the voxels, and measured by ctbench (dual grid, mesh and voxel counts) and by surface-distance. The truth comes from
a hundred thousand points on the smooth surfaces themselves. Mean absolute errors are printed and written to
``results/accuracy.json``.

    python benchmarks/accuracy.py
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import surface_distance
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ctbench.metrics import score

RESULTS = Path(__file__).parent / "results" / "accuracy.json"
SIZE_MM = np.array((60.0, 60.0, 60.0))
SPACINGS = [(2.0, 2.0, 2.0), (1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (5.0, 0.5, 0.5)]
TOLERANCE_MM = 1.5
PLACES = 3
POINTS = 100_000
Points = NDArray[np.float64]


class Ellipsoid(NamedTuple):
    """A solid with a smooth surface."""

    radii_mm: tuple[float, float, float]
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def surface(self, centre: Points) -> tuple[Points, Points]:
        """Return points on the surface and the area that each stands for."""
        rank = np.arange(POINTS) + 0.5
        height, turn = 1 - 2 * rank / POINTS, np.pi * (1 + np.sqrt(5)) * rank
        flat = np.sqrt(1 - height**2)
        sphere = np.stack([height, flat * np.cos(turn), flat * np.sin(turn)], axis=1)
        areas = np.linalg.norm(sphere / self.radii_mm, axis=1)
        return sphere * self.radii_mm + centre + self.shift_mm, areas * np.prod(self.radii_mm) / POINTS

    def drawn(self, centre: Points, spacing: tuple[float, float, float]) -> NDArray[np.bool_]:
        """Return the voxels whose centres lie within."""
        grid = np.ogrid[tuple(slice(0, n) for n in (SIZE_MM / spacing).astype(int))]
        away = [
            ((axis * step - middle - shift) / radius) ** 2
            for axis, step, middle, shift, radius in zip(
                grid, spacing, centre, self.shift_mm, self.radii_mm, strict=True
            )
        ]
        return away[0] + away[1] + away[2] <= 1


class Slab(NamedTuple):
    """A box, given by half of its sides."""

    half_mm: tuple[float, float, float]

    def surface(self, centre: Points) -> tuple[Points, Points]:
        """Return points on the six faces and the area that each stands for."""
        n = int(np.sqrt(POINTS / 6))
        steps = (np.arange(n) + 0.5) / n * 2 - 1
        one, other = (part.ravel() for part in np.meshgrid(steps, steps))
        points, areas = [], []
        for axis in range(3):
            for side in (-1.0, 1.0):
                face = np.insert(np.stack([one, other], axis=1), axis, side, axis=1)
                points.append(face * self.half_mm + centre)
                areas.append(np.full(n * n, 4 * np.prod(np.delete(self.half_mm, axis)) / n**2))
        return np.concatenate(points), np.concatenate(areas)

    def drawn(self, centre: Points, spacing: tuple[float, float, float]) -> NDArray[np.bool_]:
        """Return the voxels whose centres lie within."""
        grid = np.ogrid[tuple(slice(0, n) for n in (SIZE_MM / spacing).astype(int))]
        z, y, x = (
            abs(axis * step - middle) <= half
            for axis, step, middle, half in zip(grid, spacing, centre, self.half_mm, strict=True)
        )
        return z & y & x


PAIRS: dict[str, tuple[Ellipsoid | Slab, Ellipsoid | Slab]] = {
    "balls of 20 and 22 mm": (Ellipsoid((20, 20, 20)), Ellipsoid((22, 22, 22))),
    "balls of 20 and 20.7 mm": (Ellipsoid((20, 20, 20)), Ellipsoid((20.7, 20.7, 20.7))),
    "balls of 5 and 6 mm": (Ellipsoid((5, 5, 5)), Ellipsoid((6, 6, 6))),
    "a ball of 18 mm, moved by 3 mm": (Ellipsoid((18, 18, 18)), Ellipsoid((18, 18, 18), (0, 2.1, 2.1))),
    "ellipsoids": (Ellipsoid((14, 20, 10)), Ellipsoid((16, 21, 13))),
    "slabs of 20 and 24 mm": (Slab((10, 22, 22)), Slab((12, 22, 22))),
}


def truth(one: Ellipsoid | Slab, other: Ellipsoid | Slab, centre: Points) -> dict[str, float]:
    """Measure between the smooth surfaces."""
    (here, here_areas), (there, there_areas) = one.surface(centre), other.surface(centre)
    mm = np.concatenate([cKDTree(there).query(here)[0], cKDTree(here).query(there)[0]])
    areas = np.concatenate([here_areas, there_areas])
    return {
        "hd": mm.max(),
        "assd": np.average(mm, weights=areas),
        "nsd": np.average(mm <= TOLERANCE_MM, weights=areas),
    }


def by_ctbench(
    reference: NDArray[np.bool_], prediction: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> Iterator[tuple[str, dict[str, float]]]:
    """Measure in all of ctbench's ways."""
    arguments = {"spacing_mm": spacing, "labels": {"it": 1}, "tolerance_mm": TOLERANCE_MM}
    for model in ("dual_grid", "mesh"):
        scores = score(reference, prediction, metrics=["hd", "assd", "nsd"], surface_model=model, **arguments)
        yield f"ctbench, {model}", dict(zip(scores.metric, scores.value, strict=True))
    scores = score(reference, prediction, metrics=["nsd_voxel"], **arguments)
    yield "ctbench, voxels", {"nsd": float(scores.value.iloc[0])}


def by_surface_distance(
    reference: NDArray[np.bool_], prediction: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> dict[str, float]:
    """Measure by DeepMind's package."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = surface_distance.compute_surface_distances(reference, prediction, spacing)
    mm, areas = (
        np.concatenate([found[name] for name in names])
        for names in (("distances_gt_to_pred", "distances_pred_to_gt"), ("surfel_areas_gt", "surfel_areas_pred"))
    )
    return {
        "hd": surface_distance.compute_robust_hausdorff(found, 100),
        "assd": np.average(mm, weights=areas),
        "nsd": surface_distance.compute_surface_dice_at_tolerance(found, TOLERANCE_MM),
    }


def by_voxels(
    reference: NDArray[np.bool_], prediction: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> dict[str, float]:
    """Measure between surface voxels with equal weights, as most tools do."""
    from scipy import ndimage

    here, there = (np.argwhere(mask & ~ndimage.binary_erosion(mask)) * spacing for mask in (reference, prediction))
    mm = np.concatenate([cKDTree(there).query(here)[0], cKDTree(here).query(there)[0]])
    return {"hd": mm.max(), "assd": mm.mean(), "nsd": np.mean(mm <= TOLERANCE_MM)}


def errors() -> pd.DataFrame:
    """Measure all pairs of solids at all spacings: one row per pair, spacing, place, tool and metric."""
    rng, rows = np.random.default_rng(0), []
    for pair, (one, other) in PAIRS.items():
        for spacing in SPACINGS:
            for _ in range(PLACES):
                centre = SIZE_MM / 2 + rng.uniform(-0.5, 0.5, 3) * spacing
                right = truth(one, other, centre)
                masks = one.drawn(centre, spacing), other.drawn(centre, spacing)
                found = dict(by_ctbench(*masks, spacing))
                found["surface-distance"] = by_surface_distance(*masks, spacing)
                found["voxel counting"] = by_voxels(*masks, spacing)
                rows += [
                    (pair, "x".join(map(str, spacing)), tool, metric, abs(value - right[metric]))
                    for tool, metrics in found.items()
                    for metric, value in metrics.items()
                ]
    return pd.DataFrame(rows, columns=["pair", "spacing_mm", "tool", "metric", "error"])


def main() -> None:
    """Measure, print and write."""
    found = errors()
    for by in ("spacing_mm", "pair"):
        print(found.pivot_table("error", [by, "metric"], "tool", sort=False).round(3).to_string(), "\n")
    print(found.pivot_table("error", "metric", "tool", sort=False).round(3).to_string())
    table = found.groupby(["spacing_mm", "metric", "tool"], sort=False).error.mean().round(4).reset_index()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"tolerance_mm": TOLERANCE_MM, "errors": table.to_dict("records")}, indent=1) + "\n")


if __name__ == "__main__":
    main()
