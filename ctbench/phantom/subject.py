"""Simulated subject: the anatomical parameters of a head, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctbench.phantom.fields import Lattice, Waves
from ctbench.phantom.shapes import Floats

__all__ = ["Subject", "draw_subject"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Subject:
    """One person as placed in the scanner; lengths in mm.

    Args:
        rotation: 3 x 3, from the scanner's x, y, z to the head's.
        shift_mm: Position of the head's origin in the scanner, x, y, z.
        size: Scale factors along the head's x, y, z.
        warp: Displacement fields that bend the head, one along each of x, y, z.
        skull_mm: mean thickness of the skull.
        scalp_mm: mean thickness of the scalp.
        gap_mm: mean width of the subarachnoid space over the gyri.
        sulcus_mm: half width of a sulcus at its mouth.
        sulcus_depth_mm: Depth of the sulci below the skull.
        ventricle: factor on the radii of the ventricles.
        lopsided: share by which the left lateral ventricle is wider than the right.
        calcified: HU of what may be calcified -> 0 where it is not: choroid, pineal, falx, pallidum.
        frontal_sinus: Size of the frontal sinus; 0 for none.
        bony: field that varies the thickness of the skull over the head.
        patchy: field that varies sulci and gap over the head.
        uneven: A second such field.
        texture: fine field: cells of bone, fat between muscles.
        creases: Field whose zeros are the sheets of the sulci.
        tissue_shift: HU by which soft tissue differs from the mean.
        shunted: Whether a catheter drains the left lateral ventricle.
    """

    rotation: Floats
    shift_mm: Floats
    size: Floats
    warp: tuple[Waves, Waves, Waves]
    skull_mm: float
    scalp_mm: float
    gap_mm: float
    sulcus_mm: float
    sulcus_depth_mm: float
    ventricle: float
    lopsided: float
    calcified: dict[str, float]
    frontal_sinus: float
    bony: Waves
    patchy: Waves
    uneven: Waves
    texture: Lattice
    creases: Lattice
    tissue_shift: float
    shunted: bool = False


def draw_subject(rng: np.random.Generator, *, ventricle_at_least: float = 0.0) -> Subject:
    """Draw the parameters of a subject.

    Args:
        rng: Generator, consumed in a fixed order.
        ventricle_at_least: Smallest size of the ventricles, for heads whose ventricles must hold a large hemorrhage.
    """
    age = float(np.clip(rng.normal(), -2.0, 2.0))
    return Subject(
        rotation=_rotation(np.radians(rng.normal(0.0, (3.0, 2.0, 3.0)).clip(-6.0, 6.0))),
        shift_mm=rng.normal((0.0, 2.0, 0.0), (3.0, 3.0, 1.5)).clip(-6.0, 6.0),
        size=np.clip(rng.normal(1.0, 0.012) + rng.normal(0.0, 0.02, 3), 0.94, 1.06),
        warp=(Waves.draw(rng, 170.0), Waves.draw(rng, 170.0), Waves.draw(rng, 170.0)),
        skull_mm=float(rng.uniform(5.5, 8.0)),
        scalp_mm=float(rng.uniform(4.0, 6.0)),
        gap_mm=float(np.clip(1.0 + 0.22 * age + rng.normal(0.0, 0.15), 0.5, 2.2)),
        sulcus_mm=float(np.clip(1.4 + 0.2 * age + rng.normal(0.0, 0.1), 0.9, 2.2)),
        sulcus_depth_mm=float(rng.uniform(15.0, 19.0)),
        ventricle=max(float(np.exp(0.10 * age + rng.normal(0.0, 0.06))), ventricle_at_least),
        lopsided=float(rng.normal(0.0, 0.04)),
        calcified={
            "choroid": _sometimes(rng, 0.75, 90.0, 350.0),
            "pineal": _sometimes(rng, 0.7, 80.0, 300.0),
            "falx": _sometimes(rng, 0.4, 90.0, 350.0),
            "pallidum": _sometimes(rng, 0.15, 50.0, 90.0),
        },
        frontal_sinus=_sometimes(rng, 0.8, 0.6, 1.2),
        bony=Waves.draw(rng, 130.0),
        patchy=Waves.draw(rng, 55.0, modes=8),
        uneven=Waves.draw(rng, 55.0, modes=8),
        texture=Lattice.creases(rng, 12.0, 24.0, step_mm=2.0),
        creases=Lattice.creases(rng, 14.0, 76.0),
        tissue_shift=float(rng.normal(0.0, 1.0)),
    )


def _sometimes(rng: np.random.Generator, chance: float, low: float, high: float) -> float:
    # Both numbers are always drawn, so that what follows does not depend on the outcome.
    happens, value = rng.random() < chance, rng.uniform(low, high)
    return float(value) if happens else 0.0


def _rotation(angles: Floats) -> Floats:
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        turn = np.eye(3)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn[[i, j], [i, j]] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        # Written out: a matrix product through BLAS may differ in its last bit between machines.
        matrix = (turn[:, :, None] * matrix[None]).sum(axis=1)
    return matrix
