"""Scalp, skull and face of the phantom."""

from __future__ import annotations

import numpy as np

from ctbench.phantom.canvas import Canvas
from ctbench.phantom.shapes import Floats, Points, ellipsoid, tube
from ctbench.phantom.subject import Subject

__all__ = ["paint_outside", "skin", "skull_thickness"]


def skull_thickness(points: Points, subject: Subject, axes: tuple[Floats, Floats, Floats]) -> Floats:
    """Thickness (mm) of the skull around points, which lie on the grid of ``axes``; thickest over the nose."""
    forehead = ((points.x / 17.0) ** 2) + ((points.y + 82.0) / 16.0) ** 2 + ((points.z + 10.0) / 14.0) ** 2
    return np.asarray(subject.skull_mm * (1.0 + 0.1 * subject.bony.on_grid(*axes)) + 5.0 * np.exp(-forehead))


def skin(points: Points, egg: Floats, subject: Subject, thickness: Floats) -> Floats:
    """Distance to the outside of the head."""
    head = egg - thickness - subject.scalp_mm
    low = np.flatnonzero(points.z.ravel() < 5.0)
    p = points.take(low)
    face = ellipsoid(p, (0.0, -48.0, -62.0), (58.0, 54.0, 62.0))
    neck = ellipsoid(p, (0.0, 22.0, -100.0), (60.0, 66.0, 75.0))
    nose = ellipsoid(p, (0.0, -98.0, -66.0), (11.0, 16.0, 22.0))
    ear = ellipsoid(p.folded(), (76.0, 16.0, -34.0), (5.0, 13.0, 22.0))
    flat = head.reshape(-1)
    for part in (face, neck, nose, ear):
        flat[low] = np.minimum(flat[low], part)
    return head


def paint_outside(
    canvas: Canvas, points: Points, cavity: Floats, outside: Floats, thickness: Floats, subject: Subject
) -> None:
    """Paint scalp, skull and face on points that are not deep in the brain.

    Args:
        canvas: The canvas to paint on, filled with air.
        points: Positions of the points.
        cavity: Their distance to the cranial cavity, mm.
        outside: Their distance to the air, mm (negative in the head).
        thickness: Thickness of the skull at the points, mm.
        subject: The subject.
    """
    grain = subject.texture.at(_wrapped(points))
    canvas.paint(outside, 20.0)
    canvas.paint(outside + 1.8, -85.0)
    canvas.paint(outside + 0.65 * subject.scalp_mm, 48.0)
    canvas.paint(np.maximum(outside + 5.0, 2.2 - grain), -60.0)
    _paint_face(canvas, points, grain)
    # Outer table, marrow, inner table.
    canvas.paint(cavity - thickness, 1150.0)
    spongy = 480.0 + 60.0 * grain
    canvas.paint(np.maximum(cavity - thickness + 1.7, 1.7 - cavity), spongy)
    _paint_base(canvas, points, grain, subject)


def _wrapped(points: Points) -> Points:
    """Fold space into the small box of the texture, mirrored so that it stays continuous."""
    return Points(*(24.0 - np.abs((axis + 24.0) % 96.0 - 48.0) for axis in (points.x, points.y, points.z)))


def _paint_face(canvas: Canvas, points: Points, grain: Floats) -> None:
    near = points.within((-70.0, 70.0), (-115.0, 10.0), (-90.0, -5.0))
    p = points.take(near)
    side = p.folded()
    orbit = ellipsoid(side, (29.0, -66.0, -35.0), (17.0, 25.0, 15.0))
    canvas.paint(np.maximum(np.abs(orbit - 0.8) - 0.8, p.y + 72.0), 500.0, near)
    canvas.paint(orbit, -90.0, near)
    canvas.paint(tube(side, ((31.0, -76.0, -35.0), (14.0, -40.0, -33.0)), (2.2, 2.2)), 35.0, near)
    for offset in (-1.0, 1.0):
        muscle = tube(side, ((29.0 + 10.0 * offset, -74.0, -35.0), (16.0, -42.0, -34.0)), (1.8, 1.2))
        canvas.paint(muscle, 50.0, near)
    eye = ellipsoid(side, (31.0, -80.0, -35.0), (11.5, 11.5, 11.5))
    canvas.paint(eye, 45.0, near)
    canvas.paint(eye + 1.3, 12.0, near)
    canvas.paint(ellipsoid(side, (31.0, -88.0, -35.0), (4.5, 2.0, 4.5)), 75.0, near)
    cells = ellipsoid(p, (0.0, -58.0, -46.0), (13.0, 32.0, 18.0))
    canvas.paint(cells - 1.5, 600.0, near)
    canvas.paint(np.maximum(cells, 1.1 - np.abs(grain[near])), -950.0, near)
    antrum = ellipsoid(side, (28.0, -62.0, -66.0), (14.0, 16.0, 14.0))
    canvas.paint(antrum - 1.8, 700.0, near)
    canvas.paint(antrum, -980.0, near)
    arch = tube(side, ((48.0, -70.0, -50.0), (66.0, -40.0, -48.0), (66.0, 0.0, -46.0)), (4.0, 3.0, 3.5))
    canvas.paint(arch, 700.0, near)
    sphenoid = ellipsoid(side, (0.0, -14.0, -42.0), (15.0, 15.0, 11.0))
    canvas.paint(sphenoid - 4.0, 700.0, near)


def _paint_base(canvas: Canvas, points: Points, grain: Floats, subject: Subject) -> None:
    near = points.within((-75.0, 75.0), (-100.0, 60.0), (-70.0, 10.0))
    p = points.take(near)
    side = p.folded()
    in_bone = np.where(canvas.hu[near] > 250.0, -9.0, 9.0)
    mastoid = ellipsoid(side, (54.0, 26.0, -42.0), (11.0, 16.0, 14.0))
    canvas.paint(np.maximum.reduce([mastoid, in_bone, 1.0 - np.abs(grain[near])]), -700.0, near)
    canal = tube(side, ((80.0, 8.0, -40.0), (46.0, 10.0, -38.0)), (3.0, 2.5))
    canvas.paint(canal, -900.0, near)
    sinus = ellipsoid(side, (0.0, -16.0, -42.0), (12.0, 11.0, 8.0))
    canvas.paint(np.maximum(sinus, 0.8 - np.abs(p.x - 2.0)), -980.0, near)
    if subject.frontal_sinus:
        size = subject.frontal_sinus
        frontal = ellipsoid(side, (9.0 * size, -88.0, -12.0), (9.0 * size, 2.8, 11.0 * size))
        canvas.paint(np.maximum(frontal, in_bone), -950.0, near)
