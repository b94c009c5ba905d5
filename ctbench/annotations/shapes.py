"""Pictures of slices with the shapes that were drawn on them (polygon, box, ellipse, bitmap), and shapes as pixels.

Coordinates are those of CVAT and Label Studio: x to the right and y downwards, in pixels from the upper left corner of
the picture, so that the first pixel's centre is at 0.5, 0.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.annotations.contours import fill
from ctbench.errors import GeometryError, VolumeFileError

__all__ = ["Picture", "Shape", "bitmap", "box", "ellipse", "numbers", "polygon", "runs"]

_MARGIN = 1.0
"""How far a shape may reach beyond the picture, in pixels."""
_FARTHEST = 1e6

Size = tuple[int, int]
Mask = NDArray[np.bool_]
Draw = Callable[[Size], Mask]


class Shape(NamedTuple):
    """One shape: the name of its label, and a function from the picture's size (rows, columns) to the shape's pixels.

    The function raises ``GeometryError`` if the shape lies outside a picture of this size.
    """

    label: str
    draw: Draw


class Picture(NamedTuple):
    """One annotated picture.

    Attributes:
        names: Its file name or URL; several if the file does not say which of them is the picture's.
        shapes: The shapes, later ones above earlier ones.
        size: Number of rows and columns; None if the file does not state it, which it does for pictures with shapes.
        page: Number in a task with several pages, from 0, if the pages have no names of their own.
    """

    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    size: Size | None
    page: int | None = None

    def __str__(self) -> str:
        name = repr(self.names[0][-80:] if self.names else "")
        return name if self.page is None else f"{name}, page {self.page}"


def polygon(points: NDArray[np.float64], where: str) -> Draw:
    """Return the pixels whose centre is inside a polygon, or on its line.

    Args:
        points: x and y of each corner, in order.
        where: Name of the shape in messages.
    """

    def draw(size: Size) -> Mask:
        _expect_inside(points.min(axis=0), points.max(axis=0), size, where)
        return fill([points[:, ::-1] - 0.5], size)

    return draw


def box(corner: Sequence[float], size: Sequence[float], degrees: float, pivot: Sequence[float], where: str) -> Draw:
    """Return the pixels of a rectangle.

    Args:
        corner: x and y of the upper left corner, before the rotation.
        size: Width and height.
        degrees: Clockwise rotation.
        pivot: x and y of the point about which it is rotated.
        where: Name of the shape in messages.
    """
    corners = np.array(corner) + np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * np.array(size)
    return polygon((corners - pivot) @ _rotation(degrees).T + np.array(pivot), where)


def ellipse(centre: Sequence[float], radii: Sequence[float], degrees: float, where: str) -> Draw:
    """Return the pixels whose centre is inside an ellipse, or on its line.

    Args:
        centre: x and y.
        radii: Half of the width and of the height, before the rotation.
        degrees: Clockwise rotation about the centre.
        where: Name of the shape in messages.
    """
    rotation = _rotation(degrees)
    if min(radii) <= 0:
        msg = f"{where} is an ellipse with the radii {radii[0]:g} and {radii[1]:g}; expected positive numbers"
        raise VolumeFileError(msg)

    def draw(size: Size) -> Mask:
        reach = np.sqrt((rotation**2) @ np.square(radii))
        _expect_inside(centre - reach, centre + reach, size, where)
        y, x = np.ogrid[: size[0], : size[1]]
        dx, dy = x + 0.5 - centre[0], y + 0.5 - centre[1]
        along = (rotation[0, 0] * dx + rotation[1, 0] * dy) / radii[0]
        across = (rotation[0, 1] * dx + rotation[1, 1] * dy) / radii[1]
        return np.asarray(along**2 + across**2 <= 1 + 1e-9)

    return draw


def bitmap(pixels: Mask, where: str, *, left: int = 0, top: int = 0) -> Draw:
    """Return the pixels of a mask that covers a part of the picture.

    Args:
        pixels: The mask.
        where: Name of the shape in messages.
        left: Column of the picture at which the mask begins. Default 0.
        top: Row of the picture at which the mask begins. Default 0.
    """

    def draw(size: Size) -> Mask:
        bottom, right = top + pixels.shape[0], left + pixels.shape[1]
        if min(left, top) < 0 or bottom > size[0] or right > size[1]:
            _expect_inside(np.array([left, top]) - 2, np.array([right, bottom]) + 2, size, where)
        drawn = np.zeros(size, dtype=bool)
        drawn[top:bottom, left:right] = pixels
        return drawn

    return draw


def runs(counts: NDArray[np.int64], shape: Size, where: str) -> Mask:
    """Return the mask of run lengths, row by row: the first counts pixels outside, the second pixels inside, and so on.

    Raises:
        VolumeFileError: The runs have another number of pixels than the shape.
    """
    if counts.min(initial=0) < 0 or counts.sum() != shape[0] * shape[1] or min(shape) < 0:
        msg = f"{where} has runs of {counts.sum()} pixels, expected {shape[0]} x {shape[1]}; export it again"
        raise VolumeFileError(msg)
    return np.repeat(np.arange(counts.size) % 2 == 1, counts).reshape(shape)


def numbers(values: Any, count: int, where: str) -> NDArray[np.float64]:
    """Return numbers of a file as an array n x ``count``.

    Args:
        values: Numbers, texts of numbers, or sequences of them.
        count: Length of a row.
        where: Name of the shape in messages.

    Raises:
        VolumeFileError: They are no finite numbers, or not a whole number of rows.
    """
    try:
        found = np.asarray(values, dtype=np.float64).reshape(-1, count)
        whole = bool(found.size) and bool((np.abs(found) <= _FARTHEST).all())  # NaN is not
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        msg = f"{where} has {str(values)[:60]} as its coordinates; expected rows of {count} numbers; export it again"
        raise VolumeFileError(msg)
    return found


def _rotation(degrees: float) -> NDArray[np.float64]:
    """Return the matrix of a clockwise rotation, for y downwards."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, -sine], [sine, cosine]])


def _expect_inside(low: NDArray[np.float64], high: NDArray[np.float64], size: Size, where: str) -> None:
    if low.min() < -_MARGIN or (high > np.array(size[::-1]) + _MARGIN).any():
        msg = f"{where} reaches outside the picture of {size[0]} x {size[1]} pixels (rows x columns); export it again"
        raise GeometryError(msg)
