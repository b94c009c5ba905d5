"""Deep structures of the phantom's cerebrum: nuclei, capsules, ventricles."""

from __future__ import annotations

import numpy as np

from ctbench.phantom.canvas import Canvas
from ctbench.phantom.folds import insula
from ctbench.phantom.shapes import Points, ellipsoid, tube
from ctbench.phantom.structures import anatomy_labels
from ctbench.phantom.subject import Subject
from ctbench.phantom.tissue import CSF, GREY, WHITE

__all__ = ["paint_nuclei", "paint_shunt", "paint_ventricles"]

_SHUNT_HU = 400.0
_SHUNT_MM = 1.3


def paint_nuclei(canvas: Canvas, side: Points, subject: Subject) -> None:
    """Paint insula, thalamus, lentiform nucleus, internal capsule and caudate on both sides."""
    near = side.within((-1.0, 48.0), (-45.0, 45.0), (-18.0, 34.0))
    p = side.take(near)
    shade = subject.tissue_shift
    island = insula(p)
    cortex = np.maximum.reduce([island, -4.5 - island, 29.0 - p.x])
    canvas.paint(cortex, GREY + shade, near, anatomy_labels["insular_cortex"])
    canvas.paint(ellipsoid(p, (11.5, 13.0, 4.0), (8.5, 14.0, 9.5)), GREY - 1.0 + shade, near)
    putamen = ellipsoid(p, (25.5, -1.0, 2.0), (6.6, 18.5, 12.5))
    pallidum = ellipsoid(p, (20.5, -1.0, 1.0), (6.5, 10.0, 9.0))
    lentiform = np.maximum(np.minimum(putamen, pallidum), -island - 14.0)
    canvas.paint(lentiform, GREY + 2.0 + shade, near, anatomy_labels["lentiform"])
    limbs = ((22.0, -24.0, 6.0), (12.5, -4.0, 5.0), (25.5, 22.0, 6.0))
    capsule = tube(p, limbs, (2.7, 2.8, 2.8), stretch=(1.0, 1.0, 4.2))
    canvas.paint(capsule, WHITE - 1.0 + shade, near, anatomy_labels["internal_capsule"])
    head = ellipsoid(p, (14.5, -21.0, 6.0), (5.6, 11.0, 11.5))
    body = tube(p, ((15.0, -14.0, 17.0), (19.0, 4.0, 22.0), (23.0, 22.0, 17.0)), (4.0, 3.2, 2.4))
    canvas.paint(np.minimum(head, body), GREY + 1.5 + shade, near, anatomy_labels["caudate"])


def paint_ventricles(canvas: Canvas, points: Points, subject: Subject) -> None:
    """Paint the ventricles, and the septum where the two lateral ones meet."""
    near = points.within((-55.0, 55.0), (-55.0, 75.0), (-50.0, 45.0))
    p = points.take(near)
    side = p.folded()
    wide = subject.ventricle * (1.0 + subject.lopsided * np.sign(p.x))
    tall = (1.0, 1.0, 1.5)
    front = tube(side, ((14.0, -35.0, 6.0), (5.4, -18.0, 11.0), (5.6, 5.0, 17.0)), (4.0, 7.3, 7.4), tall)
    back = tube(side, ((5.6, 5.0, 17.0), (14.0, 22.0, 18.0), (24.0, 37.0, 9.0)), (7.4, 7.0, 8.2), (1.0, 1.0, 1.3))
    occipital = tube(side, ((23.0, 37.0, 9.0), (23.0, 60.0, 3.0)), (8.0, 2.8))
    temporal = tube(side, ((24.0, 34.0, 4.0), (33.0, 20.0, -10.0), (30.0, -4.0, -20.0)), (7.0, 3.2, 3.0))
    # A wider ventricle is the same path with a surface further out.
    lateral = np.minimum.reduce([front, back, occipital, temporal]) - 0.4 - 6.5 * (wide - 1.0)
    code = anatomy_labels["ventricles"]
    third = ellipsoid(side, (0.0, 7.0, -2.0), (3.0, 15.0, 11.0)) - 2.5 * (subject.ventricle - 1.0)
    fourth = ellipsoid(side, (0.0, 33.5, -31.0), (7.5, 5.5, 10.0)) - 1.5 * (subject.ventricle - 1.0)
    aqueduct = tube(side, ((0.0, 19.0, -6.0), (0.0, 31.0, -24.0)), (1.1, 1.4))
    everything = np.minimum.reduce([lateral, third, fourth, aqueduct])
    canvas.paint(everything, CSF, near, code)
    septum = np.maximum.reduce([side.x - 1.45, lateral, p.y - 16.0, -2.0 - p.z])
    canvas.paint(septum, WHITE + 4.0, near, anatomy_labels["septum_pellucidum"])


def paint_shunt(canvas: Canvas, points: Points) -> None:
    """Paint a catheter from the parietal bone to the left frontal horn; the labels stay those of the anatomy."""
    near = points.within((-1.0, 48.0), (-22.0, 75.0), (0.0, 65.0))
    path = ((38.0, 58.0, 52.0), (10.0, 8.0, 18.0), (7.0, -18.0, 11.0))
    canvas.paint(tube(points.take(near), path, (_SHUNT_MM,) * 3), _SHUNT_HU, near)
