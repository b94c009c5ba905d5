"""Brain of the phantom: Cai's eleven structures, and calcifications that resemble blood.

Every structure is a shape in the frame of the head (``shapes.Points``), laid out after the anatomy of an elderly adult;
sizes are tuned so that the mean volumes over many subjects are those of one public expert map.
"""

from __future__ import annotations

import numpy as np

from ctbench.phantom.canvas import Canvas
from ctbench.phantom.deep import paint_nuclei, paint_ventricles
from ctbench.phantom.folds import brainstem, central_sulcus, outside_cerebrum, under_tentorium
from ctbench.phantom.place import Place
from ctbench.phantom.shapes import Floats, Points, ellipsoid, tube
from ctbench.phantom.structures import anatomy_labels
from ctbench.phantom.subject import Subject
from ctbench.phantom.tissue import CSF, DURA, GREY, VENOUS, WHITE

__all__ = ["paint_brain"]

_CORTEX_MM = 3.0


def paint_brain(canvas: Canvas, place: Place, subject: Subject) -> None:
    """Paint everything inside the skull; every point of the cavity gets one of the eleven labels."""
    points = place.points
    side = points.folded()
    canvas.paint(-place.depth, CSF, label=anatomy_labels["subarachnoid_space"])
    tent = under_tentorium(side)
    central = central_sulcus(side, place.depth)
    pial = outside_cerebrum(place, side, tent, central, subject)
    canvas.paint(pial, GREY + subject.tissue_shift, label=anatomy_labels["brainstem_cerebrum"])
    canvas.paint(pial + _CORTEX_MM, WHITE + subject.tissue_shift)
    is_central = central + 1.6 > 0
    canvas.labels[is_central & (place.depth > 0) & (pial > 0)] = anatomy_labels["central_sulcus"]
    _paint_posterior_fossa(canvas, place, side, tent, subject)
    paint_nuclei(canvas, side, subject)
    paint_ventricles(canvas, points, subject)
    _paint_dura(canvas, place, side, tent)
    _paint_calcifications(canvas, place, side, subject)


def _paint_posterior_fossa(canvas: Canvas, place: Place, side: Points, tent: Floats, subject: Subject) -> None:
    near = side.within((-1.0, 62.0), (-5.0, 90.0), (-75.0, 12.0))
    p = side.take(near)
    stem = brainstem(p)
    gap = subject.gap_mm + 0.4 * place.patchy[near] - place.depth[near]
    vermis = ellipsoid(p, (0.0, 56.0, -22.0), (16.0, 24.0, 26.0))
    lobes = np.maximum.reduce([gap, 1.7 - tent[near], 3.0 - stem])
    lobes = np.maximum(lobes, -ellipsoid(p, (26.0, 14.0, -34.0), (12.0, 12.0, 12.0)))
    lobes = np.maximum(lobes, -ellipsoid(p, (0.0, 62.0, -60.0), (10.0, 20.0, 12.0)))
    code = anatomy_labels["cerebellum"]
    shade = subject.tissue_shift
    canvas.paint(lobes, GREY - 1.0 + shade, near, code)
    folds = np.abs(np.sin((p.z + 0.35 * p.y) / 2.2))
    canvas.paint(lobes + 2.0, 33.0 + shade + 4.0 * folds, near)
    canvas.paint(np.maximum(lobes + 11.0, -vermis - 4.0), 29.0 + shade, near)
    peduncle = tube(p, ((10.0, 21.0, -30.0), (27.0, 40.0, -31.0)), (7.0, 7.0))
    canvas.paint(peduncle, 29.0 + shade, near, code)
    canvas.paint(stem, 31.0 + shade, near, anatomy_labels["brainstem_cerebrum"])


def _paint_dura(canvas: Canvas, place: Place, side: Points, tent: Floats) -> None:
    code = anatomy_labels["dural_folds_sinuses"]
    near = side.within((-1.0, 14.0), (-95.0, 95.0), (-25.0, 80.0))
    p, depth = side.take(near), place.depth[near]
    edge = ellipsoid(p, (0.0, -9.0, -1.0), (30.0, 54.0, 39.0))
    falx = np.maximum.reduce([p.x - 0.8, -edge, tent[near], -depth])
    canvas.paint(falx, DURA, near, code)
    sagittal = np.maximum.reduce([0.8 * (p.x + 0.6 * depth - 5.0), -depth, tent[near] - 4.0, -8.0 - p.z - 0.3 * p.y])
    canvas.paint(sagittal, VENOUS, near, code)
    straight = tube(p, ((0.0, 38.0, 4.0), (0.0, 79.0, -9.0)), (2.6, 3.2))
    canvas.paint(straight, VENOUS, near, code)
    low = side.within((-1.0, 70.0), (0.0, 95.0), (-45.0, 12.0))
    q = side.take(low)
    opening = ellipsoid(q, (0.0, 20.0, -12.0), (18.0, 19.0, 40.0))
    leaf = np.maximum.reduce([np.abs(tent[low] + 0.2) - 0.8, -opening, -place.depth[low]])
    canvas.paint(leaf, DURA - 2.0, low, code)


def _paint_calcifications(canvas: Canvas, place: Place, side: Points, subject: Subject) -> None:
    hu = subject.calcified
    near = side.within((-1.0, 32.0), (-80.0, 60.0), (-8.0, 70.0))
    p = side.take(near)
    if hu["choroid"]:
        # Never alike on both sides.
        plexus = ellipsoid(p, (22.0, 36.0, 9.0), (2.4, 4.0, 3.4)) - 1.2 * place.uneven[near]
        canvas.paint(plexus, hu["choroid"], near)
    if hu["pineal"]:
        canvas.paint(ellipsoid(p, (0.0, 31.0, 1.5), (2.4, 3.0, 2.8)), hu["pineal"], near)
    if hu["pallidum"]:
        canvas.paint(ellipsoid(p, (19.0, -2.0, 1.0), (2.5, 4.0, 3.5)), hu["pallidum"], near)
    if hu["falx"]:
        plaque = ellipsoid(p, (0.0, -62.0, 32.0), (1.6, 9.0, 7.0))
        canvas.paint(np.maximum(plaque, -place.depth[near]), hu["falx"], near)
