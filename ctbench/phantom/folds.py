"""Fissures, cisterns and sulci of the phantom's brain, as signed distances."""

from __future__ import annotations

import numpy as np

from ctbench.phantom.place import Place
from ctbench.phantom.shapes import Floats, Points, ellipsoid, tube
from ctbench.phantom.subject import Subject

__all__ = ["brainstem", "central_sulcus", "insula", "outside_cerebrum", "under_tentorium"]


def under_tentorium(side: Points) -> Floats:
    """How far below the tentorium and behind the petrous ridge, in mm; negative above and in front."""
    height = 3.8 - 0.33 * np.maximum(side.y - 38.0, 0.0) - 0.42 * side.x
    behind = (side.y - 6.0 - 0.62 * (side.x - 15.0)) / 1.18
    return _smooth_minimum(0.9 * (height - side.z), behind, 12.0)


def _smooth_minimum(one: Floats, other: Floats, blend_mm: float) -> Floats:
    """Minimum of two distances whose corner is rounded over ``blend_mm``."""
    near = np.maximum(blend_mm - np.abs(one - other), 0.0)
    return np.asarray(np.minimum(one, other) - 0.25 * near * near / blend_mm)


def central_sulcus(side: Points, depth: Floats) -> Floats:
    """How far inside the central sulcus if it had no width; zero on its sheet, negative beside and below it."""
    course = 15.0 - 0.44 * side.x - 0.12 * (60.0 - side.z)
    course += 4.0 * np.exp(-(((side.x - 24.0) / 6.0) ** 2)) + 1.5 * np.sin(side.x / 4.0)
    sheet = np.abs(side.y - course) / 1.12
    return np.asarray(-np.maximum.reduce([sheet, depth - 18.0, 18.0 - side.z, 6.0 - side.x]))


def brainstem(side: Points) -> Floats:
    """Distance to peduncles, midbrain, pons and medulla."""
    peduncle = tube(side, ((9.5, 8.0, 2.0), (6.5, 10.0, -20.0)), (6.5, 7.5))
    path = ((0.0, 19.0, 0.0), (0.0, 19.0, -16.0), (0.0, 17.5, -29.0), (0.0, 25.0, -48.0), (0.0, 30.0, -75.0))
    trunk = tube(side, path, (9.5, 10.0, 12.5, 8.5, 7.0), stretch=(1.15, 1.0, 1.0))
    return np.minimum(peduncle, trunk)


def insula(side: Points) -> Floats:
    """Distance to what the insula covers: lentiform nucleus and capsules."""
    return ellipsoid(side, (17.0, -1.0, 4.0), (22.0, 25.0, 17.0))


def outside_cerebrum(place: Place, side: Points, tent: Floats, central: Floats, subject: Subject) -> Floats:
    """Distance to the cerebrum: positive in the spaces around and between its folds."""
    points, depth = place.points, place.depth
    gap = np.maximum(subject.gap_mm + 0.6 * place.patchy + 0.010 * np.maximum(-points.y, 0.0), 0.4)
    cavity = gap - depth
    sulci = _sulci(place, central, subject)
    middle = np.minimum(
        1.7 + 0.3 * place.uneven + 0.015 * np.maximum(-points.y - 20.0, 0.0) - side.x,
        ellipsoid(points, (0.0, -3.0, 8.0), (20.0, 40.0, 22.0)),
    )
    star = -ellipsoid(side, (0.0, -5.0, -19.0), (14.0, 10.0, 8.0))
    ambient = np.minimum(2.6 - brainstem(side), 3.0 - side.z)
    quadrigeminal = -ellipsoid(side, (0.0, 36.0, -1.0), (14.0, 7.0, 7.0))
    spaces = [cavity, sulci, central + 1.6, middle, star, ambient, quadrigeminal, tent + 1.5]
    spaces.append(_sylvian(side, subject))
    return np.asarray(np.maximum.reduce(spaces))


def _sulci(place: Place, central: Floats, subject: Subject) -> Floats:
    """How far inside a sulcus, in mm; negative in the gyri and below the cortex."""
    p, depth = place.points, place.vault_depth
    shallow = np.flatnonzero(depth < subject.sulcus_depth_mm + 8.0)
    q = p.take(shallow)
    # Sheets run inwards from the surface, and lean to a side on their way.
    lean = 0.25 * np.maximum(depth[shallow], 0.0)
    out = 1.0 / np.maximum(np.sqrt((q.x / 66.0) ** 2 + (q.y / 84.0) ** 2 + (q.z / 70.0) ** 2), 0.3)
    patchy, uneven = place.patchy[shallow], place.uneven[shallow]
    onto_surface = Points(q.x * out + lean * patchy, q.y * out + lean * uneven, q.z * out - lean * patchy)
    crease = np.abs(subject.creases.at(onto_surface))
    reach = subject.sulcus_depth_mm * (0.85 + 0.2 * patchy)
    width = subject.sulcus_mm * (1.0 + 0.25 * uneven) * (1.0 - 0.5 * depth[shallow] / reach)
    inside = np.minimum(width - crease, 0.9 * (reach - depth[shallow]))
    # The gyri on both sides of the central sulcus stay whole.
    inside = np.minimum(inside, -central[shallow] - 9.0)
    whole = np.full(depth.shape, -20.0)
    whole[shallow] = inside
    return whole


def _sylvian(side: Points, subject: Subject) -> Floats:
    """How far inside the Sylvian fissure: a cleft from the surface to the space over the insula."""
    wide = 0.7 + 0.3 * subject.gap_mm
    island = insula(side)
    over_insula = np.minimum(1.7 * wide - np.abs(island - 1.6), side.x - 31.0)
    tilt = (side.z + 3.0 - 0.9 * (side.y + 0.4 * (side.x - 40.0)) + 2.0 * np.sin(side.x / 5.0)) / 1.4
    cleft = np.minimum.reduce([1.4 * wide - np.abs(tilt), side.x - 36.0, side.y + 24.0, 36.0 - side.y])
    stem = -tube(side, ((16.0, -10.0, -17.0), (38.0, -22.0, -12.0), (56.0, -26.0, -10.0)), (3.0, 2.5 * wide, 3.0))
    return np.asarray(np.maximum.reduce([over_insula, cleft, stem]))
