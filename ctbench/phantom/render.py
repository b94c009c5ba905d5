"""Render a simulated subject on a grid of subslices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctbench.phantom.brain import paint_brain
from ctbench.phantom.canvas import Canvas
from ctbench.phantom.cavity import cranial_cavity, vault
from ctbench.phantom.deep import paint_shunt
from ctbench.phantom.grid import Grid
from ctbench.phantom.hemorrhage import Site, push_aside, reach
from ctbench.phantom.place import Place
from ctbench.phantom.shapes import Floats, Points
from ctbench.phantom.skull import paint_outside, skin, skull_thickness
from ctbench.phantom.subject import Subject
from ctbench.phantom.tissue import AIR, CSF

__all__ = ["Rendering", "render"]

_WARP_MM = 1.1
_CENTRE_Z_MM = 8.5

Axes = tuple[Floats, Floats, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """A head on a grid of subslices, free of noise and blood; all arrays are z,y,x.

    Args:
        hu: HU of every point.
        labels: Codes of the anatomy.
        reaches: The reach of every site's blood, mm (see ``hemorrhage.reach``).
    """

    hu: NDArray[np.float32]
    labels: NDArray[np.uint8]
    reaches: tuple[NDArray[np.float32], ...]


def render(subject: Subject, sites: Sequence[Site], grid: Grid) -> Rendering:
    """Draw a subject, pushed aside by the hemorrhages at ``sites``, but without their blood."""
    shape = grid.subshape
    hu, labels = np.full(shape, AIR, np.float32), np.zeros(shape, np.uint8)
    reaches = tuple(np.full(shape, np.inf, np.float32) for _ in sites)
    z, y, x = grid.axes()
    for slab in grid.slabs():
        part = Rendering(hu[slab], labels[slab], tuple(early[slab] for early in reaches))
        _render_slab(subject, sites, (z[slab], y, x), grid.spacing_mm[1], part)
    return Rendering(hu, labels, reaches)


def _render_slab(subject: Subject, sites: Sequence[Site], axes: Axes, blur_mm: float, part: Rendering) -> None:
    points = _in_head(subject, axes)
    egg = vault(points)
    cavity = cranial_cavity(points, egg)
    thickness = skull_thickness(points, subject, axes)
    outside = skin(points, egg, subject, thickness)
    rim = np.flatnonzero((outside < blur_mm) & (cavity > -blur_mm))
    canvas = Canvas(np.full(rim.size, AIR), np.zeros(rim.size, np.uint8), blur_mm)
    paint_outside(canvas, points.take(rim), cavity.ravel()[rim], outside.ravel()[rim], thickness.ravel()[rim], subject)
    part.hu.reshape(-1)[rim] = canvas.hu
    _render_inside(subject, sites, axes, (points, cavity, egg), blur_mm, part)


def _render_inside(
    subject: Subject,
    sites: Sequence[Site],
    axes: Axes,
    where: tuple[Points, Floats, Floats],
    blur_mm: float,
    part: Rendering,
) -> None:
    points, cavity, egg = where
    inside = np.flatnonzero(cavity < blur_mm)
    here, depth = points.take(inside), -cavity.ravel()[inside]
    moved = here
    for site in sites:
        moved = push_aside(moved, site)
    deep = -egg.ravel()[inside]
    patchy, uneven = (field.on_grid(*axes).ravel()[inside] for field in (subject.patchy, subject.uneven))
    hu = part.hu.reshape(-1)
    # Deep in the cavity nothing has been painted yet; near its wall there is bone to fade into.
    canvas = Canvas(np.where(depth >= blur_mm, CSF, hu[inside]), np.zeros(inside.size, np.uint8), blur_mm)
    paint_brain(canvas, Place(moved, depth, deep, patchy, uneven), subject)
    if subject.shunted:
        paint_shunt(canvas, moved)
    canvas.labels[depth <= 0] = 0
    part.labels.reshape(-1)[inside] = canvas.labels
    hu[inside] = canvas.hu
    for site, early in zip(sites, part.reaches, strict=True):
        border = site.border.on_grid(*axes).ravel()[inside]
        early.reshape(-1)[inside] = reach(site, here, deep, canvas.labels, border)


def _in_head(subject: Subject, axes: Axes) -> Points:
    """Return where the grid's points lie in the frame of the head."""
    z, y, x = axes
    shifted = (
        x[None, None, :] - subject.shift_mm[0],
        y[None, :, None] - subject.shift_mm[1],
        z[:, None, None] - subject.shift_mm[2],
    )
    turned = [
        sum(factor * axis for factor, axis in zip(row, shifted, strict=True)) / size + _WARP_MM * wave.on_grid(z, y, x)
        for row, size, wave in zip(subject.rotation, subject.size, subject.warp, strict=True)
    ]
    return Points(turned[0], turned[1], turned[2] + _CENTRE_Z_MM)
