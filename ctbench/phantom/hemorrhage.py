"""Simulated hemorrhages: where their blood spreads, and how much they displace the brain.

A hemorrhage is a field over the head, its *reach*: small where blood goes first, infinite where it cannot go. It fills
the head up to the reach at which it has its volume, so that a volume is met exactly, on any grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.phantom.fields import Waves
from ctbench.phantom.shapes import Floats, Points
from ctbench.phantom.structures import anatomy_labels, hemorrhage_labels

__all__ = ["Hemorrhage", "Site", "choose_site", "push_aside", "reach"]


Labels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Hemorrhage:
    """One hemorrhage of a simulated head.

    Args:
        type: ``iph``, ``ivh``, ``edh_sdh`` or ``sah``.
        volume_ml: Volume of its true mask, exact to within a voxel.

    Raises:
        UsageError: The type is another one, or the volume is not positive.
    """

    type: str
    volume_ml: float

    def __post_init__(self) -> None:
        if self.type not in hemorrhage_labels:
            msg = f"unknown hemorrhage type {self.type!r}; expected one of {', '.join(hemorrhage_labels)}"
            raise UsageError(msg)
        if not 0.0 < self.volume_ml < np.inf:
            msg = f"expected a positive volume_ml of the {self.type}, got {self.volume_ml}"
            raise UsageError(msg)


@dataclass(frozen=True, slots=True)
class Site:
    """The origin of one hemorrhage, in the frame of the head.

    Args:
        kind: ``iph``, ``ivh``, ``edh``, ``sdh`` or ``sah``.
        volume_ml: Volume of the blood.
        centre_mm: x, y, z.
        axes: relative lengths along x, y, z.
        turn: angle in radians by which its axes are turned within the axial plane.
        border: Random field that makes its border irregular.
        hu: HU of its blood.
    """

    kind: str
    volume_ml: float
    centre_mm: tuple[float, float, float]
    axes: tuple[float, float, float]
    turn: float
    border: Waves
    hu: float

    @property
    def radius_mm(self) -> float:
        """Radius of a ball of its volume."""
        return float(np.cbrt(self.volume_ml * 1000.0 * 0.75 / np.pi))


def choose_site(hemorrhage: Hemorrhage, rng: np.random.Generator) -> Site:
    """Draw the origin of a hemorrhage."""
    side = float(rng.choice([-1.0, 1.0]))
    kind = hemorrhage.type
    if kind == "edh_sdh":
        kind = str(rng.choice(["edh", "sdh"]))
    x, y, z = _CENTRES[kind][int(rng.integers(len(_CENTRES[kind])))]
    scatter = rng.normal(0.0, 3.0, 3).clip(-6.0, 6.0)
    low, high = (50.0, 62.0) if kind == "sah" else (56.0, 74.0)
    return Site(
        kind=kind,
        volume_ml=hemorrhage.volume_ml,
        centre_mm=(side * x + scatter[0], y + scatter[1], z + scatter[2]),
        axes=(float(rng.uniform(0.75, 1.0)), float(rng.uniform(1.0, 1.4)), float(rng.uniform(0.8, 1.1))),
        turn=float(rng.uniform(-0.5, 0.5)),
        border=Waves.draw(rng, 28.0, modes=8),
        hu=float(rng.uniform(low, high)),
    )


_CENTRES = {
    "iph": (
        (25.0, 0.0, 5.0),
        (27.0, 5.0, 6.0),
        (14.0, 13.0, 5.0),
        (36.0, -42.0, 18.0),
        (42.0, 25.0, 30.0),
        (34.0, 52.0, 14.0),
        (22.0, 52.0, -30.0),
    ),
    "ivh": ((22.0, 40.0, 8.0),),
    "edh": ((58.0, -8.0, 10.0), (56.0, 22.0, 26.0), (42.0, -55.0, 20.0)),
    "sdh": ((56.0, 0.0, 32.0), (56.0, 16.0, 28.0), (50.0, -28.0, 30.0)),
    "sah": ((0.0, -6.0, -17.0), (36.0, -10.0, -4.0), (44.0, 6.0, 4.0), (40.0, -20.0, 45.0), (34.0, 34.0, 46.0)),
}


def push_aside(points: Points, site: Site) -> Points:
    """Return the positions at which the tissue now at ``points`` was before the blood came."""
    share = {"iph": 0.6, "edh": 1.8, "sdh": 1.8}.get(site.kind, 0.0)
    if share == 0.0:
        return points
    x, y, z = site.centre_mm
    dx, dy, dz = points.x - x, points.y - y, points.z - z
    away = np.maximum(np.sqrt(dx * dx + dy * dy + dz * dz), 1.0)
    ratio = share * (site.radius_mm / away) ** 3
    # Tissue is moved out by a third of the ratio to first order; bounded, because blood hides what is near it.
    back = 1.0 - np.minimum(ratio / (3.0 + 2.0 * ratio), 6.0 / away)
    return Points(x + dx * back, y + dy * back, z + dz * back)


def reach(site: Site, points: Points, vault_depth: Floats, labels: Labels, border: Floats) -> Floats:
    """Return how early blood gets to points: in mm, infinite where it cannot go.

    Args:
        site: Origin of the hemorrhage.
        points: Positions before any tissue moved.
        vault_depth: Distance of the points below the inner table of the vault, mm.
        labels: Codes of the anatomy at the points.
        border: Values of the field ``site.border`` at the points.
    """
    spreads = {"edh": _under_skull, "sdh": _under_skull, "ivh": _in_ventricles, "sah": _between_folds, "iph": _in_brain}
    early, allowed = spreads[site.kind](site, points, vault_depth, labels, border)
    return np.where(allowed, early, np.inf)


Spread = tuple[Floats, NDArray[np.bool_]]


def _under_skull(site: Site, points: Points, depth: Floats, labels: Labels, border: Floats) -> Spread:
    """A lens (epidural) or a wider crescent (subdural), thickest at its centre, that respects falx and tentorium."""
    base_mm, growth = (10.0, 11.0) if site.kind == "edh" else (12.0, 15.0)
    wide = base_mm + growth * np.cbrt(site.volume_ml)
    x, y, z = site.centre_mm
    square = (points.x - x) ** 2 + (points.y - y) ** 2 + (points.z - z) ** 2
    thinning = 1.0 - square / wide**2 * (1.0 + 0.1 * border)
    allowed = (labels > 0) & (thinning > 0.02) & (points.x * np.sign(x) > 3.0) & (points.z > -30.0)
    allowed &= ~np.isin(labels, _codes("dural_folds_sinuses", "cerebellum"))
    return np.maximum(depth, 0.0) / np.maximum(thinning, 0.02), allowed


def _in_ventricles(site: Site, points: Points, depth: Floats, labels: Labels, border: Floats) -> Spread:
    """From the lowest place of a patient on the back, on one side first."""
    del depth
    other_side = np.where(points.x * site.centre_mm[0] < 0, 6.0, 0.0)
    return 90.0 - points.y + 2.0 * border + other_side, np.isin(labels, _codes("ventricles"))


def _between_folds(site: Site, points: Points, depth: Floats, labels: Labels, border: Floats) -> Spread:
    """Through sulci and cisterns, outwards from where a vessel burst."""
    del depth
    return _turned_distance(site, points) * (1.0 + 0.2 * border), np.isin(labels, _codes(*_FOLDS))


def _in_brain(site: Site, points: Points, depth: Floats, labels: Labels, border: Floats) -> Spread:
    """An irregular ellipsoid that closes sulci but spares ventricles, dura and the surface."""
    allowed = (labels > 0) & ~np.isin(labels, _codes("ventricles", "septum_pellucidum", "dural_folds_sinuses"))
    allowed &= (depth > 4.0) | ~np.isin(labels, _codes(*_FOLDS))
    return _turned_distance(site, points) * (1.0 + 0.12 * border), allowed


_FOLDS = ("subarachnoid_space", "central_sulcus")


def _codes(*names: str) -> list[int]:
    return [anatomy_labels[name] for name in names]


def _turned_distance(site: Site, points: Points) -> Floats:
    x, y, z = site.centre_mm
    cos, sin = np.cos(site.turn), np.sin(site.turn)
    dx, dy, dz = points.x - x, points.y - y, points.z - z
    u, v, w = site.axes
    squares = ((cos * dx + sin * dy) / u) ** 2 + ((cos * dy - sin * dx) / v) ** 2 + (dz / w) ** 2
    return np.asarray(np.sqrt(squares))
