"""Cranial cavity of the phantom, as a signed distance."""

from __future__ import annotations

import numpy as np

from ctbench.phantom.shapes import Floats, Points, ellipsoid, step

__all__ = ["cranial_cavity", "vault"]

_HALF_WIDTH_MM, _HALF_LENGTH_MM, _HEIGHT_MM, _DEPTH_MM = 63.5, 80.0, 67.5, 63.0
"""Of the space inside a mean skull; height and depth from its widest level."""


def vault(points: Points) -> Floats:
    """Distance to the inner table as if the head were an egg without a base."""
    u = points.x * (1.0 - 0.0007 * points.y - 0.000006 * points.y**2) / _HALF_WIDTH_MM
    v = points.y / _HALF_LENGTH_MM
    w = np.where(points.z > 0, points.z / _HEIGHT_MM, points.z / _DEPTH_MM)
    # Squares of squares are written as products: a general power takes ten times as long.
    across, along, up = u * u, v * v, w * w
    flat = across + along
    round_radius = np.sqrt(flat + up)
    radius = 0.55 * round_radius + 0.45 * np.sqrt(np.sqrt(flat * flat + up * up))
    slope = np.sqrt(across / _HALF_WIDTH_MM**2 + along / _HALF_LENGTH_MM**2 + up / _HEIGHT_MM**2)
    return np.asarray((radius - 1.0) * round_radius / np.maximum(slope, 1e-9))


def cranial_cavity(points: Points, egg: Floats) -> Floats:
    """Distance to the space inside the skull, negative in brain and cerebrospinal fluid; ``egg`` is the vault's."""
    distance = egg.copy()
    low = np.flatnonzero((points.z.ravel() < 2.0) & (distance.ravel() < 20.0))
    p = points.take(low)
    to_floor = _base_height(p) - p.z
    # The base is thinner than the vault: outside the cavity its distance grows faster.
    to_floor *= np.where(to_floor > 0.0, np.where(p.y < -20.0, 4.0, 1.6), 0.8)
    flat = distance.reshape(-1)
    flat[low] = np.maximum(flat[low], to_floor)
    # The foramen magnum: the cavity goes on into the spine.
    flat[low] = np.minimum(flat[low], ellipsoid(p, (0.0, 30.0, -66.0), (14.0, 15.0, 16.0)))
    return distance


def _base_height(points: Points) -> Floats:
    """Height (mm) of the floor of the skull over x, y: three fossae, the petrous ridges, sella and clivus."""
    side, y = np.abs(points.x), points.y
    behind_ridge = (y - 6.0 - 0.62 * (side - 15.0)) / 1.18
    middle = -40.0 + 0.012 * (side - 40.0) ** 2
    floor = middle + (-57.0 - middle) * step(behind_ridge, 3.0)
    floor += (15.0 - 0.05 * side) * np.exp(-((behind_ridge / 6.0) ** 2)) * step(side - 14.0, 2.5)
    clivus = np.minimum(-27.0, -27.0 - 2.1 * (y - 3.0)) + 5.0 * np.exp(-(((y - 1.0) / 3.0) ** 2))
    floor += (np.maximum(clivus, -60.0) - floor) * step(14.0 - side, 2.5) * step(24.0 - y, 3.0)
    anterior = -24.0 + 4.0 * np.exp(-(((side - 30.0) / 14.0) ** 2) - ((y + 55.0) / 22.0) ** 2)
    return np.asarray(floor + (anterior - floor) * step(0.012 * (side - 33.0) ** 2 - 30.0 - y, 2.0))
