"""Simulate one head CT from a seed: image and true masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.phantom.grid import FIELD_OF_VIEW_MM, Grid
from ctbench.phantom.hemorrhage import Hemorrhage, Site, choose_site
from ctbench.phantom.render import Rendering, render
from ctbench.phantom.scanner import NOISE_HU, SCANNERS, Scanner, average_slices, most_frequent, scan
from ctbench.phantom.shapes import Floats, coverage
from ctbench.phantom.structures import hemorrhage_labels
from ctbench.phantom.subject import draw_subject
from ctbench.volume import Volume

__all__ = ["DEFAULT_SHAPE", "Head", "head"]

DEFAULT_SHAPE = (24, 128, 128)
"""Slices, rows, columns; spacing 6.25 x 1.8 x 1.8 mm."""

_WIDEST_VENTRICLE = 1.8
"""Factor on the ventricles' width beyond which no hemorrhage widens them."""


@dataclass(frozen=True, eq=False)
class Head:
    """A simulated head CT with its true masks; all volumes lie on one grid.

    Args:
        image: int16, HU.
        anatomy: uint8, codes of ``anatomy_labels``, as if there were no blood.
        hemorrhage: uint8, codes of ``hemorrhage_labels``.
        brain: uint8, 1 in the cranial cavity: brain, its coverings and cerebrospinal fluid.
        scanner: Name of the simulated scanner.
        noise: ``low`` or ``high``.
        hemorrhages: Its hemorrhages, with the volumes of the true masks.
    """

    image: Volume
    anatomy: Volume
    hemorrhage: Volume
    brain: Volume
    scanner: Scanner
    noise: str
    hemorrhages: tuple[Hemorrhage, ...]


def head(
    seed: int,
    *,
    shape: tuple[int, int, int] = DEFAULT_SHAPE,
    spacing_mm: tuple[float, float, float] | None = None,
    hemorrhages: Sequence[Hemorrhage] = (),
    ventricle_at_least: float = 0.0,
    shunted: bool = False,
    scanner: Scanner | None = None,
) -> Head:
    """Make a head CT from a seed.

    The head is made of continuous shapes: the same seed with another shape is the same head on a finer or coarser
    grid, with other noise.

    Args:
        seed: Seed of all random numbers.
        shape: Slices, rows, columns.
        spacing_mm: Spacing along z, y, x. None (default): the shape spans the whole head, 150 x 230.4 x 230.4 mm.
        hemorrhages: Hemorrhages to simulate; default: none.
        ventricle_at_least: Smallest size of the ventricles, a factor on their mean; default 0: as the seed draws it.
        shunted: Whether a catheter drains the left lateral ventricle; default: no.
        scanner: The scanner; None (default): one of ``SCANNERS``, as the seed draws it.

    Raises:
        UsageError: A shape or spacing is not positive, or there is no room for a hemorrhage.

    Example:
        >>> scan = head(1, shape=(8, 32, 32), hemorrhages=[Hemorrhage("iph", 20.0)])
        >>> scan.image.array.dtype, scan.image.spacing_mm
        (dtype('int16'), (18.75, 7.2, 7.2))
    """
    grid = _grid(shape, spacing_mm)
    for_subject, for_sites, for_scanner = (
        np.random.Generator(np.random.PCG64(sequence)) for sequence in np.random.SeedSequence(seed).spawn(3)
    )
    in_ventricles = sum(one.volume_ml for one in hemorrhages if one.type == "ivh")
    widened = min(0.6 + 0.016 * in_ventricles, _WIDEST_VENTRICLE)
    subject = draw_subject(for_subject, ventricle_at_least=max(widened, ventricle_at_least))
    subject = replace(subject, shunted=shunted)
    sites = [choose_site(one, for_sites) for one in hemorrhages]
    drawn = SCANNERS[int(for_scanner.integers(len(SCANNERS)))]  # always, so that the noise stays the same
    scanner = scanner or drawn
    noise = list(NOISE_HU)[int(for_scanner.integers(len(NOISE_HU)))]
    rendering = render(subject, sites, grid)
    blood = _bleed(rendering, sites, hemorrhages, grid)
    hu = average_slices(rendering.hu, grid.subslices)
    anatomy = most_frequent(rendering.labels, grid.subslices)
    image = Volume(scan(hu, scanner, NOISE_HU[noise], grid.spacing_mm, for_scanner), grid.spacing_mm, grid.origin_mm)
    voxels = [int(np.count_nonzero(part)) for part in blood]
    return Head(
        image=image,
        anatomy=image.with_array(anatomy),
        hemorrhage=image.with_array(_labelled(blood, hemorrhages, anatomy.shape)),
        brain=image.with_array((anatomy > 0).astype(np.uint8)),
        scanner=scanner,
        noise=noise,
        hemorrhages=tuple(
            Hemorrhage(one.type, count * image.voxel_ml) for one, count in zip(hemorrhages, voxels, strict=True)
        ),
    )


def _grid(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float] | None) -> Grid:
    if len(shape) != 3 or min(shape) < 1:
        msg = f"expected a shape of three positive sizes (z, y, x), got {shape}"
        raise UsageError(msg)
    if spacing_mm is None:
        z, y, x = (extent / size for extent, size in zip(FIELD_OF_VIEW_MM, shape, strict=True))
        spacing_mm = (z, y, x)
    if len(spacing_mm) != 3 or not min(spacing_mm) > 0:
        msg = f"expected a spacing_mm of three positive numbers (z, y, x), got {spacing_mm}"
        raise UsageError(msg)
    return Grid(shape, spacing_mm)


def _bleed(
    rendering: Rendering, sites: Sequence[Site], hemorrhages: Sequence[Hemorrhage], grid: Grid
) -> list[NDArray[np.bool_]]:
    """Fill the blood of every site into the rendering; return its voxels."""
    voxel_ml = float(np.prod(grid.spacing_mm)) / 1000.0
    taken = np.zeros(grid.shape, bool)
    masks = []
    for site, one, early in zip(sites, hemorrhages, rendering.reaches, strict=True):
        limit, mask = _fill(early, grid.subslices, taken, max(1, round(one.volume_ml / voxel_ml)), one)
        taken |= mask
        masks.append(mask)
        wet = np.flatnonzero(early.ravel() < limit + 6.0)
        beyond: Floats = early.ravel()[wet].astype(np.float64) - limit
        hu = rendering.hu.reshape(-1)
        if site.kind == "iph":
            swollen = np.clip(1.0 - beyond / 6.0, 0.0, 1.0) * (hu[wet] > 15.0)
            hu[wet] -= 9.0 * swollen
        hu[wet] += coverage(beyond, grid.spacing_mm[1]) * (site.hu - hu[wet])
    return masks


def _fill(
    early: NDArray[np.float32], subslices: int, taken: NDArray[np.bool_], count: int, one: Hemorrhage
) -> tuple[float, NDArray[np.bool_]]:
    """Return the reach at which blood fills ``count`` voxels, and those voxels."""
    grouped = early.reshape(-1, subslices, *early.shape[1:])
    # A voxel is blood where most of its subslices are: where the middle one of their reaches is.
    middle = np.sort(grouped, axis=1)[:, subslices // 2]
    middle[taken] = np.inf
    free = np.flatnonzero(np.isfinite(middle))
    if free.size < count:
        msg = (
            f"no room for an {one.type} of {one.volume_ml:g} mL: only {free.size} of {count} voxels are free; "
            "request a smaller one, or fewer of them"
        )
        raise UsageError(msg)
    order = free[np.argsort(middle.ravel()[free], kind="stable")][:count]
    mask = np.zeros(middle.shape, bool)
    mask.reshape(-1)[order] = True
    return float(middle.ravel()[order[-1]]), mask


def _labelled(
    masks: Sequence[NDArray[np.bool_]], hemorrhages: Sequence[Hemorrhage], shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    labels = np.zeros(shape, np.uint8)
    for mask, one in zip(masks, hemorrhages, strict=True):
        labels[mask] = hemorrhage_labels[one.type]
    return labels
